"""What compliance would say of proposals if they were submitted together now. Nothing of it is kept."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from django.db import transaction

from apps.core.acts import Act
from apps.core.refusals import NotFound
from apps.orders import selectors as orders_selectors
from apps.orders import services as orders
from apps.orders.models import Proposal
from apps.users.services import require

from ..engine.columns import QTY
from ..engine.judgement import OUTCOMES, UNKNOWN
from ..engine.rules import MEASURES, look_at_deals, look_firm_wide
from ..engine.screening import screen
from ..selectors.asked import active_rules
from ..selectors.snapshot import snapshot_of
from ..states import Stage


@dataclass(frozen=True)
class Tried:
    """One proposal's verdict: the outcome, the rule and its version to look at first, and what would pass."""

    proposal: Proposal
    outcome: str
    rule: str
    rule_version: int | None
    max_qty: Decimal | None


def try_proposals(act: Act, proposal_ids: Sequence[int]) -> list[Tried]:
    """
    Will screen open proposals together, beside the orders there are, by the engine and the rules in force that answer
    for orders: they are entered, screened, and taken back before anybody sees them.

    :raises NotFound: where one is hidden or open no more
    :raises BadWishes: where one could be no order any more
    """
    user = require(act, "orders.create")
    found = orders_selectors.open_proposals(user).in_bulk(list(proposal_ids))
    if not proposal_ids or set(found) != set(proposal_ids):
        raise NotFound("One of these proposals is open no more, or is not of a portfolio of yours. Reload the list.")
    rows = [found[pk] for pk in sorted(found)]
    rules = active_rules(act.at.date(), Stage.PROPOSAL)
    with transaction.atomic():
        ids = orders.create_orders(replace(act, id=None), [orders.wish_of(row) for row in rows])
        asked = snapshot_of(ids, act.at, firm_wide=look_firm_wide(rules), deals=look_at_deals(rules), rules=rules)
        transaction.set_rollback(True)
    said = screen(asked.snapshot, rules)
    of_order = dict(zip(ids, rows, strict=True))
    quiet = {row for v in said.verdicts if MEASURES[v.rule.kind].neutral for row in v.holding.tolist()}
    tried = []
    for place, pk in enumerate(asked.snapshot.orders.id.tolist()):
        leading, largest = int(said.leading[place]), int(said.max_qty[place])
        rule = rules[leading] if leading >= 0 else None
        if place in quiet:  # Nobody finds out by trying.
            tried.append(Tried(of_order[pk], OUTCOMES[said.outcome[place]], "Compliance", None, None))
            continue
        tried.append(
            Tried(
                of_order[pk], OUTCOMES[said.outcome[place]], rule.name if rule else "", rule.number if rule else None,
                None if largest == UNKNOWN else Decimal(largest) / QTY,
            )
        )  # fmt: skip
    return tried
