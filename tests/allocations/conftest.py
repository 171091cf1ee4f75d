import pytest

from .filling import Street


@pytest.fixture
def street(firm, by, mira, tom) -> Street:
    return Street(firm, by, mira, tom)
