"""
Trading limits as officers set them. One is set and ended (``limit_ends``), never edited: another limit is another row, and what
held on a day can be read for ever. Of several the tighter binds, so a new one allows nothing that was not allowed.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any, NamedTuple

from django.db import connection, transaction

from apps.audit.services import record
from apps.core.acts import Act
from apps.core.events import Fact
from apps.core.refusals import Invalid, Stale
from apps.core.tables import next_ids
from apps.reference import kept
from apps.reference.models import AssetClass, Instrument
from apps.users.models import Desk, User
from apps.users.services import require

from .. import limit_events as events
from ..models import TradingLimit

MEASURES = ("max_qty", "max_notional", "max_adv_pct", "collar_pct")
LARGEST = {"max_qty": Decimal(10) ** 15, "max_notional": Decimal(10) ** 15, "max_adv_pct": Decimal(10_000), "collar_pct": Decimal(10_000)}
TOLD = ("user_id", "desk_id", "instrument_id", "asset_class", *MEASURES, "stops_wrong_side", "starts_on", "ends_on", "reason")


class StaleLimit(Stale):
    """The limit was ended or changed after the officer looked."""


class LimitText(NamedTuple):
    """
    What a limit says. Of whom and what it is: None, or an empty class, for any; what it limits: None for nothing.

    :param max_notional: in USD; :param max_adv_pct: of a day's volume; :param collar_pct: how far through the middle a limit
        price may be; :param ends_on: the last day, None until further notice
    """

    starts_on: date
    ends_on: date | None = None
    user_id: int | None = None
    desk_id: int | None = None
    instrument_id: int | None = None
    asset_class: str = ""
    max_qty: Decimal | None = None
    max_notional: Decimal | None = None
    max_adv_pct: Decimal | None = None
    collar_pct: Decimal | None = None
    stops_wrong_side: bool = False


@transaction.atomic
def set_limits(act: Act, said: Sequence[LimitText]) -> list[int]:
    """
    Will have limits hold from their first day on, for the reason the act gives: all or none.

    :returns: their ids, in order
    :raises Invalid: naming the field at fault, and ``index`` of the limit
    """
    require(act, "compliance.keep_limits")
    refuse_no_reason(act)
    today = act.at.date()
    for index, one in enumerate(said):
        for field, message in [*limit_problems(one._asdict()), *_past(one, today)]:
            raise Invalid(message, field=field, index=index)
    _refuse_unknown(said)
    with connection.cursor() as cursor:
        ids = next_ids(cursor, "compliance_tradinglimit", len(said))
    rows = [TradingLimit(pk=pk, reason=act.reason.strip(), **one._asdict()) for pk, one in zip(ids, said, strict=True)]
    TradingLimit.objects.bulk_create(rows)
    kept.keep_history(act, rows, "+")
    record(act, [Fact(row.pk, 1, events.LimitSet(kept.as_told(row, TOLD))) for row in rows])
    return ids


def limit_problems(said: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """What is wrong with a limit: the field and why."""
    for name in MEASURES:
        value = said.get(name)
        if value is None:
            continue
        if not value.is_finite() or value < 0 or (not value and name != "collar_pct"):
            yield name, "It must be above zero."
        elif value >= LARGEST[name] or -value.as_tuple().exponent > 4:
            yield name, f"It is a number below {LARGEST[name]:,} with at most four decimals."
    if not said.get("stops_wrong_side") and all(said.get(name) is None for name in MEASURES):
        yield "max_qty", "Limit something: a quantity, a value, a part of the volume, a price, or the side."
    if (said.get("instrument_id") or said.get("instrument")) and said.get("asset_class"):
        yield "asset_class", "Name an instrument or an asset class, not both."
    if said.get("asset_class") and said["asset_class"] not in AssetClass.values:
        yield "asset_class", f"There is no asset class “{said['asset_class']}”."
    if said.get("starts_on") and said.get("ends_on") and said["ends_on"] < said["starts_on"]:
        yield "ends_on", "It ends before it starts."


def _past(one: LimitText, today: date) -> Iterator[tuple[str, str]]:
    if one.starts_on < today:
        yield "starts_on", "It cannot have held before today: what was checked then was checked without it."


def _refuse_unknown(said: Sequence[LimitText]) -> None:
    for model, field in ((User, "user_id"), (Desk, "desk_id"), (Instrument, "instrument_id")):
        wanted = {getattr(one, field) for one in said} - {None}
        known = set(model.objects.filter(pk__in=wanted).values_list("pk", flat=True)) if wanted else set()
        if wanted - known:
            name = field.removesuffix("_id").replace("user", "person")
            raise Invalid(f"There is no such {name}. Choose one from the list.", field=field.removesuffix("_id"))


def refuse_no_reason(act: Act) -> None:
    if not act.reason.strip() or len(act.reason.strip()) > 200:
        raise Invalid("Give a reason of at most 200 characters: it is kept with the limit and on the record.", field="reason")
