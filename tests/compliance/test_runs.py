"""A screening is kept whole: what it looked at, by which rules, and what they found."""

import pytest
from django.db import connection, transaction
from django.db.utils import DatabaseError

from apps.compliance import selectors
from apps.compliance import services as compliance
from apps.compliance.engine import storing
from apps.compliance.models import Run, RunFigures
from apps.compliance.selectors.runs import rules_hash
from apps.marketdata.models import Quote
from tests.compliance.ruling import take_out

pytestmark = pytest.mark.django_db


def test_orders_submitted_together_are_one_run(rules, submit, check_of):
    ids = submit(("P1", "AAA", "SELL", "100"), ("P1", "AAA", "BUY", "100"), ("P2", "BBB", "BUY", "10"))

    run = Run.objects.get()
    assert {check_of(pk).run_id for pk in ids} == {run.pk}
    assert (run.moment, run.orders, len(run.rule_versions)) == ("SUBMIT", 3, len(compliance.DEFAULT_RULES))
    assert run.rules_hash == rules_hash(run.rule_versions)
    content = storing.expanded(bytes(run.inputs))
    assert run.inputs_hash == storing.digest(content)
    assert storing.unpacked(content).orders.id.tolist() == ids and storing.unpacked(content).at == run.at
    assert {"python", "numpy", "polars"} <= set(run.engine)


def test_a_check_keeps_what_did_not_pass_and_shows_what_did(rules, submit, check_of, omar):
    (pk,) = submit(("P1", "AAA", "BUY", "100"))

    check = check_of(pk)
    assert {r["outcome"] for r in check.results} == {"FAIL"}
    (shown,) = selectors.checks_of(omar, pk)
    failed, passed = [r["rule"] for r in check.results], [r for r in shown.results if r["outcome"] == "PASS"]
    assert shown.passed == len(passed) > 0 and not set(failed) & {r["rule"] for r in passed}
    share = next(r for r in passed if r["rule"] == "sector_limit")
    assert float(share["now"]) < float(share["after"]) <= float(share["limit"])


def test_the_hash_is_of_all_that_the_verdict_used(rules, submit, check_of, by):
    def asked():
        (pk,) = submit(("P2", "BBB", "BUY", "10"))
        return check_of(pk)

    first = asked()
    Quote.objects.filter(instrument__symbol="BBB").update(bid="80.0000001")
    dearer = asked()
    take_out(by, "sector_limit")
    fewer = asked()

    assert first.order_hash == dearer.order_hash == fewer.order_hash
    assert len({first.run.inputs_hash, dearer.run.inputs_hash}) == 2
    assert first.run.rules_hash == dearer.run.rules_hash != fewer.run.rules_hash
    assert len({first.inputs_hash, dearer.inputs_hash, fewer.inputs_hash}) == 3


@pytest.mark.parametrize("model", [Run, RunFigures])
def test_nobody_changes_what_was_kept(rules, submit, model):
    submit(("P1", "AAA", "SELL", "100"))
    table = model._meta.db_table
    for change in (f"UPDATE {table} SET id = id", f"DELETE FROM {table}"):
        with pytest.raises(DatabaseError, match="Cannot update or delete"), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(change)
