"""What is kept beside the record is held against it: each stored screening and report that is not what it was is named."""

from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command

from apps.audit import seals
from apps.audit.models import Entry
from apps.compliance.models import Run
from apps.compliance.selectors.runs import rules_hash
from apps.surveillance.models import Run as Report
from tests.compliance.conftest import rules, submit  # noqa: F401
from tests.compliance.test_replay import tamper
from tests.pages import send, words
from tests.surveillance.conftest import aaa, report  # noqa: F401

pytestmark = pytest.mark.django_db
CHANGED = {
    "UPDATE compliance_run SET inputs_hash = repeat('0', 64)": "is not what the record says",
    "UPDATE compliance_run SET rules_hash = repeat('0', 64)": "is not what the record says",
    "UPDATE compliance_run SET inputs = '\\x00'": "cannot be read",
    "UPDATE compliance_run SET at = at - interval '1 second'": "is not of the time",
    "UPDATE compliance_ruleversion SET severity = 'INFO'": "asked by rules that say something else now",
}


@pytest.fixture
def screened(rules, submit) -> list[Run]:  # noqa: F811
    submit(("P1", "AAA", "SELL", "100"))
    submit(("P2", "AAA", "SELL", "100"))
    return list(Run.objects.order_by("pk"))


def test_says_how_many_it_held_against_the_record(screened, aaa, report, ada):  # noqa: F811
    aaa("25")
    report()
    verdict = seals.verify()
    assert (verdict.faults, verdict.kept) == ([], 3)
    assert "3 stored screenings and reports" in words(send(ada, "desk:verify", {}))


@pytest.mark.parametrize(("statement", "why"), CHANGED.items())
def test_names_each_screening_that_is_not_what_it_was(screened, statement, why, capsys):
    last = screened[-1]
    tamper(statement if "ruleversion" in statement else f"{statement} WHERE id = {last.pk}")
    faults = seals.verify().faults
    assert faults and all(why in fault or "another hash" in fault or "say something else" in fault for fault in faults)
    assert any(fault.startswith(f"screening {last.ref} ") for fault in faults)
    assert ("ruleversion" in statement) == any(screened[0].ref in fault for fault in faults)
    with pytest.raises(CommandError):
        call_command("audit_verify")
    assert last.ref in capsys.readouterr().err


def test_names_one_that_is_gone(screened):
    last = screened[-1]
    tamper("UPDATE compliance_check SET run_id = NULL WHERE run_id = %s", last.pk)
    tamper("DELETE FROM compliance_runfigures WHERE run_id = %s", last.pk)
    tamper("DELETE FROM compliance_run WHERE id = %s", last.pk)
    assert seals.verify().faults == [f"screening {last.ref} is gone: the record says that it was kept"]


class TestReports:
    def test_the_fact_of_a_report_has_the_hashes_of_its_run(self, aaa, report):  # noqa: F811
        aaa("25")
        run = report().run
        payload = Entry.objects.get(event="day.reported").payload
        assert (payload["inputs_hash"], payload["rules_hash"]) == (run.inputs_hash, rules_hash(run.rule_versions))

    @pytest.mark.parametrize(("statement", "why"), [
        ("inputs_hash = repeat('0', 64)", "is not what the record says"), ("inputs = '\\x00'", "cannot be read"),
        ("rule_versions = '[]'", "say something else now"), ("day_id = NULL", "is not of the time"),
    ])  # fmt: skip
    def test_each_that_is_not_what_it_was_is_named(self, aaa, report, statement, why):  # noqa: F811
        aaa("25")
        day = report()
        report()
        run = Report.objects.order_by("pk").first()
        tamper(f"UPDATE surveillance_run SET {statement} WHERE id = {run.pk}")
        faults = seals.verify().faults
        assert any(why in fault for fault in faults)
        assert all(f"run {run.pk}" in fault for fault in faults), (day.pk, faults)

    def test_one_that_was_put_in_later(self, aaa, report):  # noqa: F811
        aaa("25")
        first = report().run
        first.pk, first.at = None, first.at + timedelta(seconds=1)
        first.save(force_insert=True)
        assert seals.verify().faults == [f"the report of {first.day.date} (run {first.pk}) is not on the record: it was put in later"]
