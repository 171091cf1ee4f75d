from pathlib import Path

import pytest
from django.utils import timezone

from apps.audit.selectors import automated_id
from apps.core.acts import Act
from apps.settlement import services as settlement
from tests.allocations.filling import Street


@pytest.fixture
def street(firm, by, mira, tom) -> Street:
    return Street(firm, by, mira, tom)


@pytest.fixture
def standing(firm, by) -> int:
    """Every broker has its standing instructions."""
    return settlement.install_default_ssis(by("loader"))


@pytest.fixture
def home(settings, tmp_path) -> Path:
    """The custodians' folders of this test."""
    settings.OMS_HOME = tmp_path
    return tmp_path / "custodian"


def new_act() -> Act:
    return Act(by=automated_id("custodian"), at=timezone.now(), via="feed")


@pytest.fixture
def custodians_write(home):
    """Writes what is ready, as the task does. :returns: how many files"""
    return lambda: settlement.write_instructions(new_act)


@pytest.fixture
def custodians_read(home):
    """Books what custodians answered, as the task does. :returns: how many files"""
    return lambda: settlement.read_statuses(new_act)
