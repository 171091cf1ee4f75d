"""Entries of the firm's lists for a group of portfolios: met by who is in it at the screening, by page, file and API."""

from datetime import date

import pytest
from django.db import IntegrityError, connection, transaction
from django.db.models import ProtectedError
from django.test import Client
from django.utils import timezone

from apps.compliance import selectors
from apps.compliance import services as compliance
from apps.compliance.engine.lists import STOPS, Entry, Wanted
from apps.compliance.models import Restriction
from apps.compliance.services import BadRows, Listing
from apps.core.refusals import Invalid
from apps.orders.models import Order
from apps.portfolios.models import PortfolioGroup
from tests.pages import send, visit, words

TODAY = date.today()


@pytest.fixture
def income(firm) -> PortfolioGroup:
    group = PortfolioGroup.objects.create(code="INCOME", name="Income funds")
    group.members.set([firm.portfolios["P1"], firm.portfolios["P3"]])
    return group


def statuses(ids) -> list[str]:
    return [Order.objects.get(pk=pk).status for pk in ids]


def test_it_stops_the_orders_of_who_is_in_the_group_now(rules, income, firm, omar, by, submit):
    [pk] = compliance.restrict(by(omar), [Listing("Asked", TODAY, instrument_id=firm.instruments["AAA"].pk, group_id=income.pk)])
    sell = lambda qty: submit(*((code, "AAA", "SELL", qty) for code in ("P1", "P2", "P3")))  # noqa: E731
    assert statuses(sell("1")) == ["HELD", "CLEARED", "HELD"]
    income.members.set([firm.portfolios["P2"]])
    again = sell("2")
    held = Order.objects.filter(pk__in=again, status="HELD").values_list("portfolio__code", flat=True)
    assert list(held) == ["P2"]
    report = selectors.replay_day(timezone.now().date())
    assert (report.differences, report.judged) == ([], 6)
    with pytest.raises(ProtectedError):
        income.delete()
    assert "group INCOME" in words(visit(omar, "compliance:restrictions")) and Restriction.objects.get(pk=pk).group == income


def test_a_custodian_is_listed_for_a_group(rules, income, firm, omar, by, submit):
    custodian = firm.portfolios["P1"].custodian_id
    compliance.restrict(by(omar), [Listing("Asked", TODAY, custodian_id=custodian, group_id=income.pk)])
    assert statuses(submit(("P1", "BBB", "SELL", "1"), ("P2", "BBB", "SELL", "2"))) == ["HELD", "CLEARED"]


def test_more_orders_cost_no_statement_more(rules, income, firm, omar, by, submit):
    compliance.restrict(by(omar), [Listing("Asked", TODAY, instrument_id=firm.instruments["AAA"].pk, group_id=income.pk)])
    few, many = submit(("P1", "AAA", "SELL", "1")), submit(*(("P3", "AAA", "SELL", f"{n}") for n in range(1, 40)))

    def cost(ids) -> int:
        asked = []
        with connection.execute_wrapper(lambda execute, sql, *more: (asked.append(sql), execute(sql, *more))[1]):
            assert len(selectors.entries_met(ids, timezone.now(), (STOPS,))) == len(ids)
        return len(asked)

    assert cost(few) == cost(many)


@pytest.mark.parametrize(
    ("more", "field"),
    [({"portfolio_id": 1}, "desk"), ({"desk_id": 1}, "desk"), ({"instrument_id": None, "broker_id": 1}, "group"),
     ({"group_id": 0}, "group")],
)  # fmt: skip
def test_what_cannot_be_is_refused_beside_its_field(income, firm, omar, by, more, field):
    said = {"instrument_id": firm.instruments["AAA"].pk, "group_id": income.pk} | more
    if "broker_id" in more:
        said["broker_id"] = firm.brokers["HARBOR"].pk
    with pytest.raises(Invalid) as refusal:
        compliance.restrict(by(omar), [Listing("Asked", TODAY, **said)])
    assert refusal.value.facts["field"] == field and not Restriction.objects.exists()


def test_nor_in_the_database(income, firm):
    said = {"reason": "x", "effective_from": TODAY, "instrument": firm.instruments["AAA"], "group": income}
    with pytest.raises(IntegrityError, match="a_portfolio_a_group_or_a_desk"), transaction.atomic():
        Restriction.objects.create(**said, desk=firm.desk)


def test_a_file_names_it_and_an_unknown_one_is_told(income, firm, omar, by):
    rows = "issuer,group,from,reason\n{},{},2026-01-05,Asked\n"
    issuer = firm.instruments["AAA"].issuer.code
    with pytest.raises(BadRows) as refusal:
        compliance.import_listings(by(omar), rows.format(issuer, "NONE").encode())
    assert refusal.value.facts["rows"] == [{"row": 2, "field": "group", "message": "There is no group “NONE”."}]
    [pk] = compliance.import_listings(by(omar), rows.format(issuer, "INCOME").encode())
    assert Restriction.objects.get(pk=pk).group == income
    with pytest.raises(BadRows, match="rows are wrong"):
        compliance.import_listings(by(omar), rows.format(issuer, "INCOME").encode())


def test_the_page_and_the_api_take_it(income, firm, omar):
    said = {"kind": "RESTRICTED", "instrument": firm.instruments["AAA"].pk, "reach": "GROUP", "direction": "ALL", "group": income.pk,
            "effective_from": "2026-01-05", "reason": "Asked"}  # fmt: skip
    assert send(omar, "compliance:restrict", said).status_code == 204
    client = Client()
    client.force_login(omar)
    new = [{"instrument_id": firm.instruments["BBB"].pk, "group_id": income.pk, "reason": "Asked", "effective_from": "2026-01-05"}]
    made = client.post("/api/v1/restrictions/", new, content_type="application/json")
    assert made.status_code == 201 and [row["group"] for row in made.json()] == ["INCOME"]
    assert set(Restriction.objects.values_list("group__code", flat=True)) == {"INCOME"}


def test_without_a_group_an_entry_asks_for_none():
    about = lambda group, mine: Entry(1, "A", "ALL", "x", TODAY, None, group_id=group).is_about(  # noqa: E731
        Wanted(1, 1, 1, 1, 1, True, groups=frozenset(mine))
    )
    assert [about(None, ()), about(7, ()), about(7, (7, 8)), about(7, (8,))] == [True, False, True, False]
