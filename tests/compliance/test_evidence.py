"""The evidence pack of a check: all that it stands on, of what was stored and recorded alone."""

import re
import zlib
from base64 import a85decode
from decimal import Decimal

import pytest

from apps.compliance import selectors
from apps.compliance import services as compliance
from apps.compliance.models import RuleVersion
from apps.core.refusals import NotFound
from apps.marketdata.models import Quote
from tests.pages import visit, words

D = Decimal


def words_of(pdf: bytes) -> str:
    """The text of a PDF as reportlab writes it, without spaces: lines break where the columns end."""
    streams = re.findall(rb"stream\r?\n(.*?)~>endstream", pdf, re.S)
    drawn = b"".join(zlib.decompress(a85decode(one.strip())) for one in streams).decode("latin-1")
    return "".join("".join(re.findall(r"\((.*?)\) Tj", drawn)).split())


@pytest.fixture
def decided(held, omar, mira, by):
    """A review that was asked about, answered and approved."""
    review = held()
    pk = compliance.ask(by(omar), review.pk, "Is the transfer <booked>?", seen=1)
    compliance.answer(by(mira), pk, "It is, number 4711.", seen=1)
    compliance.approve_reviews(by(omar, "Cured tomorrow."), [review.pk], seen={review.pk: 3}, terms=compliance.Terms("CURE"))
    review.refresh_from_db()
    return review


def test_it_has_rule_inputs_numbers_decision_and_thread(decided, omar):
    pack = selectors.evidence_of(omar, decided.verdict_id)
    found = next(one for one in pack["rules"] if one["outcome"] == "FAIL")
    version = RuleVersion.objects.get(pk=found["version_id"])
    assert (found["text"], found["citation"], found["version"]) == (version.text, version.citation, version.number)
    assert found["numbers"] and found["limit"] and found["after"]
    share = D(found["numerator"]) / D(found["denominator"]) * 100
    assert abs(share - D(found["after"])) < D("0.000001") and found["denominator_is"] == "Net asset value"
    assert len(pack["rules"]) > 1 and {one["outcome"] for one in pack["rules"]} == {"FAIL", "PASS"}

    held = {one["symbol"]: one for one in pack["inputs"]["positions"]}
    assert D(held["AAA"]["qty"]) > 0 and held["AAA"]["bid"] and held["AAA"]["priced_at"]
    assert pack["inputs"]["cash"] and pack["inputs"]["is_as_stored"] is True
    assert (pack["inputs"]["order"]["side"], pack["inputs"]["order"]["qty"]) == ("BUY", "100")
    assert (pack["review"]["decided_by"], pack["review"]["reason"]) == ("omar", "Cured tomorrow.")
    assert [(one["text"], one["answer"]) for one in pack["thread"]] == [("Is the transfer <booked>?", "It is, number 4711.")]
    assert [one["code"] for one in pack["overrides"]] == ["CURE"]
    assert [one["event"] for one in pack["record"] if one["subject"].startswith("review")] == [
        "review.opened", "review.questioned", "review.answered", "review.approved",
    ]  # fmt: skip


def test_it_is_of_what_was_stored_and_its_hash_says_so(decided, omar):
    pack = selectors.evidence_of(omar, decided.verdict_id)
    Quote.objects.update(bid=1, ask=1)
    assert selectors.evidence_of(omar, decided.verdict_id) == pack
    assert selectors.hash_of(pack) == pack["sha256"]
    pack["review"]["reason"] = "Another one."
    assert selectors.hash_of(pack) != pack["sha256"]


def test_it_is_for_compliance_and_auditors(decided, ada, mira, tom):
    assert selectors.evidence_of(ada, decided.verdict_id)["review"]["ref"] == decided.ref
    for person, pk in ((mira, decided.verdict_id), (tom, decided.verdict_id), (ada, 999_999)):
        with pytest.raises(NotFound):
            selectors.evidence_of(person, pk)


def test_it_is_downloaded_from_the_review_and_over_the_api(decided, omar, client):
    page = words(visit(omar, "compliance:review", decided.pk, htmx=True))
    assert f"/checks/{decided.verdict_id}/evidence.pdf" in page and "evidence.json" in page
    answer = visit(omar, "compliance:evidence_json", decided.verdict_id)
    pack = answer.json()
    assert answer["Content-Disposition"].startswith("attachment") and selectors.hash_of(pack) == pack["sha256"]
    client.force_login(omar)
    path = f"/api/v1/checks/{decided.verdict_id}/evidence/"
    assert client.get(path).json() == pack
    pdf = client.get(f"{path}pdf/")
    assert pdf.content == visit(omar, "compliance:evidence_pdf", decided.verdict_id).content
    text = words_of(pdf.content)
    found = next(one for one in pack["rules"] if one["outcome"] == "FAIL")
    for said in (pack["sha256"], found["finding"][:30], "Is the transfer <booked>?", "4711", "Cured tomorrow.", "AAA"):
        assert said.replace(" ", "") in text
