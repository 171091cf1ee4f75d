"""The firm's lists: what may not be traded, or not without being seen, by whom, from when to when."""

from collections.abc import Sequence
from datetime import date
from typing import NamedTuple

from django.db import connection, transaction

from apps.audit.services import keep_act, record
from apps.core.acts import Act
from apps.core.events import Event, Fact, listens
from apps.core.refusals import Invalid
from apps.core.tables import copy_in, next_ids
from apps.portfolios.models import Portfolio, PortfolioGroup
from apps.portfolios.selectors import BROKER_TERMS
from apps.reference.models import Broker, Custodian, Instrument, Issuer
from apps.users.models import Desk, User
from apps.users.services import require

from .. import events
from ..engine.lists import HOLDS, KINDS, MAX_AGE_DAYS, NOTES, OF_PEOPLE, REACHES, STOPS
from ..selectors.lists import CONTROL_ROOM, entries_met
from ..states import ENTRY_LIFE, RESTRICTION_LIFE

COLUMNS = (
    "id", "kind", "issuer_id", "reach", "instrument_id", "broker_id", "custodian_id", "portfolio_id", "group_id", "desk_id", "person_id",
    "direction", "reason", "source", "authorised_by", "look_through", "effective_from", "effective_to", "status", "version",
    "lift_reason",
)  # fmt: skip
LENGTHS = {"reason": 300, "source": 120, "authorised_by": 120}


class Listing(NamedTuple):
    """
    An entry for a list: an issuer, with as much of its group as ``reach`` says, one instrument, or a counterparty.

    :param kind: which list (``engine.lists.KINDS``); :param reach: see ``engine.lists.REACHES``
    :param direction: what is forbidden: ``ALL``, ``BUY`` or ``SELL``
    :param portfolio_id, group_id, desk_id: the one portfolio, group or desk that it is for; None for the whole firm
    :param person_id: the insider or who crossed the wall: whose orders alone it is about
    :param authorised_by: who had it listed; empty for whoever lists it
    :param look_through: whether funds that hold what it names meet it too
    :param effective_to: last day, inclusive; None for no end
    """

    reason: str
    effective_from: date
    issuer_id: int | None = None
    instrument_id: int | None = None
    portfolio_id: int | None = None
    direction: str = "ALL"
    effective_to: date | None = None
    kind: str = "RESTRICTED"
    reach: str = "GROUP"
    desk_id: int | None = None
    person_id: int | None = None
    source: str = ""
    authorised_by: str = ""
    look_through: bool = False
    broker_id: int | None = None
    custodian_id: int | None = None
    group_id: int | None = None

    @property
    def names(self) -> int:
        """How many things it names."""
        return sum(one is not None for one in (self.issuer_id, self.instrument_id, self.broker_id, self.custodian_id))


@transaction.atomic
def restrict(act: Act, listings: Sequence[Listing]) -> list[int]:
    """
    Will put entries on the lists they name. They count for orders screened from now on.

    :returns: their ids, in the order given
    :raises NotAllowed: where one is for a list of the control room and the person is not of it
    :raises Invalid: naming the field and ``index`` of the first entry that is malformed; none is then listed
    """
    user = require(act, "compliance.write_rules")
    for index, listing in enumerate(listings):
        field, message = problem_of(listing) or ("", "")
        if field:
            raise Invalid(message, field=field, index=index)
    if any(KINDS[one.kind].is_secret for one in listings):
        require(act, CONTROL_ROOM)
    _refuse_unknown(listings)
    with connection.cursor() as cursor:
        if any(one.broker_id for one in listings):  # Routes on their way are waited for; those after see it.
            cursor.execute(f"SELECT pg_advisory_xact_lock({BROKER_TERMS})")
        ids = next_ids(cursor, "compliance_restriction", len(listings))
        copy_in(
            cursor, "compliance_restriction", COLUMNS,
            (
                (pk, one.kind, one.issuer_id, one.reach if one.issuer_id else "ISSUER", one.instrument_id, one.broker_id,
                 one.custodian_id, one.portfolio_id, one.group_id, one.desk_id, one.person_id, one.direction, one.reason.strip(),
                 one.source.strip(), one.authorised_by.strip() or str(user), one.look_through, one.effective_from, one.effective_to,
                 _born(one), 1, "")
                for pk, one in zip(ids, listings, strict=True)
            ),
        )  # fmt: skip
    record(act, [Fact(pk, 1, _added(one)) for pk, one in zip(ids, listings, strict=True)])
    return ids


@listens("compliance.record_hits")
@transaction.atomic
def record_hits(act: Act, facts: Sequence[Fact]) -> None:
    """
    Will keep which of the orders met which entries, for the control room. The number of statements does not grow with
    the number of orders.

    :param facts: one fact an order, of the version that was judged; the caller holds the orders' rows
    """
    versions = {fact.subject_id: fact.nth for fact in facts}
    found = [
        one
        for one in entries_met(list(versions), act.at, (STOPS, HOLDS, NOTES))
        if one.how.weight_pct != 0 or not one.how.is_known(act.at.date(), MAX_AGE_DAYS)
    ]
    if not found:
        return
    columns = zip(*((one.entry.id, one.order_id, versions[one.order_id], one.how.via[:200]) for one in found), strict=True)
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO compliance_listhit (entry_id, order_id, order_version, via, at, act_id)"
            " SELECT h.*, %s, %s FROM unnest(%s::bigint[], %s::bigint[], %s::int[], %s::text[]) h ON CONFLICT DO NOTHING",
            [act.at, keep_act(act), *map(list, columns)],
        )


def _born(one: Listing) -> str:
    return (ENTRY_LIFE if KINDS[one.kind].is_secret else RESTRICTION_LIFE).born[type(_added(one))]


def _added(one: Listing) -> Event:
    if KINDS[one.kind].is_secret:
        return events.EntryAdded(one.kind, one.issuer_id, one.instrument_id, one.direction)
    return events.RestrictionAdded(one.issuer_id, one.instrument_id, one.direction, one.broker_id, one.custodian_id)


def problem_of(listing: Listing) -> tuple[str, str] | None:
    """The field at fault and what is wrong with it; None where nothing is."""
    if listing.kind not in KINDS:
        return "kind", f"The list is one of {', '.join(KINDS)}."
    if listing.names != 1:
        return "issuer", "Name one thing: an issuer, an instrument, a broker or a custodian."
    if KINDS[listing.kind].is_secret and (listing.broker_id or listing.custodian_id):
        return "kind", "Brokers and custodians are on the restricted list alone."
    if listing.direction not in ("ALL", "BUY", "SELL"):
        return "direction", "What is forbidden is ALL, BUY or SELL."
    if listing.reach not in REACHES:
        return "reach", f"How far it reaches is {', '.join(REACHES)}."
    if sum(one is not None for one in (listing.portfolio_id, listing.group_id, listing.desk_id)) > 1:
        return "desk", "It is for a portfolio, for a group or for a desk; choose one of them."
    if listing.group_id is not None and listing.broker_id is not None:
        return "group", "A broker is listed for a portfolio, a desk or all. With whom a group's portfolios trade, operations keeps."
    if listing.kind == "WALL" and listing.person_id is None:
        return "person", "Name who crossed the wall."
    if listing.person_id is not None and listing.kind not in OF_PEOPLE:
        return "person", "Only an insider window or a wall crossing is about one person."
    if not listing.reason.strip():
        return "reason", "Give the reason why it is listed; the desk does not see it."
    for field, most in LENGTHS.items():
        if len(getattr(listing, field)) > most:
            return field, f"This is longer than {most} characters. Shorten it."
    if listing.effective_to is not None and listing.effective_to < listing.effective_from:
        return "effective_to", "The last day is before the first. Correct one of them."
    return None


def _refuse_unknown(listings: Sequence[Listing]) -> None:
    named = (
        (Issuer, "issuer_id"), (Instrument, "instrument_id"), (Broker, "broker_id"), (Custodian, "custodian_id"),
        (Portfolio, "portfolio_id"), (PortfolioGroup, "group_id"), (Desk, "desk_id"), (User, "person_id"),
    )  # fmt: skip
    for model, field in named:
        wanted = {getattr(one, field) for one in listings} - {None}
        known = set(model.objects.filter(pk__in=wanted).values_list("pk", flat=True)) if wanted else set()
        if wanted - known:
            name = field.removesuffix("_id")
            raise Invalid(f"There is no such {name}. Choose one from the list.", field=name)
