"""Numbers in the sentences of verdicts: with the minus that pages print, and none before what rounds to nothing."""

import pytest

from apps.compliance.engine import saying, sentence
from apps.compliance.engine.rules import read


@pytest.mark.parametrize(
    ("said", "text"),
    [
        (saying.money(-1234.5), "−USD 1,234.50"), (saying.money(1234.5, "EUR"), "EUR 1,234.50"), (saying.money(-0.001), "USD 0.00"),
        (saying.units(-1234.5), "−1,234.5"), (saying.units(-0.0), "0"), (saying.units(-0.00001), "0"), (saying.units(10), "10"),
        (saying.percent(-5.0), "−5%"), (saying.percent(-0.0), "0%"), (saying.percent(-0.00012), "−0.00012%"),
        (saying.percent(5.25), "5.25%"),
    ],
)  # fmt: skip
def test_a_minus_stands_before_the_currency(said, text):
    assert said == text


def test_numbers_for_machines_keep_theirs():
    assert saying.number(-0.5) == "-0.5" and saying.line("Balance", -2)["value"] == "-2"


def test_so_do_the_sentences_of_rules_say_it():
    assert "but for an overdraft of −5;" in sentence.of("cash_by_currency", read("cash_by_currency", {"overdraft": "-5"}))
