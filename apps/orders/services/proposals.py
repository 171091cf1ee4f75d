"""Wishes that are no orders yet: kept aside, changed, tried, promoted to orders in sets, or discarded."""

from collections.abc import Mapping, Sequence
from decimal import Decimal

from django.db import connection, transaction

from apps.audit.services import record
from apps.core.acts import Act
from apps.core.events import Event, Fact, differing
from apps.core.refusals import Conflict, NotFound, Stale
from apps.core.tables import update_many
from apps.portfolios import selectors as portfolios
from apps.users.services import require

from .. import events, rules, selectors
from ..models import Proposal
from ..states import PROPOSAL_LIFE, ProposalStatus
from .tickets import BadWishes, Wish, create_orders, judged_wishes

KEPT = ("side", "qty", "order_type", "limit_price", "rationale")
NUMBERS = ("qty", "limit_price")


class StaleProposal(Stale):
    """A proposal changed after the person looked."""


class NoProposals(Conflict):
    """There is nothing to act on."""


@transaction.atomic
def propose_orders(act: Act, wishes: Sequence[Wish]) -> list[int]:
    """
    Will keep wishes as proposals, each judged as an order would be; one for an instrument of a portfolio for which the
    actor has an open proposal takes its place. Nothing is promised by them, and compliance is not asked.

    :returns: the proposals' ids, in the wishes' order
    :raises NotAllowed: if the actor may not enter orders
    :raises BadWishes: naming every bad field of every wish, by its index; two for one instrument of one portfolio too, and
        one where a colleague's stands open
    """
    user = require(act, "orders.create")
    terms = judged_wishes(act, user, wishes).with_columns(
        rules.as_text("qty", rules.QTY_PLACES), rules.as_text("limit_price", rules.PRICE_PLACES)
    )
    rows = terms.to_dicts()
    pairs = [(row["portfolio_id"], row["instrument_id"]) for row in rows]
    _refuse_more(wishes, rows)
    _refuse_twins(pairs)
    known = _open_at(pairs)
    _refuse_colleagues(act, pairs, known)
    made = Proposal.objects.bulk_create(
        Proposal(
            portfolio_id=pair[0], instrument_id=pair[1], created_by_id=act.by, created_at=act.at,
            status=PROPOSAL_LIFE.born[events.ProposalMade], **{name: row[name] for name in KEPT},
        )
        for pair, row in zip(pairs, rows, strict=True) if pair not in known
    )  # fmt: skip
    changed = [(known[pair], row) for pair, row in zip(pairs, rows, strict=True) if pair in known]
    _write_terms(changed)
    ids = {(p.portfolio_id, p.instrument_id): p.pk for p in made} | {pair: one.pk for pair, one in known.items()}
    by_pair = dict(zip(pairs, rows, strict=True))
    record(
        act,
        [
            Fact(p.pk, 1, events.ProposalMade(p.portfolio_id, p.instrument_id, _told(by_pair[p.portfolio_id, p.instrument_id])))
            for p in made
        ]
        + [Fact(one.pk, one.version + 1, events.ProposalChanged(_told(row), *_differing(one, row))) for one, row in changed],
    )
    return [ids[pair] for pair in pairs]


def _refuse_more(wishes: Sequence[Wish], rows: Sequence[dict]) -> None:
    """What a proposal does not keep is refused, so that nothing asked for is lost on the way to the order."""
    more = [
        n for n, (wish, row) in enumerate(zip(wishes, rows, strict=True))
        if row["order_type"] not in ("MARKET", "LIMIT") or wish.tif.upper() not in ("", "DAY") or wish.instructions
        or wish.client_ref or any(getattr(wish, name) for name in rules.HANDLING)
    ]  # fmt: skip
    if more:
        message = "A proposal is a market or limit order for the day. Say the rest on the order it becomes."
        raise BadWishes(message, rows=[{"index": n, "field": "order_type", "message": message} for n in more[:1000]])


def _refuse_twins(pairs: Sequence[tuple[int, int]]) -> None:
    twins = [n for n, pair in enumerate(pairs) if pair in pairs[:n]] if len(set(pairs)) < len(pairs) else []
    if twins:
        message = "There is one proposal at a time for an instrument of a portfolio; this names one a second time."
        raise BadWishes(message, rows=[{"index": n, "field": "instrument", "message": message} for n in twins[:1000]])


def _open_at(pairs: Sequence[tuple[int, int]]) -> dict[tuple[int, int], Proposal]:
    """The open proposals at these (portfolio, instrument), locked. Proposers of a portfolio take turns."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT id FROM portfolios_portfolio WHERE id = ANY(%s) ORDER BY id FOR NO KEY UPDATE",
            [sorted({portfolio for portfolio, _ in pairs})],
        )
        cursor.execute(
            "SELECT p.id FROM orders_proposal p JOIN unnest(%s::bigint[], %s::bigint[]) AS w(portfolio, instrument)"
            " ON w.portfolio = p.portfolio_id AND w.instrument = p.instrument_id"
            " WHERE p.status = %s ORDER BY p.id FOR NO KEY UPDATE OF p",
            [[p for p, _ in pairs], [i for _, i in pairs], ProposalStatus.PROPOSED],
        )
        held = [pk for (pk,) in cursor.fetchall()]
    rows = Proposal.objects.filter(pk__in=held).select_related("created_by", "instrument", "portfolio")
    return {(row.portfolio_id, row.instrument_id): row for row in rows}


def _refuse_colleagues(act: Act, pairs: Sequence[tuple[int, int]], known: Mapping[tuple[int, int], Proposal]) -> None:
    """A colleague's proposal gives way to nobody's unasked."""
    theirs = [(n, known[pair]) for n, pair in enumerate(pairs) if pair in known and known[pair].created_by_id != act.by]
    if theirs:
        rows = [
            {"index": n, "field": "instrument", "message": f"{one.created_by} proposes to {_in_words(one)} ({one}); promote or"
             " discard that first."}
            for n, one in theirs[:1000]
        ]  # fmt: skip
        raise BadWishes(rows[0]["message"], rows=rows)


def _in_words(proposal: Proposal) -> str:
    side = proposal.side.lower().replace("_", " ")
    return f"{side} {rules.plain(proposal.qty)} {proposal.instrument.symbol} for {proposal.portfolio.code}"


def _write_terms(changed: Sequence[tuple[Proposal, dict]]) -> None:
    kinds = {"side": "text", "qty": "numeric", "order_type": "text", "limit_price": "numeric", "rationale": "text"}
    with connection.cursor() as cursor:
        columns = {name: (kind, [row[name] for _, row in changed]) for name, kind in kinds.items()}
        update_many(cursor, "orders_proposal", [one.pk for one, _ in changed], columns, bump=True)


def _differing(old: Proposal, row: dict) -> tuple[dict, dict]:
    """What another wish changes of a proposal: each field before and after."""
    before = {name: rules.plain(getattr(old, name)) for name in KEPT}
    return differing(before, {name: _plain(row[name]) if name in NUMBERS else row[name] or "" for name in KEPT})


def _plain(text: str | None) -> str:
    return rules.plain(Decimal(text)) if text else ""


def _told(row: dict) -> dict:
    return {name: row[name] for name in KEPT if row[name] not in (None, "")}


@transaction.atomic
def promote_proposals(
    act: Act, proposal_ids: Sequence[int], *, seen: Mapping[int, int], group_name: str = "", submit: bool = False
) -> list[int]:
    """
    Will make orders of proposals, all or none, judged again as things stand now; each keeps the order it became.

    :returns: the orders' ids, in the order of the proposals' ids given
    :raises NotFound, StaleProposal, IllegalMove: of proposals that are hidden, changed since, or open no more
    :raises BadWishes: as ``create_orders``
    """
    rows = _locked(act, proposal_ids, seen, events.ProposalPromoted)
    ids = create_orders(act, [wish_of(row) for row in rows], group_name=group_name, submit=submit)
    _happen(act, rows, [events.ProposalPromoted(order) for order in ids], order_id=("bigint", ids))
    return ids


@transaction.atomic
def discard_proposals(act: Act, proposal_ids: Sequence[int], *, seen: Mapping[int, int]) -> None:
    """Will set proposals aside for good; the record keeps them. :raises NotFound, StaleProposal, IllegalMove: as above"""
    rows = _locked(act, proposal_ids, seen, events.ProposalDiscarded)
    _happen(act, rows, [events.ProposalDiscarded()] * len(rows))


def wish_of(proposal: Proposal) -> Wish:
    """What an order of it would ask for."""
    return Wish(
        proposal.portfolio_id, proposal.instrument_id, proposal.side, proposal.qty, proposal.order_type,
        proposal.limit_price, rationale=proposal.rationale,
    )  # fmt: skip


def _locked(act: Act, ids: Sequence[int], seen: Mapping[int, int], kind: type[Event]) -> list[Proposal]:
    user = require(act, "orders.create")
    if not ids:
        raise NoProposals("No proposal is selected. Tick the proposals first.")
    found = Proposal.objects.select_for_update(no_key=True).order_by("pk").in_bulk(list(ids))
    run = set(
        portfolios.portfolios_run_by(user)
        .filter(pk__in={p.portfolio_id for p in found.values()})
        .values_list("pk", flat=True)
    )
    rows = []
    for pk in dict.fromkeys(ids):
        row = found.get(pk)
        if row is None or row.portfolio_id not in run:
            raise NotFound("There is no such proposal, or it is not of a portfolio of yours.")
        rows.append(row)
    stale = {row.pk: (f"P-{row.pk:06d}", seen.get(row.pk), row.version) for row in rows if seen.get(row.pk) != row.version}
    if stale:
        raise StaleProposal(
            f"{len(stale)} of the proposals changed since you looked, so nothing was done. Reload and look again.",
            proposals=selectors.missed("proposal", stale),
        )
    for row in rows:
        PROPOSAL_LIFE.after(row.status, kind)
    return rows


def _happen(act: Act, rows: Sequence[Proposal], happened: Sequence[Event], **columns) -> None:
    """The only door to a proposal's status."""
    status = [str(PROPOSAL_LIFE.after(row.status, type(event))) for row, event in zip(rows, happened, strict=True)]
    with connection.cursor() as cursor:
        update_many(
            cursor, "orders_proposal", [row.pk for row in rows], {"status": ("text", status), **columns}, bump=True
        )
    record(act, [Fact(row.pk, row.version + 1, event) for row, event in zip(rows, happened, strict=True)])
