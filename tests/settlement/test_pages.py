"""Pages of settlement: what needs a person comes first, and operations mend it."""

import json
from datetime import date

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from apps.settlement import services as settlement
from apps.settlement.models import Confirmation, Instruction, SettlementInstructionSet
from tests.allocations.filling import keep_promises
from tests.pages import send, visit, words


@pytest.fixture
def booked(street):
    """Three shares of a sale, confirmed and instructed."""

    def make(symbol: str = "AAA") -> list[Instruction]:
        street.allocated(symbol, "SELL", {"P1": 500, "P2": 300, "P3": 200}, [(1000, "50.00", "20")])
        keep_promises("settlement.")
        return list(Instruction.objects.order_by("pk"))

    return make


def seen(*rows: Instruction) -> list[str]:
    return [f"{row.pk}:{row.version}" for row in rows]


def test_the_board_puts_the_blocked_first_and_counts_them(booked, olga, standing, street):
    ready = booked()
    SettlementInstructionSet.objects.filter(country="DE").delete()
    blocked = booked("BBB")[-1]

    said = words(visit(olga, "settlement:board"))

    assert Instruction.objects.filter(status="BLOCKED").count() == 3
    assert 'Needs a person</small><strong class="bad">3' in said
    assert said.index(blocked.ref) < said.index(ready[0].ref)
    assert "Receive" not in said and said.count("Deliver") == 6
    assert "$25,000.00" not in said and "$24,990.00" in said


def test_a_filter_shows_only_its_rows_and_the_live_page_asks_for_single_ones(booked, olga):
    rows = booked()

    none = words(visit(olga, "settlement:board", query="?status=SETTLED"))
    one = words(visit(olga, "settlement:rows", query=f"?status=BLOCKED&ids={rows[0].pk}", htmx=True))
    other = words(visit(olga, "settlement:rows", query=f"?status=READY&ids={rows[0].pk}", htmx=True))

    assert "Nothing fits this filter" in none
    assert one.count("<tr") == 1 and f'data-row="instruction:{rows[0].pk}"' in one
    assert other.strip() == ""


def test_the_four_statuses_stand_apart(booked, olga, standing):
    row = booked()[0]
    Instruction.objects.filter(pk=row.pk).update(
        processing_status="PACK",
        matching_status="NMAT",
        settlement_status="PEND",
        reason="CMIS: no matching instruction",
    )

    said = words(visit(olga, "settlement:rows", query=f"?ids={row.pk}", htmx=True))

    assert '<abbr class="quiet" title="accepted">PACK' in said
    assert '<abbr class="bad" title="unmatched">NMAT' in said
    assert '<abbr class="quiet" title="pending">PEND' in said
    assert "CMIS: no matching instruction" in said


def test_an_instructions_drawer_has_an_address_of_its_own(booked, olga, standing):
    row = booked()[0]

    drawer = visit(olga, "settlement:instruction", row.pk, htmx=True)
    whole = words(visit(olga, "settlement:instruction", row.pk))

    assert "<html" not in words(drawer)
    assert row.reference in words(drawer) and "not yet written" in words(drawer)
    assert '<aside id="drawer"' in whole and row.reference in whole and f'data-row="instruction:{row.pk}"' in whole


def test_the_message_is_shown_and_downloaded(booked, olga, standing):
    row = booked()[0]

    shown = words(visit(olga, "settlement:instruction_xml", row.pk, htmx=True))
    file = visit(olga, "settlement:instruction_xml", row.pk)

    assert f"&lt;TxId&gt;{row.reference}&lt;/TxId&gt;" in shown and "sese.023" in shown
    assert file["Content-Type"] == "application/xml" and row.ref in file["Content-Disposition"]
    assert row.reference.encode() in file.content


def test_a_confirmation_is_a_page_and_a_pdf(booked, olga):
    booked()
    sent = Confirmation.objects.order_by("pk")[0]

    said = words(visit(olga, "settlement:confirmation", sent.pk))
    pdf = visit(olga, "settlement:confirmation_pdf", sent.pk)

    assert sent.ref in said and "Portfolio P1" in said and "USD 24,990.00" in said
    assert pdf["Content-Type"] == "application/pdf" and pdf.content.startswith(b"%PDF-")
    assert f'filename="{sent.ref}.pdf"' in pdf["Content-Disposition"]


def test_confirmations_are_listed_by_status(booked, olga):
    booked()

    assert words(visit(olga, "settlement:board", query="?confirmations=")).count('data-row="confirmation:') == 3
    assert "No confirmations here" in words(visit(olga, "settlement:board", query="?confirmations=DISPUTED"))


def test_money_to_settle_sums_the_instructions(booked, olga):
    booked()

    said = words(visit(olga, "settlement:board", query="?cash="))

    assert "$49,980.00" in said and "STATESIDE" in said
    assert visit(olga, "settlement:board", query="?problems=").status_code == 200


def test_releasing_asks_with_the_money_and_then_releases(booked, olga, by):
    rows = booked()
    settlement.install_default_ssis(by("loader"))

    asked = words(visit(olga, "settlement:unblock", query="?" + "&".join(f"seen={s}" for s in seen(*rows)), htmx=True))
    done = send(olga, "settlement:unblock", {"seen": seen(*rows)})

    assert "3 instructions, USD 49,980.00 to receive, 3 portfolios" in asked
    assert done.status_code == 204 and "closeDialog" in json.loads(done["HX-Trigger"])
    assert set(Instruction.objects.values_list("status", "version")) == {("READY", 2)}


def test_releasing_what_is_still_blocked_says_why_in_the_dialog(booked, olga):
    rows = booked()

    refused = send(olga, "settlement:unblock", {"seen": seen(*rows)})

    assert refused.status_code == 422
    assert "No standing settlement instruction" in words(refused)
    assert set(Instruction.objects.values_list("status", "version")) == {("BLOCKED", 1)}


def test_a_stale_row_is_refused_and_nothing_changes(booked, olga, by):
    rows = booked()
    settlement.note_instructions(by(olga), [rows[0].pk], "called", seen={rows[0].pk: 1})

    refused = send(olga, "settlement:note", {"seen": seen(rows[0]), "reason": "called again"})

    assert refused.status_code == 409
    assert "changed after you looked" in words(refused)
    assert Instruction.objects.get(pk=rows[0].pk).note == "called"


def test_a_note_needs_words_and_is_kept(booked, olga):
    row = booked()[0]

    empty = send(olga, "settlement:note", {"seen": seen(row), "reason": "  "})
    kept = send(olga, "settlement:note", {"seen": seen(row), "reason": "Northgate resends today."})

    assert empty.status_code == 422 and "1 to 400 characters" in words(empty)
    assert kept.status_code == 204
    assert "Northgate resends today." in words(visit(olga, "settlement:instruction", row.pk, htmx=True))


def test_ticking_nothing_is_refused_in_words(olga, firm):
    refused = visit(olga, "settlement:note", htmx=True)

    assert refused.status_code == 409 and "Tick the rows first" in words(refused)


def test_a_standing_instruction_added_releases_what_it_covers(booked, olga, firm):
    booked()
    good = {
        "broker": firm.brokers["NORTHGATE"].pk, "country": "US", "agent_bic": "NORTUS33", "agent_account": "NGT/1",
        "depository_bic": "DTCYUS33", "effective_from": date(2020, 1, 1).isoformat(),
    }  # fmt: skip

    bad = send(olga, "settlement:add_standing", good | {"agent_bic": "no bic"}, htmx=False)
    added = send(olga, "settlement:add_standing", good, htmx=False)
    twice = send(olga, "settlement:add_standing", good, htmx=False)

    assert bad.status_code == 422 and "is not a valid agent bic" in words(bad)
    assert added.status_code == 302
    assert set(Instruction.objects.values_list("status", flat=True)) == {"READY"}
    assert twice.status_code == 422 and "starts on that date already" in words(twice)
    assert "NORTUS33" in words(visit(olga, "settlement:standing"))


def test_only_operations_mend(booked, omar, tom, mira):
    row = booked()[0]

    assert send(omar, "settlement:note", {"seen": seen(row), "reason": "x"}).status_code == 403
    assert "Release" not in words(visit(omar, "settlement:board"))
    assert visit(tom, "settlement:board").status_code == 403
    assert visit(mira, "settlement:instruction", row.pk).status_code == 403
    assert Instruction.objects.get(pk=row.pk).version == 1


def test_what_is_not_there_is_not_found(olga, firm):
    assert visit(olga, "settlement:instruction", 77).status_code == 404
    assert visit(olga, "settlement:confirmation", 77).status_code == 404


def test_the_boards_queries_do_not_grow_with_its_rows(booked, olga):
    booked()
    visit(olga, "settlement:board")
    with CaptureQueriesContext(connection) as few:
        visit(olga, "settlement:board")
    booked("CCC")
    with CaptureQueriesContext(connection) as many:
        visit(olga, "settlement:board")

    assert Instruction.objects.count() == 6
    assert len(many) == len(few)
