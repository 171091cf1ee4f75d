"""Taking in what dealers say they would deal in, by file or by message (35=6)."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from django.db import connection, transaction

from apps.audit.services import record
from apps.core.acts import Act
from apps.core.events import Fact
from apps.core.refusals import Invalid
from apps.core.tables import copy_in, next_ids, one_at_a_time, update_many
from apps.reference import selectors as reference
from apps.reference.models import Broker
from apps.users.services import require

from .. import rules
from ..inquiry_events import AxisEnded, AxisTold
from ..models import Axis
from ..states import AXIS_LIFE, Ax

MAX_BYTES = 4 * 1024**2
FILE, FIX = Axis.Source.FILE, Axis.Source.FIX


class BadAxes(Invalid):
    """The file cannot be taken in; ``rows`` names each bad row with its line, the column and what is wrong."""


class Told(NamedTuple):
    """What a dealer would deal in, as ``Axis``."""

    dealer_id: int
    instrument_id: int
    kind: str
    side: str
    qty: Decimal | None
    price: Decimal | None
    as_of: datetime
    expires_at: datetime
    ref: str
    text: str

    @property
    def way(self) -> tuple:
        return (self.dealer_id, self.instrument_id, self.kind, self.side)


@transaction.atomic
def load_axes(act: Act, content: bytes, name: str) -> int:
    """
    Will take in a CSV file of axes and inventory, all rows or none. Of the dealers and kinds it names it says all there is: what they
    said before is ended. The number of statements does not grow with the rows.

    :param name: of the file; :returns: how many
    :raises BadAxes: where it cannot be read, or rows are wrong: every one is named
    """
    require(act, "routing.route")
    if len(content) > MAX_BYTES:
        raise BadAxes(f"At most {MAX_BYTES // 1024**2} MB are read. Split the file.", field="file", rows=[])
    try:
        rows, wrong = rules.axes.read_file(content.decode("utf-8-sig"), act.at)
    except UnicodeDecodeError:
        raise BadAxes("This is not a CSV file in UTF-8.", field="file", rows=[]) from None
    except rules.axes.Unreadable as problem:
        raise BadAxes(str(problem), field="file", rows=[]) from None
    told, more = _resolved(rows, name)
    if wrong := sorted([*wrong, *more]):
        count = len({one.row for one in wrong})
        raise BadAxes(
            f"{count} row{' is' if count == 1 else 's are'} wrong. Nothing was taken in.", field="file",
            rows=[one._asdict() for one in wrong],
        )  # fmt: skip
    whole = {(one.dealer_id, one.kind) for one in told}
    return keep_axes(act, told, FILE, of_all=whole)


def _resolved(rows: Sequence[rules.axes.AxisRow], name: str) -> tuple[list[Told], list[rules.axes.BadRow]]:
    """The rows with ids, and what is wrong with them. Two queries."""
    dealers = dict(
        Broker.objects.filter(code__in={r.dealer for r in rows}, kind=Broker.Kind.DEALER, is_active=True).values_list("code", "pk")
    )
    instruments = reference.resolve_instruments(r.instrument for r in rows)
    told, wrong, lines = [], [], {}
    for r in rows:
        meant = instruments.get(r.instrument.upper(), [])
        if r.dealer not in dealers:
            wrong.append(rules.axes.BadRow(r.line, "dealer", f"There is no dealer “{r.dealer}”."))
        if len(meant) != 1:
            said = f"There is no instrument “{r.instrument}”." if not meant else f"“{r.instrument}” may mean several instruments."
            wrong.append(rules.axes.BadRow(r.line, "instrument", said))
        if r.dealer in dealers and len(meant) == 1:
            one = Told(
                dealers[r.dealer], meant[0].pk, r.kind, r.side, r.qty, r.price, r.as_of, r.expires_at, f"{name[:40]}:{r.line}", r.text
            )
            if one.way in lines:
                wrong.append(rules.axes.BadRow(r.line, "", f"It says the same thing as line {lines[one.way]}."))
            lines.setdefault(one.way, r.line)
            told.append(one)
    return told, wrong


def keep_axes(
    act: Act, told: Sequence[Told], source: str, *, of_all: set[tuple[int, str]] = frozenset(), taken_back: Sequence[tuple[int, str]] = ()
) -> int:
    """
    Will keep what dealers say, each in the place of what the same said of the same before.

    :param of_all: dealer and kind of which this is all there is; what else they said is ended
    :param taken_back: dealer and reference of what is taken back, or replaced by another; unknown ones are passed over
    :returns: how many are kept
    """
    with connection.cursor() as cursor:
        one_at_a_time(cursor, "routing.axes")
        told = list({one.way: one for one in told}.values())  # The last word counts.
        ways = [one.way for one in told]
        cursor.execute(
            "SELECT id, version, dealer_id, instrument_id, kind, dealer_side, ref FROM routing_axis WHERE status = 'LIVE' AND ("
            " (dealer_id, instrument_id, kind, dealer_side) IN (SELECT * FROM unnest(%s::bigint[], %s::bigint[], %s::text[], %s::text[]))"
            " OR (dealer_id, kind) IN (SELECT * FROM unnest(%s::bigint[], %s::text[]))"
            " OR (dealer_id, ref) IN (SELECT * FROM unnest(%s::bigint[], %s::text[]))) ORDER BY id FOR NO KEY UPDATE",
            [*_columns(ways, 4), *_columns(sorted(of_all), 2), *_columns(taken_back, 2)],
        )
        before = {pk: (version, tuple(way), ref) for pk, version, *way, ref in cursor.fetchall()}
        status = [str(AXIS_LIFE.after(Ax.LIVE, AxisEnded)) for _ in before]
        update_many(cursor, "routing_axis", list(before), {"status": ("text", status)}, bump=True)
        ids = next_ids(cursor, "routing_axis", len(told))
        copy_in(
            cursor, "routing_axis",
            ("id", "dealer_id", "instrument_id", "kind", "dealer_side", "qty", "price", "as_of", "expires_at", "ref", "text", "source",
             "status", "version"),
            ((pk, *one, source, Ax.LIVE, 1) for pk, one in zip(ids, told, strict=True)),
        )  # fmt: skip
    replaced = set(ways)
    record(
        act,
        [
            Fact(pk, version + 1, AxisEnded("replaced" if way in replaced else "taken back" if source == FIX else "not in the last file"))
            for pk, (version, way, _) in before.items()
        ]
        + [Fact(pk, 1, _said(one, source)) for pk, one in zip(ids, told, strict=True)],
    )
    return len(told)


def _columns(rows: Sequence[tuple], width: int) -> list[list]:
    return [list(column) for column in zip(*rows, strict=True)] if rows else [[] for _ in range(width)]


def _said(one: Told, source: str) -> AxisTold:
    return AxisTold(
        one.dealer_id, one.instrument_id, one.kind, one.side, None if one.qty is None else rules.plain(one.qty),
        None if one.price is None else rules.plain(one.price), one.expires_at.isoformat(), str(source), one.ref,
    )  # fmt: skip
