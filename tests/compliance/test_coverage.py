"""How a clause with its mappings stands, and how many of a document stand how."""

import pytest

from apps.compliance.engine.coverage import Coverage, Mapped, Standing, count, hash_of, natural, standing_of

RULE, OUT = Mapped("APPROVED", True, True), Mapped("APPROVED", True, False)
STALE, WAITING, NONE = Mapped("STALE", True, True), Mapped("PROPOSED", True, True), Mapped("APPROVED", False, False)


@pytest.mark.parametrize(
    ("mappings", "standing"),
    [
        ([], "OPEN"), ([WAITING], "WAITING"), ([RULE], "COVERED"), ([RULE, WAITING], "COVERED"), ([RULE, STALE], "STALE"),
        ([STALE, WAITING], "STALE"), ([OUT], "STALE"), ([RULE, OUT], "STALE"), ([NONE], "EXEMPT"), ([NONE, RULE], "COVERED"),
        ([NONE, STALE], "STALE"),
    ],
)  # fmt: skip
def test_what_cannot_be_relied_on_outweighs_the_rest(mappings, standing):
    assert standing_of(mappings) == Standing[standing]


def test_counts_in_words():
    of = [Standing.COVERED] * 17 + [Standing.STALE] * 2 + [Standing.OPEN, Standing.WAITING, Standing.EXEMPT]
    found = count(of)
    assert found == Coverage(17, 2, 2, 1, 1) and found.total == 21 and not found.is_whole
    assert found.words == "17 of 21 clauses covered, 2 stale, 2 not covered, 1 needs no rule"
    assert count([]).words == "no clauses yet" and count([Standing.COVERED]).words == "1 of 1 clause covered"


def test_references_stand_as_in_a_document():
    assert sorted(["4.10", "4.2(b)", "4.2(a)", "10", "4.2", "A.1"], key=natural) == ["4.2", "4.2(a)", "4.2(b)", "4.10", "10", "A.1"]


def test_a_clause_is_the_same_however_its_lines_are_broken():
    assert hash_of("No more than\n 10%  in one issuer. ") == hash_of("No more than 10% in one issuer.")
    assert hash_of("No more than 10%.") != hash_of("No more than 5%.")
