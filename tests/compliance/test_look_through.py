"""Entries that are met by funds which hold what they name, on the database."""

from datetime import date, timedelta
from decimal import Decimal as D

import pytest
from django.db import IntegrityError, connection, transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from tablib import Dataset

from apps.compliance import selectors
from apps.compliance import services as compliance
from apps.compliance.engine.lists import STOPS
from apps.compliance.models import Check, ListHit
from apps.compliance.services import Listing
from apps.orders.models import Order
from apps.reference import selectors as reference
from apps.reference.imports import resource_for
from apps.reference.models import Constituent, Instrument
from tests.races import at_once

TODAY = date.today()


@pytest.fixture
def fund(firm) -> Instrument:
    """CCC is an ETF here."""
    Instrument.objects.filter(pk=firm.instruments["CCC"].pk).update(asset_class="ETF")
    return Instrument.objects.get(pk=firm.instruments["CCC"].pk)


@pytest.fixture
def holds(firm, fund):
    def make(symbol: str, weight: str = "7.02", days_ago: int = 0, of: Instrument = fund) -> None:
        as_of = TODAY - timedelta(days=days_ago)
        Constituent.objects.create(fund=of, instrument=firm.instruments[symbol], weight_pct=D(weight), as_of=as_of)

    return make


@pytest.fixture
def listed(firm, omar, by):
    def make(**more) -> int:
        listing = Listing("Deal.", TODAY, instrument_id=firm.instruments["AAA"].pk, look_through=True, **more)
        return compliance.restrict(by(omar), [listing])[0]

    return make


def settled() -> None:
    """What the database looks at as a transaction ends, it looks at now."""
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("SET CONSTRAINTS ALL DEFERRED")


def said(order: int) -> dict:
    results = Check.objects.get(order=order).results
    return next(r for r in results if r["rule"] == "restricted_list")


@pytest.mark.parametrize(
    ("days_ago", "outcome", "hits"), [(0, "FAIL", 1), (45, "FAIL", 1), (46, "INDETERMINATE", 1)]
)
def test_a_fund_that_holds_it_meets_it_while_that_is_known(rules, holds, listed, submit, days_ago, outcome, hits):
    holds("AAA", days_ago=days_ago)
    listed()
    (order,) = submit(("P1", "CCC", "BUY", "1"))
    assert (said(order)["outcome"], Order.objects.get(pk=order).status, ListHit.objects.count()) == (outcome, "HELD", hits)
    assert "7.02% of what is named" in said(order)["text"]


def test_a_fund_that_holds_none_of_it_goes_on(rules, holds, listed, submit):
    holds("BBB")
    listed()
    (order,) = submit(("P1", "CCC", "BUY", "1"))
    results = Check.objects.get(order=order).results
    assert ([r for r in results if r["rule"] == "restricted_list"], ListHit.objects.count()) == ([], 0)


def test_a_fund_of_which_nothing_is_on_file_cannot_be_told(rules, fund, listed, submit):
    listed()
    (order,) = submit(("P1", "CCC", "BUY", "1"))
    assert (said(order)["outcome"], ListHit.objects.count()) == ("INDETERMINATE", 1)


def test_the_newest_day_stands_for_the_fund(firm, fund, holds):
    holds("AAA", days_ago=9)
    holds("BBB", days_ago=2)
    holds("AAA", days_ago=-1)  # Tomorrow's.
    held = reference.constituents([fund.pk], TODAY)[fund.pk]
    assert (held.as_of, held.weights) == (TODAY - timedelta(days=2), {firm.instruments["BBB"].pk: D("7.02")})


def test_statements_do_not_grow_with_orders_or_constituents(rules, firm, fund, holds, listed, submit, django_assert_num_queries):
    listed()
    holds("AAA")
    pks = submit(*[("P1", "CCC", "BUY", str(n)) for n in range(1, 6)])
    for some in (pks[:1], pks):
        with django_assert_num_queries(6):
            assert len(selectors.entries_met(some, timezone.now(), (STOPS,))) == len(some)
    holds("BBB")
    with django_assert_num_queries(6):
        selectors.entries_met(pks, timezone.now(), (STOPS,))


class TestBackOffice:
    @pytest.fixture
    def office(self, olga) -> Client:
        client = Client()
        client.force_login(olga)
        return client

    @pytest.mark.parametrize(
        ("which", "held", "weight", "words"),
        [("AAA", "BBB", "1", "must be an ETF or a fund"), ("CCC", "CCC", "1", "must be another than the fund itself"),
         ("CCC", "BBB", "0", "more than 0"), ("CCC", "BBB", "100.000001", "at most 100"), ("CCC", "BBB", "100", "")],
    )  # fmt: skip
    def test_what_is_entered_is_checked(self, firm, fund, office, which, held, weight, words):
        form = {"fund": firm.instruments[which].pk, "instrument": firm.instruments[held].pk, "as_of": "2026-01-31", "weight_pct": weight}
        answer = office.post(reverse("admin:reference_constituent_add"), form)
        assert answer.status_code == (200 if words else 302)
        assert words in answer.content.decode()
        assert Constituent.objects.count() == (0 if words else 1)

    def test_a_fund_holds_no_more_than_all_of_itself(self, firm, fund, office, holds):
        holds("AAA", "60")
        form = {"fund": fund.pk, "instrument": firm.instruments["BBB"].pk, "as_of": f"{TODAY}", "weight_pct": "40.000001"}
        answer = office.post(reverse("admin:reference_constituent_add"), form)
        assert answer.status_code == 200 and "sum to 100.000001%" in answer.content.decode()
        assert office.post(reverse("admin:reference_constituent_add"), form | {"weight_pct": "40"}).status_code == 302

    @pytest.mark.parametrize(("first", "second", "is_taken"), [("60", "40", True), ("60", "40.5", False)])
    def test_so_does_a_file_whatever_the_order_of_its_rows(self, firm, fund, holds, first, second, is_taken):
        holds("AAA", "70")
        given = ("CCC", "BBB", f"{TODAY}", second), ("CCC", "AAA", f"{TODAY}", first)
        rows = Dataset(*given, headers=("fund", "instrument", "as_of", "weight_pct"))
        found = resource_for(Constituent, ("fund", "as_of", "instrument"), {"fund": "symbol", "instrument": "symbol"})().import_data(rows)
        assert found.has_errors() is not is_taken
        assert sum(Constituent.objects.values_list("weight_pct", flat=True)) == (100 if is_taken else 70)
        assert is_taken or "sum to 100.5%, more than all of it (rows 1, 2)" in str(found.base_errors[0].error)

    @pytest.mark.parametrize(("weight", "is_taken"), [("40", True), ("40.000001", False)])
    def test_the_database_holds_a_fund_and_day_to_all_of_it(self, firm, fund, holds, weight, is_taken):
        holds("AAA", "60")
        holds("BBB", "90", days_ago=1)
        holds("BBB", weight)
        if is_taken:
            settled()
            Constituent.objects.filter(as_of=TODAY).update(weight_pct=50)
        else:
            with pytest.raises(IntegrityError, match="more than all of it"), transaction.atomic():
                settled()
            Constituent.objects.all().delete()

    def test_rows_may_pass_all_of_it_until_the_end(self, firm, fund, holds):
        holds("AAA", "60")
        holds("BBB", "50")
        Constituent.objects.filter(instrument__symbol="AAA").update(weight_pct=50)
        settled()

    @pytest.mark.django_db(transaction=True)
    def test_of_two_who_add_to_it_at_once_the_second_counts_what_the_first_added(self, firm, fund, holds):
        def add(symbol: str) -> str:
            try:
                holds(symbol, "60")
            except IntegrityError:
                return "too much"
            return "added"

        assert sorted(at_once(lambda: add("AAA"), lambda: add("BBB"))) == ["added", "too much"]

    @pytest.mark.django_db(transaction=True)
    def test_of_two_forms_at_once_the_second_is_told_beside_the_field(self, firm, fund, olga):
        def add(symbol: str):
            client = Client()
            client.force_login(olga)
            form = {"fund": fund.pk, "instrument": firm.instruments[symbol].pk, "as_of": f"{TODAY}", "weight_pct": "60"}
            return client.post(reverse("admin:reference_constituent_add"), form)

        answers = at_once(lambda: add("AAA"), lambda: add("BBB"))
        assert sorted(answer.status_code for answer in answers) == [200, 302]

    def test_the_api_tells_what_a_fund_held_last(self, holds, office):
        holds("AAA", "3", days_ago=3)
        holds("AAA", "4")
        holds("BBB", "5")
        rows = office.get("/api/v1/constituents/?fund=CCC").json()["results"]
        assert [(row["instrument"], row["weight_pct"]) for row in rows] == [("BBB", "5.000000"), ("AAA", "4.000000")]
