"""Public issuers of which a fund may hold all it has: who keeps them, who reads them, and what that lets it do."""

from datetime import date, timedelta

import pytest
from django.db import IntegrityError, transaction
from django.urls import reverse
from django.utils import timezone

from apps.audit.models import Entry
from apps.compliance.selectors import snapshot_as_held
from apps.orders import services as orders
from apps.orders.models import Order
from apps.portfolios.models import NamedIssuer
from apps.reference.models import Issuer
from tests.back_office import typed
from tests.compliance.ruling import put_in_force
from tests.pages import visit, words

pytestmark = pytest.mark.django_db
TODAY = date.today()
DAY = timedelta(days=1)


@pytest.fixture
def named(firm):
    """``named("P1", starts=…, ends=…)``: the issuer of TSY is named for the portfolio."""

    def make(portfolio: str = "P1", *, starts: date = TODAY, ends: date | None = None) -> NamedIssuer:
        return NamedIssuer.objects.create(
            portfolio=firm.portfolios[portfolio], issuer=firm.instruments["TSY"].issuer, authority="CSSF, 5 January",
            prospectus="Prospectus of 2026, p. 12", starts_on=starts, ends_on=ends,
        )  # fmt: skip

    return make


@pytest.mark.parametrize(
    ("starts", "ends", "counts"),
    [(TODAY, None, True), (TODAY, TODAY, True), (TODAY + DAY, None, False), (TODAY - 9 * DAY, TODAY - DAY, False)],
)
def test_it_counts_from_its_first_day_to_its_last_for_its_whole_group(firm, named, starts, ends, counts):
    state = Issuer.objects.create(code="STATE", name="A state", country="US", sector="Government")
    Issuer.objects.filter(pk=named(starts=starts, ends=ends).issuer_id).update(parent=state)
    now = timezone.now()
    found = snapshot_as_held([firm.portfolios[code].pk for code in ("P1", "P2")], now).portfolios
    assert [tuple(home.named) for home in found] == [(state.pk,) if counts else (), ()]


def test_it_has_an_authority_and_a_prospectus_and_ends_after_it_starts(named):
    row = named()
    for change in ({"authority": ""}, {"prospectus": ""}, {"ends_on": row.starts_on - DAY}):
        with pytest.raises(IntegrityError), transaction.atomic():
            NamedIssuer.objects.filter(pk=row.pk).update(**change)


def test_more_than_a_third_is_bought_of_a_named_state_alone(firm, named, mira, by):
    said = {"limit": "20", "issues": "1", "issue_limit": "21"}  # 1.98 of 9.95 million are held, 19.9%.
    put_in_force(by, "state", said, severity="HARD", name="State", kind="public_issuers")

    def buy(portfolio: str) -> str:
        wish = orders.Wish(firm.portfolios[portfolio].pk, firm.instruments["TSY"].pk, "BUY", "100000")
        [pk] = orders.create_orders(by(mira), [wish], submit=True)
        return Order.objects.get(pk=pk).status

    named()
    assert buy("P2") == "HELD"
    assert buy("P1") == "CLEARED"
    assert buy("P1") == "HELD"  # With what is promised by then one issue would be above 21%.


class TestWhoReadsThem:
    def test_the_portfolios_page_and_the_api(self, named, client, omar):
        row = named()
        assert "Prospectus of 2026, p. 12" in words(visit(omar, "portfolios:detail", row.portfolio_id))
        client.force_login(omar)
        told = {one["code"]: one["named_issuers"] for one in client.get("/api/v1/portfolios/").json()["results"]}
        assert told["P1"] == [row.issuer.name] and told["P2"] == []

    def test_the_back_office_keeps_them(self, named, client, olga):
        row = named()
        client.force_login(olga)
        given = {"portfolio": row.portfolio_id, "issuer": row.issuer_id, "authority": "CSSF", "prospectus": "p. 1",
                 "starts_on": "2026-01-05", "ends_on": "2026-01-04"}  # fmt: skip
        assert "It ends before it starts." in client.post(reverse("admin:portfolios_namedissuer_add"), given).content.decode()
        assert client.post(reverse("admin:portfolios_namedissuer_add"), given | {"ends_on": ""}).status_code == 302
        assert NamedIssuer.objects.count() == 2 and NamedIssuer.objects.latest("pk").history.first().history_user == olga
        assert client.post(reverse("admin:portfolios_namedissuer_delete", args=[row.pk]), {"post": "yes"}).status_code == 403

    def test_each_change_is_on_the_record_for_whoever_sees_all_portfolios(self, firm, client, olga, omar, mira):
        client.force_login(olga)
        given = {"portfolio": firm.portfolios["P1"].pk, "issuer": firm.instruments["TSY"].issuer_id, "authority": "CSSF",
                 "prospectus": "p. 1", "starts_on": "2026-01-05"}  # fmt: skip
        client.post(reverse("admin:portfolios_namedissuer_add"), given)
        change = reverse("admin:portfolios_namedissuer_change", args=[NamedIssuer.objects.get().pk])
        for more in ({}, {"ends_on": "2026-06-30"}):  # What was saved as it stood is no fact.
            assert client.post(change, typed(client.get(change), **more)).status_code == 302
        of = {"portfolio": "P1", "issuer": firm.instruments["TSY"].issuer.code, "starts_on": "2026-01-05"}
        rows = Entry.objects.filter(subject="named_issuer").order_by("pk").select_related("act__by")
        assert [(one.event, one.nth, one.payload, one.act.by.username) for one in rows] == [
            ("named_issuer.allowed", 1, of | {"after": {"authority": "CSSF", "prospectus": "p. 1"}}, "olga"),
            ("named_issuer.changed", 2, of | {"before": {"ends_on": None}, "after": {"ends_on": "2026-06-30"}}, "olga"),
        ]
        shown = words(visit(omar, "desk:timeline", "named_issuer", rows[0].subject_id))
        assert "authority CSSF" in shown and "2026-06-30" in shown
        assert visit(mira, "desk:timeline", "named_issuer", rows[0].subject_id).status_code in (403, 404)
