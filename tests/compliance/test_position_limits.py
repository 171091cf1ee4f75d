"""Position limits of a firm: kept by officers, by hand and by file, and never taken twice."""

from datetime import date, timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from apps.compliance import services as compliance
from apps.compliance.models import Check, PositionLimit
from apps.core.refusals import IllegalMove, Invalid, NotAllowed, NotFound
from apps.orders import services as orders
from apps.orders.models import Order
from apps.portfolios.models import Portfolio
from apps.reference.models import Contract, ContractFamily, Instrument
from tests.compliance.ruling import put_in_force
from tests.races import at_once

D = Decimal
TODAY = date.today()
PAGE, API = "/position-limits/", "/api/v1/position-limits/"
HEAD = "family,months,kind,contracts,source,citation,from,to,reason\n"


@pytest.fixture
def family(listed, firm) -> ContractFamily:
    """ES with two months: FUT and FU2, both far from expiry."""
    made = ContractFamily.objects.create(code="ES", name="Index")
    other = Instrument.objects.get(symbol="FUT")
    other.pk, other.symbol, other.maturity_date = None, "FU2", date(2031, 3, 21)
    other.save()
    firm.instruments["FU2"] = Instrument.objects.get(symbol="FU2")
    firm.quote("FU2", "4000", spread="0.50")
    for symbol in ("FUT", "FU2"):
        Contract.objects.create(instrument=firm.instruments[symbol], family=made)
    return made


def limit(family, qty="10", **more) -> compliance.NewLimit:
    given = {"months": "ALL", "source": "EXCHANGE", "citation": "Chapter 5", "starts_on": TODAY - timedelta(1)} | more
    return compliance.NewLimit(family.pk, qty=D(qty), **given)


@pytest.fixture
def bound(family, omar, by):
    """Ten contracts in all months together, and the rule that asks it."""
    [pk] = compliance.add_position_limits(by(omar), [limit(family)])
    put_in_force(by, "positions", {}, severity="HARD", name="Position limits", kind="position_limits")
    return pk


@pytest.fixture
def send(listed, mira, by):
    def make(symbol: str, qty: str, portfolio: str = "P1", side: str = "BUY", person=None, **more) -> int:
        return orders.create_orders(by(person or mira), [listed.wish(symbol, side, portfolio, qty=qty)], **more)[0]

    return make


def status(pk: int) -> str:
    return Order.objects.get(pk=pk).status


@pytest.mark.django_db
class TestOrders:
    def test_two_months_of_a_family_share_what_the_firm_may_hold(self, bound, send):
        first, second, third = send("FUT", "6", submit=True), send("FU2", "5", "P3", submit=True), send("FU2", "4", "P3", submit=True)
        assert [status(pk) for pk in (first, second, third)] == ["CLEARED", "HELD", "HELD"]
        [said] = Check.objects.filter(order=second).latest("pk").results
        assert "The firm would be net long 11 ES contracts in all months together" in said["text"]
        assert said["max_qty"] == "4" and (said["limit"], said["unit"]) == ("10", "contracts")
        sales = [send("FUT", qty, side="SELL", submit=True) for qty in ("11", "10")]  # What is still to be bought lets nobody sell more.
        assert [status(pk) for pk in sales] == ["HELD", "HELD"]  # The first is open too while it waits.

    def test_another_owner_has_limits_of_its_own(self, bound, send, firm):
        Portfolio.objects.filter(code="P3").update(position_owner="TRUST")
        assert [status(send("FUT", "10", home, submit=True)) for home in ("P1", "P3")] == ["CLEARED", "CLEARED"]
        assert status(send("FU2", "1", "P2", submit=True)) == "HELD"

    def test_an_ended_limit_and_one_to_come_bind_nobody(self, bound, send, family, omar, by):
        compliance.add_position_limits(by(omar), [limit(family, "1", starts_on=TODAY + timedelta(1)), limit(family, "50")])
        compliance.end_position_limits(by(omar, "Raised."), [bound], seen={bound: 1})
        assert status(send("FUT", "50", submit=True)) == "CLEARED"

    def test_a_future_of_no_family_cannot_be_told(self, bound, send):
        Contract.objects.all().delete()
        pk = send("FUT", "1", submit=True)
        assert status(pk) == "HELD" and "of no contract family" in Check.objects.get(order=pk).results[0]["text"]

    def test_an_option_on_a_future_counts_by_its_delta(self, bound, send, firm):
        Instrument.objects.filter(pk=firm.instruments["OPT"].pk).update(underlying=firm.instruments["FUT"], strike_price=4000)
        pk = send("OPT", "30", submit=True)
        assert status(pk) == "HELD"
        [said] = Check.objects.get(order=pk).results
        assert 10 < D(said["after"]) < 30 and D(said["max_qty"]) < 20

    def test_room_kept_for_a_draft_is_nobody_elses(self, bound, send, mira, paul, by):
        mine = send("FUT", "7")
        compliance.reserve_room(by(mira), [mine], seen={mine: 1}, until=timezone.now() + timedelta(hours=1))
        theirs = send("FU2", "4", "P3", person=paul)
        orders.submit_orders(by(paul), [theirs], seen={theirs: 1})
        orders.submit_orders(by(mira), [mine], seen={mine: Order.objects.get(pk=mine).version})
        assert (status(theirs), status(mine)) == ("HELD", "CLEARED")


@pytest.mark.django_db(transaction=True)
def test_the_last_contracts_are_taken_once_whatever_the_month(bound, send, mira, paul, by):
    mine, theirs = send("FUT", "10"), send("FU2", "10", "P3", person=paul)

    answers = at_once(
        lambda: orders.submit_orders(by(mira), [mine], seen={mine: 1}), lambda: orders.submit_orders(by(paul), [theirs], seen={theirs: 1})
    )

    assert answers == [None, None] and sorted(map(status, (mine, theirs))) == ["CLEARED", "HELD"]


@pytest.mark.django_db
class TestKeeping:
    @pytest.mark.parametrize(
        ("change", "field"),
        [
            ({"qty": D(0)}, "qty"), ({"qty": D("NaN")}, "qty"), ({"qty": D("0.00001")}, "qty"), ({"months": "LATER"}, "months"),
            ({"kind": "WISH"}, "kind"), ({"source": "FRIEND"}, "source"), ({"citation": " "}, "citation"),
            ({"ends_on": TODAY - timedelta(9)}, "ends_on"), ({"family_id": 10**9}, "family"), ({"reason": "x" * 201}, "reason"),
        ],
    )  # fmt: skip
    def test_refuses_what_is_malformed_and_keeps_none(self, family, omar, by, change, field):
        with pytest.raises(Invalid) as refused:
            compliance.add_position_limits(by(omar), [limit(family), limit(family)._replace(**change)])
        assert (refused.value.facts["field"], refused.value.facts["index"]) == (field, 1)
        assert not PositionLimit.objects.exists()

    def test_officers_alone_add_and_end_once_and_with_a_reason(self, family, omar, odile, mira, by):
        with pytest.raises(NotAllowed):
            compliance.add_position_limits(by(mira), [limit(family)])
        [pk] = compliance.add_position_limits(by(omar), [limit(family)])
        for act, seen, refusal in (
            (by(mira, "x"), {pk: 1}, NotAllowed), (by(omar), {pk: 1}, Invalid), (by(omar, "x"), {pk: 2}, compliance.StalePositionLimit),
        ):  # fmt: skip
            with pytest.raises(refusal):
                compliance.end_position_limits(act, [pk], seen=seen)
        with pytest.raises(NotFound):
            compliance.end_position_limits(by(omar, "x"), [pk, pk + 1], seen={pk: 1})
        answers = [compliance.end_position_limits(by(odile, "Over."), [pk], seen={pk: 1})]
        with pytest.raises(IllegalMove):
            compliance.end_position_limits(by(omar, "x"), [pk], seen={pk: 2})
        assert answers == [None] and PositionLimit.objects.get().status == "RETIRED"

    def test_a_file_names_every_bad_row_and_counts_for_nothing(self, family, omar, by):
        compliance.add_position_limits(by(omar), [limit(family)])
        text = HEAD + (
            f"ES,ALL,LIMIT,5,EXCHANGE,Chapter 5,{TODAY},,\nXX,ALL,LIMIT,5,EXCHANGE,c,2026-01-05,,\nES,NEVER,LIMIT,many,EXCHANGE,c,5 May,,\n"
        )
        with pytest.raises(compliance.BadRows) as refused:
            compliance.import_position_limits(by(omar), text.encode())
        bad = {(one["row"], one["field"]) for one in refused.value.facts["rows"]}
        assert bad == {(3, "family"), (4, "months"), (4, "contracts"), (4, "from")}
        again = HEAD + "ES,SPOT,,5,REGULATOR,17 CFR 150.2,2026-01-05,,\nES,SPOT,,6,REGULATOR,c,2026-01-05,,\n"
        again += f"ES,ALL,,6,EXCHANGE,c,{TODAY - timedelta(1)},,\n"
        with pytest.raises(compliance.BadRows) as refused:
            compliance.import_position_limits(by(omar), again.encode())
        assert [one["message"][:14] for one in refused.value.facts["rows"]] == ["Row 2 says the", "It is in force"]
        for content in (b"\xff\xfe", b"", b"family\nES\n", HEAD.encode()):
            with pytest.raises(compliance.BadFile):
                compliance.import_position_limits(by(omar), content)
        assert PositionLimit.objects.count() == 1
        good = HEAD + "ES,SPOT,LIMIT,\"2,000\",REGULATOR,17 CFR 150.2,2026-01-05,2026-12-31,\n"
        good += "ES,SINGLE,LEVEL,900,EXCHANGE,c,2026-01-05,,Board\n"
        assert len(compliance.import_position_limits(by(omar), good.encode())) == 2
        assert list(PositionLimit.objects.order_by("-pk").values_list("months", "kind", "qty")[:2]) == [
            ("SINGLE", "LEVEL", 900), ("SPOT", "LIMIT", 2000),
        ]  # fmt: skip


@pytest.mark.django_db
class TestEdges:
    def test_the_page_says_how_near_anybody_is(self, bound, send, client, omar, ada, family):
        send("FUT", "6", submit=True)
        client.force_login(ada)
        page = client.get(PAGE).content.decode()
        assert "PL-" in page and "the firm" in page and ">6<" in page and "Add a limit" not in page
        client.force_login(omar)
        said = {
            "family": family.pk, "months": "SPOT", "kind": "LEVEL", "qty": "5", "source": "FIRM", "citation": "Board",
            "starts_on": "2026-01-05",
        }  # fmt: skip
        assert client.post(f"{PAGE}new/", said | {"qty": "0"}).status_code == 422
        assert client.post(f"{PAGE}new/", said).status_code == 204
        assert PositionLimit.objects.filter(months="SPOT", kind="LEVEL", qty=5).exists()
        assert client.post(f"{PAGE}{bound}/end/", {"seen": f"{bound}:1", "reason": "Over"}).status_code == 204

    def test_the_api_adds_reads_and_ends(self, family, client, omar, ask):
        said = [{"family_id": family.pk, "months": "ALL", "qty": "9", "source": "FIRM", "citation": "Board", "starts_on": "2026-01-05"}]
        made = ask(omar, "post", API, said)
        assert made.status_code == 201, made.content
        [one] = made.json()
        assert (one["family"], one["kind"], D(one["qty"])) == ("ES", "LIMIT", 9)
        assert ask(omar, "post", API, [said[0] | {"months": "NEVER"}]).status_code == 422
        assert ask(omar, "post", f"{API}{one['id']}/end/", {"version": 2, "reason": "x"}).status_code == 409
        ended = ask(omar, "post", f"{API}{one['id']}/end/", {"version": 1, "reason": "x"})
        assert (ended.status_code, ended.json()["status"]) == (200, "RETIRED")
        assert [row["id"] for row in ask(omar, "get", API).json()["results"]] == [one["id"]]
