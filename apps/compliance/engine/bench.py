"""
The bench of a rule: what its fixtures say of it, and how much of it they would notice if it were wrong.

A mutant is the rule with one thing changed: a limit a little lower or higher, the edge itself, an exemption dropped or added,
another grouping or basis; of a rule whose limit is the mandate's, that limit; of one that asks lists, records and limits, what
fixtures say of those (``misread``). One that its fixtures do not notice survives, and is a case that nobody wrote down. What is the
same rule in other words is no mutant: accrued interest where no bonds are meant, delta where no options are, the age of prices where
units are counted, asset classes apart where only one is meant. Nor is one that begins to look through funds: that is another rule.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from decimal import Decimal
from typing import Any, NamedTuple

import polars as pl

from . import filters, fixtures, rules
from .attributes import ALL_FIELDS, FIELDS
from .judgement import RuleVersion
from .misread import misread
from .params import ASSET_CLASSES, OF_ALL, BadRule, Param
from .rules import MEASURES, measure_said
from .rules.through_said import looks_through

EDGE = Decimal("0.0000001")
LOWER, HIGHER, NO_EDGE = "a tenth lower", "a tenth higher", "no longer met at its very edge"
NEVER_COUNTED = {"exempt": {"FX"}, "short_allowed": {"FUTURE", "FX"}}
"""Asset classes that a rule leaves out in any case: nobody holds pairs of currencies, and futures are not borrowed to be sold."""
POSITIVE = {"market_value", "with_accrued", "notional"}
"""Bases by which whatever is worth something counts for something: where nothing is allowed they are the same."""
MOST_FIXTURES = 100


class Bench(NamedTuple):
    """
    :param passes, fails: how often the fixtures expect a pass, and a fail; :param misses: what they find otherwise
    :param mutants: how many were tried; :param survivors: those that no fixture noticed, in words
    """

    passes: int
    fails: int
    misses: list[fixtures.Miss]
    mutants: int
    survivors: list[str]

    @property
    def is_red(self) -> bool:
        return bool(self.misses)

    @property
    def is_green(self) -> bool:
        """Whether each fixture finds what it expects, one at least a pass and one a fail."""
        return not self.misses and self.passes > 0 and self.fails > 0

    @property
    def score(self) -> int | None:
        """Of the mutants the percent that a fixture noticed; None where there is nothing to change."""
        return None if not self.mutants else (self.mutants - len(self.survivors)) * 100 // self.mutants


def run(rule: RuleVersion, told: Sequence[Mapping[str, Any]]) -> Bench:
    """
    The rule on its fixtures, whichever orders it is asked of: what it says is tried, not whom it asks.

    :param told: fixtures as ``fixtures.read`` takes them
    """
    rule = rule._replace(scope=None, amended_only=False, params={**rule.params, **dict.fromkeys(OF_ALL)})
    books = [fixtures.read(one) for one in told]
    outcomes = [outcome for book in books for outcome in book.outcomes]
    misses = fixtures.tried(rule, books)
    mutants = []
    if books and not misses:
        mutants = [(words, mutant, books) for words, mutant in mutants_of(rule)]
        mutants += [(words, rule, list(_readable(others))) for words, others in misread(rule, told)]
    survivors = [words for words, mutant, others in mutants if not fixtures.tried(mutant, others)]
    return Bench(outcomes.count("PASS"), outcomes.count("FAIL"), misses, len(mutants), survivors)


def _readable(told: Sequence[Mapping[str, Any]]) -> Iterator[fixtures.Fixture]:
    """Without those that a change left without a meaning."""
    for one in told:
        with suppress(fixtures.BadFixture):
            yield fixtures.read(one)


def mutants_of(rule: RuleVersion) -> Iterator[tuple[str, RuleVersion]]:
    """The rule with one parameter changed, each once, in words; what no rule could be is left out."""
    for name, param in MEASURES[rule.kind].takes.items():
        for words, value in _others(name, param, rule.params):
            changed = {**rule.params, name: value}
            if _could_be(rule.kind, changed) and not _is_same(name, rule.params, changed):
                yield f"{name.replace('_', ' ')} {words}", rule._replace(params=changed)


def _others(name: str, param: Param, values: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    value = values[name]
    if param.kind == "flag":
        yield f"{'no' if value else 'yes'} for {'yes' if value else 'no'}", not value
    elif param.kind in ("choice", "group"):
        yield from ((f"{other} for {value}", other) for other in param.choices if other != value)
    elif param.kind == "classes":
        yield from ((f"without {one}", value - {one}) for one in sorted(value))
        yield from ((f"with {one}", value | {one}) for one in ASSET_CLASSES if one not in value)
    elif param.kind == "count":
        yield from ((words, other) for words, other in (("one fewer", value - 1), ("one more", value + 1)) if other)
    elif param.kind == "days":
        yield from ((words, other) for words, other in (("a day less", value - 1), ("a day more", value + 1)) if other >= 0)
    elif param.kind == "filter" and value:
        yield "dropped", None
    elif value is not None and param.kind in ("percent", "amount", "minutes"):
        is_least = values.get("bound") == "min" and values.get("relative_to") != "benchmark"  # Then it is a distance.
        # At its very edge a limit passes, and a warning is said: what no longer meets it lies on the other side.
        is_least = name in ("cover_pct", "slip_pct") or is_least != (name == "warning")
        yield from _near(value, is_least=is_least, is_limit=param.kind != "minutes")
        if not value and param.kind == "amount":
            yield NO_EDGE, value - EDGE


def _is_same(name: str, was: Mapping[str, Any], now: Mapping[str, Any]) -> bool:
    """Whether a changed parameter leaves a rule that says the same of any book."""
    if name in NEVER_COUNTED and (was[name] ^ now[name]) <= NEVER_COUNTED[name]:
        return True
    if name in ("look_through", "cover_pct", "constituent_days") and not looks_through(was):
        return True
    if name == "benchmark_days" and was.get("relative_to") != "benchmark":
        return True
    if name == "max_age" and "price_test" in was:
        return not was["price_test"]
    if name == "max_age":
        return was.get("basis") == "units" or was.get("against") in measure_said.IN_MONEY
    if was.get("limit") == 0 and {was[name], now[name]} <= ({"nav", "total_assets"} if name == "against" else POSITIVE):
        return True
    if name == "across" and was.get("limit") == 0 and was.get("bound") == "max":  # Where nothing is allowed nobody has any.
        return True
    if name == "basis" and not {"par", "duration"} & {was[name], now[name]}:
        told_apart = {"with_accrued": {"CORP", "GOVT"}, "notional": {"OPTION"}, "delta": {"OPTION"}}
        return not classes_of(was["filter"]) & (told_apart.get(was[name], set()) | told_apart.get(now[name], set()))
    if name == "group" and {was[name], now[name]} == {"all", "asset_class"}:
        return len(classes_of(was["filter"])) == 1
    return False


def classes_of(text: str | None) -> frozenset[str]:
    """The asset classes that a filter may mean, whatever else is true of an instrument."""
    if text is None:
        return frozenset(ASSET_CLASSES)
    condition = filters.read(text, ALL_FIELDS)
    kinds = {filters.TEXT: pl.String, filters.NUMBER: pl.Float64, filters.TRUTH: pl.Boolean}
    none = [None] * len(ASSET_CLASSES)
    columns = {name: pl.Series(name, none, kinds[FIELDS[name]] if name in FIELDS else pl.Null) for name in condition.fields}
    frame = pl.DataFrame(columns | {"asset_class": pl.Series("asset_class", list(ASSET_CLASSES))})
    try:
        found = frame.select("asset_class", may=condition.expr.fill_null(True))
    except pl.exceptions.PolarsError:  # It asks an attribute of the firm's own for a part of its text.
        return frozenset(ASSET_CLASSES)
    return frozenset(found.filter(pl.col("may"))["asset_class"])


def _near(value: Any, *, is_least: bool, is_limit: bool) -> Iterator[tuple[str, Any]]:
    if not value:
        yield "a tenth for nothing", type(value)("0.1")
        return
    for words, factor in ((LOWER, Decimal("0.9")), (HIGHER, Decimal("1.1"))):
        yield words, type(value)(value * factor)
    if is_limit:
        yield NO_EDGE, value + EDGE if is_least else value - EDGE


def _could_be(kind: str, values: Mapping[str, Any]) -> bool:
    try:
        if check := MEASURES[kind].check:
            check(values)
    except BadRule:
        return False
    return True


def read_version(code: str, name: str, kind: str, severity: str, params: Mapping[str, Any]) -> RuleVersion:
    """A rule that is no version yet, as the engine judges it."""
    return RuleVersion(0, code, name, kind, 0, severity, rules.read(kind, params))
