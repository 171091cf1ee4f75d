"""Where a block goes: the rule table, brokers in turn, the scheme of our references, and which session may connect."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from types import MappingProxyType
from typing import Any

from .conditions import Heard

NOT_HEARD = Heard(None, {})


@dataclass(frozen=True)
class Wanted:
    """
    What a rule looks at.

    :param volume_pct: the quantity to place in percent of the average daily volume; None where that is unknown
    :param own: on what all orders agree in fields of the firm's own, as text by code
    """

    asset_class: str
    country: str
    volume_pct: Decimal | None
    own: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Candidate:
    """A routing rule as the table has it; an empty field or None asks nothing."""

    id: int
    rank: int
    name: str
    asset_class: str
    country: str
    min_volume_pct: Decimal | None
    max_volume_pct: Decimal | None
    own_field: str = ""
    own_label: str = ""
    own_value: str = ""
    condition: str = ""
    number: int = 1


def choose(
    rules: Sequence[Candidate], wanted: Wanted, heard: Mapping[int, Heard] = MappingProxyType({})
) -> tuple[Candidate | None, dict[str, Any]]:
    """
    The first rule by rank that matches, and the trace that says why: what was looked at, which rules were passed over
    for what, which one decided; of a rule with a condition its text, version and the values it looked at. A rule that asks
    for what is unknown, as a share of a volume that is, does not match; ``unknown`` then names it.

    :param heard: what the condition of each rule that has one says, by the rule's id
    """
    passed_over, unknown = [], []
    chosen = None
    for rule in sorted(rules, key=lambda r: r.rank):
        why, is_known = _mismatch(rule, wanted, heard.get(rule.id, NOT_HEARD))
        if why is None:
            chosen = rule
            break
        passed_over.append({"rule": rule.name, "because": why} | _asked(rule, heard))
        if not is_known:
            unknown.append(rule.name)
    own = {"own": dict(wanted.own)} if wanted.own else {}
    trace = own | {
        "asset_class": wanted.asset_class,
        "country": wanted.country,
        "volume_pct": None if wanted.volume_pct is None else f"{wanted.volume_pct:.4f}",
        "passed_over": passed_over,
        "rule": chosen.name if chosen else None,
        "rule_id": chosen.id if chosen else None,
    }
    if chosen and chosen.condition:
        trace |= _asked(chosen, heard)
    return chosen, trace | ({"unknown": unknown} if unknown else {})


def _asked(rule: Candidate, heard: Mapping[int, Heard]) -> dict[str, Any]:
    """Of a rule with a condition what it asked, and the values it saw."""
    if not rule.condition:
        return {}
    return {"number": rule.number, "condition": rule.condition, "values": dict(heard.get(rule.id, NOT_HEARD).values)}


def _mismatch(rule: Candidate, wanted: Wanted, heard: Heard) -> tuple[str | None, bool]:
    """Why a rule does not match, None where it does; and whether that is known."""
    if rule.asset_class and rule.asset_class != wanted.asset_class:
        return f"asset class is {wanted.asset_class}, not {rule.asset_class}", True
    if rule.country and rule.country != wanted.country:
        return f"country is {wanted.country}, not {rule.country}", True
    if rule.own_field and wanted.own.get(rule.own_field) != rule.own_value:
        return f"{rule.own_label} is not {rule.own_value} for all its orders", True
    if rule.condition and heard.holds is not True:
        if heard.holds is False:
            return "its condition does not hold", True
        lost = ", ".join(name for name, value in heard.values.items() if value is None)
        return f"whether its condition holds cannot be told: {lost or 'a value'} is not known", False
    why = _beyond(rule, wanted)
    return why, why != UNKNOWN_VOLUME


UNKNOWN_VOLUME = "average volume is unknown"


def _beyond(rule: Candidate, wanted: Wanted) -> str | None:
    if rule.min_volume_pct is None and rule.max_volume_pct is None:
        return None
    if wanted.volume_pct is None:
        return UNKNOWN_VOLUME
    if rule.min_volume_pct is not None and wanted.volume_pct < rule.min_volume_pct:
        return f"{wanted.volume_pct:.2f}% of average volume is below {rule.min_volume_pct.normalize():f}%"
    if rule.max_volume_pct is not None and wanted.volume_pct >= rule.max_volume_pct:
        return f"{wanted.volume_pct:.2f}% of average volume is not below {rule.max_volume_pct.normalize():f}%"
    return None


def in_turn(choices: Sequence[Any], turn: int, count: int = 1) -> list[Any]:
    """So many brokers of a rule, the next turn beginning with the next of them."""
    return [choices[(turn + n) % len(choices)] for n in range(min(count, len(choices)))]


def cl_ord_id(at: datetime, request_id: int) -> str:
    """Our ClOrdID (tag 11) of a request: unique for ever, and the same however often the request is sent."""
    return f"{at:%y%m%d}-{request_id}"


def session_problems(environment: str, sessions: Sequence[tuple[str, str, str, str, int]]) -> list[str]:
    """
    Why these sessions must not be started together under one environment; empty where they may.

    :param sessions: (environment, SenderCompID, TargetCompID, host, port) of every session on file
    """
    problems = []
    simulated = {(host, port) for env, _, _, host, port in sessions if env == "simulation"}
    for env, sender, target, host, port in sessions:
        name = f"{sender} → {target}"
        if env == "simulation" and not sender.endswith("-SIM"):
            problems.append(f"{name} is a simulation, but its SenderCompID does not end in -SIM.")
        if env == "live" and sender.endswith("-SIM"):
            problems.append(f"{name} is live, but its SenderCompID is a simulation's.")
        if env == "live" and (host, port) in simulated:
            problems.append(f"{name} is live, but {host}:{port} is where simulated counterparties answer.")
    if environment not in ("simulation", "live"):
        problems.append(f"“{environment}” is no environment: simulation or live.")
    return problems
