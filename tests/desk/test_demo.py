"""What the demo has on its pages from the first day, and that none of it stands in the way of its rebalance."""

import pytest
from django.core.management import call_command

from apps.audit import seals
from apps.compliance.models import CloseOut, LimitEnd, PositionLimit, Restriction, RuleDraft, TradingLimit
from apps.portfolios.benchmark_selectors import benchmarks
from apps.portfolios.models import BenchmarkWeight, Portfolio
from apps.reference.models import ContractFamily, InstrumentValue, IssuerValue, OwnAttribute
from apps.routing.models import Throttle
from apps.surveillance.models import Day
from apps.users.models import User
from tests.pages import visit, words

pytestmark = [pytest.mark.django_db, pytest.mark.slow, pytest.mark.timeout(180)]


def test_the_demo_has_something_on_every_page(settings, tmp_path):
    settings.OMS_HOME = tmp_path
    call_command("load_demo", examples=True)

    assert OwnAttribute.objects.count() == 2 and InstrumentValue.objects.count() == 30 and IssuerValue.objects.count() == 5
    [benchmark] = benchmarks()
    total = sum(BenchmarkWeight.objects.values_list("weight_pct", flat=True))
    assert benchmark.as_of and 99 <= total <= 100 and Portfolio.objects.filter(benchmark=benchmark).count() == 10
    assert ContractFamily.objects.count() == 2 and PositionLimit.objects.count() == 3
    assert set(RuleDraft.objects.values_list("code", "status")) == {("firm_low_esg_5", "PROPOSED"), ("firm_sector_over_5", "DRAFT")}
    assert (TradingLimit.objects.count(), LimitEnd.objects.get().status, Throttle.objects.count()) == (2, "PROPOSED", 1)
    assert Restriction.objects.get().kind == "WATCH" and CloseOut.objects.get().status == "OPEN" and Day.objects.get().status == "REPORTED"
    assert seals.verify().faults == []
    people = {user.username: user for user in User.objects.all()}
    for who, page, said in (
        ("odile", "compliance:trading_limits", "Tess has passed"), ("odile", "compliance:drafts", "Low ESG"),
        ("odile", "compliance:close_outs", "NEE"), ("odile", "compliance:restrictions", "joint bid"),
        ("omar", "compliance:position_limits", "E-mini"), ("omar", "routing:throttles", "VWAP"), ("omar", "surveillance:days", "sign"),
    ):  # fmt: skip
        assert said in words(visit(people[who], page)), page
    assert "joint bid" not in words(visit(people["omar"], "compliance:restrictions"))
