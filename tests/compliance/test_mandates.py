"""Mandates beside the rules: documents, clauses, and what proves which, until one of the two is another."""

import io
from datetime import date, timedelta

import openpyxl
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from apps.audit.models import Entry
from apps.compliance import selectors
from apps.compliance import services as compliance
from apps.compliance.models import Check, Clause, ClauseMapping, ClauseText, MandateDocument, MandateEdition, Rule
from apps.core.refusals import IllegalMove, Invalid, NotAllowed, NotFound
from apps.portfolios.models import Mandate, PortfolioGroup
from tests.compliance.ruling import put_in_force, take_out
from tests.pages import send, visit, words

DAY = date(2026, 1, 5)
PDF = compliance.Pdf("C:\\mandates\\IMA.pdf", b"%PDF-1.7\nwords\n%%EOF\n")
SAID = compliance.Said
CLAUSES = (SAID("4.2(a)", "No issuer above 10%.", 7), SAID("4.2(b)", "Cash is at least 1%.", 8), SAID("4.10", "No tobacco."))


@pytest.fixture
def document(rules, firm, omar, by) -> MandateDocument:
    """Of P1, with three clauses."""
    home = compliance.Home(firm.portfolios["P1"].pk)
    pk = compliance.enter_mandate(by(omar), "IMA-P1", "Investment management agreement", DAY, home=home, file=PDF, clauses=CLAUSES)
    return MandateDocument.objects.get(pk=pk)


@pytest.fixture
def rule(rules) -> Rule:
    return Rule.objects.get(code="issuer_limit")


@pytest.fixture
def mapped(document, omar, odile, by):
    """``mapped("4.2(a)", rule)``: a mapping that Omar proposed and Odile approved."""

    def make(reference: str, rule: Rule | None, approve: bool = True) -> ClauseMapping:
        pk = propose(by(omar, "It says so."), reference, rule)
        if approve:
            compliance.approve_mappings(by(odile), [pk], seen={pk: 1})
        return ClauseMapping.objects.get(pk=pk)

    return make


def propose(act, reference: str, rule: Rule | None) -> int:
    one = Clause.objects.get(reference=reference)
    rule = rule and Rule.objects.get(pk=rule.pk)
    seen = {rule.pk: rule.version} if rule else {}
    return compliance.propose_mappings(act, [(one.pk, rule and rule.pk)], seen={one.pk: one.version}, rules_seen=seen)[0]


def keep(act, *clauses: compliance.Said) -> dict:
    row = MandateDocument.objects.get()
    return compliance.keep_clauses(act, row.pk, clauses, seen=row.version)


def standing(user, reference: str) -> str:
    lines = selectors.reading(user, MandateDocument.objects.get().pk).lines
    return next(line.standing for line in lines if line.clause.reference == reference)


def record_of(subject: str, pk: int) -> list[str]:
    return list(Entry.objects.filter(subject=subject, subject_id=pk).order_by("nth").values_list("event", flat=True))


class TestDocuments:
    def test_is_kept_with_its_file_and_its_clauses(self, document, omar, ada):
        edition = MandateEdition.objects.get()
        assert (edition.number, edition.effective_date, edition.file_name, bytes(edition.content)) == (1, DAY, "IMA.pdf", PDF.content)
        assert record_of("mandate", document.pk) == ["mandate.entered", "mandate.reworded"]
        lines = selectors.reading(ada, document.pk).lines
        assert [(line.clause.reference, line.wording.page, line.standing) for line in lines] == [
            ("4.2(a)", 7, "OPEN"), ("4.2(b)", 8, "OPEN"), ("4.10", None, "OPEN"),
        ]  # fmt: skip
        answer = visit(ada, "compliance:edition_file", edition.pk)
        assert answer.content == PDF.content and answer["Content-Type"] == "application/octet-stream"
        assert answer["Content-Disposition"].startswith("attachment") and answer["X-Content-Type-Options"] == "nosniff"

    @pytest.mark.parametrize(
        ("field", "more"),
        [
            ("code", {"code": "two words"}), ("code", {"code": ""}), ("title", {"title": " "}),
            ("file", {"file": compliance.Pdf("x", b"")}),
            ("file", {"file": compliance.Pdf("x.pdf", b"<html>%%EOF")}), ("file", {"file": compliance.Pdf("x.pdf", b"%PDF-1.7 cut off")}),
            ("file", {"file": compliance.Pdf("x.pdf", b"%PDF-1.7" + b" " * 10 * 1024**2 + b"%%EOF")}),
            ("group", {"home": compliance.Home(None, 987654)}), ("group", {"home": compliance.Home(1, 1)}),
            ("portfolio", {"home": compliance.Home(987654)}),
        ],
    )  # fmt: skip
    def test_refuses_what_is_no_document_and_keeps_nothing(self, rules, omar, by, field, more):
        said = {"code": "M-1", "title": "Mandate", "effective_date": DAY} | more
        with pytest.raises(Invalid) as refusal:
            compliance.enter_mandate(by(omar), **said)
        assert refusal.value.facts["field"] == field and not MandateDocument.objects.exists()

    def test_a_code_is_one_documents(self, document, omar, by):
        with pytest.raises(compliance.CodeOfAnother):
            compliance.enter_mandate(by(omar), "IMA-P1", "Another", DAY)
        assert MandateDocument.objects.count() == 1

    def test_only_officers_write_and_the_desk_reads_nothing(self, document, mira, ada, by):
        with pytest.raises(NotAllowed):
            compliance.enter_mandate(by(ada), "M-2", "Mine", DAY)
        assert not selectors.mandates_seen_by(mira).exists()
        with pytest.raises(NotFound):
            selectors.reading(mira, document.pk)


class TestClauses:
    def test_every_bad_one_is_named_and_none_is_kept(self, document, omar, by):
        bad = (SAID("1", "Fine."), SAID("", "Words."), SAID("2", " "), SAID("3", "x", 0), SAID("1", "Twice."))
        with pytest.raises(compliance.BadClauses) as refusal:
            keep(by(omar), *bad)
        assert [(one["row"], one["field"]) for one in refusal.value.facts["rows"]] == [
            (2, "reference"), (3, "text"), (4, "page"), (5, "reference"),
        ]  # fmt: skip
        assert Clause.objects.count() == 3

    def test_saying_the_same_again_changes_nothing(self, document, omar, by):
        assert keep(by(omar), SAID("4.2(a)", "No issuer\nabove  10%.", 7)) == {"entered": 0, "changed": 0, "removed": 0}
        assert MandateDocument.objects.get().version == document.version and ClauseText.objects.count() == 3

    def test_of_two_who_word_it_at_once_the_second_is_stale(self, document, omar, odile, by):
        compliance.keep_clauses(by(odile), document.pk, [SAID("4.10", "No arms.")], seen=document.version)
        with pytest.raises(compliance.StaleMandate) as refusal:
            compliance.keep_clauses(by(omar), document.pk, [SAID("4.10", "No coal.")], seen=document.version)
        assert "reworded" in str(refusal.value.in_words())
        assert ClauseText.objects.filter(clause__reference="4.10").latest("number").text == "No arms."

    @pytest.mark.parametrize("kind", ["csv", "xlsx"])
    def test_come_from_a_file(self, document, omar, by, kind):
        rows = [("Clause", "Page", "Text", "Kind", "Reason"), ("5.1", "9", "Reports monthly.", "no rule", "It is about reports."),
                ("4.10", "", "No tobacco, no arms.", "restriction", "")]  # fmt: skip
        said = compliance.read_clauses(f"clauses.{kind}", as_file(rows, kind))
        assert keep(by(omar), *said) == {"entered": 1, "changed": 1, "removed": 0}
        one = ClauseMapping.objects.get()
        assert (one.rule, one.status, one.reason, one.written_by) == (None, "PROPOSED", "It is about reports.", omar)

    def test_a_file_names_every_bad_row(self, document):
        rows = [("reference", "page", "text", "kind", "reason"), ("", "x", "Words", "", ""), ("6", "1", "", "wish", ""),
                ("7", "1", "Words", "no rule", ""), ("8", "2", "Words", "", "Because.")]  # fmt: skip
        with pytest.raises(compliance.BadClauses, match="4 of 4 rows") as refusal:
            compliance.read_clauses("clauses.csv", as_file(rows, "csv"))
        assert [(one["row"], one["field"]) for one in refusal.value.facts["rows"]] == [
            (2, "page"), (2, "reference"), (3, "kind"), (3, "text"), (4, "reason"), (5, "kind"),
        ]  # fmt: skip

    @pytest.mark.parametrize("rows", [[("reference", "words")], [("reference", "text")], [("reference", "text", "text"), ("1", "x", "y")]])
    def test_a_file_that_says_no_clauses_is_refused(self, rows):
        with pytest.raises(Invalid):
            compliance.read_clauses("clauses.csv", as_file(rows, "csv"))

    def test_statements_do_not_grow_with_them(self, document, omar, by):
        def statements(n: int, start: int) -> int:
            with CaptureQueriesContext(connection) as asked:
                keep(by(omar), *(SAID(f"9.{i}", "Words.", no_rule="Why.") for i in range(start, start + n)))
            return len(asked)

        assert statements(2, 0) == statements(200, 10)


def as_file(rows, kind: str) -> bytes:
    if kind == "csv":
        return "\n".join(",".join(f'"{cell}"' for cell in row) for row in rows).encode()
    book, out = openpyxl.Workbook(), io.BytesIO()
    for row in rows:
        book.active.append(row)
    book.save(out)
    return out.getvalue()


class TestMappings:
    def test_covers_once_another_officer_approves(self, document, rule, mapped, omar, odile):
        one = mapped("4.2(a)", rule, approve=False)
        assert standing(omar, "4.2(a)") == "WAITING"
        send(odile, "compliance:mapping_act", {"how": "approve", "seen": f"{one.pk}:1", "mandate": document.pk}, one.pk)
        assert standing(omar, "4.2(a)") == "COVERED"
        one.refresh_from_db()
        assert (one.status, one.decided_by, one.rule_version.number, one.wording.number) == ("APPROVED", odile, 1, 1)
        assert record_of("mapping", one.pk) == ["mapping.proposed", "mapping.approved"]
        assert selectors.coverage_of([document.pk])[document.pk].words == "1 of 3 clauses covered, 2 not covered"

    def test_nobody_decides_on_their_own(self, mapped, rule, omar, by):
        one = mapped("4.2(a)", rule, approve=False)
        for decide in (compliance.approve_mappings, compliance.refuse_mappings):
            with pytest.raises(compliance.OwnMapping):
                decide(by(omar, "Mine."), [one.pk], seen={one.pk: 1})
        with pytest.raises(IntegrityError, match="nobody_decides_on_a_mapping_of_their_own"), transaction.atomic():
            ClauseMapping.objects.update(status="APPROVED", decided_by=omar, decided_at=one.written_at)
        assert ClauseMapping.objects.get().status == "PROPOSED"

    def test_what_is_proposed_is_its_authors_to_drop_and_a_colleagues_to_refuse(self, mapped, rule, omar, odile, by):
        one = mapped("4.2(a)", rule, approve=False)
        with pytest.raises(compliance.OthersMapping):
            compliance.drop_mappings(by(odile), [one.pk], seen={one.pk: 1})
        with pytest.raises(Invalid, match="reason"):
            compliance.refuse_mappings(by(odile), [one.pk], seen={one.pk: 1})
        compliance.refuse_mappings(by(odile, "It is another limit."), [one.pk], seen={one.pk: 1})
        again = mapped("4.2(a)", rule, approve=False)
        compliance.drop_mappings(by(omar), [again.pk], seen={again.pk: 1})
        assert standing(omar, "4.2(a)") == "OPEN"

    def test_the_same_twice_is_refused(self, mapped, rule):
        mapped("4.2(a)", rule)
        with pytest.raises(compliance.MappedAlready):
            mapped("4.2(a)", rule)

    def test_a_clause_may_have_several_rules_and_a_rule_several_clauses(self, mapped, rule, omar):
        mapped("4.2(a)", rule), mapped("4.10", rule), mapped("4.2(a)", Rule.objects.get(code="sector_limit"))
        assert [m.clause.reference for m in selectors.clauses_of_rules(omar, [rule.pk])[rule.pk]] == ["4.2(a)", "4.10"]

    def test_that_no_rule_is_needed_has_two_officers_too(self, document, mapped, omar):
        mapped("4.10", None, approve=False)
        assert standing(omar, "4.10") == "WAITING"
        mapped("4.2(b)", None)
        assert selectors.coverage_of([document.pk])[document.pk].words == "0 of 2 clauses covered, 2 not covered, 1 needs no rule"

    def test_a_rule_that_is_never_asked_there_proves_nothing(self, mapped, by):
        put_in_force(by, "theirs", {"max_amount": "5"}, kind="order_value", name="Theirs", severity="WARN", scope={"portfolios": ["P3"]})
        with pytest.raises(compliance.NeverAsked, match="P1"):
            mapped("4.2(a)", Rule.objects.get(code="theirs"))
        take_out(by, "issuer_limit")
        with pytest.raises(compliance.NeverAsked, match="out of force"):
            mapped("4.2(a)", Rule.objects.get(code="issuer_limit"))
        assert not ClauseMapping.objects.exists()

    @pytest.mark.parametrize(("kind", "is_asked"), [("UCITS", True), ("", True), ("ERISA", False)])
    def test_nor_does_a_rule_of_other_types_of_mandate(self, mapped, by, kind, is_asked):
        """The document is P1's. Where the type is not on file the rule is asked, and cannot tell."""
        Mandate.objects.filter(portfolio__code="P1").update(type=kind)
        put_in_force(
            by, "theirs", {"max_amount": "5"}, kind="order_value", name="Theirs", severity="WARN", scope={"mandate_types": ["UCITS"]}
        )
        if is_asked:
            mapped("4.2(a)", Rule.objects.get(code="theirs"))
        else:
            with pytest.raises(compliance.NeverAsked, match="P1"):
                mapped("4.2(a)", Rule.objects.get(code="theirs"))


class TestChange:
    def test_other_words_make_it_stale_until_it_is_confirmed(self, document, mapped, rule, omar, odile, by):
        one, other = mapped("4.2(a)", rule), mapped("4.2(b)", Rule.objects.get(code="least_cash"))
        waiting = mapped("4.2(a)", Rule.objects.get(code="sector_limit"), approve=False)
        keep(by(omar, "Letter of the client."), SAID("4.2(a)", "No issuer above 8%."), SAID("4.2(b)", "Cash is at least 1%.", 9))
        assert [ClauseMapping.objects.get(pk=m.pk).status for m in (one, other, waiting)] == ["STALE", "APPROVED", "DROPPED"]
        assert (standing(omar, "4.2(a)"), standing(omar, "4.2(b)")) == ("STALE", "COVERED")
        page = words(visit(omar, "compliance:mandate", document.pk))
        assert "Its words changed." in page and "It said: “No issuer above 10%.”" in page and "1 stale" in page
        again = mapped("4.2(a)", rule)
        one.refresh_from_db()
        assert (one.status, again.wording.number, standing(omar, "4.2(a)")) == ("ENDED", 2, "COVERED")
        assert record_of("mapping", one.pk) == ["mapping.proposed", "mapping.approved", "mapping.outdated", "mapping.ended"]

    def test_another_version_of_the_rule_asks_to_be_confirmed(self, mapped, rule, omar, by):
        one = mapped("4.2(a)", rule)
        put_in_force(by, rule.code, {"exempt": ["GOVT", "CORP"]})
        one.refresh_from_db()
        assert (one.status, one.why, standing(omar, "4.2(a)")) == ("STALE", "Version 2 of the rule is in force.", "STALE")
        assert mapped("4.2(a)", rule).rule_version.number == 2 and standing(omar, "4.2(a)") == "COVERED"

    def test_so_does_the_end_of_the_rule(self, mapped, rule, omar, by):
        mapped("4.2(a)", rule)
        take_out(by, rule.code)
        assert ClauseMapping.objects.get().why == "The rule is out of force." and standing(omar, "4.2(a)") == "STALE"
        assert selectors.coverage_of_all(omar).stale == 1
        assert "1 mandate clause stale" in words(visit(omar, "surveillance:days"))

    def test_a_new_edition_carries_over_what_it_says_alike(self, document, mapped, rule, omar, by):
        one, other, gone = mapped("4.2(a)", rule), mapped("4.2(b)", Rule.objects.get(code="least_cash")), mapped("4.10", None)
        said = (SAID("4.2(a)", "No issuer above 10%."), SAID("4.2(b)", "Cash is at least 2%."), SAID("4.3", "No leverage."))
        compliance.reissue_mandate(by(omar), document.pk, DAY + timedelta(90), seen=document.version, clauses=said)
        assert [ClauseMapping.objects.get(pk=m.pk).status for m in (one, other, gone)] == ["APPROVED", "STALE", "STALE"]
        lines = selectors.reading(omar, document.pk).lines
        assert [(line.clause.reference, line.standing, line.wording.edition.number) for line in lines] == [
            ("4.2(b)", "STALE", 2), ("4.10", "STALE", 1), ("4.3", "OPEN", 2), ("4.2(a)", "COVERED", 1),
        ]  # fmt: skip
        assert record_of("clause", gone.clause_id) == ["clause.entered", "clause.removed"]
        version = MandateDocument.objects.get().version
        with pytest.raises(Invalid, match="cannot bind before"):
            compliance.reissue_mandate(by(omar), document.pk, DAY, seen=version)

    def test_without_clauses_a_new_edition_has_those_of_the_last(self, document, mapped, rule, omar, by):
        mapped("4.2(a)", rule)
        assert compliance.reissue_mandate(by(omar), document.pk, DAY, seen=document.version, file=PDF) == 2
        assert standing(omar, "4.2(a)") == "COVERED" and Clause.objects.filter(status="STANDS").count() == 3

    def test_a_clause_that_comes_back_is_mapped_anew(self, document, mapped, rule, omar, by):
        mapped("4.2(a)", rule)
        compliance.remove_clauses(by(omar, "Struck."), document.pk, ["4.2(a)"], seen=document.version)
        keep(by(omar), SAID("4.2(a)", "No issuer above 10%."))
        assert standing(omar, "4.2(a)") == "STALE"
        with pytest.raises(NotFound):
            compliance.remove_clauses(by(omar, "Struck."), document.pk, ["9.9"], seen=MandateDocument.objects.get().version)

    def test_retired_it_covers_nothing_and_takes_nothing(self, document, mapped, rule, omar, by):
        one = mapped("4.2(a)", rule)
        compliance.retire_mandate(by(omar, "The client left."), document.pk, seen=document.version)
        one.refresh_from_db()
        assert (one.status, one.why) == ("ENDED", "The document is retired.")
        with pytest.raises(IllegalMove):
            keep(by(omar), SAID("1", "More."))
        assert selectors.coverage_of_all(omar).total == 0


class TestProof:
    FIXTURE = {
        "name": "more than 5", "clause": "IMA-P1 4.2(a)", "instruments": {"A": {}}, "portfolios": {"P": {"cash": {"USD": "1000"}}},
        "orders": [{"side": "BUY", "qty": "1", "symbol": "A", "expect": "FAIL"}],
    }  # fmt: skip

    def test_fixtures_name_the_clause_that_they_prove_and_the_bench_says_what_came_of_them(self, document, mapped, omar, by):
        other = self.FIXTURE | {"name": "as before", "clause": "IMA-P1 4.10"}
        put_in_force(
            by, "small", {"max_amount": "5"}, kind="order_value", name="Small", severity="WARN", fixtures=[self.FIXTURE, other]
        )
        mapped("4.2(a)", Rule.objects.get(code="small"))
        (proof,) = next(line.proofs for line in selectors.reading(omar, document.pk).lines if line.proofs)
        assert (proof.fixtures, proof.proving) == (["more than 5", "as before"], ["more than 5"])
        assert (proof.bench["passes"], proof.bench["fails"]) == (0, 2)
        page = words(visit(omar, "compliance:mandate", document.pk))
        assert "1 of them names this clause" in page and "proves it" in page

    def test_the_review_and_the_evidence_cite_the_clause_as_it_was_then(self, held, document, mapped, omar, by):
        rule = Rule.objects.get(code=held().leading_rule)
        mapped("4.2(a)", rule)
        review = held("150")
        assert "IMA-P1 4.2(a)" in words(visit(omar, "compliance:review", review.pk))
        keep(by(omar), SAID("4.2(a)", "No issuer above 8%."))
        pack = selectors.evidence_of(omar, review.verdict_id)
        (cited,) = next(one["clauses"] for one in pack["rules"] if one["rule"] == rule.code)
        assert (cited["document"], cited["clause"], cited["page"], cited["text"]) == ("IMA-P1", "4.2(a)", 7, "No issuer above 10%.")
        assert (cited["mapped_by"], cited["approved_by"]) == ("omar", "odile")
        assert all(not one["clauses"] for one in pack["rules"] if one["rule"] != rule.code)
        assert b"%PDF" in visit(omar, "compliance:evidence_pdf", review.verdict_id).content[:10]
        assert Check.objects.filter(pk=review.verdict_id).exists()

    def test_another_portfolios_mandate_is_not_cited(self, held, document, mapped, omar):
        rule = Rule.objects.get(code=held().leading_rule)
        group = PortfolioGroup.objects.create(code="funds", name="Funds")
        MandateDocument.objects.update(portfolio=None, group=group)
        mapped("4.2(a)", rule)
        review = held("150")
        assert "IMA-P1 4.2(a)" not in words(visit(omar, "compliance:review", review.pk))
        group.members.add(review.order.portfolio)
        assert "IMA-P1 4.2(a)" in words(visit(omar, "compliance:review", review.pk))

    def test_the_rules_page_shows_its_clauses(self, mapped, rule, omar, document):
        mapped("4.2(a)", rule)
        for page in (visit(omar, "compliance:rules"), visit(omar, "compliance:rule", rule.code)):
            assert f"/mandate-documents/{document.pk}/#clause-" in words(page) and "IMA-P1 4.2(a)" in words(page)


class TestPages:
    def test_the_list_says_how_far_each_is_covered(self, document, mapped, rule, ada):
        mapped("4.2(a)", rule)
        page = words(visit(ada, "compliance:mandates"))
        assert "1 of 3 clauses covered, 2 not covered" in page and "Enter a document" not in page

    def test_an_officer_enters_one_maps_a_clause_and_another_approves(self, rules, rule, omar, odile):
        clauses = SimpleUploadedFile("c.csv", b"reference,text\n1.1,No issuer above 10%.\n")
        said = {"code": "HOUSE", "title": "House mandate", "effective_date": "2026-01-05", "clauses": clauses,
                "file": SimpleUploadedFile("m.pdf", PDF.content)}  # fmt: skip
        assert send(omar, "compliance:mandate_new", said).status_code == 204
        clause = Clause.objects.get()
        shown = words(visit(omar, "compliance:clause_map", clause.pk, htmx=True))
        assert f'value="{rule.pk}:1"' in shown
        sent = send(omar, "compliance:clause_map", {"seen": "1", "rule": f"{rule.pk}:1", "reason": "So."}, clause.pk)
        assert sent.status_code == 204
        one = ClauseMapping.objects.get()
        page = words(visit(odile, "compliance:mandate", clause.document_id))
        assert 'value="approve"' in page and "Waits for another officer" in page
        answer = send(odile, "compliance:mapping_act", {"how": "approve", "seen": f"{one.pk}:1", "mandate": clause.document_id}, one.pk)
        assert "1 of 1 clause covered" in words(answer)
        again = send(omar, "compliance:mapping_act", {"how": "end", "seen": f"{one.pk}:1", "mandate": clause.document_id}, one.pk)
        assert again.status_code == 422 and "Give a reason" in words(again)

    def test_a_bad_file_names_its_rows_in_the_dialog(self, document, omar):
        file = SimpleUploadedFile("c.csv", b"reference,page,text\n1,x,Words\n2,1,\n")
        answer = send(omar, "compliance:clauses_import", {"seen": document.version, "file": file}, document.pk)
        assert answer.status_code == 422 and "2 of 2 rows are wrong" in words(answer) and "“x” is no page" in words(answer)

    def test_a_clause_is_worded_anew_and_taken_out(self, document, mapped, rule, omar):
        one = mapped("4.2(a)", rule)
        data = {"seen": document.version, "text": "No issuer above 8%.", "page": "7"}
        assert send(omar, "compliance:clause", data, one.clause_id).status_code == 204
        assert send(omar, "compliance:clause", data, one.clause_id).status_code == 409
        version = MandateDocument.objects.get().version
        seen = {"seen": f"{document.pk}:{version}", "reason": "Struck."}
        assert send(omar, "compliance:clause_remove", seen, one.clause_id).status_code == 204
        assert Clause.objects.get(pk=one.clause_id).status == "GONE"


class TestApi:
    def test_carries_all_of_it(self, rules, rule, firm, omar, odile, ask):
        said = {"code": "IMA", "title": "Mandate", "portfolio_id": firm.portfolios["P1"].pk, "effective_date": "2026-01-05",
                "file_name": "m.pdf", "content": "JVBERi0xLjcKJSVFT0YK", "clauses": [{"reference": "1", "text": "Words."}]}  # fmt: skip
        made = ask(omar, "post", "/api/v1/mandates/", said)
        assert made.status_code == 201, made.content
        pk, edition = made.json()["id"], made.json()["editions"][0]
        assert made.json()["coverage"]["words"] == "0 of 1 clause covered, 1 not covered"
        assert ask(omar, "get", f"/api/v1/mandates/editions/{edition['id']}/file/").content == b"%PDF-1.7\n%%EOF\n"
        (clause,) = ask(omar, "get", f"/api/v1/mandates/{pk}/clauses/").json()
        wanted = {"clause_id": clause["id"], "version": 1, "rule_id": rule.pk, "rule_version": 1, "reason": "So."}
        mapping = ask(omar, "post", "/api/v1/clause-mappings/", wanted)
        assert mapping.status_code == 201, mapping.content
        path = f"/api/v1/clause-mappings/{mapping.json()['id']}"
        assert ask(omar, "post", f"{path}/approve/", {"version": 1, "reason": ""}).status_code == 403
        assert ask(odile, "post", f"{path}/approve/", {"version": 1, "reason": ""}).json()["status"] == "APPROVED"
        assert ask(odile, "post", f"{path}/approve/", {"version": 1, "reason": ""}).status_code == 409
        (clause,) = ask(omar, "get", f"/api/v1/mandates/{pk}/clauses/").json()
        assert (clause["standing"], clause["mappings"][0]["rule"]) == ("COVERED", "issuer_limit")
        version = ask(omar, "get", f"/api/v1/mandates/{pk}/").json()["version"]
        reissue = {"version": version, "effective_date": "2026-06-01", "clauses": [{"reference": "1", "text": "Others."}]}
        assert ask(omar, "post", f"/api/v1/mandates/{pk}/editions/", reissue).json()["coverage"]["stale"] == 1
        assert ask(omar, "get", reverse("api-mandates")).json()["results"][0]["coverage"]["stale"] == 1

    def test_names_bad_clauses_and_base64(self, document, omar, ask):
        path = f"/api/v1/mandates/{document.pk}/clauses/"
        bad = ask(omar, "post", path, {"version": document.version, "clauses": [{"reference": "x", "text": "y", "page": 0}]})
        assert (bad.status_code, bad.json()["facts"]["rows"][0]["field"]) == (422, "page")
        said = {"code": "B", "title": "B", "effective_date": "2026-01-05", "content": "no!"}
        assert ask(omar, "post", "/api/v1/mandates/", said).status_code == 422
