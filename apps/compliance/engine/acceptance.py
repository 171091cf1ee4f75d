"""Whether what an officer accepted of an order still covers what the rules find of it on a later day."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from .screening import WARNING

SAME = ("version", "outcome", "limit", "unit", "limit_from")
Result = Mapping[str, Any]


def is_accepted(then: Sequence[Result], now: Sequence[Result]) -> bool:
    """
    Whether each rule that is not passed now was not passed then, in the same version and at the same limit, by no more.

    Prices move the numbers every day: a breach that shrank or stayed is the one that was accepted, one that grew is not.
    Where a rule gives no number, its words must be the same.

    :param then: results of the check that the officer approved, as ``Check`` keeps them; :param now: of the later one
    """
    before = {result["rule"]: result for result in then if _counts(result)}
    return all(
        (was := before.get(result["rule"])) is not None
        and all(was.get(name) == result.get(name) for name in SAME)
        and not _is_worse(was, result)
        for result in now
        if _counts(result)
    )


def _counts(result: Result) -> bool:
    return result["outcome"] != "PASS" and result.get("severity") != WARNING


def _is_worse(was: Result, now: Result) -> bool:
    numbers = [was.get("after"), was.get("limit"), now.get("after"), now.get("limit")]
    if None in numbers:
        return was.get("text") != now.get("text")
    past, limit_then, present, limit_now = map(Decimal, numbers)
    return abs(present - limit_now) > abs(past - limit_then)
