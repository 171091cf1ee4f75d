"""The restricted list: what may not be traded, by whom, from when to when."""

from collections.abc import Collection, Mapping, Sequence
from datetime import date
from typing import NamedTuple

from django.db import connection, transaction

from apps.audit.services import record
from apps.core.acts import Act
from apps.core.events import Fact
from apps.core.refusals import Invalid, NotFound, Stale
from apps.core.tables import copy_in, next_ids
from apps.orders import selectors as order_selectors
from apps.portfolios.models import Portfolio
from apps.reference.models import Instrument, Issuer
from apps.users.services import require

from .. import events
from ..states import RESTRICTION_LIFE

COLUMNS = (
    "id", "issuer_id", "instrument_id", "portfolio_id", "direction", "reason", "effective_from", "effective_to",
    "status", "version",
)  # fmt: skip


class StaleRestriction(Stale):
    """The restriction changed after the officer looked."""


class Listing(NamedTuple):
    """
    A line for the restricted list: an issuer, with its whole group, or one instrument.

    :param direction: what is forbidden: ``ALL``, ``BUY`` or ``SELL``
    :param portfolio_id: the one portfolio it is for; None for the whole firm
    :param effective_to: last day, inclusive; None for no end
    """

    reason: str
    effective_from: date
    issuer_id: int | None = None
    instrument_id: int | None = None
    portfolio_id: int | None = None
    direction: str = "ALL"
    effective_to: date | None = None


@transaction.atomic
def restrict(act: Act, listings: Sequence[Listing]) -> list[int]:
    """
    Will put lines on the restricted list. They count for orders screened from now on.

    :returns: their ids, in the order given
    :raises Invalid: naming the field and ``index`` of the first line that is malformed; none is then listed
    """
    require(act, "compliance.write_rules")
    for index, listing in enumerate(listings):
        _refuse_malformed(index, listing)
    _refuse_unknown(listings)
    status = RESTRICTION_LIFE.born[events.RestrictionAdded]
    with connection.cursor() as cursor:
        ids = next_ids(cursor, "compliance_restriction", len(listings))
        copy_in(
            cursor, "compliance_restriction", COLUMNS,
            (
                (pk, one.issuer_id, one.instrument_id, one.portfolio_id, one.direction, one.reason.strip(),
                 one.effective_from, one.effective_to, status, 1)
                for pk, one in zip(ids, listings, strict=True)
            ),
        )  # fmt: skip
    record(
        act,
        [
            Fact(pk, 1, events.RestrictionAdded(one.issuer_id, one.instrument_id, one.direction))
            for pk, one in zip(ids, listings, strict=True)
        ],
    )
    return ids


@transaction.atomic
def lift(act: Act, restriction_ids: Collection[int], *, seen: Mapping[int, int]) -> None:
    """
    Will take lines off the restricted list, for the reason the act gives.

    :raises StaleRestriction: if one changed since the version seen
    :raises IllegalMove: if one is lifted already
    """
    require(act, "compliance.write_rules")
    if not act.reason.strip():
        raise Invalid("Give a reason: it is kept on the record.", field="reason")
    wanted = sorted(set(restriction_ids))
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT id, status, version FROM compliance_restriction WHERE id = ANY(%s) ORDER BY id FOR NO KEY UPDATE",
            [wanted],
        )
        rows = cursor.fetchall()
        if len(rows) < len(wanted):
            raise NotFound("There is no such restriction. Reload the list.")
        stale = {pk: (f"Restriction {pk}", seen.get(pk), n) for pk, _, n in rows if seen.get(pk) != n}
        if stale:
            raise StaleRestriction(
                "A restriction changed since you looked. Reload the list.", restrictions=order_selectors.missed("restriction", stale)
            )
        for _, status, _ in rows:
            after = RESTRICTION_LIFE.after(status, events.RestrictionLifted)
        if not rows:
            raise Invalid("No restriction was chosen. Select at least one.", field="restrictions")
        cursor.execute(
            "UPDATE compliance_restriction SET status = %s, version = version + 1 WHERE id = ANY(%s)", [after, wanted]
        )
    lifted = events.RestrictionLifted()
    record(act, [Fact(pk, version + 1, lifted) for pk, _, version in rows])


def _refuse_malformed(index: int, listing: Listing) -> None:
    def refuse(message: str, field: str) -> Invalid:
        return Invalid(message, field=field, index=index)

    if (listing.issuer_id is None) == (listing.instrument_id is None):
        raise refuse("Name an issuer or an instrument, one of the two.", "issuer")
    if listing.direction not in ("ALL", "BUY", "SELL"):
        raise refuse("What is forbidden is ALL, BUY or SELL.", "direction")
    if not listing.reason.strip():
        raise refuse("Give the reason why it is listed; the desk does not see it.", "reason")
    if len(listing.reason) > 300:
        raise refuse("The reason is longer than 300 characters. Shorten it.", "reason")
    if listing.effective_to is not None and listing.effective_to < listing.effective_from:
        raise refuse("The last day is before the first. Correct one of them.", "effective_to")


def _refuse_unknown(listings: Sequence[Listing]) -> None:
    for model, field in ((Issuer, "issuer_id"), (Instrument, "instrument_id"), (Portfolio, "portfolio_id")):
        wanted = {getattr(one, field) for one in listings} - {None}
        known = set(model.objects.filter(pk__in=wanted).values_list("pk", flat=True))
        if wanted - known:
            name = field.removesuffix("_id")
            raise Invalid(f"There is no such {name}. Choose one from the list.", field=name)


