"""Two sides of one thing, and the steps from there to a cross."""

from collections.abc import Callable

import pytest

from apps.blocks import services as blocks
from apps.blocks.models import CrossConsent, Opposition
from apps.crossing import services as crossing
from apps.crossing.models import Cross
from apps.orders import services as orders
from tests.allocations.filling import keep_promises


@pytest.fixture
def wish(firm, mira, by) -> Callable[..., list[int]]:
    """``wish("SELL", P1=100, P2=400)``: orders of AAA, cleared and gathered into a block."""

    def make(side: str, symbol: str = "AAA", more=None, **quantities: int) -> list[int]:
        wishes = [
            orders.Wish(firm.portfolios[code].pk, firm.instruments[symbol].pk, side, str(qty), **(more or {}))
            for code, qty in quantities.items()
        ]
        ids = orders.create_orders(by(mira), wishes, submit=True)
        keep_promises("blocks.")
        return ids

    return make


@pytest.fixture
def consent(firm) -> Callable[..., None]:
    def give(*codes: str) -> None:
        for code in codes:
            CrossConsent.objects.create(portfolio=firm.portfolios[code], basis="Procedures of 2026-01-05")

    return give


@pytest.fixture
def found(wish, consent, by) -> Callable[..., Opposition]:
    """P3 buys 150 AAA, P1 sells 100 and P2 sells 400; all have agreed to be crossed, or those named."""

    def make(*consenting: str, **more) -> Opposition:
        consent(*(consenting or ("P1", "P2", "P3")))
        wish("BUY", P3=150, **more)
        wish("SELL", P1=100, P2=400, **more)
        blocks.find_oppositions(by("scheduler"))
        return Opposition.objects.get()

    return make


@pytest.fixture
def proposed(found, tom, by) -> Callable[..., Cross]:
    def make(*consenting: str, **more) -> Cross:
        pair = found(*consenting, **more)
        pk = crossing.propose_cross(by(tom, "saves the spread"), pair.pk, seen={pair.pk: 1})
        return Cross.objects.get(pk=pk)

    return make


@pytest.fixture
def approved(proposed, mira, omar, by) -> Callable[..., Cross]:
    """Mira runs all three portfolios and agrees for both sides; Omar approves."""

    def make(*consenting: str, **more) -> Cross:
        cross = proposed(*consenting, **more)
        crossing.accept_cross(by(mira), cross.pk, seen={cross.pk: 1})
        crossing.approve_cross(by(omar), cross.pk, seen={cross.pk: 2})
        cross.refresh_from_db()
        return cross

    return make
