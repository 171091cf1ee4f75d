"""What the stories share: people at their clients, and a worker that does what was promised."""

from collections.abc import Callable

import pytest
from rest_framework.test import APIClient

from apps.compliance import services as compliance
from apps.settlement import services as settlement
from tests.allocations.filling import Street, keep_promises


@pytest.fixture
def house(firm, by) -> None:
    """The rules of compliance are in force, and every broker has its standing settlement instructions."""
    compliance.install_default_rules(by("loader"))
    settlement.install_default_ssis(by("loader"))


@pytest.fixture
def at() -> Callable[..., APIClient]:
    """``at(mira)``: her client, signed in."""

    def sign_in(user) -> APIClient:
        client = APIClient()
        client.force_login(user)
        return client

    return sign_in


@pytest.fixture
def street(firm, by, mira, tom) -> Street:
    return Street(firm, by, mira, tom)


@pytest.fixture
def worker() -> Callable[[], int]:
    """``worker()``: every promise is kept, in its order, until none is open."""
    return keep_promises
