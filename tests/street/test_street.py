"""The street as a process, over its socket and its folders."""

import json
import subprocess
import sys
import time
from collections import Counter
from decimal import Decimal
from itertools import count

import pytest

from street.journal import rows

D = Decimal
ACME = {55: "ACME", 48: "US0000000001", 22: 4}
BOND = {55: "ACME 5 2030", 48: "US0000000011", 22: 4}
CODES = ["NORTHGATE", "HARBOR", "ALDGATE", "BRYANT", "SIMX"]
_numbers = count(1)


def now() -> str:
    return time.strftime("%Y%m%d-%H:%M:%S", time.gmtime())


def fresh(prefix: str) -> str:
    return f"{prefix}{next(_numbers)}"


def order(cl_ord_id: str, **change) -> dict:
    fields = {11: cl_ord_id, 1: "BLOCK-1", 21: 1, **ACME, 54: 1, 60: now(), 38: 5000, 40: 1, 59: 0, 847: 1}
    return {tag: value for tag, value in (fields | {int(k[1:]): v for k, v in change.items()}).items() if value != ""}


def command(street, **values) -> dict:
    name = fresh("command-")
    folder = street.home / "street" / "control"
    (folder / f"{name}.part").write_text(json.dumps(values))
    (folder / f"{name}.part").rename(folder / f"{name}.json")
    deadline = time.monotonic() + 5
    while not (folder / f"{name}.done").exists():
        assert time.monotonic() < deadline, "the command was not answered"
        time.sleep(0.02)
    assert not (folder / f"{name}.json").exists()
    return json.loads((folder / f"{name}.done").read_text())["result"]


def log(street, name: str, cl_ord_id: str) -> list[dict]:
    return [row for row in rows(street.home / "street" / f"{name}.jsonl") if row["cl_ord_id"] == cl_ord_id]


@pytest.fixture(scope="module")
def client(street):
    with street.client(CODES) as connected:
        for code in CODES:
            connected.wait_logon(code)
        yield connected


class TestLogon:
    def test_is_answered_as_a_test(self, client):
        logon = client.wait(lambda code, what, fields: code == "HARBOR" and fields.get(35) == "A")

        assert logon[464] == "Y"

    def test_of_who_does_not_say_it_is_a_test_is_refused(self, street):
        with street.client(["CASTLE"], "live", test_indicator=False) as live:
            logout = live.wait(lambda _, what, fields: fields.get(35) == "5")

            assert "464=Y" in logout[58]
            assert not any(what == "logon" for _, what, _ in live.heard)

    def test_of_a_stranger_is_not_answered(self, street):
        with street.client(["CASTLE"], "stranger", sender="OMS-LIVE") as stranger:
            time.sleep(1.5)

            assert not any(what in ("logon", "admin") for _, what, _ in stranger.heard)


class TestOrders:
    def test_are_acknowledged_filled_and_logged(self, street, client):
        one = fresh("N")
        client.send("NORTHGATE", "D", order(one, t168=now(), t126=_in(3600)))
        ack = client.wait_report(one, t150="0")
        client.wait_report(one, t39="2")
        reports = client.reports(one)
        fills = [r for r in reports if r[150] == "F"]
        logged = log(street, "executions", one)

        assert (ack[39], ack[151], ack[14], ack[1], ack[48]) == ("0", "5000", "0", "BLOCK-1", "US0000000001")
        assert len(fills) > 2
        assert sum(D(r[32]) for r in fills) == 5000
        assert {(r[30], r[13], r[15]) for r in fills} == {("XNYS", "3", "USD")}
        assert all(D(r[12]) == round(D(r[32]) * D("0.005") + D("0.0000001"), 2) for r in fills)
        assert D(fills[-1][6]) == round(sum(D(r[32]) * D(r[31]) for r in fills) / 5000, 10)
        assert [(r[17], D(r[32]), D(r[31])) for r in fills] == [
            (row["exec_id"], D(row["qty"]), D(row["price"])) for row in logged
        ]
        assert [row["event"] for row in log(street, "orders", one)] == ["received", "accepted"]

    def test_keep_the_trade_date_they_name(self, client):
        one = fresh("N")
        client.send("NORTHGATE", "D", order(one, t847="", t38=10, t75="20261118"))

        assert client.wait_report(one, t39="2")[75] == "20261118"

    def test_are_cancelled_on_request(self, street, client):
        one, cancel = fresh("N"), fresh("C")
        client.send("NORTHGATE", "D", order(one, t38=500_000))
        client.wait_report(one, t150="0")
        client.send("NORTHGATE", "F", {11: cancel, 41: one, **ACME, 54: 1, 60: now(), 38: 500_000})
        pending = client.wait_report(cancel, t150="6")
        done = client.wait_report(cancel, t150="4")

        assert (pending[39], pending[41]) == ("6", one)
        assert (done[39], done[41], done[151]) == ("4", one, "0")
        assert D(done[14]) == sum(D(row["qty"]) for row in log(street, "executions", one))

    def test_that_are_unknown_cannot_be_cancelled(self, client):
        cancel = fresh("C")
        client.send("NORTHGATE", "F", {11: cancel, 41: "NOBODY", **ACME, 54: 1, 60: now(), 38: 1})
        reject = client.wait_report(cancel)

        assert [reject[tag] for tag in (35, 37, 39, 434, 102)] == ["9", "NONE", "8", "1", "1"]

    def test_are_replaced_on_request(self, client):
        one, other = fresh("N"), fresh("G")
        client.send("HARBOR", "D", order(one, t38=100_000))
        client.wait_report(one, t150="0")
        replacement = order(other, t41=one, t38=120_000, t40=2, t44="300.00", t847="", t1="")
        client.send("HARBOR", "G", replacement)
        client.wait_report(other, t150="E")
        done = client.wait_report(other, t150="5")
        cancel = fresh("C")
        client.send("HARBOR", "F", {11: cancel, 41: other, **ACME, 54: 1, 60: now(), 38: 120_000})
        client.wait_report(cancel, t150="4")

        assert [done[tag] for tag in (41, 38, 40, 44)] == [one, "120000", "2", "300"]

    def test_are_worked_once_however_often_they_come(self, street, client):
        one = fresh("N")
        client.send("NORTHGATE", "D", order(one, t847="", t38=100))
        client.wait_report(one, t39="2")
        client.send("NORTHGATE", "D", order(one, t847="", t38=100))
        duplicate = client.wait_report(one, t150="8")
        client.send("NORTHGATE", "D", order(one, t847="", t38=100), poss_resend=True)
        resent = client.wait_report(one, t150="I")
        seen = log(street, "orders", one)

        assert (duplicate[39], duplicate[103]) == ("8", "6")
        assert (resent[39], resent[14], resent[151]) == ("2", "100", "0")
        assert [row["times_seen"] for row in seen if row["event"] == "received"] == [1, 2, 3]
        assert [row["event"] for row in seen].count("accepted") == 1
        assert sum(D(row["qty"]) for row in log(street, "executions", one)) == 100

    def test_can_be_asked_after(self, client):
        one, nobody = fresh("N"), fresh("X")
        client.send("NORTHGATE", "D", order(one, t847="", t38=100))
        client.wait_report(one, t39="2")
        client.send("NORTHGATE", "H", {11: one, **ACME, 54: 1})
        client.send("NORTHGATE", "H", {11: nobody, **ACME, 54: 1})

        assert client.wait_report(one, t150="I")[39] == "2"
        assert client.wait_report(nobody, t150="I")[103] == "5"

    def test_sent_to_a_dealer_are_rejected(self, client):
        one = fresh("N")
        client.send("ALDGATE", "D", order(one))

        assert client.wait_report(one)[150] == "8"

    def test_of_a_kind_nobody_takes_are_told_so(self, client):
        client.send("SIMX", "H", {11: fresh("X"), **ACME, 54: 1})

        assert client.wait_message("j", t372="H")[380] == "3"


class TestLists:
    def test_a_list_is_taken_whole_and_told_of_as_it_goes_on(self, street, client):
        ref, names = fresh("L"), [fresh("N"), fresh("N")]
        client.send("NORTHGATE", "E", {66: ref, 394: 3, 68: 2}, groups=[(73, _entries(names))])
        received = client.wait_message("N", t66=ref, t431="2")
        for name in names:
            client.wait_report(name, t150="0")
            client.wait_report(name, t39="2")
        done = client.wait_message("N", t66=ref, t431="6")

        assert [received[tag] for tag in (429, 68, 73, 11)] == ["1", "2", "2", names[0]]
        assert [done[tag] for tag in (429, 73, 14, 39, 151)] == ["5", "2", "100", "2", "0"]
        assert [row["event"] for row in log(street, "orders", names[1])] == ["received", "accepted"]

    def test_a_list_that_comes_again_makes_no_second_order(self, street, client):
        ref, names = fresh("L"), [fresh("N"), fresh("N")]
        for again in (False, True):
            client.send("NORTHGATE", "E", {66: ref, 394: 3, 68: 2}, groups=[(73, _entries(names))], poss_resend=again)
        client.wait_message("N", t66=ref, t431="6")

        assert [row["event"] for row in log(street, "orders", names[0])] == ["received", "accepted"]

    def test_a_list_of_nothing_that_trades_here_is_rejected(self, client):
        ref, name = fresh("L"), fresh("N")
        client.send("NORTHGATE", "E", {66: ref, 394: 3, 68: 1}, groups=[(73, _entries([name], t55="NOPE", t48="", t22=""))])

        assert client.wait_message("N", t66=ref)[431] == "7"
        assert client.wait_report(name, t150="8")[103] == "1"

    def test_a_list_without_orders_is_refused(self, client):
        ref = fresh("L")
        client.send("NORTHGATE", "E", {66: ref, 394: 3, 68: 0})

        assert client.wait(lambda code, what, fields: fields.get(35) in ("j", "3") and fields.get(372) == "E")


class TestPackages:
    def test_is_filled_leg_by_leg_and_then_as_a_whole(self, street, client):
        name = fresh("P")
        client.send("NORTHGATE", "AB", package(name), groups=[(555, legs())])
        first = client.wait_report(name, t150="0", t442="3")
        leg = client.wait_report(name, t150="F", t442="2", t654="L2")
        done = client.wait_report(name, t150="F", t442="3", t39="2")

        assert (first[38], first[54], done[14], done[151]) == ("4", "B", "4", "0")
        assert int(leg[38]) == 800
        mine = [row for row in log(street, "executions", name) if row["exec_type"] == "F"]
        assert not mine  # The package's own fills are no executions: its legs' are.

    def test_waits_for_its_net_price_and_is_replaced_and_cancelled_as_a_whole(self, client):
        name, other, last = fresh("P"), fresh("P"), fresh("P")
        client.send("NORTHGATE", "AB", package(name, t40="2", t44="-100000"), groups=[(555, legs())])
        client.wait_report(name, t150="0")
        client.send("NORTHGATE", "AC", {41: name, **package(other, t38=2, t40="2", t44="-90000")}, groups=[(555, legs())])
        assert client.wait_report(other, t150="5", t442="3")[38] == "2"
        client.send("NORTHGATE", "F", {41: other, 11: last, 55: "[N/A]", 54: "B", 38: 2, 60: now()})
        assert client.wait_report(last, t150="4", t442="3")[14] == "0"

    def test_with_a_leg_that_is_not_traded_or_one_leg_it_is_rejected(self, client):
        for entries in ([legs()[0], {600: "NOPE", 623: 200, 624: "2", 654: "L2"}], legs()[:1]):
            name = fresh("P")
            client.send("NORTHGATE", "AB", package(name), groups=[(555, entries)])
            assert client.wait_report(name, t150="8")[39] == "8"


def package(name: str, **change) -> dict:
    fields = {11: name, 54: "B", 55: "[N/A]", 38: 4, 40: "1", 59: "0", 563: "1", 60: now()}
    return fields | {int(key[1:]): value for key, value in change.items()}


def legs() -> list[dict]:
    """Buy 100, sell 200 for each package."""
    named = {600: ACME[55], 602: ACME[48], 603: "4"}
    return [named | {623: ratio, 624: side, 654: ref} for ratio, side, ref in ((100, "1", "L1"), (200, "2", "L2"))]


def _entries(names: list[str], **change) -> list[dict]:
    orders = (order(name, t847="", t38=100, **change) for name in names)
    return [{11: told[11], 67: n} | {tag: told[tag] for tag in told if tag != 11} for n, told in enumerate(orders, 1)]


class TestInquiries:
    def ask(self, client, dealer="ALDGATE", *, lasting=60):
        """A dealer declines now and then; the client asks until there is a quote."""
        for _ in range(5):
            asked = fresh("Q")
            entry = {**BOND, 54: 1, 38: 200_000, 537: 1, 62: _in(lasting)}
            client.send(dealer, "R", {131: asked}, groups=[(146, [entry])])
            answer = client.wait(lambda _, what, f, asked=asked: f.get(131) == asked and f[35] in ("S", "AG"))
            if answer[35] == "S":
                return answer
        raise AssertionError("declined five times")

    def hit(self, quote, one, **change):
        fields = {693: fresh("RESP"), 117: quote[117], 694: 1, 11: one, **BOND, 54: 1, 38: 200_000, 44: quote[133]}
        return fields | {int(k[1:]): v for k, v in change.items()}

    def test_are_quoted_and_traded_once(self, street, client):
        quote, one = self.ask(client), fresh("H")
        client.send("ALDGATE", "AJ", self.hit(quote, one))
        fill = client.wait_report(one, t150="F")
        client.send("ALDGATE", "AJ", self.hit(quote, one), poss_resend=True)
        again = client.wait_report(one, t150="I")

        assert 132 not in quote
        assert quote[135] == "200000"
        assert (fill[39], fill[31], fill[32], fill[151]) == ("2", quote[133], "200000", "0")
        assert (again[39], again[14]) == ("2", "200000")
        assert [D(row["qty"]) for row in log(street, "executions", one)] == [200_000]

    def test_a_trade_that_is_busted_is_off(self, street, client):
        quote, one = self.ask(client), fresh("H")
        client.send("ALDGATE", "AJ", self.hit(quote, one))
        fill = client.wait_report(one, t150="F")
        command(street, do="bust", exec_id=fill[17])
        bust, over = client.wait_report(one, t150="H"), client.wait_report(one, t150="4")

        assert (bust[19], bust[14], bust[151]) == (fill[17], "0", "200000")
        assert (over[39], over[14], over[151]) == ("4", "0", "0")

    def test_a_trade_that_the_client_does_not_know_is_noted(self, street, client):
        quote, one = self.ask(client), fresh("H")
        client.send("ALDGATE", "AJ", self.hit(quote, one))
        fill = client.wait_report(one, t150="F")
        client.send("ALDGATE", "Q", {37: fill[37], 17: fill[17], 127: "C", **BOND, 54: 1, 38: 200_000, 58: "too much"})
        client.send("ALDGATE", "H", {11: one, **BOND, 54: 1})
        client.wait_report(one, t150="I")  # What was sent before is dealt with by now.

        [noted] = [row for row in log(street, "orders", one) if row["event"] == "not_known"]
        assert (noted["exec_id"], noted["reason"], noted["text"]) == (fill[17], "C", "too much")

    def test_that_lapsed_are_not_traded(self, street, client):
        quote, one = self.ask(client, "BRYANT", lasting=1), fresh("H")
        time.sleep(1.2)
        client.send("BRYANT", "AJ", self.hit(quote, one))
        reject = client.wait_report(one)

        assert (reject[150], reject[39]) == ("8", "8")
        assert "expired" in reject[58]
        assert log(street, "executions", one) == []

    def test_that_are_passed_cannot_be_hit(self, client):
        quote, one = self.ask(client, "BRYANT"), fresh("H")
        client.send("BRYANT", "AJ", {693: fresh("RESP"), 117: quote[117], 694: 6, **BOND})
        client.send("BRYANT", "AJ", self.hit(quote, one))

        assert "answered before" in client.wait_report(one, t150="8")[58]


class TestConfirmations:
    def confirmation(self, confirm_id, qty, price, **change):
        fields = {664: confirm_id, 666: 0, 773: 2, 665: 4, 60: now(), 75: time.strftime("%Y%m%d"), **ACME, 80: qty}
        fields |= {54: 1, 79: "ACC-1", 6: price, 381: round(D(qty) * D(price), 2), 118: round(D(qty) * D(price), 2)}
        return fields | {int(k[1:]): v for k, v in change.items()}

    def test_of_what_was_executed_are_affirmed_and_others_are_not(self, client):
        one, good, bad, never = fresh("N"), fresh("K"), fresh("K"), fresh("K")
        capacity = [(862, [{528: "A", 863: 100}])]
        client.send("NORTHGATE", "D", order(one, t847="", t38=100))
        price = client.wait_report(one, t39="2")[6]
        client.send("NORTHGATE", "AK", self.confirmation(good, 100, price), groups=capacity)
        client.send("NORTHGATE", "AK", self.confirmation(bad, 100, price, t381="1.00"), groups=capacity)
        client.send("NORTHGATE", "AK", self.confirmation(never, 100, price, t54=5), groups=capacity)

        assert client.wait_message("AU", t664=good)[940] == "3"
        refused = client.wait_message("AU", t664=bad)
        assert (refused[940], refused[774]) == ("2", "99")
        assert "Gross amount 1" in refused[58]
        assert "executed no ACME on side 5" in client.wait_message("AU", t664=never)[58]


class TestMarketData:
    def test_is_told_at_once_and_as_it_changes(self, client):
        asked = fresh("M")
        wanted = [(267, [{269: kind} for kind in "012B9"]), (146, [ACME, {55: "EUR/USD"}])]
        client.send("SIMX", "V", {262: asked, 263: 1, 264: 1, 265: 0}, groups=wanted)
        share = client.wait_message("W", t262=asked, t55="ACME")
        pair = client.wait_message("W", t262=asked, t55="EUR/USD")
        time.sleep(2.5)
        shares = [f for _, _, f in client.heard if f.get(35) == "W" and f[262] == asked and f[55] == "ACME"]
        client.send("SIMX", "V", {262: asked, 263: 2, 264: 1, 265: 0}, groups=wanted)

        assert (share[48], share[207], share[268]) == ("US0000000001", "XNYS", "5")
        assert (pair[167], pair[268]) == ("FOR", "3")
        assert 48 not in pair
        assert 2 <= len(shares) <= 5

    def test_of_nothing_known_is_refused(self, client):
        asked = fresh("M")
        wanted = [(267, [{269: 0}]), (146, [{55: "NOPE"}])]
        client.send("SIMX", "V", {262: asked, 263: 1, 264: 1, 265: 0}, groups=wanted)

        assert client.wait_message("Y", t262=asked)[281] == "0"


class TestTheOperator:
    def filled(self, client):
        one = fresh("N")
        client.send("NORTHGATE", "D", order(one, t847="", t38=100, t126=_in(3600), t168=now()))
        return one, client.wait_report(one, t39="2")

    def test_busts_and_corrects(self, street, client):
        one, fill = self.filled(client)
        corrected = command(street, do="correct", exec_id=fill[17], price="251.50")
        report = client.wait_report(one, t150="G")
        busted = command(street, do="bust", exec_id=fill[17])
        bust = client.wait_report(one, t150="H")

        assert (corrected["ok"], report[19], report[31], report[17]) == (True, fill[17], "251.5", corrected["exec_id"])
        assert (busted["ok"], bust[19], bust[32], bust[31]) == (True, report[17], "0", "0")
        assert [(r["exec_type"], r["ref"]) for r in log(street, "executions", one)][-2:] == [
            ("G", fill[17]),
            ("H", report[17]),
        ]

    def test_cancels_for_the_broker_and_makes_it_reject(self, street, client):
        one, other = fresh("N"), fresh("N")
        client.send("HARBOR", "D", order(one, t38=500_000))
        client.wait_report(one, t150="0")
        result = command(street, do="unsolicited_cancel", cl_ord_id=one)
        closed = client.wait_report(one, t150="4")
        command(street, do="reject_next", broker="HARBOR")
        client.send("HARBOR", "D", order(other))

        assert result["ok"]
        assert (closed[39], closed[151], closed[378]) == ("4", "0", "2")
        assert client.wait_report(other)[150] == "8"

    def test_repeats_reports_under_new_sequence_numbers(self, street, client):
        command(street, do="duplicate", times=3)
        one, fill = self.filled(client)
        time.sleep(0.3)
        command(street, do="duplicate", times=0)
        heard = [f for f in client.reports(one) if f[17] == fill[17]]

        assert Counter(f.get(97) for f in heard) == {None: 2, "Y": 2}
        assert len({f[34] for f in heard}) == 4
        assert len({(f[32], f[31], f[14]) for f in heard}) == 1

    def test_replays_the_last_executions(self, street, client):
        one, fill = self.filled(client)
        assert command(street, do="replay", n=1) == {"ok": True, "replayed": 1}

        assert client.wait_report(one, t97="Y")[17] == fill[17]

    def test_lets_reports_come_in_any_order_and_all_of_them(self, street, client):
        assert command(street, do="shuffle", n=8) == {"ok": True, "n": 8}
        orders = [fresh("N") for _ in range(4)]
        for one in orders:
            client.send("NORTHGATE", "D", order(one, t847="", t38=100, t126=_in(3600), t168=now()))

        for one in orders:
            client.wait_report(one, t39="2")
            client.wait_report(one, t150="0")
        heard = sorted((f for one in orders for f in client.reports(one)), key=lambda f: int(f[34]))
        said = [int(f[17].rpartition("-")[2]) for f in heard]
        assert len(set(said)) == len(said) >= 8 and said != sorted(said)

    def test_reports_of_orders_that_are_not_the_clients_are_in_no_log(self, street, client):
        mine, _ = self.filled(client)
        told = command(street, do="stray", broker="HARBOR", n=4)["exec_ids"]
        one = client.wait(lambda code, _, f: code == "HARBOR" and f.get(17) == told[3])
        heard = [f for code, _, f in client.heard if code == "HARBOR" and f.get(17) in told]

        assert one[11] and [f[150] for f in heard] == ["F", "0", "4", "F"]
        assert [f[11].startswith("STRAY-") for f in heard] == [True, False, True, False]
        executed = {row["exec_id"] for row in rows(street.home / "street" / "executions.jsonl")}
        assert len(set(told)) == 4 and not executed & set(told)
        assert len(client.reports(mine)) >= 2

    def test_hangs_up_and_is_called_again(self, street, client):
        self.filled(client)
        since = len(client.heard)
        assert "NORTHGATE" in command(street, do="hang_up")["cut"]
        client.wait(lambda code, what, _: (code, what) == ("NORTHGATE", "logon"), after=since)
        self.filled(client)

    def test_begins_its_numbers_anew_and_goes_on(self, street, client):
        _, fill = self.filled(client)
        since = len(client.heard)
        assert command(street, do="reset", broker="NORTHGATE")["ok"]
        client.wait(lambda code, what, _: (code, what) == ("NORTHGATE", "logon"), after=since)
        one, again = self.filled(client)

        assert int(again[34]) < int(fill[34])
        numbers = [int(f[34]) for f in client.reports(one)]
        assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
        self.filled(client)

    def test_is_told_what_cannot_be_done(self, street):
        assert "is no command" in command(street, do="dance")["error"]
        assert "'exec_id'" in command(street, do="bust")["error"]
        assert "No execution X" in command(street, do="bust", exec_id="X")["error"]
        assert "is no broker" in command(street, do="reject_next", broker="X")["error"]
        assert "Two reports at least" in command(street, do="shuffle", n=1)["error"]
        assert "go astray at a time" in command(street, do="stray", n=0)["error"]
        assert "is no broker" in command(street, do="reset", broker="X")["error"]
        assert "is no counterparty" in command(street, do="hang_up", broker="X")["error"]
        assert "cannot be read" in command(street, do="duplicate", times="many")["error"]

    def test_sees_what_the_street_holds(self, street, client):
        state = command(street, do="state")

        assert state["ok"]
        assert state["orders"] > 0
        assert state["instructions"] == {"STATESIDE": 0, "EUROPA": 0}


def _in(seconds: float) -> str:
    return time.strftime("%Y%m%d-%H:%M:%S", time.gmtime(time.time() + seconds))


def test_a_killed_street_comes_back_with_its_orders_and_finishes_them(own_street):
    own_street.start()
    with own_street.client(["NORTHGATE"], sender="OMS-TWO") as client:
        client.wait_logon("NORTHGATE")
        client.send("NORTHGATE", "D", order("K1", t38=40_000, t168=now(), t126=_in(2 * 3600)))
        client.wait_report("K1", t150="F")
        own_street.kill()
        own_street.start()
        heard = len(client.heard)
        client.wait(lambda _, what, __: what == "logon", seconds=15, after=heard)
        client.send("NORTHGATE", "D", order("K1", t38=40_000), poss_resend=True)
        client.wait_report("K1", t150="I", after=heard)
        client.wait_report("K1", t39="2", seconds=20, after=heard)
        told = {f[17]: (D(f[32]), D(f[31])) for f in client.reports("K1") if f[150] == "F"}
    logged = {row["exec_id"]: (D(row["qty"]), D(row["price"])) for row in log(own_street, "executions", "K1")}

    assert own_street.stop() == 0
    assert told == logged
    assert sum(qty for qty, _ in told.values()) == 40_000
    assert [row["event"] for row in log(own_street, "orders", "K1")].count("accepted") == 1


def test_a_port_in_use_is_said_in_one_line(own_street):
    own_street.start()
    command_line = [sys.executable, "-m", "street", f"--port={own_street.port}", f"--data={own_street.data}"]
    second = subprocess.run(
        [*command_line, f"--home={own_street.home}-2"], capture_output=True, text=True, cwd=own_street.root, timeout=20
    )

    assert second.returncode == 1
    assert f"Port {own_street.port} cannot be had" in second.stderr
    assert "Traceback" not in second.stderr
