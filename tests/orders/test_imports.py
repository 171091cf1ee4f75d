"""From a file to orders: staged line by line, entered as a whole or not at all."""

import time

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from apps.audit import deliveries
from apps.audit import services as audit
from apps.audit.models import Delivery, Entry
from apps.core.events import Then
from apps.core.refusals import IllegalMove, NotAllowed, NotFound
from apps.orders import events, selectors
from apps.orders import services as orders
from apps.orders.models import Import, ImportRow, Order, OrderGroup
from apps.orders.services import entering, imports
from tests.world import with_fund, with_pair

from .files import HEADING, csv_of, line, many, xlsx_of


@pytest.fixture(autouse=True)
def only_orders_listen(monkeypatch):
    stage = Then(later=[orders.stage_imports])
    enter = Then(later=[orders.enter_imports])
    flow = {
        events.ImportUploaded: stage, events.ImportAdvanced: stage, events.ImportMapped: stage,
        events.ImportConfirmed: enter,
    }  # fmt: skip
    monkeypatch.setattr(audit, "flow", lambda: flow)


def keep_promises() -> int:
    """Delivers until nothing is promised; how many there were."""
    kept = 0
    while (due := list(Delivery.objects.filter(status="OPEN").values_list("pk", flat=True))):
        for pk in due:
            assert deliveries.deliver(pk), Delivery.objects.get(pk=pk).error
            kept += 1
    return kept


@pytest.fixture
def staged(firm, mira, by):
    def make(content: bytes, name="orders.csv", who=mira) -> Import:
        pk = orders.upload_import(by(who), name, content)
        keep_promises()
        return Import.objects.get(pk=pk)

    return make


def problems(batch: Import) -> dict[int, list[str]]:
    rows = selectors.import_rows(batch, bad=True)
    return {row.line: [f"{p['field']}: {p['message']}" for p in row.problems] for row in rows}


class TestUpload:
    def test_keeps_the_file_and_promises_to_stage_it(self, firm, mira, by):
        pk = orders.upload_import(by(mira), "C:\\lists\\my orders.csv", csv_of([line()]))
        batch = Import.objects.get(pk=pk)
        assert (batch.file_name, batch.status, batch.created_by) == ("my orders.csv", "UPLOADED", mira)
        assert Delivery.objects.get().listener == "orders.stage_import"

    def test_the_same_file_again_is_the_same_import(self, staged, mira, by):
        batch = staged(csv_of([line()]))
        assert orders.upload_import(by(mira), "other name.csv", csv_of([line()])) == batch.pk
        assert Import.objects.count() == 1 and keep_promises() == 0

    def test_the_same_file_of_a_colleague_is_another(self, staged, paul):
        assert staged(csv_of([line("P3")])).pk != staged(csv_of([line("P3")]), who=paul).pk

    def test_a_discarded_file_may_come_again(self, staged, mira, by):
        batch = staged(csv_of([line()]))
        orders.discard_import(by(mira), batch.pk, seen={batch.pk: batch.version})
        assert staged(csv_of([line()])).pk != batch.pk

    def test_refuses_what_is_no_file_of_orders(self, firm, mira, by):
        with pytest.raises(imports.rules.Unreadable):
            orders.upload_import(by(mira), "x.csv", b"")
        assert Import.objects.count() == 0

    def test_refuses_whose_role_imports_nothing(self, firm, tom, by):
        with pytest.raises(NotAllowed):
            orders.upload_import(by(tom), "x.csv", csv_of([line()]))


class TestStage:
    def test_every_bad_line_says_what_is_wrong(self, staged, paul, drafts, wish, firm):
        drafts(wish(client_ref="old"))
        firm.instruments["CCC"].is_active = False
        firm.instruments["CCC"].save()
        batch = staged(
            csv_of(
                [
                    line(),  # 2: good
                    line("P9"),
                    line(""),
                    line(symbol="ZZZ"),
                    line(symbol="", isin="US0378331006"),
                    line(symbol="AAA", isin="DE0007164600"),
                    line(symbol=""),
                    line(symbol="CCC"),
                    line(qty="ten"),
                    line(qty="=1+1"),
                    line(symbol="BOND", qty="1500"),
                    line(qty="0", side="HOLD"),
                    line(ref="r-1"),  # 14: good
                    line(ref="r-1"),
                    line(ref="old"),
                    line(symbol="", isin="US0378331005"),  # 17: good
                ]
            )
        )
        assert (batch.status, batch.rows, batch.rows_read, batch.bad_rows) == ("STAGED", 16, 16, 13)
        order = Order.objects.get().ref
        assert problems(batch) == {
            3: ["portfolio: There is no portfolio “P9”, or it is not one of yours."],
            4: ["portfolio: The portfolio is missing."],
            5: ["instrument: There is no active instrument with symbol “ZZZ”."],
            6: ["instrument: “US0378331006” is not a valid ISIN: The number's checksum or check digit is invalid."],
            7: ["instrument: symbol “AAA” and ISIN “DE0007164600” are different instruments."],
            8: ["instrument: The instrument is missing: give its symbol, ISIN or CUSIP."],
            9: ["instrument: There is no active instrument with symbol “CCC”."],
            10: ["qty: “ten” is not a number. Use digits, with a point before decimals."],
            11: ["qty: “=1+1” is a formula. Give its value."],
            12: ["qty: 1500 is not a multiple of 1000, the increment of this instrument."],
            13: [
                "side: “HOLD” is no side. Use BUY, SELL or SELL_SHORT.",
                "qty: The quantity must be above zero; got 0. The side says whether to buy or sell.",
            ],
            15: ["client_ref: The reference “r-1” is already used by line 14."],
            16: [f"client_ref: The reference “old” names your unfinished order {order}."],
        }

    def test_a_line_of_a_portfolio_one_sees_but_does_not_run_is_bad(self, staged, firm, paul):
        from django.contrib.auth.models import Group
        from guardian.shortcuts import assign_perm

        assign_perm("portfolios.see_portfolio", Group.objects.get(name="team:B"), firm.portfolios["P1"])
        batch = staged(csv_of([line("P1"), line("P2"), line("P3")]), who=paul)
        assert problems(batch) == {
            2: ["portfolio: You do not run portfolio P1. Its manager can enter the order."],
            3: ["portfolio: There is no portfolio “P2”, or it is not one of yours."],
        }

    def test_an_instrument_listed_twice_must_be_told_apart(self, staged, firm):
        from apps.reference.models import Instrument, Venue

        twin = Instrument.objects.get(symbol="AAA")
        twin.pk, twin.symbol, twin.venue = None, "AAA.DE", Venue.objects.get(mic="XETR")
        twin.save()
        batch = staged(csv_of([line(symbol="", isin="US0378331005"), line(symbol="AAA.DE", isin="US0378331005")]))
        assert problems(batch) == {
            2: ["instrument: “US0378331005” is listed more than once: AAA (XNAS) and AAA.DE (XETR). Give its symbol."]
        }

    def test_keeps_what_was_written_and_what_it_means(self, staged, firm):
        batch = staged(xlsx_of([line(qty=1000, limit="50.5", why="naïve")], heading=HEADING), name="orders.xlsx")
        row = ImportRow.objects.get(batch=batch)
        assert row.raw["Quantity"] == "1000" and row.raw["Rationale"] == "naïve"
        assert row.parsed == {
            "portfolio_id": firm.portfolios["P1"].pk, "instrument_id": firm.instruments["AAA"].pk, "side": "BUY",
            "qty": "1000", "order_type": "LIMIT", "limit_price": "50.5", "tif": "DAY", "currency": "USD",
        }  # fmt: skip

    def test_a_file_that_cannot_be_read_fails_and_says_why(self, staged):
        batch = staged(b"portfolio,symbol,side,qty\n")
        assert batch.status == "FAILED" and "no orders below it" in batch.error
        assert Entry.objects.get(event="import.failed").payload["error"] == batch.error

    def test_a_long_file_shows_its_progress_part_by_part(self, firm, mira, by, monkeypatch):
        monkeypatch.setattr(imports, "WHOLE_UP_TO", 10)
        pk = orders.upload_import(by(mira), "x.csv", csv_of([*many(11), line(ref="m-0")]))
        read = []
        while due := Delivery.objects.filter(status="OPEN").first():
            deliveries.deliver(due.pk)
            read.append(Import.objects.get(pk=pk).rows_read)
        assert read == [3, 6, 9, 12]
        batch = Import.objects.get(pk=pk)
        assert (batch.status, ImportRow.objects.count(), batch.bad_rows) == ("STAGED", 12, 1)
        assert problems(batch) == {13: ["client_ref: The reference “m-0” is already used by line 2."]}

    def test_a_worker_that_dies_loses_one_part_and_repeats_none(self, firm, mira, by, monkeypatch):
        monkeypatch.setattr(imports, "WHOLE_UP_TO", 10)
        pk = orders.upload_import(by(mira), "x.csv", csv_of(many(12)))
        first = Delivery.objects.get()
        assert deliveries.deliver(first.pk)
        second = Delivery.objects.get(status="OPEN")

        def die(*args):
            raise ConnectionError("killed")

        with monkeypatch.context() as killed:
            killed.setattr(imports, "record", die)
            assert not deliveries.deliver(second.pk)
        assert (Import.objects.get(pk=pk).rows_read, ImportRow.objects.count()) == (3, 3)
        orders.stage_imports(by("worker"), deliveries.facts_of(first))  # Told again of what it did.
        assert ImportRow.objects.count() == 3
        keep_promises()
        assert (Import.objects.get(pk=pk).status, ImportRow.objects.count()) == ("STAGED", 12)

    def test_850_lines_are_staged_within_two_seconds(self, firm, mira, by):
        content = csv_of(many(850))
        orders.upload_import(by(mira), "x.csv", content)
        started = time.perf_counter()
        keep_promises()
        assert time.perf_counter() - started < 2
        assert Import.objects.get().status == "STAGED" and ImportRow.objects.count() == 850

    def test_needs_as_many_statements_for_200_lines_as_for_10(self, firm, mira, by):
        by("worker")  # Its id is asked for once a process.
        counts = []
        for n in (10, 200):
            orders.upload_import(by(mira), "x.csv", csv_of(many(n)))
            with CaptureQueriesContext(connection) as asked:
                keep_promises()
            counts.append(len(asked))
        assert counts[0] == counts[1]


class TestCommit:
    def test_enters_all_as_one_group_and_submits_them(self, staged, mira, by):
        batch = staged(csv_of(many(30)), name="rebalance.csv")
        ids = orders.commit_import(by(mira), batch.pk, seen={batch.pk: batch.version})
        group = OrderGroup.objects.get()
        assert group.name == "rebalance"
        rows = Order.objects.filter(group=group, batch=batch).order_by("pk")
        assert [row.pk for row in rows] == ids and {row.status for row in rows} == {"IN_REVIEW"}
        assert [row.client_ref for row in rows] == [f"m-{n}" for n in range(30)]
        batch.refresh_from_db()
        assert (batch.status, batch.group) == ("COMMITTED", group)
        assert Entry.objects.get(event="import.committed").payload == {"orders": 30, "left_out": 0, "group_ids": [group.pk]}

    def test_refuses_a_file_with_a_bad_line_and_enters_none(self, staged, mira, by):
        batch = staged(csv_of([line(), line(qty="0")]))
        with pytest.raises(orders.BadFile, match="1 of 2 lines") as refused:
            orders.commit_import(by(mira), batch.pk, seen={batch.pk: batch.version})
        assert [(r["line"], r["field"]) for r in refused.value.facts["rows"]] == [(3, "qty")]
        assert Order.objects.count() == OrderGroup.objects.count() == 0
        batch.refresh_from_db()
        assert batch.status == "STAGED"

    def test_enters_the_valid_lines_where_the_person_chose_so(self, staged, mira, by):
        batch = staged(csv_of([line(), line(qty="0"), line("P2")]))
        ids = orders.commit_import(
            by(mira), batch.pk, seen={batch.pk: batch.version}, accept_valid=True, group_name="Some", submit=False
        )
        assert list(Order.objects.filter(pk__in=ids).values_list("status", "group__name")) == [("DRAFT", "Some")] * 2
        payload = Entry.objects.get(event="import.committed").payload
        assert (payload["orders"], payload["left_out"]) == (2, 1)

    def test_refuses_a_file_without_a_single_valid_line(self, staged, mira, by):
        batch = staged(csv_of([line(qty="0")]))
        with pytest.raises(orders.BadFile, match="None of the 1 lines"):
            orders.commit_import(by(mira), batch.pk, seen={batch.pk: batch.version}, accept_valid=True)

    def test_judges_again_what_was_good_when_it_was_staged(self, staged, mira, by, firm):
        batch = staged(csv_of([line(), line(symbol="BBB")]))
        firm.portfolios["P1"].is_open = False
        firm.portfolios["P1"].save()
        with pytest.raises(orders.BadFile, match="None of the 2"):
            orders.commit_import(by(mira), batch.pk, seen={batch.pk: batch.version}, accept_valid=True)
        firm.portfolios["P1"].is_open = True
        firm.portfolios["P1"].save()
        firm.instruments["BBB"].is_active = False
        firm.instruments["BBB"].save()
        orders.commit_import(by(mira), batch.pk, seen={batch.pk: batch.version}, accept_valid=True)
        assert Order.objects.get().instrument.symbol == "AAA"
        assert list(problems(batch)) == [3]

    def test_enters_a_file_once(self, staged, mira, by):
        batch = staged(csv_of([line()]))
        orders.commit_import(by(mira), batch.pk, seen={batch.pk: batch.version})
        with pytest.raises(orders.StaleImport) as late:
            orders.commit_import(by(mira), batch.pk, seen={batch.pk: batch.version})
        assert [change["event"] for change in late.value.facts["stale"][0]["changes"]] == ["import.committed"]
        assert Order.objects.count() == 1

    def test_refuses_a_stale_reader(self, staged, mira, by):
        batch = staged(csv_of([line()]))
        with pytest.raises(orders.StaleImport):
            orders.commit_import(by(mira), batch.pk, seen={batch.pk: 1})
        assert Order.objects.count() == 0

    def test_is_its_uploader_s_alone(self, staged, paul, by):
        batch = staged(csv_of([line()]))
        with pytest.raises(NotFound):
            orders.commit_import(by(paul), batch.pk, seen={batch.pk: batch.version})
        with pytest.raises(NotFound):
            selectors.get_import_seen_by(paul, batch.pk)

    def test_needs_as_many_statements_for_200_lines_as_for_10(self, staged, mira, by):
        counts = []
        for n in (10, 200):
            batch = staged(csv_of([row[:-1] + (f"{n}-{row[-1]}",) for row in many(n)]))
            with CaptureQueriesContext(connection) as asked:
                orders.commit_import(by(mira), batch.pk, seen={batch.pk: batch.version})
            counts.append(len(asked))
        assert counts[0] == counts[1]


GROUPED = (*HEADING, "Group")


def grouped(count: int, groups=("North", "South", "")) -> bytes:
    return csv_of([(*row, groups[n % len(groups)]) for n, row in enumerate(many(count))], heading=GROUPED)


class TestGroups:
    def test_lines_with_the_same_word_are_one_group_and_the_others_the_file_s(self, staged, mira, by):
        batch = staged(grouped(7), name="program.csv")
        ids = orders.commit_import(by(mira), batch.pk, seen={batch.pk: batch.version})
        names = dict(Order.objects.values_list("pk", "group__name"))
        assert [names[pk] for pk in ids] == ["North", "South", "program", "North", "South", "program", "North"]
        batch.refresh_from_db()
        assert batch.group is None and OrderGroup.objects.count() == 3
        made = list(OrderGroup.objects.order_by("pk").values_list("pk", flat=True))
        assert Entry.objects.get(event="import.committed").payload["group_ids"] == made

    def test_a_group_s_name_that_is_too_long_is_a_bad_line(self, staged):
        batch = staged(grouped(2, ("N" * 121, "S")))
        assert problems(batch) == {2: ["group: 121 characters are too many: at most 120."]}

    def test_need_as_many_statements_for_50_as_for_2(self, staged, mira, by):
        counts = []
        for n in (2, 50):
            batch = staged(grouped(50, [f"G{n}-{i}" for i in range(n)]).replace(b"m-", b"%d-" % n))
            with CaptureQueriesContext(connection) as asked:
                orders.commit_import(by(mira), batch.pk, seen={batch.pk: batch.version})
            counts.append(len(asked))
        assert counts[0] == counts[1]


class TestEnterByAWorker:
    @pytest.fixture(autouse=True)
    def everything_is_long(self, monkeypatch):
        monkeypatch.setattr(entering, "WHOLE_UP_TO", 2)

    def confirm(self, act, batch, **more):
        return orders.confirm_import(act, batch.pk, seen={batch.pk: batch.version}, **more)

    def test_a_short_file_is_entered_at_once(self, staged, mira, by):
        batch = staged(csv_of(many(2)))
        assert len(self.confirm(by(mira), batch)) == Order.objects.count() == 2
        assert keep_promises() == 0

    def test_a_long_one_is_entered_for_the_person_who_confirmed(self, staged, mira, by):
        batch = staged(csv_of(many(5)))
        assert self.confirm(by(mira), batch, group_name="Long") is None
        batch.refresh_from_db()
        assert (batch.status, Order.objects.count()) == ("ENTERING", 0)
        assert keep_promises() == 1
        batch.refresh_from_db()
        assert (batch.status, batch.group.name) == ("COMMITTED", "Long")
        assert set(Order.objects.values_list("created_by", "status")) == {(mira.pk, "IN_REVIEW")}
        act = Entry.objects.get(event="import.committed").act
        assert (act.by, act.via) == (mira, "worker") and act.cause_id is not None

    def test_is_confirmed_once(self, staged, mira, by):
        batch = staged(csv_of(many(5)))
        self.confirm(by(mira), batch)
        with pytest.raises(orders.StaleImport):
            self.confirm(by(mira), batch)
        with pytest.raises(IllegalMove):
            orders.discard_import(by(mira), batch.pk, seen={batch.pk: batch.version + 1})
        assert orders.upload_import(by(mira), "again.csv", csv_of(many(5))) == batch.pk

    def test_a_worker_that_dies_enters_nothing_and_the_next_enters_it_once(self, staged, mira, by, monkeypatch):
        batch = staged(csv_of(many(5)))
        self.confirm(by(mira), batch)
        promise = Delivery.objects.get(status="OPEN")

        def die(*args, **columns):
            raise ConnectionError("killed")

        with monkeypatch.context() as killed:
            killed.setattr(entering, "import_happens", die)
            assert not deliveries.deliver(promise.pk)
        batch.refresh_from_db()
        assert (batch.status, Order.objects.count(), OrderGroup.objects.count()) == ("ENTERING", 0, 0)
        keep_promises()
        orders.enter_imports(by("worker"), deliveries.facts_of(promise))  # Told again of what it did.
        assert (Order.objects.count(), OrderGroup.objects.count()) == (5, 1)

    def test_what_cannot_be_entered_goes_back_with_its_bad_lines_named(self, staged, mira, by, firm):
        batch = staged(csv_of(many(5)))
        self.confirm(by(mira), batch)
        firm.instruments["BBB"].is_active = False
        firm.instruments["BBB"].save()
        keep_promises()
        batch.refresh_from_db()
        assert (batch.status, batch.bad_rows, Order.objects.count()) == ("STAGED", 1, 0)
        assert batch.error.startswith("1 of 5 lines of orders.csv cannot be orders, so none was entered.")
        assert list(problems(batch)) == [3]
        self.confirm(by(mira), batch, accept_valid=True)
        keep_promises()
        batch.refresh_from_db()
        assert (batch.status, batch.error, Order.objects.count()) == ("COMMITTED", "", 4)

    def test_a_person_who_may_no_more_enters_nothing(self, staged, mira, by):
        batch = staged(csv_of(many(5)))
        self.confirm(by(mira), batch)
        mira.groups.clear()
        keep_promises()
        batch.refresh_from_db()
        assert (batch.status, Order.objects.count()) == ("STAGED", 0) and batch.error


@pytest.mark.parametrize(("made", "symbol"), [(with_pair, "EUR/USD"), (with_fund, "FUND")])
def test_what_cannot_be_borrowed_is_not_imported_as_a_short_sale(staged, firm, mira, by, made, symbol):
    made(firm)
    batch = staged(csv_of([line(symbol=symbol, side="SELL SHORT"), line(symbol=symbol, side="SELL")]))

    [found] = problems(batch).values()
    assert found[0].startswith("side: ") and "borrowed" in found[0]
    assert len(orders.commit_import(by(mira), batch.pk, seen={batch.pk: 2}, accept_valid=True)) == 1
    assert list(Order.objects.values_list("side", flat=True)) == ["SELL"]


def test_a_quantity_said_in_two_ways_is_refused_and_not_dropped(staged):
    heading = ("Portfolio", "Symbol", "Side", "Quantity", "Intent", "Intent value")
    batch = staged(csv_of([("P1", "AAA", "BUY", "10", "NAV_PCT", "1"), ("P1", "AAA", "BUY", "", "NAV_PCT", "1")], heading))
    assert problems(batch) == {2: ["qty: Give units, or an intent with its value; not both."]}
