"""What dealers say they would deal in: by file, by message, beside what we have to do."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from apps.audit.models import Entry
from apps.core.refusals import NotAllowed
from apps.routing import axis_selectors as axes
from apps.routing import rules
from apps.routing import services as routing
from apps.routing.models import Axis, Message
from tests.pages import send, visit, words

from .test_negotiation import asked  # noqa: F401

D = Decimal
HEAD = "dealer,instrument,side,kind,quantity,price,as_of,expires_at\n"
NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)


@pytest.fixture
def load(counterparties, tom, by):
    def do(*rows: str, name="axes.csv", head=HEAD) -> int:
        return routing.load_axes(by(tom), (head + "\n".join(rows)).encode(), name)

    return do


class TestFiles:
    def test_all_rows_are_taken_in_with_their_facts(self, load, firm):
        assert load("ALDGATE,BOND,sell,,\"2,000,000\",98.05,,", "CASTLE,US912810TM09,buy,inventory,,,,") == 2

        first, second = Axis.objects.order_by("pk")
        assert (first.dealer.code, first.instrument.symbol, first.kind, first.dealer_side) == ("ALDGATE", "BOND", "AXE", "SELL")
        assert (first.qty, first.price, first.ref, first.source) == (2_000_000, D("98.05"), "axes.csv:2", "FILE")
        assert (second.instrument.symbol, second.kind, second.qty) == ("TSY", "INVENTORY", None)
        assert first.expires_at - first.as_of == rules.axes.LASTS
        assert Entry.objects.filter(event="axis.told").count() == 2

    def test_every_bad_row_is_named_and_nothing_is_taken_in(self, load):
        with pytest.raises(routing.BadAxes) as refused:
            load(
                "ALDGATE,BOND,sell,,1000,98,,", "NOBODY,BOND,sell,,,,,", "ALDGATE,NOTHING,hold,,,,,", "ALDGATE,BOND,sell,wish,,,,",
                "ALDGATE,TSY,buy,,-5,x,,", "ALDGATE,TSY,sell,,,,9999-12-31T23:00:00Z,", "ALDGATE,BOND,sell,,2000,98,,", ",,,,,,,yesterday",
            )  # fmt: skip

        rows = refused.value.facts["rows"]
        assert {(one["row"], one["field"]) for one in rows} >= {
            (3, "dealer"), (4, "side"), (5, "kind"), (6, "quantity"), (6, "price"), (7, "as_of"), (9, "dealer"), (9, "instrument"),
            (9, "side"), (9, "expires_at"), (8, ""),
        }  # fmt: skip
        assert "Nothing was taken in" in refused.value.message and not Axis.objects.exists()

    @pytest.mark.parametrize(
        "content",
        [
            b"", b"dealer,instrument\nA,B", b"dealer,instrument,side\nAL\x00DGATE,BOND,sell",
            HEAD.encode(), b"\xff\xfe", b'dealer,instrument,side\n"A,B,C',
            b"dealer,dealer,side,instrument\nA,B,C,D",
        ],
    )  # fmt: skip
    def test_what_is_no_such_file_is_refused(self, counterparties, tom, by, content):
        with pytest.raises(routing.BadAxes):
            routing.load_axes(by(tom), content, "x.csv")

    def test_the_next_file_of_a_dealer_says_all_there_is_of_a_kind(self, load):
        load("ALDGATE,BOND,sell,,,,,", "ALDGATE,TSY,buy,,,,,", "ALDGATE,TSY,sell,inventory,,,,", "CASTLE,BOND,sell,,,,,")

        load("ALDGATE,BOND,sell,,5000,,,", name="later.csv")

        live = Axis.objects.filter(status="LIVE").order_by("pk")
        assert [(a.dealer.code, a.instrument.symbol, a.kind, a.qty) for a in live] == [
            ("ALDGATE", "TSY", "INVENTORY", None), ("CASTLE", "BOND", "AXE", None), ("ALDGATE", "BOND", "AXE", 5000),
        ]  # fmt: skip
        ended = Entry.objects.filter(event="axis.ended").values_list("payload__why", flat=True)
        assert sorted(ended) == ["not in the last file", "replaced"]

    def test_costs_as_many_statements_for_thirty_rows_as_for_two(self, load, firm):
        from apps.reference.models import Instrument

        counts = []
        names = [f"BOND{n}" for n in range(30)]
        bond = firm.instruments["BOND"]
        for name in names:
            bond.pk, bond.symbol, bond.isin = None, name, ""
            bond.save(force_insert=True)
        assert Instrument.objects.filter(symbol__startswith="BOND").count() == 31
        load(f"ALDGATE,{names[0]},sell,,,,,")
        for count in (2, 30):
            with CaptureQueriesContext(connection) as queries:
                load(*(f"ALDGATE,{name},sell,,,,," for name in names[:count]))
            counts.append(len(queries))
        assert counts[0] == counts[1]

    def test_is_the_traders(self, counterparties, omar, by):
        with pytest.raises(NotAllowed):
            routing.load_axes(by(omar), HEAD.encode(), "x.csv")


class TestMessages:
    @pytest.fixture
    def say(self, counterparties, street, firm):
        def do(ioi="I1", kind="N", *, dealer="ALDGATE", **more) -> None:
            fields = {23: ioi, 28: kind, 55: "BOND", 48: "US91913YAE05", 22: 4, 54: 2, 27: 2_000_000, 44: "98.05"}
            fields |= {int(k[1:]): v for k, v in more.items()}
            street.book(street.hear(firm.brokers[dealer].pk, "6", {k: v for k, v in fields.items() if v is not None}))

        return do

    def test_one_is_kept_replaced_and_taken_back(self, say):
        say()
        say("I2", "R", t26="I1", t27=3_000_000)
        assert [(a.ref, a.qty, a.status) for a in Axis.objects.order_by("pk")] == [("I1", 2_000_000, "ENDED"), ("I2", 3_000_000, "LIVE")]
        say("I3", "C", t26="I2")

        assert not Axis.objects.filter(status="LIVE").exists()
        assert not Message.objects.filter(status="QUARANTINED").exists()

    def test_the_same_heard_again_changes_nothing(self, say):
        say()
        say()

        assert Axis.objects.count() == 1

    def test_a_size_in_words_is_no_number(self, say):
        say(t27="L", t44=None)

        one = Axis.objects.get()
        assert (one.qty, one.price, one.text) == (None, None, "large")

    @pytest.mark.parametrize("wrong", [{"t55": "NOTHING", "t48": "", "t22": None}, {"t54": 7}, {"t28": "X"}, {"t27": "-5"}, {"t44": "x"}])
    def test_what_cannot_be_read_waits_for_a_person(self, say, wrong):
        say(**wrong)

        assert not Axis.objects.exists() and Message.objects.filter(status="QUARANTINED").count() == 1

    def test_one_that_had_expired_is_not_kept(self, say):
        say(t62=rules.utc_text(timezone.now() - timedelta(minutes=1)))

        assert not Axis.objects.exists()


class TestBeside:
    def test_what_is_the_other_way_of_an_open_block_comes_first_and_is_matched(self, load, a_block, tom):
        block = a_block("BOND", "BUY", 100_000)
        load("ALDGATE,TSY,sell,,,,,", "CASTLE,BOND,buy,,,,,", "DORSET,BOND,sell,,5000,98,,")

        rows = axes.listed(tom, timezone.now())

        assert [(r.axis.dealer.code, [b.pk for b in r.blocks]) for r in rows][0] == ("DORSET", [block.pk])
        assert all(not r.blocks for r in rows[1:])
        shown = words(visit(tom, "routing:axes"))
        assert block.ref in shown and "Ask" in shown and "98.0000" in shown

    def test_a_blocks_drawer_shows_who_is_the_other_way(self, load, a_block, tom):
        block = a_block("BOND", "BUY", 100_000)
        assert "Dealers the other way" not in words(visit(tom, "routing:axes_of", block.pk, htmx=True))
        load("ALDGATE,BOND,sell,,5000,98,,", "CASTLE,BOND,buy,,,,,")

        shown = words(visit(tom, "routing:axes_of", block.pk, htmx=True))

        assert "Aldgate" in shown and "Castle" not in shown and "Ask dealers" in shown
        assert f"/inquiries/axes/of/{block.pk}/" in words(visit(tom, "blocks:detail", block.pk, htmx=True))

    def test_what_was_said_long_ago_is_stale_and_what_expired_is_gone(self, load, tom):
        load("ALDGATE,BOND,sell,,,,,", "CASTLE,TSY,sell,,,,,")
        first, second = Axis.objects.order_by("pk")
        now = timezone.now()
        Axis.objects.filter(pk=first.pk).update(as_of=now - timedelta(hours=4, seconds=1), expires_at=now + timedelta(hours=1))
        Axis.objects.filter(pk=second.pk).update(as_of=now - timedelta(hours=2), expires_at=now - timedelta(seconds=1))

        (one,) = axes.listed(tom, now)

        assert one.axis.pk == first.pk and one.is_stale
        assert not rules.axes.is_stale(NOW - timedelta(hours=4), NOW)

    def test_dealers_who_are_axed_are_proposed_first(self, load, a_block, tom):
        block = a_block("TSY", "SELL", 50_000)
        load("ELMSTREET,TSY,buy,,5000,98.5,,")

        shown = words(visit(tom, "routing:ask", query=f"?seen={block.pk}:{block.version}", htmx=True))

        assert shown.index("Elmstreet · axe: buys 5,000 TSY at 98.5") < shown.index("Aldgate")

    def test_stands_beside_the_dealers_price(self, asked, load, tom):  # noqa: F811
        inquiry = asked("98.00")
        load("ALDGATE,BOND,sell,,2000000,98.05,,")

        assert "axe 2,000,000 at 98.0500" in words(visit(tom, "routing:inquiry", inquiry.pk, htmx=True))

    def test_the_page_costs_the_same_however_many(self, load, tom):
        counts = []
        many = [f"{d},{i},{s},,,,," for d in ("ALDGATE", "CASTLE") for i in ("BOND", "TSY") for s in ("buy", "sell")]
        for rows in (["ALDGATE,BOND,sell,,,,,"], many):
            load(*rows)
            visit(tom, "routing:axes")
            with CaptureQueriesContext(connection) as queries:
                visit(tom, "routing:axes")
            counts.append(len(queries))
        assert counts[0] == counts[1]

    def test_a_file_is_loaded_on_the_page_and_its_bad_rows_are_shown(self, counterparties, tom):
        bad = SimpleUploadedFile("axes.csv", (HEAD + "NOBODY,BOND,sell,,,,,").encode())
        refused = send(tom, "routing:axes_load", {"file": bad})
        assert refused.status_code == 422 and "There is no dealer “NOBODY”" in words(refused)
        good = SimpleUploadedFile("axes.csv", (HEAD + "ALDGATE,BOND,sell,,,,,").encode())
        assert send(tom, "routing:axes_load", {"file": good}).status_code in (200, 204)
        assert Axis.objects.count() == 1

    def test_over_the_api(self, counterparties, client, tom):
        client.force_login(tom)
        said = {"name": "axes.csv", "content": HEAD + "ALDGATE,BOND,sell,,5000,98,,"}
        assert client.post("/api/v1/axes/", said, content_type="application/json").json() == {"loaded": 1}
        (one,) = client.get("/api/v1/axes/").json()["results"]
        assert (one["dealer"], one["symbol"], one["dealer_side"], one["is_stale"]) == ("ALDGATE", "BOND", "SELL", False)
        wrong = client.post("/api/v1/axes/", said | {"content": HEAD + "X,BOND,sell,,,,,"}, content_type="application/json")
        assert wrong.status_code == 422 and wrong.json()["facts"]["rows"][0]["row"] == 2
