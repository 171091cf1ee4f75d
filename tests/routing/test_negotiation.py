"""Dealers' prices taken in parts, and answered with ours."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import Error, connection, transaction
from django.template.defaultfilters import floatformat
from django.utils import timezone

from apps.audit.models import Entry
from apps.blocks.models import Block
from apps.core.refusals import IllegalMove, NotFound
from apps.marketdata import services as marketdata
from apps.routing import rules
from apps.routing import services as routing
from apps.routing.models import Award, Counter, DealerQuote, Inquiry, Message, Route
from tests.pages import send, visit, words

from .conftest import sent

D = Decimal
DEALERS = ["ALDGATE", "CASTLE", "DORSET", "ELMSTREET"]


@pytest.fixture
def asked(a_block, street, tom, by):
    """``asked("98.10", ("98.05", 40_000), None)``: an inquiry for 100,000 that a person decides, with these answers."""

    def make(*answers, side="BUY", qty=100_000, **more) -> Inquiry:
        block = a_block("BOND", side, qty, **more)
        routed = routing.send_inquiries(by(tom), [block.pk], seen={block.pk: block.version}, award="person", dealer_codes=DEALERS)
        inquiry = Inquiry.objects.get(pk=routed.inquiries[0])
        for quote, said in zip(inquiry.quotes.order_by("pk"), answers, strict=False):
            if said is None:
                street.decline(quote)
            else:
                answer(street, quote, *(said if isinstance(said, tuple) else (said,)), side=side)
        inquiry.refresh_from_db()
        return inquiry

    return make


def answer(street, quote, price, size=100_000_000, *, side="BUY", ref="", seconds=60, **more) -> None:
    until = rules.utc_text(timezone.now() + timedelta(seconds=seconds))
    tags = (133, 135) if side == "BUY" else (132, 134)
    fields = {131: quote.request_ref, 117: ref or f"QT{quote.pk}", tags[0]: price, tags[1]: size, 62: until}
    street.book(street.hear(quote.dealer_id, "S", fields | {int(k): v for k, v in more.items()}))


def quotes(inquiry) -> list[DealerQuote]:
    return list(inquiry.quotes.order_by("pk"))


def take(act, inquiry, *shares, **more):
    """In the order of the quotes: how much of each, None for nothing."""
    inquiry.refresh_from_db()
    wanted = {q.pk: D(qty) for q, qty in zip(quotes(inquiry), shares, strict=False) if qty is not None}
    return routing.award_inquiry(act, inquiry.pk, seen={inquiry.pk: inquiry.version}, shares=wanted, **more)


def untouched(inquiry) -> bool:
    inquiry.refresh_from_db()
    return inquiry.status == "COLLECTING" and not Route.objects.exists() and Block.objects.get().placed_qty == inquiry.qty


class TestParts:
    def test_two_dealers_have_a_part_each_and_the_others_are_told(self, asked, tom, by):
        inquiry = asked(("98.00", 60_000), "98.10", "98.20", None)

        assert not take(by(tom), inquiry, 60_000, 40_000)

        inquiry.refresh_from_db()
        first, second = Award.objects.order_by("pk")
        assert inquiry.status == "AWARDED"
        assert [(a.qty, a.price, a.cover_price, a.is_tied) for a in (first, second)] == [
            (60_000, D("98"), D("98.2"), False), (40_000, D("98.1"), D("98.2"), False),
        ]  # fmt: skip
        assert [(r.qty, r.limit_price, r.kind) for r in Route.objects.order_by("pk")] == [
            (60_000, D("98"), "INQUIRY"), (40_000, D("98.1"), "INQUIRY"),
        ]  # fmt: skip
        assert [q.result for q in quotes(inquiry)] == ["WON", "WON", "COVER", "DECLINED"]
        assert [(m[694], m[38]) for m in sent("AJ")] == [("1", "60000"), ("1", "40000"), ("4", "100000")]
        assert Block.objects.get().placed_qty == 100_000
        told = Entry.objects.get(event="inquiry.awarded").payload
        assert [(p["qty"], p["price"]) for p in told["parts"]] == [("60000", "98"), ("40000", "98.1")]

    def test_it_is_traded_once_all_parts_are_over_and_one_traded(self, asked, tom, by, street):
        inquiry = asked(("98.00", 60_000), "98.10")
        take(by(tom), inquiry, 60_000, 40_000)
        one, other = Route.objects.order_by("pk")

        street.report(other, "8", "8", text="quote expired")
        inquiry.refresh_from_db()
        assert inquiry.status == "AWARDED"
        street.report(one, "F", "2", last=(60_000, "98"), cum=60_000)

        inquiry.refresh_from_db()
        block = Block.objects.get()
        assert (inquiry.status, block.placed_qty, block.filled_qty) == ("TRADED", 60_000, 60_000)

    def test_it_has_failed_where_no_part_traded(self, asked, tom, by, street):
        inquiry = asked(("98.00", 60_000), "98.10")
        take(by(tom), inquiry, 60_000, 40_000)

        for route in Route.objects.order_by("pk"):
            street.report(route, "8", "8", text="quote expired")

        inquiry.refresh_from_db()
        assert (inquiry.status, Block.objects.get().placed_qty) == ("FAILED", 0)

    def test_what_nobody_takes_is_free_again(self, asked, tom, by):
        inquiry = asked("98.00", "98.10")

        take(by(tom), inquiry, 30_000)

        block = Block.objects.get()
        assert (block.placed_qty, block.unplaced_qty) == (30_000, 70_000)
        assert Entry.objects.get(event="inquiry.awarded").payload["rest"] == "70000"

    def test_a_price_as_good_is_tied_with_the_part_it_ties(self, asked, tom, by):
        inquiry = asked(("98.00", 60_000), ("98.10", 40_000), ("98.10", 1_000), "98.30")

        take(by(tom), inquiry, 60_000, 40_000)

        assert [(a.price, a.cover_price, a.is_tied) for a in Award.objects.order_by("pk")] == [
            (D("98"), D("98.1"), False), (D("98.1"), D("98.1"), True),
        ]  # fmt: skip
        assert [q.result for q in quotes(inquiry)] == ["WON", "WON", "TIED", "LOST"]

    def test_worse_parts_than_the_best_ask_for_a_reason(self, asked, tom, by):
        inquiry = asked(("98.00", 60_000), "98.10", "98.20")

        with pytest.raises(routing.NotTheBest, match="60000 at 98, 40000 at 98.1"):
            take(by(tom), inquiry, 50_000, 50_000)
        assert untouched(inquiry)
        take(by(tom, "Keeps Aldgate small."), inquiry, 50_000, 50_000)

        assert Award.objects.count() == 2

    def test_a_seller_gives_most_to_the_highest_bid(self, asked, tom, by):
        inquiry = asked(("98.00", 60_000), "97.90", side="SELL")

        with pytest.raises(routing.NotTheBest):
            take(by(tom), inquiry, 40_000, 60_000)
        assert not take(by(tom), inquiry, 60_000, 40_000)

    @pytest.mark.parametrize(
        ("shares", "refusal"),
        [
            ((60_000, 41_000), routing.BadShare), ((60_500, 39_500), routing.BadShare), ((0, 100_000), routing.BadShare),
            ((-1_000, 100_000), routing.BadShare), ((61_000, 39_000), routing.QuoteEnded), ((None, None, None, 1_000), routing.QuoteEnded),
        ],
    )  # fmt: skip
    def test_parts_that_cannot_be_are_refused_and_nothing_is_taken(self, asked, tom, by, shares, refusal):
        inquiry = asked(("98.00", 60_000), "98.10", "98.20", None)

        with pytest.raises(refusal):
            take(by(tom, "So."), inquiry, *shares)

        assert untouched(inquiry) and not sent("AJ")

    def test_a_quote_of_another_inquiry_is_not_there(self, asked, tom, by):
        inquiry = asked("98.00")

        with pytest.raises(NotFound):
            routing.award_inquiry(by(tom), inquiry.pk, seen={inquiry.pk: inquiry.version}, shares={999_999: D(1_000)})

    def test_the_database_too_takes_no_more_than_was_asked_for(self, asked, tom, by):
        inquiry = asked("98.00", "98.10")
        take(by(tom), inquiry, 100_000)
        made, spare = Award.objects.get(), Route.objects.get()
        spare.pk, spare.cl_ord_id = None, "other"

        with pytest.raises(Error, match="more of an inquiry is awarded"), transaction.atomic():
            spare.save(force_insert=True)
            Award.objects.create(inquiry=inquiry, quote=quotes(inquiry)[1], route=spare, qty=1, price=made.price)

    def test_a_halt_that_takes_back_one_part_leaves_the_inquiry_to_the_other(self, asked, tom, by, street):
        inquiry = asked(("98.00", 60_000), "98.10")
        take(by(tom), inquiry, 60_000, 40_000)
        first = Route.objects.order_by("pk").first()
        Message.objects.filter(ref=first.cl_ord_id).update(status="SENT")  # The gateway has it; the other waits.

        routing.set_halt(by(tom, "Stop."), "FIRM")

        inquiry.refresh_from_db()
        assert inquiry.status == "AWARDED"
        street.report(first, "F", "2", last=(60_000, "98"), cum=60_000)
        inquiry.refresh_from_db()
        assert inquiry.status == "TRADED"


class TestCounters:
    def counter(self, act, inquiry, nth=0, price="97.90", **more):
        inquiry.refresh_from_db()
        return routing.counter_quote(act, quotes(inquiry)[nth].pk, price=D(price), seen={inquiry.pk: inquiry.version}, **more)

    def test_our_price_is_said_and_binds_nobody(self, asked, tom, by):
        inquiry = asked("98.10", "98.20")

        made = self.counter(by(tom), inquiry, qty=D(50_000))

        (said,) = sent("AJ")
        assert {tag: said.get(tag) for tag in (117, 694, 537, 44, 38, 54, 693)} == {
            117: made.quote_ref, 694: "2", 537: "0", 44: "97.9", 38: "50000", 54: "1", 693: made.ref,
        }  # fmt: skip
        inquiry.refresh_from_db()
        assert (inquiry.status, quotes(inquiry)[0].result, made.answer) == ("COLLECTING", "COUNTER", "WAITING")
        assert Entry.objects.get(event="inquiry.countered").payload["price"] == "97.9"
        assert not Route.objects.exists()

    def test_what_was_countered_is_not_taken(self, asked, tom, by):
        inquiry = asked("98.10", "98.20")
        self.counter(by(tom), inquiry)

        with pytest.raises(routing.QuoteEnded):
            take(by(tom, "So."), inquiry, 100_000)
        assert untouched(inquiry)
        take(by(tom), inquiry, None, 100_000)  # The best of those that are left.

        assert [q.result for q in quotes(inquiry)] == ["COUNTER", "WON", "SILENT", "SILENT"]
        assert Counter.objects.get().answer == "LAPSED"
        assert {m[694] for m in sent("AJ")} == {"1", "2", "5"}

    def test_an_answer_to_the_last_but_one_is_one_to_the_last(self, asked, tom, by, street):
        inquiry = asked("98.10", "98.20")
        first = self.counter(by(tom), inquiry)
        answer(street, quotes(inquiry)[0], "98.06", ref="Q2", **{"693": first.ref})
        second = self.counter(by(tom), inquiry, price="97.95")

        answer(street, quotes(inquiry)[0], "98.05", ref="Q3", **{"693": first.ref})

        assert list(Counter.objects.order_by("pk").values_list("answer", flat=True)) == ["REQUOTED", "REQUOTED"]
        assert self.counter(by(tom), inquiry, price="97.96").pk > second.pk

    def test_an_older_price_said_again_is_no_new_one(self, asked, tom, by, street):
        inquiry = asked("98.10", "98.20")
        quote = quotes(inquiry)[0]
        answer(street, quote, "98.15", ref="Q2")
        self.counter(by(tom), inquiry)

        answer(street, quote, "98.10", ref=f"QT{quote.pk}")

        assert (quotes(inquiry)[0].result, quotes(inquiry)[0].price, quotes(inquiry)[0].quote_ref) == ("COUNTER", D("98.15"), "Q2")
        assert Counter.objects.get().answer == "WAITING"

    @pytest.mark.parametrize(("price", "result"), [("97.90", "MET"), ("97.85", "MET"), ("98.05", "REQUOTED")])
    def test_the_dealer_quotes_anew_and_that_can_be_taken(self, asked, tom, by, street, price, result):
        inquiry = asked("98.10", "98.20")
        made = self.counter(by(tom), inquiry)

        answer(street, quotes(inquiry)[0], price, ref="NEW", **{"693": made.ref})

        made.refresh_from_db()
        assert (made.answer, quotes(inquiry)[0].result, quotes(inquiry)[0].price) == (result, "QUOTED", D(price))
        take(by(tom), inquiry, 100_000)
        assert Route.objects.get().limit_price == D(price)
        assert [level.price for level in quotes(inquiry)[0].levels.order_by("pk")] == [D("98.10"), D(price)]

    @pytest.mark.parametrize("kind", ["AI", "AG", "j"])
    def test_the_dealer_passes_and_is_out(self, asked, tom, by, street, kind):
        inquiry = asked("98.10", "98.20")
        made = self.counter(by(tom), inquiry)
        quote = quotes(inquiry)[0]
        said = {
            "AI": {131: quote.request_ref, 117: quote.quote_ref, 693: made.ref, 55: "BOND", 297: 11},
            "AG": {131: quote.request_ref, 658: 10},
            "j": {45: 1, 372: "AJ", 379: made.ref, 380: 3, 58: "No counters here"},
        }[kind]

        street.book(street.hear(quote.dealer_id, kind, said))

        made.refresh_from_db()
        assert (made.answer, quotes(inquiry)[0].result, quotes(inquiry)[0].price) == ("PASSED", "DECLINED", None)
        assert not Message.objects.filter(status="QUARANTINED").exists()

    def test_a_status_that_ends_nothing_changes_nothing(self, asked, street):
        inquiry = asked("98.10")
        quote = quotes(inquiry)[0]

        street.book(street.hear(quote.dealer_id, "AI", {131: quote.request_ref, 117: quote.quote_ref, 55: "BOND", 297: 0}))

        assert quotes(inquiry)[0].result == "QUOTED"

    def test_refused_leaves_no_trace(self, asked, tom, by):
        inquiry = asked("98.10", None)
        version = inquiry.version

        for nth, price, more, refusal in (
            (0, "98.10", {}, routing.BadCounter), (0, "98.105", {}, routing.BadCounter), (0, "98.20", {}, routing.BadCounter),
            (0, "-1", {}, routing.BadCounter), (0, "97.9", {"qty": D(100_500)}, routing.BadCounter),
            (0, "97.9", {"qty": D(101_000)}, routing.BadCounter), (1, "97.9", {}, routing.QuoteEnded), (2, "97.9", {}, routing.QuoteEnded),
        ):  # fmt: skip
            with pytest.raises(refusal):
                self.counter(by(tom), inquiry, nth, price, **more)

        inquiry.refresh_from_db()
        assert inquiry.version == version and not Counter.objects.exists() and not sent("AJ")

    def test_one_waits_at_a_time_and_none_after_the_decision(self, asked, tom, by):
        inquiry = asked("98.10", "98.20")
        self.counter(by(tom), inquiry)

        with pytest.raises(routing.CounterWaits):
            self.counter(by(tom), inquiry, price="97.80")
        take(by(tom), inquiry, None, 100_000)
        with pytest.raises(IllegalMove):
            self.counter(by(tom), inquiry, 1)

    def test_ours_outside_the_limit_is_of_no_use(self, asked, tom, by):
        inquiry = asked("98.10", order_type="LIMIT", limit_price="97.50")

        with pytest.raises(routing.OutsideLimit):
            self.counter(by(tom), inquiry)

    def test_an_answer_after_the_decision_is_kept_as_late(self, asked, tom, by, street):
        inquiry = asked("98.10", "98.20")
        made = self.counter(by(tom), inquiry)
        take(by(tom), inquiry, None, 100_000)

        answer(street, quotes(inquiry)[0], "97.90", ref="NEW", **{"693": made.ref})

        made.refresh_from_db()
        assert (quotes(inquiry)[0].result, made.answer) == ("LATE", "LAPSED")


class TestPage:
    def test_shows_yield_spread_parts_and_every_answer(self, asked, tom):
        inquiry = asked(("98.00", 60_000), "98.10", None)

        shown = words(visit(tom, "routing:inquiry", inquiry.pk, htmx=True))

        assert "<dt>Benchmark now</dt><dd>TSY" in shown
        assert "Award the parts" in shown and "Every answer as it came" in shown
        page = visit(tom, "routing:inquiry", inquiry.pk, htmx=True).content.decode()
        first, second, *_ = quotes(inquiry)
        assert f'name="part-{first.pk}" value="60,000"' in page and f'name="part-{second.pk}" value="40,000"' in page

    def test_says_unknown_where_no_yield_can_be_told(self, asked, tom, firm):
        inquiry = asked("98.00")
        bond = firm.instruments["BOND"]
        type(bond).objects.filter(pk=bond.pk).update(day_count="ACT/365")

        shown = words(visit(tom, "routing:inquiry", inquiry.pk, htmx=True))

        assert "unknown" in shown

    def test_an_old_benchmark_is_none(self, asked, tom):
        inquiry = asked("98.00")
        with connection.cursor() as cursor:
            cursor.execute("UPDATE marketdata_quote SET at = at - interval '20 minutes'")

        assert "Unknown: no government bond in USD" in words(visit(tom, "routing:inquiry", inquiry.pk, htmx=True))

    def test_what_was_taken_keeps_its_yield_and_the_benchmark_of_that_moment(self, asked, tom, by, firm):
        inquiry = asked("98.00", "98.10")
        take(by(tom), inquiry, 100_000)
        made = Award.objects.get()
        before = made.spread_bp
        assert (made.benchmark.symbol, round(made.yield_pct, 2)) == ("TSY", D("4.36"))

        marketdata.record_ticks([firm.tick("TSY", "90")], "test")

        shown = words(visit(tom, "routing:inquiry", inquiry.pk, htmx=True))
        assert "<dt>Benchmark at decision</dt><dd>TSY" in shown and floatformat(before, 1) in shown
        assert Award.objects.get().spread_bp == before == (made.yield_pct - made.benchmark_yield_pct) * 100

    def test_without_a_fresh_benchmark_its_spread_is_unknown(self, asked, tom, by):
        inquiry = asked("98.00")
        with connection.cursor() as cursor:
            cursor.execute("UPDATE marketdata_quote SET at = at - interval '20 minutes' WHERE instrument_id ="
                           " (SELECT id FROM reference_instrument WHERE symbol = 'TSY')")  # fmt: skip
        take(by(tom), inquiry, 100_000)

        made = Award.objects.get()
        assert made.yield_pct is not None and (made.benchmark, made.spread_bp) == (None, None)
        assert "Unknown: none had a fresh price then" in words(visit(tom, "routing:inquiry", inquiry.pk, htmx=True))

    def test_parts_are_awarded_and_a_wrong_one_is_refused(self, asked, tom):
        inquiry = asked(("98.00", 60_000), "98.10")
        first, second, *_ = quotes(inquiry)
        said = {"seen": f"{inquiry.pk}:{inquiry.version}", f"part-{first.pk}": "60,000", f"part-{second.pk}": "much"}

        assert send(tom, "routing:award", said, inquiry.pk).status_code == 422
        assert send(tom, "routing:award", said | {f"part-{second.pk}": "NaN"}, inquiry.pk).status_code == 422
        assert untouched(inquiry)
        shown = words(send(tom, "routing:award", said | {f"part-{second.pk}": "40,000"}, inquiry.pk))

        assert "Taken" in shown and Award.objects.count() == 2

    def test_a_counter_is_sent_and_a_bad_one_comes_back_beside_its_field(self, asked, tom):
        inquiry = asked("98.10", "98.20")
        said = {"seen": f"{inquiry.pk}:{inquiry.version}", "quote": quotes(inquiry)[0].pk, "qty": "100000"}

        refused = send(tom, "routing:counter", said | {"price": "98.10"}, inquiry.pk)
        assert refused.status_code == 422 and "take it instead" in words(refused)
        done = send(tom, "routing:counter", said | {"price": "97.90"}, inquiry.pk)

        assert done.status_code == 204 and "97.9 went to" in done["HX-Trigger"]
        assert "We said" in words(visit(tom, "routing:inquiry", inquiry.pk, htmx=True))


class TestApi:
    def test_parts_and_counters_with_yields(self, asked, client, tom, street):
        inquiry = asked(("98.00", 60_000), "98.10")
        client.force_login(tom)
        path = f"/api/v1/inquiries/{inquiry.pk}"
        first, second, *_ = quotes(inquiry)
        shown = client.get(f"{path}/").json()
        assert {q["dealer"]: q["yield_pct"] is not None for q in shown["quotes"]} == {
            code: code in ("ALDGATE", "CASTLE") for code in DEALERS
        }
        said = {"version": inquiry.version, "quote_id": second.pk, "price": "97.95"}
        shown = client.post(f"{path}/counter", said, content_type="application/json").json()
        assert [(c["dealer"], c["price"], c["answer"]) for c in shown["counters"]] == [("CASTLE", "97.95000000", "WAITING")]
        answer(street, second, "98.05", ref="NEW")
        inquiry.refresh_from_db()
        shares = [{"quote_id": first.pk, "qty": "60000"}, {"quote_id": second.pk, "qty": "40000"}]
        said = {"version": inquiry.version, "shares": shares}
        both = client.post(f"{path}/award", said | {"quote_id": first.pk}, content_type="application/json")
        assert both.status_code == 422

        shown = client.post(f"{path}/award", said, content_type="application/json").json()

        assert [(a["dealer"], a["qty"], a["price"]) for a in shown["awards"]] == [
            ("ALDGATE", "60000.0000", "98.00000000"), ("CASTLE", "40000.0000", "98.05000000"),
        ]  # fmt: skip
