"""Core: lifecycles, refusals, acts and exact money."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.core import events as core_events
from apps.core.acts import Act
from apps.core.events import Event, decode, encode
from apps.core.lifecycles import Lifecycle
from apps.core.money import average_price, rounded, shared
from apps.core.refusals import IllegalMove, Stale


class Lamp(StrEnum):
    OFF = "OFF"
    ON = "ON"


@dataclass(frozen=True)
class LampMade(Event, code="lamp.made"):
    watts: str


@dataclass(frozen=True)
class LampLit(Event, code="lamp.lit"):
    room: str = "hall"


@dataclass(frozen=True)
class LampDusted(Event, code="lamp.dusted"):
    pass


LAMP = Lifecycle(
    "lamp", born={LampMade: Lamp.OFF}, moves={(Lamp.OFF, LampLit): Lamp.ON}, stays={LampDusted: [Lamp.OFF, Lamp.ON]}
)


class TestLifecycle:
    def test_follows_its_table(self):
        assert LAMP.replay([LampMade, LampDusted, LampLit, LampDusted]) is Lamp.ON

    def test_refuses_a_move_the_table_does_not_have_and_says_where_it_stands(self):
        with pytest.raises(IllegalMove) as refusal:
            LAMP.after(Lamp.ON, LampLit)
        assert refusal.value.facts == {"subject": "lamp", "status": "ON", "event": "lamp.lit"}
        assert "“lit”" in refusal.value.message

    def test_refuses_a_life_that_begins_in_the_middle(self):
        with pytest.raises(IllegalMove):
            LAMP.replay([LampLit])

    def test_refuses_an_event_that_both_moves_and_stays(self):
        with pytest.raises(TypeError):
            Lifecycle("x", born={}, moves={(Lamp.OFF, LampLit): Lamp.ON}, stays={LampLit: [Lamp.OFF]})


class TestEvents:
    def test_come_back_as_they_were_stored(self):
        import orjson

        assert decode("lamp.made", orjson.loads(encode(LampMade("60")))) == LampMade("60")

    def test_load_without_a_field_that_was_added_later_and_with_one_that_is_gone(self):
        assert decode("lamp.lit", {"candles": 3}) == LampLit("hall")

    def test_refuse_to_load_without_a_field_that_has_no_default(self):
        with pytest.raises(ValueError, match="watts"):
            decode("lamp.made", {})

    def test_have_codes_of_their_own(self):
        with pytest.raises(TypeError, match="taken by LampLit"):

            class Other(Event, code="lamp.lit"):
                pass

    def test_listeners_have_names_of_their_own(self):
        core_events.listens("lamp.listener")(lambda act, facts: None)
        with pytest.raises(TypeError):
            core_events.listens("lamp.listener")(lambda act, facts: None)


def test_an_act_happens_in_utc():
    with pytest.raises(ValueError, match="UTC"):
        Act(by=1, at=datetime(2026, 1, 1), via="page")


def test_a_refusal_is_known_by_its_name():
    class StaleLamp(Stale):
        pass

    assert (StaleLamp("gone").code, StaleLamp("gone").status) == ("stale_lamp", 409)


class TestMoney:
    @pytest.mark.parametrize(
        ("value", "places", "expected"),
        [("2.345", 2, "2.35"), ("-2.345", 2, "-2.35"), ("2.344999", 2, "2.34"), ("7.5", 0, "8")],
    )
    def test_rounds_half_up_once(self, value, places, expected):
        assert rounded(Decimal(value), places) == Decimal(expected)
        assert rounded(Fraction(value), places) == Decimal(expected)

    def test_an_average_of_nothing_is_none(self):
        assert average_price(Decimal(0), Decimal(0)) is None

    @given(
        cents=st.integers(0, 10**12),
        weights=st.lists(st.integers(0, 10**9), min_size=1, max_size=40).filter(any),
    )
    def test_shares_sum_to_the_whole_and_stay_within_a_cent_of_exact(self, cents, weights):
        total = Decimal(cents).scaleb(-2)
        parts = shared(total, [Decimal(w) for w in weights])
        assert sum(parts) == total
        for part, weight in zip(parts, weights, strict=True):
            assert abs(Fraction(part) - Fraction(total) * weight / sum(weights)) < Fraction(1, 100)

    def test_refuses_to_share_what_is_finer_than_its_units(self):
        with pytest.raises(ValueError, match="decimals"):
            shared(Decimal("0.001"), [Decimal(1)])
