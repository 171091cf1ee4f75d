"""Whether what officers let stand of an order still covers what the rules find of it later."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from .judgement import LETS_GO

SAME = ("version", "outcome", "unit", "limit_from")
Result = Mapping[str, Any]


def is_accepted(then: Sequence[Result], now: Sequence[Result]) -> bool:
    """
    Whether each rule that is not passed now was not passed then, in the same version and at the same limit, by no more
    than its tolerance.

    Prices move the numbers every day: a breach that shrank or stayed is the one that was accepted, one that grew is not.
    Where a rule gives no number, its words must be the same. Of a list no further entry is accepted.

    :param then: what was let stand, with its tolerance; :param now: results of the later check, as ``Check`` keeps them
    """
    return not uncovered(then, now)


def uncovered(then: Sequence[Result], now: Sequence[Result]) -> list[str]:
    """The rules not passed now of which nothing, or not this much, was let stand."""
    before = {result["rule"]: result for result in then if counts(result)}
    return [
        result["rule"]
        for result in now
        if counts(result)
        and (
            (was := before.get(result["rule"])) is None
            or any((was.get(name) or "") != (result.get(name) or "") for name in SAME)
            or not _is_equal(was.get("limit"), result.get("limit"))
            or (was.get("met") is not None and not set(result.get("met") or ()) <= set(was["met"]))
            or _is_worse(was, result)
        )
    ]


def counts(result: Result) -> bool:
    """Whether it holds an order: a finding of more than a warning."""
    return result["outcome"] != "PASS" and result.get("severity") not in LETS_GO


def _is_equal(was: Any, now: Any) -> bool:
    return was is now if was is None or now is None else Decimal(was) == Decimal(now)


def _is_worse(was: Result, now: Result) -> bool:
    numbers = [was.get("after"), was.get("limit"), now.get("after"), now.get("limit")]
    if None in numbers:
        return was.get("text") != now.get("text")
    past, limit_then, present, limit_now = map(Decimal, numbers)
    borne = abs(limit_then) * Decimal(was.get("tolerance_pct") or 0) / 100
    return abs(present - limit_now) > abs(past - limit_then) + borne
