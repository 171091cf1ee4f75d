"""A rule tried while it is written: what it would say of a portfolio as it stands, or of an order that nobody entered."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, NamedTuple

import numpy as np
import orjson

from apps.core.acts import Act
from apps.core.refusals import Invalid, NotFound
from apps.portfolios.models import Portfolio, Position
from apps.reference.models import Instrument
from apps.users.services import require

from ..engine import evidence
from ..engine.columns import PRICE, QTY, Snapshot
from ..engine.judgement import INDETERMINATE, NOT_ASKED, OUTCOMES, RuleVersion, Verdicts
from ..engine.rules import look_at_deals, look_firm_wide, read
from ..engine.screening import screen
from ..selectors.asked import desks_of, scope_of
from ..selectors.meaning import Meaning, meaning_of
from ..selectors.snapshot import LARGEST_PRICE, LARGEST_QTY
from ..selectors.wished import Wish, snapshot_of_wishes
from .rulebook import RuleText, canonical

MOST_POSITIONS = 500


class Order(NamedTuple):
    """
    An order that nobody entered.

    :param symbol: empty: the smallest order in each position the portfolio has; :param qty: None: the smallest
    """

    portfolio: str
    side: str = "BUY"
    symbol: str = ""
    qty: Decimal | None = None
    limit: Decimal | None = None


class Found(NamedTuple):
    """What the rule says of one instrument: figures in words of ``unit``, empty where there are none."""

    symbol: str
    held: Decimal
    outcome: str
    now: str
    after: str
    limit: str
    unit: str
    text: str
    parts: tuple[Mapping[str, Any], ...] = ()

    @property
    def counts(self) -> bool:
        return bool(self.outcome)


class TriedRule(NamedTuple):
    text: str
    portfolio: str
    found: list[Found]
    is_order: bool
    meaning: Meaning

    @property
    def counted(self) -> int:
        return sum(one.counts for one in self.found)


def try_rule(act: Act, said: RuleText, order: Order) -> TriedRule:
    """
    Will judge an order by a rule that is being written, beside the orders there are. Nothing of it is kept.

    :raises BadRule: naming the field of the rule that is malformed
    :raises Invalid: where the order cannot be, ``field`` naming what
    """
    require(act, "compliance.write_rules")
    [what] = canonical([said])
    portfolio = Portfolio.objects.filter(code=order.portfolio).first()
    if portfolio is None:
        raise NotFound("There is no such portfolio. Choose one from the list.", field="portfolio")
    wishes, held = _wishes(portfolio, order)
    values = read(said.kind, orjson.loads(what.params))
    scope = scope_of(what.said.scope, desks_of(what.said.scope))
    rule = RuleVersion(0, said.code, said.name, said.kind, 0, said.severity, values, said.citation, scope, when_unsure=said.when_unsure)
    meaning = meaning_of(what.said.scope)
    if not wishes:
        return TriedRule(what.text, portfolio.code, [], bool(order.symbol), meaning)
    s = snapshot_of_wishes(wishes, act.at, firm_wide=look_firm_wide([rule]), deals=look_at_deals([rule]), rules=[rule])
    [verdicts] = screen(s, [rule]).verdicts
    in_full = bool(order.symbol)
    found = [_found(s, verdicts, row, held, in_full=in_full) for row in range(len(wishes))]
    found.sort(key=lambda one: (not one.counts, -_size(one.now)))
    return TriedRule(what.text, portfolio.code, found, in_full, meaning)


def _wishes(portfolio: Portfolio, order: Order) -> tuple[list[Wish], dict[str, Decimal]]:
    positions = Position.objects.filter(portfolio=portfolio).exclude(qty=0)
    held = dict(positions.values_list("instrument__symbol", "qty"))
    if order.side not in ("BUY", "SELL", "SELL_SHORT"):
        raise Invalid("An order buys, sells, or sells short.", field="side")
    symbols = [order.symbol] if order.symbol else sorted(held)[:MOST_POSITIONS]
    found = {i.symbol: i for i in Instrument.objects.filter(symbol__in=symbols)}
    if order.symbol and order.symbol not in found:
        raise Invalid(f"There is no instrument “{order.symbol}”.", field="symbol")
    limit = int((order.limit or 0) * PRICE)
    if not 0 <= limit <= LARGEST_PRICE * PRICE:
        raise Invalid("A limit is above zero, and not above what can be checked.", field="limit")
    return [
        Wish(portfolio.pk, found[symbol].pk, order.side, _whole(order.qty, found[symbol]), limit) for symbol in symbols if symbol in found
    ], held


def _whole(qty: Decimal | None, instrument: Instrument) -> int:
    if qty is None:
        qty = max(instrument.min_piece, instrument.increment)
    if not 0 < qty <= LARGEST_QTY:
        raise Invalid("A quantity is above zero, and not above what can be checked.", field="qty")
    return int(qty * QTY)


def _found(s: Snapshot, v: Verdicts, row: int, held: Mapping[str, Decimal], *, in_full: bool) -> Found:
    symbol, outcome = s.instrument_of(row).symbol, int(v.outcome[row])
    if outcome == NOT_ASKED:
        return Found(symbol, held.get(symbol, Decimal(0)), "", "", "", "", "", "")
    told = v.say(row) if outcome >= INDETERMINATE else None
    numbers = [evidence.shown(column, row) or "" for column in (v.now, v.after, v.limit)]
    unit = v.unit if isinstance(v.unit, str) else v.unit[row]
    return Found(
        symbol, held.get(symbol, Decimal(0)), OUTCOMES[outcome], *numbers, unit, told.text if told else "",
        told.data if told and in_full else (),
    )  # fmt: skip


def _size(number: str) -> float:
    return abs(float(number)) if number else np.inf
