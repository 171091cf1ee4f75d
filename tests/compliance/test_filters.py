"""The language of filters: what it says, where it refuses, and that it cannot run away."""

import celpy
import polars as pl
import pytest
from celpy import celtypes
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.compliance.engine.filters import MOST_CHARACTERS, NUMBER, TEXT, TRUTH, BadFilter, read

FIELDS = {"country": TEXT, "sector": TEXT, "rank": NUMBER, "coupon": NUMBER, "listed": TRUTH}
FRAME = pl.DataFrame(
    {
        "country": ["US", "DE", None], "sector": ["Tech", "Steel", "Tech"], "rank": [1.0, 10.0, None],
        "coupon": [4.25, None, 0.0], "listed": [True, False, None],
    }
)  # fmt: skip


def says(text: str) -> list:
    return FRAME.select(read(text, FIELDS).expr.alias("is"))["is"].to_list()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('country == "US"', [True, False, None]),
        ("country != 'US'", [False, True, None]),
        ('country in ["US", "FR"]', [True, False, None]),
        ('!(country in ["US"])', [False, True, None]),
        ("rank <= 10", [True, True, None]),
        ("rank < 10.0", [True, False, None]),
        ("rank in [1, -2, 0x0A]", [True, True, None]),
        ("rank * 2 - 1 > coupon / 2", [False, None, None]),
        ("rank / (rank - 1) > 0", [None, True, None]),
        ("-rank >= -1", [True, False, None]),
        ("listed", [True, False, None]),
        ("listed == true", [True, False, None]),
        ('country == "US" && sector == "Steel"', [False, False, False]),  # Not steel, whatever the country.
        ('country == "DE" || sector == "Tech"', [True, True, True]),  # Tech, whatever the country.
        ('country == "US" || rank > 5 && listed', [True, False, None]),  # && binds closer.
        ('sector.startsWith("Te")', [True, False, True]),
        ('sector.contains("ee") && !sector.endsWith("h")', [False, True, False]),
        ('sector.contains(".")', [False, False, False]),  # No pattern.
        (r'sector == "T\x65ch"', [True, False, True]),
        ('country\n==\n"US"', [True, False, None]),
    ],
)  # fmt: skip
def test_says(text, expected):
    assert says(text) == expected


def test_names_what_it_looks_at():
    assert read('country == "US" && rank > 1 || country == "DE"', FIELDS).fields == {"country", "rank"}


@pytest.mark.parametrize(
    ("text", "line", "column", "why"),
    [
        ("", 1, 1, "cannot be read"),
        ("rank >", 1, 6, "cannot be read"),
        ("country = 'US'", 1, 9, "cannot be read"),
        ("rank > 1 &&\n\n  country ==", 3, 11, "cannot be read"),
        ('"\\', 1, 1, "cannot be read"),
        ("land == 'US'", 1, 1, "There is no field “land”. There are: country, coupon"),
        ("rank > 1 &&\n  land == 'US'", 2, 3, "There is no field “land”"),
        ("country == 3", 1, 12, "This is a number and is compared with text."),
        ('country in ["a", 1]', 1, 18, "This is a number and is compared with text."),
        ("country in sector", 1, 12, "A list of constants"),
        ("country in []", 1, 12, "A list of constants"),
        ("rank", 1, 1, "This is a number, not a condition."),
        ("rank + 1", 1, 1, "This is a number, not a condition."),
        ("!rank", 1, 2, "a condition belongs here"),
        ("listed || 'x'", 1, 11, "This is text; a condition belongs here."),
        ("listed > false", 1, 1, "none is more than another"),
        ("country + 'x' == 'USx'", 1, 1, "a number belongs here"),
        ("rank == 1u", 1, 9, "This constant cannot be used here."),
        ("rank > 1e999", 1, 8, "This constant cannot be used here."),
        ("country == null", 1, 12, "This constant cannot be used here."),
        ("country.matches('a+')", 1, 1, "startsWith, endsWith, contains"),
        ("country.startsWith(sector)", 1, 20, "A constant belongs here"),
        ("country.startsWith(1)", 1, 20, "A text in quotes"),
        ("rank.startsWith('1')", 1, 1, "text belongs here"),
        ("size(country) > 1", 1, 1, "no part of the language"),
        ("country.x == 'a'", 1, 1, "no part of the language"),
        ("[1, 2].all(x, x > 0)", 1, 1, "startsWith, endsWith, contains"),
        ("listed ? true : false", 1, 1, "no part of the language"),
        ("{'a': 1} == 2", 1, 1, "no part of the language"),
        ("rank % 2 == 0", 1, 1, "no part of the language"),
        ("has(country.x)", 1, 1, "no part of the language"),
    ],
)  # fmt: skip
def test_refuses_with_the_place(text, line, column, why):
    with pytest.raises(BadFilter) as refused:
        read(text, FIELDS)
    assert (refused.value.line, refused.value.column) == (line, column), refused.value
    assert why in refused.value.why
    assert str(refused.value).startswith(f"Line {line}, column {column}: ")


class TestCannotRunAway:
    @pytest.mark.parametrize(
        "text",
        [
            "x" * (MOST_CHARACTERS + 1),
            "!(" * 60 + "listed" + ")" * 60,
            "rank" + " + 1" * 400 + " > 1",
            " || ".join(["rank==1"] * 180),
            "(" * 990 + "listed" + ")" * 900,
            "[" * 900 + "]" * 900,
            "-" * 1500 + "rank > 1",
            "!" * 1500 + "listed",
            '"' * 1999,
            "rank in [" + ",".join(["1"] * 900) + "] && nope",
        ],
    )
    def test_refuses_what_is_too_long_too_deep_or_too_much(self, text):
        with pytest.raises(BadFilter):
            read(text, FIELDS)

    def test_takes_long_chains(self):
        assert says(" && ".join(["listed"] * 90)) == [True, False, None]

    @given(st.text(alphabet='abcountrysectorrank()[]{}&|!=<>"\'\\,.0123456789 \n+-*/%?:u', max_size=60))
    @settings(max_examples=300, deadline=None)
    def test_whatever_is_typed_is_read_or_refused(self, text):
        try:
            found = read(text, FIELDS)
        except BadFilter as refused:
            assert 1 <= refused.line <= text.count("\n") + 1
            assert refused.column >= 1
        else:
            assert FRAME.select(pl.lit(True).and_(found.expr).alias("is"))["is"].dtype == pl.Boolean


TEXTS = st.sampled_from(["US", "DE", "Tech", "", "ß", "a b"])
NUMBERS = st.integers(-5, 5)


def conditions():
    simple = st.one_of(
        st.tuples(st.sampled_from(["country", "sector"]), st.sampled_from(["==", "!="]), TEXTS).map(
            lambda t: f'{t[0]} {t[1]} "{t[2]}"'
        ),
        st.tuples(st.sampled_from(["rank", "coupon"]), st.sampled_from(["==", "!=", "<", "<=", ">", ">="]), NUMBERS).map(
            lambda t: f"{t[0]} {t[1]} {t[2]}.0"
        ),
        st.lists(TEXTS, min_size=1, max_size=3).map(lambda words: f"country in {[*words]}".replace("'", '"')),
        st.tuples(st.sampled_from(["startsWith", "endsWith", "contains"]), TEXTS).map(lambda t: f'sector.{t[0]}("{t[1]}")'),
        st.tuples(st.sampled_from(["+", "-", "*"]), NUMBERS).map(lambda t: f"rank {t[0]} {t[1]}.0 > coupon"),
        st.just("listed"),
    )
    return st.recursive(
        simple,
        lambda inner: st.one_of(
            st.tuples(inner, st.sampled_from(["&&", "||"]), inner).map(lambda t: f"({t[0]} {t[1]} {t[2]})"),
            st.tuples(inner, st.sampled_from(["&&", "||"]), inner).map(" ".join),
            inner.map(lambda one: f"!({one})"),
        ),
        max_leaves=6,
    )


@given(
    conditions(), TEXTS, TEXTS, NUMBERS, NUMBERS, st.booleans(),
)  # fmt: skip
@settings(max_examples=200, deadline=None)
def test_answers_as_an_evaluator_of_the_language_does(text, country, sector, rank, coupon, listed):
    """Of rows where everything is known, the answers are those of the library's own evaluator."""
    row = {"country": country, "sector": sector, "rank": float(rank), "coupon": float(coupon), "listed": listed}
    environment = celpy.Environment()
    theirs = environment.program(environment.compile(text)).evaluate(
        {
            "country": celtypes.StringType(country), "sector": celtypes.StringType(sector),
            "rank": celtypes.DoubleType(rank), "coupon": celtypes.DoubleType(coupon), "listed": celtypes.BoolType(listed),
        }
    )  # fmt: skip
    ours = pl.DataFrame([row]).select(pl.lit(True).and_(read(text, FIELDS).expr).alias("is"))["is"].to_list()
    assert ours == [bool(theirs)]
