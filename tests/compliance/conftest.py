"""Builders of held orders and rules: each calls the services."""

from collections.abc import Callable

import pytest

from apps.compliance import services as compliance
from apps.compliance.models import Check, Review
from apps.orders import services as orders


@pytest.fixture
def rules(firm, by) -> None:
    """The default rules are in force."""
    compliance.install_default_rules(by("loader"))


@pytest.fixture
def submit(firm, mira, by) -> Callable[..., list[int]]:
    """``submit(("P1", "AAA", "SELL", "100"), …)``: ids of orders of Mira's, answered for by compliance."""

    def make(*wanted: tuple, person=None, **terms) -> list[int]:
        wishes = [
            orders.Wish(firm.portfolios[p].pk, firm.instruments[s].pk, side, qty, **terms) for p, s, side, qty in wanted
        ]
        return orders.create_orders(by(person or mira), wishes, submit=True)

    return make


@pytest.fixture
def held(rules, submit) -> Callable[..., Review]:
    """``held()``: a waiting review of an order to buy what is already above its limit."""

    def make(qty: str = "100", portfolio: str = "P1") -> Review:
        (pk,) = submit((portfolio, "AAA", "BUY", qty))
        return Review.objects.get(order=pk)

    return make


@pytest.fixture
def check_of() -> Callable[[int], Check]:
    return lambda order_id: Check.objects.filter(order=order_id).latest("pk")


@pytest.fixture
def ask(client):
    """``ask(omar, "post", "/api/v1/…", {…})``"""

    def send(person, method: str, path: str, data=None, **headers):
        client.force_login(person)
        return getattr(client, method)(path, data, content_type="application/json", headers=headers)

    return send
