"""Expected and realised costs as a file."""

from collections.abc import Sequence
from dataclasses import replace

from django.http import HttpResponse

from apps.core.acts import Act
from apps.reporting.cost_selectors import Asked
from apps.reporting.rules import Compared

from ..lists import files
from ..lists.columns import NUMBER, TEXT, Column, Sheet, sheet
from ..lists.pages import Shown
from ..lists.specs import Spec


def _column(code: str, label: str, kind: str = TEXT) -> Column:
    return Column(code, label, kind, code, (code,), lambda r: str(r[code]), lambda r: r[code])


COSTS: Sheet = sheet(
    "costs", "Expected and realised costs",
    [
        _column("block", "Block"), _column("trade_date", "Trade date"), _column("symbol", "Instrument"), _column("side", "Side"),
        _column("broker", "Broker"), _column("strategy", "Strategy"), _column("routes", "Routes"), _column("qty", "Filled", NUMBER),
        _column("average", "Average price", NUMBER), _column("currency", "Currency"),
        _column("decision_bp", "Expected at decision (bp)", NUMBER), _column("expected_bp", "Expected at arrival (bp)", NUMBER),
        _column("price_bp", "Shortfall (bp)", NUMBER), _column("commission_bp", "Commission (bp)", NUMBER),
        _column("fees_bp", "Fees (bp)", NUMBER), _column("realised_bp", "Realised (bp)", NUMBER),
        _column("difference_bp", "Difference to arrival (bp)", NUMBER),
        _column("since_decision_bp", "Shortfall since decision (bp)", NUMBER),
        _column("against_decision_bp", "Difference to decision (bp)", NUMBER), _column("missing", "Not known"),
    ],
    usual=(), always=(), attention=(), frame=lambda row, tone, ticks: "",
)  # fmt: skip
COSTS = replace(COSTS, usual=tuple(COSTS.columns))
VIEW = Shown(Spec(COSTS.usual, {}, (), "", (), (), ()), None, (), {})


def exported(act: Act, kind: str, asked: Asked, person: str, rows: Sequence[Compared]) -> HttpResponse:
    """:raises Invalid: for another kind of file than CSV and XLSX"""
    words = (("trade date from", asked.since), ("to", asked.until), ("broker", asked.broker), ("strategy", asked.strategy))
    narrowed = [f"{word} {value}" for word, value in words if value]
    return files.exported(act, COSTS, VIEW, files.Asked(kind, narrowed, person), len(rows), map(_line, rows))


def _line(row: Compared) -> dict:
    done = row.done
    said = {name: getattr(row, name) for name in COSTS.columns if hasattr(row, name)}
    return said | {
        "block": f"B-{done.block_id:04d}", "trade_date": done.trade_date, "symbol": done.symbol, "side": done.side,
        "broker": done.broker, "strategy": done.strategy, "routes": ", ".join(r.ref for r in done.routes), "currency": done.currency,
        "decision_bp": done.decision_bp, "missing": " ".join(row.missing),
    }  # fmt: skip
