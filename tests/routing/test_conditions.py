"""Conditions of routing rules: what they say of blocks, what they cannot tell, and what is no condition."""

from decimal import Decimal

import pytest

from apps.routing import rules
from apps.routing.rules.conditions import FIELDS, BadFilter, hear, is_in_force, kinds, read_condition

D = Decimal
OWN = {"sleeve": False, "score": True}


def said(text: str, **fields):
    return hear({1: read_condition(text, OWN)}, {7: fields}, OWN)[7][1]


@pytest.mark.parametrize(
    ("text", "fields", "holds"),
    [
        ('side == "BUY" && qty >= 100', {"side": "BUY", "qty": D(100)}, True),
        ('side == "BUY" && qty > 100', {"side": "BUY", "qty": D(100)}, False),
        ("adv_pct > 5", {"adv_pct": D("5.0000")}, False),  # 5.00% is not above 5%.
        ("adv_pct > 5", {"adv_pct": D("5.0001")}, True),
        ("value_usd < 1000000 || spread_bp <= 4.35", {"value_usd": D(2_000_000), "spread_bp": D("4.35")}, True),
        ('asset_class in ["EQUITY", "ETF"] && !(country == "US")', {"asset_class": "ETF", "country": "DE"}, True),
        ('groups.contains(" CORE ")', {"groups": " CORE ESG "}, True),
        ('groups.contains(" COR ")', {"groups": " CORE ESG "}, False),
        ('local_time >= 9.30 && minutes_left > 30', {"local_time": D("9.30"), "minutes_left": 31}, True),
        ("has_limit && limit_bp < 0", {"has_limit": True, "limit_bp": D("-1.5")}, True),
        ('own.sleeve == "Core" && own.score >= 7', {"own.sleeve": "Core", "own.score": D(7)}, True),
        ("true", {}, True),
    ],
)
def test_says_whether_it_holds(text, fields, holds):
    assert said(text, **fields).holds is holds


def test_what_hangs_on_what_is_not_known_is_not_known():
    assert said("adv_pct < 5", adv_pct=None).holds is None
    assert said('adv_pct < 5 && side == "BUY"', adv_pct=None, side="SELL").holds is False
    assert said('adv_pct < 5 || side == "BUY"', adv_pct=None, side="BUY").holds is True
    assert said("adv_pct < 5", adv_pct=None).values == {"adv_pct": None}


def test_keeps_the_values_it_looked_at_and_no_others():
    found = said('side == "BUY" && adv_pct < 5', side="BUY", adv_pct=D("1.2500000001"), qty=D(5), symbol="AAA")
    assert found.values == {"adv_pct": "1.25", "side": "BUY"}


def test_all_are_evaluated_over_all_blocks_at_once():
    conditions = {1: read_condition("qty > 5", {}), 2: read_condition('side == "BUY"', {})}
    found = hear(conditions, {pk: {"qty": D(pk), "side": "BUY" if pk % 2 else "SELL"} for pk in range(3, 9)}, {})
    assert {pk: (one[1].holds, one[2].holds) for pk, one in found.items()} == {pk: (pk > 5, pk % 2 == 1) for pk in range(3, 9)}
    assert hear({}, {1: {}}, {}) == {1: {}}


@pytest.mark.parametrize(
    ("text", "line", "column", "why"),
    [
        ("adv_pct >", 1, 9, "cannot be read from here on"),
        ('side == "BUY" &&\nvolume > 5', 2, 1, "There is no field “volume”"),
        ("side > 5", 1, 8, "compared with text"),
        ("qty + 5", 1, 1, "not a condition"),
        ("own.colour == 5", 1, 1, "There is no field “own.colour”"),
        ("qty > 1 || " * 200 + "qty > 1", 1, 1, ""),
    ],
)
def test_says_where_it_cannot_be_understood(text, line, column, why):
    with pytest.raises(BadFilter) as bad:
        read_condition(text, OWN)
    assert why in bad.value.why
    if why:
        assert (bad.value.line, bad.value.column) == (line, column)


def test_every_field_has_its_kind():
    assert set(kinds({})) == set(FIELDS)


def test_holds_from_its_first_day_to_its_last():
    from datetime import date

    first, last = date(2026, 12, 1), date(2026, 12, 3)
    assert [is_in_force(date(2026, 12, day), first, last) for day in range(1, 5)] == [True, True, True, False]
    assert not is_in_force(date(2026, 11, 30), first, None)
    assert is_in_force(date(2026, 11, 30), None, None)


class TestChoosing:
    wanted = rules.Wanted("EQUITY", "US", D(1))

    def candidate(self, rank, condition="", **more):
        return rules.Candidate(rank, rank, f"rule {rank}", "", "", None, None, condition=condition, **more)

    def test_a_condition_decides_beside_the_rest_and_is_kept_with_its_values(self):
        table = [self.candidate(1, "qty > 9", number=3), self.candidate(2, "qty > 1", number=2), self.candidate(3)]
        heard = {1: rules.conditions.Heard(False, {"qty": "5"}), 2: rules.conditions.Heard(True, {"qty": "5"})}

        chosen, trace = rules.choose(table, self.wanted, heard)

        assert chosen.id == 2
        assert trace["passed_over"] == [
            {"rule": "rule 1", "because": "its condition does not hold", "number": 3, "condition": "qty > 9", "values": {"qty": "5"}}
        ]
        assert (trace["number"], trace["condition"], trace["values"]) == (2, "qty > 1", {"qty": "5"})
        assert "unknown" not in trace

    def test_what_cannot_be_told_is_passed_over_and_named(self):
        table = [self.candidate(1, "adv_pct > 9"), self.candidate(3)]
        chosen, trace = rules.choose(table, self.wanted, {1: rules.conditions.Heard(None, {"adv_pct": None})})
        assert (chosen.id, trace["unknown"]) == (3, ["rule 1"])
        assert trace["passed_over"][0]["because"] == "whether its condition holds cannot be told: adv_pct is not known"

    def test_a_share_of_an_unknown_volume_is_named_too(self):
        table = [rules.Candidate(1, 1, "large", "", "", D(5), None), self.candidate(2)]
        _, trace = rules.choose(table, rules.Wanted("EQUITY", "US", None))
        assert trace["unknown"] == ["large"]
