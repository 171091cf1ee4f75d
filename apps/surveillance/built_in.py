"""The clocks of ownership reports as rules of the library: see the file beside this one."""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

from apps.compliance import built_in

from . import rules


def judge(told: Mapping[str, Any], rules=rules) -> list[dict[str, Any]]:
    """
    What falls due in a case.

    :param told: ``day``; ``filer`` (one of ``rules.FILERS``); ``holds``, by symbol what the firm holds of it (``rules.Held``);
        ``last``, reports made before; ``months``, by day what was held at months' ends, in USD; ``traded``, shares and dollars of
        the day and of the month; ``closed``, days without a session beside Saturdays and Sundays
    """
    day, closed = date.fromisoformat(told["day"]), {date.fromisoformat(one) for one in told.get("closed", ())}
    names = list(told.get("holds", {}))
    held = [_held(rules, pk, symbol, one) for pk, (symbol, one) in enumerate(told.get("holds", {}).items(), 1)]
    last = {
        (one["form"], names.index(one["of"]) + 1 if "of" in one else None): rules.Last(
            Fraction(one.get("pct", "0")), date.fromisoformat(one["on"]), Fraction(one["direct"]) if "direct" in one else None
        )
        for one in told.get("last", ())
    }
    months = {date.fromisoformat(on): Decimal(worth) for on, worth in told.get("months", {}).items()}
    due = rules.due_on(day, held, last, told.get("filer", rules.ACTIVE), lambda one: one.weekday() < 5 and one not in closed, months)
    if "traded" in told:
        due += rules.large_trader(day, *map(Decimal, told["traded"]), last.get(("13H", None)))
    return [
        {"form": one.form, "due": one.due_on.isoformat()}
        | ({"of": names[one.instrument_id - 1], "threshold": one.threshold, "by": one.source} if one.instrument_id else {})
        for one in due
    ]


def _held(rules, pk: int, symbol: str, one: Mapping[str, Any]) -> Any:
    numbers = {name: Decimal(one[name]) for name in ("calls_soon", "calls", "converts") if name in one}
    known = {name: None if one.get(name) is None else Decimal(one[name]) for name in ("shares", "value")}
    return rules.Held(pk, symbol, one.get("country", "US"), one.get("asset_class", "EQUITY"), Decimal(one.get("qty", 0)),
                      **known, **numbers)  # fmt: skip


def words(due: list[dict[str, Any]]) -> str:
    """What falls due, in words."""
    if not due:
        return "No report falls due"
    said = []
    for one in due:
        of = f" on {one['of']}, threshold {one['threshold']}%," if "of" in one else ""
        by = f" by {one['by']}" if "by" in one else ""
        said.append(f"{one['form']}{of} due on {one['due']}{by}")
    return "; ".join(said)


SHELF = built_in.read(Path(__file__).with_name("library.json"), at="surveillance:days", judge=judge, words=words)
