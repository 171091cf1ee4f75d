"""What a rule that adds up what portfolios hold may say of funds: whether it looks through them, and how much must be told."""

from collections.abc import Mapping
from typing import Any

from ..params import BadRule, Param

THROUGH = {"none": "nothing: a fund counts as itself", "funds": "what the fund holds, and what funds in it hold"}
PARAMS = {
    "look_through": Param("choice", "none", "what counts in place of a fund, also in what an order in it adds to", THROUGH),
    "constituent_days": Param("days", 45, "of funds looked through: the oldest list of holdings that counts, in days"),
    "cover_pct": Param("percent", "95", "of funds looked through: what part of each must be told, in percent; its rest counts as itself"),
}


def looks_through(values: Mapping[str, Any]) -> bool:
    return values.get("look_through", "none") != "none"


def check(values: Mapping[str, Any]) -> None:
    """:raises BadRule: where the parts of a rule do not go together"""
    if not looks_through(values):
        return
    if values["basis"] not in ("market_value", "with_accrued") or values["against"] not in ("nav", "total_assets"):
        raise BadRule(
            "What a fund holds is a part of its worth: with look-through, measure at market value against net asset value or total"
            " assets.", field="look_through",
        )  # fmt: skip
    if not 0 < values["cover_pct"] <= 100:
        raise BadRule("The part of a fund that must be told is above 0 and at most 100 percent.", field="cover_pct")


def words(values: Mapping[str, Any]) -> str:
    """How it looks through funds, after what is measured; nothing where it does not."""
    if not looks_through(values):
        return ""
    return f", through funds of which {values['cover_pct']:f}% is told of at most {values['constituent_days']} days ago"
