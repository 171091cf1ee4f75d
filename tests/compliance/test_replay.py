"""Every verdict of a day can be reached again, and what was tampered with is found."""

import io
from datetime import timedelta

import orjson
import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client
from django.utils import timezone

from apps.compliance import selectors
from apps.compliance.engine import storing
from apps.compliance.engine.evidence import inputs_hash
from apps.compliance.models import Check, Run
from apps.marketdata.models import Quote
from tests.compliance.ruling import put_in_force, take_out

pytestmark = pytest.mark.django_db
PAGE, API = "/replay/", "/api/v1/replay/"


@pytest.fixture
def a_day(rules, submit):
    """Two screenings, some of whose orders pass and some do not; then prices and holdings move."""
    submit(("P1", "AAA", "SELL", "100"), ("P1", "AAA", "BUY", "100"), ("P2", "BBB", "BUY", "10"))
    submit(("P3", "BBB", "BUY", "5000"), ("P1", "BBB", "BUY", "10"))
    Quote.objects.update(bid="1", ask="1")
    return timezone.now().date()


def tamper(statement: str, *values) -> None:
    """As somebody who owns the database: the triggers are off."""
    table = statement.removeprefix("DELETE FROM").split()[0 if statement.startswith("DELETE") else 1]
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        cursor.execute(statement, values)
        cursor.execute(f"ALTER TABLE {table} ENABLE TRIGGER USER")


def run_command(*args) -> str:
    out = io.StringIO()
    call_command("replay", *args, stdout=out, stderr=out)
    return out.getvalue()


def test_the_same_inputs_give_the_same_verdicts(a_day):
    for _ in range(2):
        report = selectors.replay_day(a_day)
        assert (report.runs, report.judged, report.differences, report.faults) == (2, 5, [], [])
    assert "The same: 5 verdicts of 2 screenings" in run_command(str(a_day))
    assert "The same: 0 verdicts" in run_command("2001-01-01")


def test_what_is_stored_does_not_depend_on_later_rules_or_prices(a_day, people, by):
    put_in_force(by, "instrument_limit", {"max_pct": "0.01"}, severity="HARD")
    take_out(by, "cash_by_currency")
    assert selectors.replay_day(a_day).is_same


def test_an_input_changed_by_whoever_owns_the_database_is_found(a_day):
    run = Run.objects.earliest("pk")
    content = storing.expanded(bytes(run.inputs))
    changed = storing.squeezed(content.replace(b'"50', b'"51', 1))
    tamper("UPDATE compliance_run SET inputs = %s WHERE id = %s", changed, run.pk)

    report = selectors.replay_day(a_day)
    assert [fault.run_id for fault in report.faults] == [run.pk] and "inputs" in report.faults[0].why
    with pytest.raises(CommandError, match="1 faults in 2 screenings"):
        run_command(str(a_day))


def test_so_is_one_whose_hash_was_changed_with_it(a_day):
    run = Run.objects.earliest("pk")
    s = storing.unpacked(storing.expanded(bytes(run.inputs)))
    s.positions.amount[:] *= 2
    content = storing.packed(s)
    tamper(
        "UPDATE compliance_run SET inputs = %s, inputs_hash = %s WHERE id = %s",
        storing.squeezed(content), storing.digest(content), run.pk,
    )  # fmt: skip
    report = selectors.replay_day(a_day)
    assert {fault.why[:21] for fault in report.faults} == {"The hash of the check", "It is not what the re"} and report.differences


def test_so_is_one_that_was_changed_with_all_of_its_own_hashes_and_checks(a_day):
    """Run and checks agree with each other; the record, which is sealed, does not."""
    last = Run.objects.latest("pk")
    s = storing.unpacked(storing.expanded(bytes(last.inputs)))
    s.cash.amount[:] += 1  # By a hundredth of a cent, which moves no verdict.
    content = storing.packed(s)
    digest = storing.digest(content)
    tamper(
        "UPDATE compliance_run SET inputs = %s, inputs_hash = %s WHERE id = %s", storing.squeezed(content), digest, last.pk
    )
    for check in Check.objects.filter(run=last):
        hashed = inputs_hash(check.order_id, check.order_hash, digest, last.rules_hash)
        tamper("UPDATE compliance_check SET inputs_hash = %s WHERE id = %s", hashed, check.pk)
    report = selectors.replay_day(a_day)
    assert [(fault.run_id, fault.why[:21]) for fault in report.faults] == [(last.pk, "It is not what the re")]
    with pytest.raises(CommandError, match="1 faults in 2 screenings"):
        run_command(str(a_day))


def test_so_is_one_that_was_moved_to_another_day(a_day):
    tamper("UPDATE compliance_run SET at = at - interval '3 days'")
    for day in (a_day, a_day - timedelta(days=3)):
        assert {fault.why[:31] for fault in selectors.replay_day(day).faults} == {"The record does not know it at "}


@pytest.mark.record_tampered
def test_so_is_one_that_the_record_does_not_know(a_day):
    last = Run.objects.latest("pk").pk
    tamper("UPDATE audit_entry SET event = 'screening.lost' WHERE event = 'screening.kept' AND subject_id = %s", last)
    (fault,) = selectors.replay_day(a_day).faults
    assert fault.run_id == last and "put in later" in fault.why


@pytest.mark.record_tampered
def test_so_is_one_that_was_taken_out(a_day):
    last = Run.objects.latest("pk").pk
    tamper("UPDATE compliance_check SET run_id = NULL WHERE run_id = %s", last)
    tamper("DELETE FROM compliance_runfigures WHERE run_id = %s", last)
    tamper("DELETE FROM compliance_run WHERE id = %s", last)
    (fault,) = selectors.replay_day(a_day).faults
    assert fault.run_id == last and "gone" in fault.why




@pytest.mark.parametrize(
    ("statement", "fault"),
    [
        ("UPDATE compliance_check SET outcome = 'PASS', results = '[]'", ""),
        ("UPDATE compliance_check SET max_passing_qty = 7 WHERE outcome = 'FAIL'", ""),
        ("UPDATE compliance_ruleversion SET params = '{\"max_pct\": \"99\"}' WHERE params ? 'max_pct'", "rule"),
        ("UPDATE compliance_ruleversion SET scope = '{\"teams\": [\"none\"]}'", "rule"),
        ("UPDATE compliance_ruleversion SET moments = '[\"amend\"]'", "rule"),
        ("UPDATE compliance_runfigures SET figures = 'gone'", "figures"),
        ("UPDATE compliance_check SET inputs_hash = repeat('0', 64)", "hash"),
    ],
)
def test_so_are_verdicts_rules_figures_and_hashes(a_day, statement, fault):
    tamper(statement)
    report = selectors.replay_day(a_day)
    assert not report.is_same
    assert bool(report.faults) is bool(fault) and all(fault in one.why for one in report.faults)


def test_numbers_of_what_passed_are_compared_too(a_day):
    run = Run.objects.earliest("pk")
    other = Run.objects.latest("pk")
    part = bytes(run.parts.get().figures)
    tamper("UPDATE compliance_runfigures SET figures = %s WHERE run_id = %s", part, other.pk)
    assert [fault.run_id for fault in selectors.replay_day(a_day).faults] == [other.pk]


def test_todays_rules_on_the_last_days(a_day, people, by):
    assert not selectors.replay_rules(selectors.active_rules(), a_day, a_day).differences
    put_in_force(by, "order_value", {"max_amount": "1"}, severity="HARD")
    today = selectors.active_rules()

    report = selectors.replay_rules(today, a_day - timedelta(days=89), a_day)
    assert report.held and not report.let_through
    assert {(d.rule, d.was) for d in report.held} == {("order_value", "PASS")}
    assert len(selectors.replay_rules([], a_day, a_day).let_through) == 5 - len(report.held)
    assert selectors.replay_rules(today, a_day - timedelta(days=9), a_day - timedelta(days=1)).runs == 0
    assert f"{len(report.held)} that passed would have been held" in run_command("--rules")


def test_a_rule_that_old_inputs_have_nothing_for_is_told(submit, people, by):
    submit(("P1", "AAA", "BUY", "100"))
    put_in_force(by, "own", {"max_pct": "4.9"}, severity="HARD", name="Own", kind="issue_ownership")
    today = timezone.now().date()
    report = selectors.replay_rules(selectors.active_rules(), today, today)
    assert (report.unasked, report.differences) == ({"own": 1}, [])


def test_no_more_is_judged_at_once_than_asked_for(a_day):
    report = selectors.replay_day(a_day, most_orders=3)
    assert (report.runs, report.judged, report.left_out) == (1, 3, 1)


class TestEdges:
    def test_an_officer_judges_a_day_again(self, a_day, omar):
        client = Client()
        client.force_login(omar)
        assert "S-0" in client.get(PAGE).content.decode()
        assert "The same verdicts" in client.get(f"{PAGE}?day={a_day}&how=same").content.decode()
        assert "0 would have been held" in client.get(f"{PAGE}?how=rules").content.decode()
        tamper("UPDATE compliance_check SET outcome = 'PASS', results = '[]'")
        assert "Not the same" in client.get(f"{PAGE}?day={a_day}&how=same").content.decode()
        refused = client.get(f"{PAGE}?day=today&how=same")
        assert refused.status_code == 422 and "2026-11-30" in refused.content.decode()

    def test_another_system_does(self, a_day, omar):
        client = Client()
        client.force_login(omar)
        told = orjson.loads(client.get(f"{API}?day={a_day}").content)
        assert (told["is_same"], told["runs"], told["judged"], told["differences"]) == (True, 2, 5, [])
        assert orjson.loads(client.get(f"{API}rules/?days=7").content)["judged"] == 5
        assert client.get(f"{API}?day=x").status_code == client.get(f"{API}rules/?days=0").status_code
