"""What a rule that officers write as data may say: its parameters, which of them go together, and it as a sentence."""

from collections.abc import Mapping
from typing import Any

from .. import claims
from ..attributes import BASES, GROUPS, title_of
from ..columns import FIRM_CURRENCY
from ..params import BadRule, Param
from . import through_said
from .against import AGAINST as WHOLES
from .through_said import looks_through

AGAINST = {
    **WHOLES,
    "part": "the part of the portfolio that ‘of’ means",
    "shares_outstanding": "the instrument's shares outstanding",
    "daily_volume": "the instrument's average daily volume",
    "debt_outstanding": "the issuer's debt outstanding",
    "money_market_outstanding": "the issuer's money market instruments outstanding",
    "issued_by_body": "what the issuer has issued of its kind",
    "nothing": "nothing: the limit is an amount",
}
OF_INSTRUMENT = {
    "shares_outstanding": "shares_outstanding", "daily_volume": "daily_qty", "debt_outstanding": "debt_outstanding",
    "money_market_outstanding": "money_market_outstanding", "issued_by_body": "id",
}  # fmt: skip
IN_MONEY = ("debt_outstanding", "money_market_outstanding")
MEASURED_AS = dict.fromkeys(IN_MONEY, ("body", "par")) | {"issued_by_body": ("body", "units")}
"""Of what is on file of an instrument or its issuer, the group and basis that go with it: else each instrument, in units."""
PARAMS = {
    "filter": Param("filter", None, "which instruments count, as a condition; empty: all"),
    "basis": Param("choice", "market_value", "how they are measured", {name: basis.title for name, basis in BASES.items()}),
    "claims": Param("choice", "none", "what counts with the securities of an issuer's group", claims.KINDS),
    "group": Param("group", "all", "what is added up", {name: group.title for name, group in GROUPS.items()}),
    "across": Param("choice", "portfolio", "whose holdings are added up", {"portfolio": "each portfolio", "firm": "the whole firm"}),
    "against": Param("choice", "nav", "what it is measured against", AGAINST),
    "of": Param("filter", None, "the part that it is measured against, as a condition; only with ‘part’"),
    "relative_to": Param(
        "choice", "nothing", "what the limit is counted from",
        {"nothing": "nothing", "benchmark": "the weight in the portfolio's benchmark, in percentage points above or below"},
    ),
    "bound": Param("choice", "max", "whether the limit is the most or the least", {"max": "at most", "min": "at least"}),
    "limit": Param("amount", "10", "in percent; an amount where it is measured against nothing; of duration in years"),
    "warning": Param("amount", None, "from where on it is said, though nothing is held; empty: never"),
    "max_age": Param("minutes", 4320, "oldest price or rate that counts, in minutes"),
    "benchmark_days": Param("days", 35, "oldest weights of a benchmark that count, in days"),
    **through_said.PARAMS,
}


def check(values: Mapping[str, Any]) -> None:
    """:raises BadRule: where the parts of a rule do not go together"""
    against, bound = values["against"], values["bound"]
    if (against == "part") != (values["of"] is not None):
        raise BadRule("Say of which part it is measured; leave that empty where it is measured against something else.", field="of")
    group, basis = MEASURED_AS.get(against, ("instrument", "units"))
    if against in OF_INSTRUMENT and (values["group"] != group or values["basis"] != basis):
        said = f"{GROUPS[group].title} is measured in {BASES[basis].title}"
        raise BadRule(f"Against {AGAINST[against]} {said}: choose those as group and basis.", field="against")
    if values["claims"] != "none" and values["across"] == "firm":
        raise BadRule("What bodies owe is counted in each portfolio apart; across the firm only securities are.", field="claims")
    if values["claims"] != "none" and (
        values["group"] != "issuer" or against not in ("nav", "total_assets") or bound != "max"
    ):
        raise BadRule(
            "What a body owes counts with its securities only where the most of each issuer with its group is measured against"
            " net asset value or total assets.", field="claims",
        )  # fmt: skip
    if values["basis"] == "duration" and against not in ("nav", "total_assets"):
        raise BadRule("Duration is measured over net asset value or total assets: what is no bond has none.", field="against")
    if against not in (*OF_INSTRUMENT, "nothing") and values["basis"] == "units":
        raise BadRule("Units are measured against what is outstanding, a day's volume, or nothing.", field="basis")
    relative = values["relative_to"] == "benchmark"
    if values["across"] == "firm" and against == "part":
        raise BadRule(
            "Across the firm it is measured against what all portfolios are worth, a number of the instrument or its issuer, or"
            " nothing: a part is of one portfolio.", field="against",
        )  # fmt: skip
    if values["across"] == "firm" and relative:
        raise BadRule("A benchmark is a portfolio's; the firm as a whole follows none.", field="relative_to")
    if relative and (against not in ("nav", "total_assets") or values["basis"] not in ("market_value", "with_accrued")):
        raise BadRule("Weights in a benchmark are parts of the whole by market value: measure so too.", field="relative_to")
    if looks_through(values):
        _check_through(values)
    if values["limit"] < 0:
        raise BadRule("A limit is not below zero.", field="limit")
    warning = values["warning"]
    if warning is not None and (warning >= values["limit"] if bound == "max" or relative else warning <= values["limit"]):
        side = "below" if bound == "max" or relative else "above"
        raise BadRule(f"The warning comes before the limit: give a number {side} {values['limit']}.", field="warning")


def _check_through(values: Mapping[str, Any]) -> None:
    if values["across"] == "firm":
        raise BadRule(
            "Funds are looked through in each portfolio apart: what the firm holds through funds together is not locked while two"
            " orders are judged, so the limit could not be held. Choose each portfolio, or do not look through.", field="look_through",
        )  # fmt: skip
    through_said.check(values)
    if values["relative_to"] != "nothing":
        raise BadRule("Funds in a benchmark are not looked through: count the limit from nothing.", field="look_through")
    if values["claims"] != "none":
        raise BadRule("What a body owes is not added to what funds hold: choose one of them.", field="look_through")


def per(values: Mapping[str, Any]) -> int:
    """What the limit is divided by: 100 where it is percent, 1 where it is an amount or years."""
    return 1 if values["against"] == "nothing" or values["basis"] == "duration" else 100


def is_firm_wide(values: Mapping[str, Any]) -> bool:
    return values["across"] == "firm"


def is_of_orders_alone(values: Mapping[str, Any]) -> bool:
    """Whether it binds orders and says nothing of a portfolio as it stands."""
    return values["across"] == "portfolio" and values["against"] == "nothing" and values["group"] != "instrument"


def worded(values: Mapping[str, Any]) -> str:
    """What it is measured against, in words: of the firm where that is meant."""
    if values["against"] == "part":
        return f"what meets {values['of']}"
    whose = "the firm's " if values["across"] == "firm" and values["against"] in ("nav", "total_assets") else ""
    return whose + AGAINST[values["against"]]


def looks_at_deals(values: Mapping[str, Any]) -> bool:
    return values["claims"] in ("deals", "both")


def sentence(values: Mapping[str, Any]) -> str:
    """What the rule says, made from what it is."""
    what = BASES[values["basis"]].title
    which = f" of what meets {values['filter']}" if values["filter"] else ""
    which += f", with {claims.KINDS[values['claims']]}" if values["claims"] != "none" else ""
    whose = " of the firm" if values["across"] == "firm" else ""
    which += through_said.words(values)
    over = {"all": ""}.get(values["group"], f", for {title_of(values['group'])} apart,")
    limit, bound = f"{values['limit']:f}", PARAMS["bound"].choices[values["bound"]]
    if values["against"] == "nothing":
        unit = "units" if values["basis"] == "units" else FIRM_CURRENCY
        amount = f"{limit} {unit}" if unit == "units" else f"{unit} {limit}"
    elif values["relative_to"] == "benchmark":
        side = "above" if values["bound"] == "max" else "below"
        after = "purchase" if values["bound"] == "max" else "sale"
        told = f"; from {values['warning']:f} on it is said" if values["warning"] is not None else ""
        return (
            f"{what[0].upper()}{what[1:]}{which}{over} is, in percent of {AGAINST[values['against']]}, at most {limit} percentage points"
            f" {side} the weight in the portfolio's benchmark after a {after}{told}."
        )
    elif values["basis"] == "duration":
        amount = f"{limit} years of {worded(values)}"
    else:
        amount = f"{limit}% of {worded(values)}"
    after = "purchase" if values["bound"] == "max" else "sale"
    said = f"{what[0].upper()}{what[1:]}{which}{whose}{over} is {bound} {amount} after a {after}"
    return said + (f"; from {values['warning']:f} on it is said." if values["warning"] is not None else ".")
