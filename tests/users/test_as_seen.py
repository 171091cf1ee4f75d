"""Two people on one row of the back office: nobody undoes what they have not seen, whatever the row."""

from datetime import date

import pytest
from django.contrib import admin
from django.contrib.auth.models import Group
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from apps.blocks.models import CrossConsent, MergeRule
from apps.groups.models import ListBroker, PackageBroker
from apps.marketdata.models import DepositRate
from apps.orders.models import DefaultRule, OwnField
from apps.portfolios.models import (
    AlikeForTax,
    Benchmark,
    BenchmarkWeight,
    BrokerTerm,
    Direction,
    Mandate,
    Model,
    ModelWeight,
    NamedIssuer,
    PartyInInterest,
    Plan,
    PlanConsent,
    Portfolio,
    PortfolioGroup,
    Taxpayer,
)
from apps.reference.models import (
    Broker,
    Combination,
    Constituent,
    Contract,
    ContractFamily,
    Currency,
    Custodian,
    Depository,
    Fee,
    Instrument,
    InstrumentValue,
    Issuer,
    IssuerValue,
    OwnAttribute,
    SettlementCycle,
    SettlementHoliday,
    Venue,
)  # fmt: skip
from apps.routing import services as routing
from apps.routing.models import AlertRule, Session, Throttle, VenueAccess
from apps.users.as_seen import AsSeen
from apps.users.models import Desk, User
from tests.back_office import typed
from tests.races import at_once

WRITTEN = [model for model, page in admin.site._registry.items() if getattr(page, "writes", ())]


def an_etf(firm) -> Instrument:
    Instrument.objects.filter(symbol="AAA").update(asset_class="ETF")
    return firm.instruments["AAA"]


def a_contract(firm) -> Contract:
    Instrument.objects.filter(symbol="AAA").update(asset_class="FUTURE", maturity_date=date(2030, 12, 20), cfi_code="FFICSX")
    return Contract.objects.create(instrument=firm.instruments["AAA"], family=ContractFamily.objects.create(code="CL", name="Crude"))


def a_plan(firm) -> Plan:
    return Plan.objects.create(
        portfolio=firm.portfolios["P1"], kind="ERISA", employer=firm.instruments["AAA"].issuer, fiduciary="Trustees"
    )


# What each row is, what the first of two changes in it, and what the second, who had it open all the while.
ROWS = {
    User: (lambda w: w.tom, {"last_name": "Tran-Ito"}, {"email": "t@example.com"}),
    Desk: (lambda w: Desk.objects.get(code="MAIN"), {"name": "First desk"}, {"code": "HEAD"}),
    Instrument: (lambda w: w.firm.instruments["AAA"], {"name": "Alpha A"}, {"sector": "Software"}),
    Issuer: (lambda w: w.firm.instruments["BOND"].issuer, {"name": "Delta plc"}, {"sector": "Power"}),
    Broker: (lambda w: w.firm.brokers["HARBOR"], {"commission_rate": "3"}, {"name": "Harbor & Co"}),
    Venue: (lambda w: Venue.objects.get(mic="XNAS"), {"name": "Nasdaq"}, {"closes_at": "17:00:00"}),
    Currency: (lambda w: Currency.objects.get(code="GBP"), {"name": "Sterling"}, {"minor_units": "3"}),
    Custodian: (lambda w: Custodian.objects.get(), {"name": "Stateside"}, {"country": "GB"}),
    Constituent: (lambda w: Constituent.objects.create(
        fund=an_etf(w.firm), instrument=w.firm.instruments["BBB"], as_of=date(2026, 1, 5), weight_pct=10
    ), {"weight_pct": "20"}, {"as_of": "2026-01-06"}),
    ContractFamily: (lambda w: ContractFamily.objects.create(code="CL", name="Crude"), {"name": "Crude oil"}, {"code": "CLX"}),
    Contract: (lambda w: a_contract(w.firm), {"counts": "2"}, {"spot_starts_on": "2026-11-30"}),
    Depository: (lambda w: Depository.objects.get(country="DE"), {"name": "CBF"}, {"bic": "DAKVDEFX"}),
    Combination: (lambda w: Combination.objects.create(asset_class="EQUITY", order_type="LIMIT", tif="DAY"),
                  {"takes_min_qty": "on"}, {"takes_display_qty": "on"}),
    SettlementCycle: (lambda w: SettlementCycle.objects.get(country="DE"), {"days": "1"}, {"effective_to": "2031-01-01"}),
    Fee: (lambda w: Fee.objects.create(
        code="SDRT", name="Stamp", kind="5", country="GB", side="BUY", rate_bp=50, effective_from=date(1986, 10, 27)
    ), {"rate_bp": "40"}, {"name": "Stamp duty"}),
    SettlementHoliday: (lambda w: SettlementHoliday.objects.first(), {"name": "Christmas"}, {"date": "2026-12-26"}),
    OwnAttribute: (lambda w: OwnAttribute.objects.create(code="esg", title="ESG", kind="choice", choices=["Good"]),
                   {"title": "ESG score"}, {"choices": '["Good", "Bad"]'}),
    InstrumentValue: (lambda w: InstrumentValue.objects.create(
        attribute=OwnAttribute.objects.create(code="esg", title="ESG", kind="number"), instrument=w.firm.instruments["AAA"], value="5"
    ), {"value": "6"}, {"source": "Vendor"}),
    IssuerValue: (lambda w: IssuerValue.objects.create(
        attribute=OwnAttribute.objects.create(code="esg", title="ESG", kind="number", of="issuer"),
        issuer=w.firm.instruments["AAA"].issuer, value="5",
    ), {"value": "6"}, {"source": "Vendor"}),
    DepositRate: (lambda w: DepositRate.objects.create(currency_id="USD", pct=4, year_days=360, at=timezone.now()),
                  {"pct": "5"}, {"year_days": "365"}),
    Portfolio: (lambda w: w.firm.portfolios["P1"], {"name": "First client"}, {"custody_account": "SST-1"}),
    Mandate: (lambda w: w.firm.portfolios["P1"].mandate, {"cash_min_pct": "1"}, {"issuer_max_pct": "50"}),
    PortfolioGroup: (lambda w: PortfolioGroup.objects.create(code="INCOME", name="Income"), {"name": "Income funds"}, {"codes": "P1, P3"}),
    Direction: (lambda w: Direction.objects.create(
        portfolio=w.firm.portfolios["P1"], broker=w.firm.brokers["HARBOR"], starts_on=date(2026, 1, 5), basis="letter"
    ), {"basis": "letter of 5 January"}, {"ends_on": "2031-01-01"}),
    BrokerTerm: (lambda w: BrokerTerm.objects.create(
        portfolio=w.firm.portfolios["P1"], broker=w.firm.brokers["HARBOR"], kind="DENY", starts_on=date(2026, 1, 5), reason="letter"
    ), {"reason": "letter of 5 January"}, {"ends_on": "2031-01-01"}),
    Benchmark: (lambda w: Benchmark.objects.create(code="INDEX", name="Index"), {"name": "The index"}, {"code": "INDEX1"}),
    BenchmarkWeight: (lambda w: BenchmarkWeight.objects.create(
        benchmark=Benchmark.objects.create(code="INDEX", name="Index"), instrument=w.firm.instruments["AAA"], as_of=date(2026, 1, 5),
        weight_pct=10,
    ), {"weight_pct": "20"}, {"as_of": "2026-01-06"}),
    Taxpayer: (lambda w: Taxpayer.objects.create(code="SMITH", name="Smith"), {"name": "The Smiths"}, {"code": "SMITHS"}),
    AlikeForTax: (lambda w: AlikeForTax.objects.create(instrument=w.firm.instruments["AAA"], word="ALPHA", reason="Policy"),
                  {"word": "BETA"}, {"reason": "Policy of 2026"}),
    Plan: (lambda w: a_plan(w.firm), {"fiduciary": "The committee"}, {"qpam_agreement": "Of 5 January"}),
    PartyInInterest: (lambda w: PartyInInterest.objects.create(
        issuer=w.firm.instruments["AAA"].issuer, relation="ADVISER", starts_on=date(2026, 1, 5), reason="Register"
    ), {"reason": "Register of 2026"}, {"ends_on": "2031-01-01"}),
    PlanConsent: (lambda w: PlanConsent.objects.create(
        plan=a_plan(w.firm), issuer=w.firm.instruments["BBB"].issuer, exemption="PTE 77-4", agreed_by="A. Trustee",
        document="letter", starts_on=date(2026, 1, 5),
    ), {"document": "letter of 5 January"}, {"agreed_by": "B. Trustee"}),
    NamedIssuer: (lambda w: NamedIssuer.objects.create(
        portfolio=w.firm.portfolios["P1"], issuer=w.firm.instruments["BOND"].issuer, authority="CSSF", prospectus="p. 12",
        starts_on=date(2026, 1, 5),
    ), {"prospectus": "p. 13"}, {"authority": "CSSF, 5 January"}),
    Throttle: (lambda w: Throttle.objects.create(strategy="VWAP", per_second=5), {"per_second": "6"}, {"per_day": "100"}),
    Model: (lambda w: w.model, {"name": "Balanced"}, {"number": "7"}),
    DefaultRule: (lambda w: DefaultRule.objects.create(rank=1, name="Day", tif="DAY", effective_from=date(2026, 1, 5)),
                  {"tif": "GTC"}, {"name": "Good"}),
    OwnField: (lambda w: OwnField.objects.create(code="sleeve", label="Sleeve", kind="text"),
               {"label": "Part"}, {"is_asked": "on"}),
    MergeRule: (lambda w: MergeRule.objects.create(by_team=True), {"by_person": "on"}, {"by_group": "on"}),
    CrossConsent: (lambda w: CrossConsent.objects.create(portfolio=w.firm.portfolios["P1"], basis="procedures"),
                   {"basis": "procedures of 2026"}, {"ends_on": "2031-01-01"}),
    Session: (lambda w: Session.objects.order_by("pk").first(), {"host": "fix.example.com"}, {"port": "9999"}),
    VenueAccess: (
        lambda w: VenueAccess.objects.create(broker=w.firm.brokers["HARBOR"], venue=Venue.objects.first(), volume_pct=20),
        {"volume_pct": "25"}, {"unit_fee": "0.003"},
    ),
    AlertRule: (lambda w: AlertRule.objects.get(kind="IDLE"), {"threshold": "20"}, {"name": "Asleep"}),
    ListBroker: (lambda w: ListBroker.objects.create(broker=w.firm.brokers["HARBOR"], note="tried"), {"note": "tried again"},
                 lambda w: {"broker": str(w.firm.brokers["MERIDIAN"].pk)}),
    PackageBroker: (lambda w: PackageBroker.objects.create(broker=w.firm.brokers["HARBOR"], note="tried"), {"note": "tried again"},
                    {"reports": "2"}),
}  # fmt: skip


def url_of(row, page: str = "change", *more) -> str:
    return reverse(f"admin:{row._meta.app_label}_{row._meta.model_name}_{page}", args=[row.pk, *more])


class Office:
    """Ann and Bob keep reference data and people; each has a browser."""

    def __init__(self, firm, tom, by):
        self.firm, self.tom = firm, tom
        routing.install_sessions(by("loader"))
        routing.install_default_rules(by("loader"))
        routing.install_default_alerts(by("loader"))
        self.model = Model.objects.create(code="BAL", name="Balance", number=1, effective_date=date(2026, 1, 5))
        ModelWeight.objects.bulk_create(
            ModelWeight(model=self.model, instrument=firm.instruments[symbol], weight_pct=weight)
            for symbol, weight in (("AAA", 20), ("BBB", 30), ("TSY", 40))
        )
        groups = Group.objects.filter(name__in=("operations", "administrator"))
        self.ann, self.bob = (self._sign_in(name, groups) for name in ("Ann", "Bob"))

    def _sign_in(self, name: str, groups) -> Client:
        user = User.objects.create(username=name.lower(), first_name=name, last_name="Adler", is_staff=True)
        user.groups.set(groups)
        return self.another(user)

    def another(self, user: User) -> Client:
        client = Client()
        client.force_login(user)
        return client


@pytest.fixture
def office(firm, tom, by) -> Office:
    return Office(firm, tom, by)


def ways(office: Office, model) -> tuple:
    """How a row of the model is made, and two changes of it."""
    make, theirs, mine = ROWS[model]
    return make, theirs, mine(office) if callable(mine) else mine


def told(answer) -> dict[str, tuple]:
    return {one.label: (one.then, one.now, one.typed) for one in answer.context["differences"]}


def values(row, changes) -> dict[str, str]:
    row = type(row).objects.get(pk=row.pk)
    return {name: str(getattr(row, name)) for name in changes}


def test_every_page_that_changes_rows_is_covered():
    assert set(ROWS) == set(WRITTEN)
    assert [model for model in WRITTEN if not isinstance(admin.site._registry[model], AsSeen)] == []
    assert [model for model in WRITTEN if "delete_selected" in dict(admin.site._registry[model].actions)] == []


@pytest.mark.parametrize("model", ROWS, ids=lambda model: model.__name__)
@pytest.mark.django_db
class TestEveryRow:
    def test_the_second_is_told_and_then_both_changes_stand(self, office, model):
        make, theirs, mine = ways(office, model)
        row = make(office)
        url = url_of(row)
        opened = office.ann.get(url)
        assert opened.context["made_from"]
        was = values(row, mine)
        answer = office.bob.post(url, typed(office.bob.get(url), **theirs))
        assert answer.status_code == 302, answer.context["errors"]
        stood = values(row, theirs)

        refused = office.ann.post(url, typed(opened, **mine))

        assert refused.status_code == 409
        assert refused.context["last_change"][0] == "Bob Adler"
        assert len(told(refused)) == 1 and set(mine).isdisjoint(told(refused))
        said = refused.content.decode()
        assert "Nothing was done: this changed since you opened it, last by Bob Adler" in said
        assert (values(row, theirs), values(row, mine)) == (stood, was)

        again = office.ann.post(url, typed(refused))

        assert again.status_code == 302, again.context["errors"]
        assert values(row, theirs) == stood
        assert values(row, mine) != was

    def test_who_looked_at_what_stands_may_save_it(self, office, model):
        make, theirs, mine = ways(office, model)
        url = url_of(make(office))
        for changes in (theirs, mine):
            assert office.ann.post(url, typed(office.ann.get(url), **changes)).status_code == 302

    def test_a_form_that_says_not_what_it_was_made_from_is_refused(self, office, model):
        make, theirs, _ = ROWS[model]
        row = make(office)
        before = values(row, theirs)
        for sent in (None, "nonsense"):
            answer = office.ann.post(url_of(row), typed(office.ann.get(url_of(row)), made_from=sent, **theirs))
            assert answer.status_code == 409
            assert "does not say what it was made from" in answer.content.decode()
        assert values(row, theirs) == before


@pytest.mark.django_db
class TestWhatIsTold:
    def test_a_field_both_changed_says_what_was_what_is_and_what_was_typed(self, office):
        row = ROWS[MergeRule][0](office)
        url = url_of(row)
        opened = office.ann.get(url)
        office.bob.post(url, typed(office.bob.get(url), desk=office.firm.desk.pk, is_active=None))

        refused = office.ann.post(url, typed(opened, asset_class="BOGUS", is_active=None))

        assert told(refused) == {"Desk": ("–", str(office.firm.desk), None), "Is active": ("yes", "no", "no")}
        assert "BOGUS" not in told(refused)
        row.refresh_from_db()
        assert (row.desk, row.is_active) == (office.firm.desk, False)

    def test_what_was_typed_stands_even_where_it_is_wrong_and_is_judged_at_the_next_save(self, office):
        row = office.firm.instruments["AAA"]
        url = url_of(row)
        opened = office.ann.get(url)
        office.bob.post(url, typed(office.bob.get(url), name="Alpha A"))

        refused = office.ann.post(url, typed(opened, lot_size="none", isin="US0378331006"))
        assert typed(refused)["lot_size"] == "none" and typed(refused)["isin"] == "US0378331006"
        judged = office.ann.post(url, typed(refused))

        assert judged.status_code == 200
        assert set(judged.context["adminform"].errors) == {"lot_size", "isin"}
        mended = office.ann.post(url, typed(judged, lot_size="100", isin="US0378331005"))
        assert mended.status_code == 302
        row.refresh_from_db()
        assert (row.name, row.lot_size) == ("Alpha A", 100)

    def test_a_third_change_is_told_again(self, office):
        url = url_of(office.firm.instruments["AAA"])
        opened = office.ann.get(url)
        office.bob.post(url, typed(office.bob.get(url), name="Alpha A"))
        refused = office.ann.post(url, typed(opened, sector="Software"))
        office.bob.post(url, typed(office.bob.get(url), name="Alpha B"))

        again = office.ann.post(url, typed(refused))

        assert again.status_code == 409
        assert told(again) == {"Name": ("Alpha A", "Alpha B", None)}
        assert typed(again)["sector"] == "Software"

    def test_roles_are_told_by_name(self, office):
        url = url_of(office.tom)
        opened = office.ann.get(url)
        office.bob.post(url, typed(office.bob.get(url), roles=["operations"]))

        refused = office.ann.post(url, typed(opened, is_active=None))

        assert told(refused) == {"Roles": ("Trader", "Operations", None)}
        assert office.ann.post(url, typed(refused)).status_code == 302
        tom = User.objects.get(pk=office.tom.pk)
        assert (tom.is_active, [g.name for g in tom.groups.all()]) == (False, ["operations"])

    def test_a_row_that_is_gone_is_said_to_be(self, office):
        row = ROWS[MergeRule][0](office)
        opened = office.ann.get(url_of(row))
        office.bob.post(url_of(row, "delete"), typed(office.bob.get(url_of(row, "delete"))))

        answer = office.ann.post(url_of(row), typed(opened, by_group="on"), follow=True)

        assert "Perhaps it was deleted?" in answer.content.decode()
        assert not MergeRule.objects.exists()

    def test_who_may_not_change_is_told_nothing(self, office, people):
        User.objects.filter(username="tom").update(is_staff=True)
        row = office.firm.portfolios["P1"]

        assert office.another(people["alan"]).post(url_of(row), {"name": "x"}).status_code == 403


@pytest.mark.django_db
class TestLines:
    """Weights below a model, and the mandate below its portfolio."""

    def test_weights_two_changed_at_once_are_both_told_and_kept(self, office):
        url = url_of(office.model)
        opened = office.ann.get(url)
        weights = dict(office.model.weights.values_list("instrument__symbol", "pk"))
        at = {typed(opened)[f"weights-{n}-id"]: n for n in range(3)}
        aaa, bbb, tsy = (at[str(weights[symbol])] for symbol in ("AAA", "BBB", "TSY"))
        bobs = typed(
            office.bob.get(url), **{f"weights-{bbb}-weight_pct": "25", f"weights-{tsy}-DELETE": "on"}
        )
        assert office.bob.post(url, bobs).status_code == 302

        mine = {
            f"weights-{aaa}-weight_pct": "21", "weights-TOTAL_FORMS": "4",
            "weights-3-instrument": office.firm.instruments["CCC"].pk, "weights-3-weight_pct": "5", "weights-3-id": "",
        }  # fmt: skip
        refused = office.ann.post(url, typed(opened, **mine))

        assert refused.status_code == 409
        said = told(refused)
        assert ("30.0000", "25.0000", None) in said.values()
        assert ("40.0000", "–", None) in said.values()
        assert dict(office.model.weights.values_list("instrument__symbol", "weight_pct")) == {"AAA": 20, "BBB": 25}
        again = office.ann.post(url, typed(refused))
        assert again.status_code == 302, again.context["errors"]
        assert dict(office.model.weights.values_list("instrument__symbol", "weight_pct")) == {"AAA": 21, "BBB": 25, "CCC": 5}

    def test_a_mandate_changed_on_its_own_page_is_told_on_the_portfolios(self, office):
        home = office.firm.portfolios["P1"]
        opened = office.ann.get(url_of(home))
        office.bob.post(url_of(home.mandate), typed(office.bob.get(url_of(home.mandate)), cash_min_pct="2"))

        refused = office.ann.post(url_of(home), typed(opened, **{"mandate-0-issuer_max_pct": "55"}))

        assert refused.status_code == 409
        assert ("0.0000", "2.0000", None) in told(refused).values()
        assert office.ann.post(url_of(home), typed(refused)).status_code == 302
        kept = Mandate.objects.get(portfolio=home)
        assert (kept.cash_min_pct, kept.issuer_max_pct) == (2, 55)

    def test_lines_beyond_reason_do_not_run_away(self, office):
        url = url_of(office.model)
        opened = office.ann.get(url)
        office.bob.post(url, typed(office.bob.get(url), name="Balanced"))

        for total in ("99999999999", "-1", "many"):
            assert office.ann.post(url, typed(opened, **{"weights-TOTAL_FORMS": total})).status_code == 409


@pytest.mark.django_db
class TestDeletingAndGoingBack:
    def test_nobody_deletes_what_another_has_just_changed(self, office):
        row = ROWS[MergeRule][0](office)
        asked = office.ann.get(url_of(row, "delete"))
        office.bob.post(url_of(row), typed(office.bob.get(url_of(row)), by_person="on"))

        refused = office.ann.post(url_of(row, "delete"), typed(asked))

        assert refused.status_code == 409
        assert told(refused) == {"Who entered it": ("no", "yes", None)}
        assert MergeRule.objects.filter(pk=row.pk).exists()
        assert office.ann.post(url_of(row, "delete"), typed(refused)).status_code == 302
        assert not MergeRule.objects.exists()

    def test_an_older_version_comes_back_only_over_what_was_seen(self, office):
        row = ROWS[AlertRule][0](office)
        first = row.history.order_by("history_id").first() or None
        office.bob.post(url_of(row), typed(office.bob.get(url_of(row)), threshold="20"))
        first = first or row.history.order_by("history_id").first()
        back = url_of(row, "simple_history", first.history_id)
        opened = office.ann.get(back)
        office.bob.post(url_of(row), typed(office.bob.get(url_of(row)), name="Renamed"))

        refused = office.ann.post(back, typed(opened, name="Mine"))

        assert refused.status_code == 409
        assert "Renamed" in refused.content.decode()
        row.refresh_from_db()
        assert row.name == "Renamed"
        assert typed(refused)["name"] == "Mine"
        assert office.ann.post(back, typed(refused)).status_code == 302
        row.refresh_from_db()
        assert row.name == "Mine"

    def test_rows_are_not_deleted_by_the_dozen(self, office):
        row = ROWS[MergeRule][0](office)
        listed = reverse("admin:blocks_mergerule_changelist")

        office.ann.post(listed, {"action": "delete_selected", "_selected_action": [row.pk], "post": "yes"})

        assert MergeRule.objects.filter(pk=row.pk).exists()


@pytest.mark.django_db(transaction=True)
class TestAtOnce:
    @pytest.mark.parametrize("model", [MergeRule, Instrument, User, Session, Portfolio, Model])
    def test_of_two_at_the_same_moment_one_is_told_of_the_other(self, office, model):
        make, theirs, mine = ways(office, model)
        row = make(office)
        url = url_of(row)
        forms = [typed(office.ann.get(url), **mine), typed(office.bob.get(url), **theirs)]

        answers = at_once(
            lambda: office.ann.post(url, forms[0]).status_code, lambda: office.bob.post(url, forms[1]).status_code
        )

        assert sorted(answers) == [302, 409]

    def test_a_mandate_on_two_pages_at_the_same_moment(self, office):
        home = office.firm.portfolios["P1"]
        urls = url_of(home), url_of(home.mandate)
        forms = [
            typed(office.ann.get(urls[0]), **{"mandate-0-cash_min_pct": "1"}),
            typed(office.bob.get(urls[1]), cash_min_pct="2"),
        ]

        answers = at_once(
            lambda: office.ann.post(urls[0], forms[0]).status_code, lambda: office.bob.post(urls[1], forms[1]).status_code
        )

        assert sorted(answers) == [302, 409]
        assert Mandate.objects.get(portfolio=home).cash_min_pct == (1 if answers[0] == 302 else 2)
