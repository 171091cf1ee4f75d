"""What a firm starts with: a session for each counterparty, and a first rule table. And whether sessions are up."""

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal

from django.db import transaction

from apps.core.acts import Act
from apps.core.refusals import Conflict, NotAllowed
from apps.reference.models import BONDS, AssetClass, Broker
from apps.users.models import User
from apps.users.services import can, require

from .. import rules
from ..models import RoutingRule, Session

LARGE_PCT = Decimal(5)


class MixedSessions(Conflict):
    """A live session and a simulated one would meet."""


def require_setup(act: Act) -> None:
    user = User.objects.filter(pk=act.by).first()
    if user is None or not (user.is_automated or can(user, "reference.write")):
        raise NotAllowed("Your role does not keep reference data. Ask an administrator.", permission="reference.write")


@transaction.atomic
def install_sessions(
    act: Act, *, host: str = "127.0.0.1", port: int = 9880, environment: str = "simulation", sender: str = "OMS-SIM"
) -> int:
    """
    Will keep a session with every active broker and dealer that has none yet; CompIDs are the brokers' codes.

    :returns: how many were added
    :raises MixedSessions: where a live session would point at a simulated counterparty, or the reverse
    """
    require_setup(act)
    known = set(Session.objects.exclude(broker=None).values_list("broker_id", flat=True))
    brokers = Broker.objects.filter(is_active=True).exclude(kind__in=Broker.NOT_ROUTED).order_by("pk")
    rows = [
        Session(
            broker=broker, sender_comp_id=sender, target_comp_id=broker.code, host=host, port=port,
            environment=environment, changed_at=act.at,
        )
        for broker in brokers
        if broker.pk not in known
    ]  # fmt: skip
    Session.objects.bulk_create(rows)
    problems = rules.session_problems(environment, session_facts())
    if problems:
        raise MixedSessions(" ".join(problems))
    return len(rows)


@transaction.atomic
def point_sessions(act: Act, *, host: str, port: int) -> int:
    """
    Will lead every simulated session to where the simulated street answers now; live ones and upstream systems' stay.

    :returns: how many had led elsewhere
    :raises MixedSessions: where a live session leads there too
    """
    require_setup(act)
    simulated = Session.objects.filter(environment="simulation", purpose=Session.Purpose.ROUTING)
    moved = simulated.exclude(host=host, port=port).update(host=host, port=port, changed_at=act.at)
    if problems := rules.session_problems("simulation", session_facts()):
        raise MixedSessions(" ".join(problems))
    return moved


def session_facts(apart_from: int | None = None) -> list[tuple[str, str, str, str, int]]:
    """Environment, CompIDs, host and port of every session on file, but for the one of this id."""
    rows = Session.objects.exclude(pk=apart_from)
    return list(rows.values_list("environment", "sender_comp_id", "target_comp_id", "host", "port"))


@transaction.atomic
def install_default_rules(act: Act) -> int:
    """
    Will fill an empty rule table: shares and funds to brokers' VWAP algorithms in turn (large ones, from 5% of average
    volume, with a cap on participation), options and futures straight to brokers in turn, bonds and currencies to four
    dealers in competition, another four each time, funds to their transfer agents.

    :returns: how many rules were added; none where there are rules already
    """
    require_setup(act)
    if RoutingRule.objects.exists():
        return 0
    brokers = list(Broker.objects.filter(is_active=True, kind=Broker.Kind.BROKER).order_by("code"))
    dealers = list(Broker.objects.filter(is_active=True, kind=Broker.Kind.DEALER).order_by("code"))
    agents = list(Broker.objects.filter(is_active=True, kind=Broker.Kind.AGENT).order_by("code"))
    large = {"participation_pct": 15}
    ask = {"seconds": 30, "award": "auto", "dealers": 4}
    algo, inquiry = RoutingRule.Action.ALGO, RoutingRule.Action.INQUIRY
    table = [
        ("Large share blocks", AssetClass.EQUITY, LARGE_PCT, algo, "VWAP", large, brokers),
        ("Share blocks", AssetClass.EQUITY, None, algo, "VWAP", {}, brokers),
        ("Large ETF blocks", AssetClass.ETF, LARGE_PCT, algo, "VWAP", large, brokers),
        ("ETF blocks", AssetClass.ETF, None, algo, "VWAP", {}, brokers),
        ("Option blocks", AssetClass.OPTION, None, algo, "", {}, brokers),
        ("Future blocks", AssetClass.FUTURE, None, algo, "", {}, brokers),
        *((f"{label} inquiry", value, None, inquiry, "", ask, dealers) for value, label in AssetClass.choices
          if value in (*BONDS, AssetClass.FX)),
        *([("Fund orders", AssetClass.FUND, None, algo, "", {}, agents)] if agents else []),
    ]  # fmt: skip
    for number, (name, klass, least, action, strategy, params, parties) in enumerate(table, start=1):
        rule = RoutingRule.objects.create(
            rank=number * 10, name=name, asset_class=klass, min_volume_pct=least, action=action, strategy=strategy,
            params=params,
        )  # fmt: skip
        rule.brokers.set(parties)
    return len(table)


@transaction.atomic
def mark_sessions(act: Act, session_ids: Iterable[int], *, is_up: bool, at: datetime | None = None) -> None:
    """Will note that sessions logged on or off."""
    require(act, "routing.hear")
    ids = sorted(session_ids)
    rows = Session.objects.filter(pk__in=ids).exclude(is_up=is_up)
    rows.update(is_up=is_up, changed_at=at or act.at)
