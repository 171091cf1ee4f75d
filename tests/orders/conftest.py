"""Builders of orders: each calls the services."""

import pytest

from apps.orders import services as orders


@pytest.fixture
def wish(firm):
    """``wish("P1", "AAA", "BUY", "100", …)``"""

    def make(portfolio="P1", symbol="AAA", side="BUY", qty="100", **more) -> orders.Wish:
        return orders.Wish(firm.portfolios[portfolio].pk, firm.instruments[symbol].pk, side, qty, **more)

    return make


@pytest.fixture
def drafts(wish, mira, by):
    """``drafts(3)``: ids of three drafts of Mira's; ``drafts(wish(…), wish(…))`` of these."""

    def make(*wishes, submit=False) -> list[int]:
        if len(wishes) == 1 and isinstance(wishes[0], int):
            wishes = [wish() for _ in range(wishes[0])]
        return orders.create_orders(by(mira), wishes or [wish()], submit=submit)

    return make


@pytest.fixture
def in_review(drafts, monkeypatch):
    """Orders submitted, with nobody listening: compliance has not answered."""
    from apps.audit import services as audit

    def make(*wishes) -> list[int]:
        with monkeypatch.context() as alone:
            alone.setattr(audit, "flow", dict)
            return drafts(*wishes, submit=True)

    return make
