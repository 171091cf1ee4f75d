"""Past inquiries as the rules of leakage look at them."""

from datetime import datetime, timedelta
from typing import NamedTuple

from apps.reference.models import Broker

from . import rules
from .models import Award, DealerQuote
from .rules import leakage
from .selectors import inquiries_seen_by
from .states import Q

DAYS = 180
MOST = 20_000
OVER = (Q.TRADED, Q.PASSED, Q.FAILED, Q.AWARDED)


class Leakage(NamedTuple):
    """Scores with the dealers' names, and sizes of panels with the one that is suggested (None: cannot be told)."""

    since: datetime
    inquiries: int
    moves: int
    scores: list[tuple[str, leakage.Score]]
    panels: list[leakage.Panel]
    suggested: leakage.Panel | None


def leakage_seen_by(user, now: datetime) -> Leakage:
    """Of the inquiries a person sees that were decided in the last half year. Four queries."""
    since = now - timedelta(days=DAYS)
    rows = inquiries_seen_by(user).filter(decided_at__gte=since, status__in=OVER).order_by("-pk")
    rows = list(rows.values_list("pk", "block__side", "mid_at_decision", "drift__mid")[:MOST])
    ids = [row[0] for row in rows]
    lost: dict[int, set[int]] = {pk: set() for pk in ids}
    won: dict[int, set[int]] = {pk: set() for pk in ids}
    for inquiry, dealer, result in DealerQuote.objects.filter(inquiry__in=ids).values_list("inquiry_id", "dealer_id", "result"):
        (won if result == DealerQuote.Result.WON else lost)[inquiry].add(dealer)
    taken: dict[int, list] = {}
    for inquiry, qty, price, cover in Award.objects.filter(inquiry__in=ids).values_list("inquiry_id", "qty", "price", "cover_price"):
        taken.setdefault(inquiry, []).append((qty, price, cover))
    seen = [_seen(*row, frozenset(lost[row[0]]), frozenset(won[row[0]]), taken.get(row[0], [])) for row in rows]
    names = dict(Broker.objects.filter(pk__in={d for one in seen for d in one.lost | one.won}).values_list("pk", "name"))
    sizes = leakage.panels(seen)
    return Leakage(
        since, len(seen), sum(one.move_bp is not None for one in seen),
        [(names[score.dealer_id], score) for score in leakage.scores(seen)], sizes, leakage.suggested(sizes),
    )  # fmt: skip


def _seen(pk: int, side: str, mid, after, lost, won, taken) -> leakage.Seen:
    gain = cover = None
    if taken:
        total = sum(qty for qty, *_ in taken)
        gain = rules.distance_bp(side, sum(qty * price for qty, price, _ in taken) / total, mid)
        cover = rules.distance_bp(side, taken[0][2], mid)
    return leakage.Seen(pk, leakage.move_bp(side, mid, after), lost, won, gain, cover)


