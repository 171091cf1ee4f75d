"""Strategies of brokers as FIXatdl describes them: files read or refused with the line, forms that mind their rules, and tags."""

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.routing.rules import atdl

SHARED = Path(__file__).resolve().parents[3] / "shared/data/fix/fixatdl"
AT = datetime(2026, 3, 4, 15, 0, tzinfo=UTC)  # 10:00 in New York.
NEW_YORK = "America/New_York"
US = atdl.Market("US", "XNAS", "CS")
ORDER = {"Side": "1", "OrderQty": Decimal(1000), "OrdType": "2", "Price": Decimal("10.5"), "TimeInForce": "0", "Symbol": "AAA"}


def file_of(inside: str, head: str = 'strategyIdentifierTag="5001"') -> bytes:
    return f"""<Strategies xmlns="http://www.fixprotocol.org/FIXatdl-1-1/Core" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"
 xmlns:lay="l" xmlns:val="v" xmlns:flow="f" {head}>
{inside}
</Strategies>""".encode()


def strategy_of(inside: str, attributes: str = "") -> bytes:
    return file_of(f'<Strategy name="S" wireValue="S1" version="3" {attributes}>\n{inside}\n</Strategy>')


def ticket(content: bytes, said=None, order=ORDER, market=US, at=AT):
    file = atdl.read_strategies(content)
    return atdl.filled(file, next(iter(file.strategies.values())), said, order, market, at, NEW_YORK)


def fields(content: bytes, said=None, **given) -> list:
    found = ticket(content, said, **given)
    assert found.problems == []
    return found.fields[1:]


class TestFiles:
    @pytest.mark.parametrize("path", sorted(SHARED.glob("*.xml")), ids=lambda path: path.name)
    def test_of_the_standard_and_of_a_public_collection_load_or_name_the_line(self, path):
        try:
            file = atdl.read_strategies(path.read_bytes())
        except atdl.BadStrategyFile as bad:  # One sample of the standard names parameters that it does not have.
            assert path.name == "SampleStrategy8-10.xml"
            assert [(f.line, "p_OrdParam" in f.text) for f in bad.faults] == [(128, True), (129, True)]
        else:
            assert file.strategies
            for one in file.strategies.values():
                found = atdl.filled(file, one, None, ORDER, US, AT, NEW_YORK)
                assert {text for _, text in found.problems} <= {"It is required."}

    @pytest.mark.skipif(not SHARED.exists(), reason="the standard's sample files are not beside the checkout")
    def test_a_sample_of_the_standard_is_sent_as_it_says(self):
        file = atdl.read_strategies((SHARED / "SampleStrategiesFor-v1.1.xml").read_bytes())
        assert (file.strategy_tag, file.version_tag, list(file.strategies)) == (7620, 7621, ["Tazer1", "OPLX"])
        tazer = file.strategies["Tazer1"]
        opened = {name: shown.value for name, shown in atdl.filled(file, tazer, None, ORDER, US, AT, NEW_YORK).shown.items()}
        assert (opened["StartTimeClock"], opened["EndTimeClock"]) == ("10:00:00", "16:00:00")  # The first has passed: it is now.
        said = opened | {"m_dq": "choice2", "DisplayQuantity": "700"}
        found = atdl.filled(file, tazer, said, ORDER, US, AT, NEW_YORK)
        assert (found.shown["DisplayQuantity"].value, found.shown["DisplayQuantity"].is_enabled) == ("0", False)
        assert found.fields == [
            (7620, "Tazer"), (7621, "1"), (7602, "20260304-15:00:00"), (7603, "20260304-21:00:00"), (7640, "U"), (7645, "0"),
        ]  # fmt: skip
        late = atdl.filled(file, tazer, said | {"EndTimeClock": "16:00:01"}, ORDER, US, AT, NEW_YORK)
        assert late.problems == [("EndTimeClock", "It is at most 16:00:00.")]
        assert atdl.why_not(tazer, US) == ""
        assert atdl.why_not(tazer, atdl.Market("GB", "XLON", "CS")) == "It is not for GB."

    @pytest.mark.parametrize(
        ("content", "line", "why"),
        [
            (b"", 1, "no XML"),
            (b"<Strategies", 1, "no XML"),
            (b"<Orders/>", 1, "must be Strategies"),
            (file_of(""), 2, "no Strategy in the file"),
            (file_of("", ""), 2, "no strategyIdentifierTag"),
            (file_of("", 'strategyIdentifierTag="x"'), 2, "no tag"),
            (file_of("", 'strategyIdentifierTag="35"'), 2, "belongs to the session"),
            (b'<!DOCTYPE a [<!ENTITY x "y">]><Strategies strategyIdentifierTag="1">&x;</Strategies>', 1, "document type"),
            (b'<!DOCTYPE a SYSTEM "file:///etc/passwd"><Strategies/>', 1, "document type"),
            (file_of('<Strategy wireValue="x" version="1"/>'), 3, "has no name"),
            (file_of('<Strategy name="A" version="1"/>'), 3, "has no wireValue"),
            (file_of('<Strategy name="A" wireValue="x"/>\n<Strategy name="A" wireValue="x"/>'), 4, "is there twice"),
            (strategy_of('<Parameter name="P" xsi:type="Odd_t" fixTag="1"/>'), 4, "no type of FIXatdl"),
            (strategy_of('<Parameter name="P" xsi:type="Int_t" fixTag="0"/>'), 4, "no tag"),
            (strategy_of('<Parameter name="P" xsi:type="Int_t" fixTag="11"/>'), 4, "belongs to the session"),
            (strategy_of('<Parameter name="P" xsi:type="Int_t" minValue="low"/>'), 4, "minValue “low”"),
            (strategy_of('<Parameter name="P" xsi:type="Int_t" use="maybe"/>'), 4, "required or optional"),
            (strategy_of('<Parameter name="P" xsi:type="Int_t" constValue="x"/>'), 4, "constValue"),
            (strategy_of('<Parameter name="P" xsi:type="Int_t"/>\n<Parameter name="P" xsi:type="Int_t"/>'), 5, "is there twice"),
            (strategy_of('<Parameter name="P" xsi:type="Char_t"><EnumPair enumID="a"/></Parameter>'), 4, "no wireValue"),
            (strategy_of('<ParameterRef id="Q"/>'), 4, "to refer to"),
            (strategy_of('<lay:StrategyLayout><lay:StrategyPanel>\n<lay:Control ID="c" xsi:type="lay:Wheel_t"/>'
                         "</lay:StrategyPanel></lay:StrategyLayout>"), 5, "no control of FIXatdl"),
            (strategy_of('<lay:StrategyLayout><lay:StrategyPanel>\n<lay:Control ID="c" xsi:type="lay:TextField_t" parameterRef="Q"/>'
                         "</lay:StrategyPanel></lay:StrategyLayout>"), 5, "does not have"),
            (strategy_of('<lay:StrategyLayout><lay:StrategyPanel><lay:Control ID="c" xsi:type="lay:Label_t"/>\n'
                         '<lay:Control ID="c" xsi:type="lay:Label_t"/></lay:StrategyPanel></lay:StrategyLayout>'), 5, "is there twice"),
            (strategy_of('<lay:StrategyLayout><lay:StrategyPanel>\n<lay:Control ID="c" xsi:type="lay:DropDownList_t"/>'
                         "</lay:StrategyPanel></lay:StrategyLayout>"), 5, "no ListItem"),
            (strategy_of('<val:StrategyEdit errorMessage="x"/>'), 4, "has no conditions"),
            (strategy_of('<val:StrategyEdit><val:Edit operator="LIKE" field="a" value="b"/></val:StrategyEdit>'), 4, "LIKE"),
            (strategy_of('<val:StrategyEdit errorMessage="x"><val:Edit operator="EQ" field="a"/></val:StrategyEdit>'), 4, "with nothing"),
            (strategy_of('<val:StrategyEdit errorMessage="x"><val:Edit logicOperator="NOT"/></val:StrategyEdit>'), 4, "takes one"),
            (strategy_of('<val:StrategyEdit errorMessage="x"><val:EditRef id="e"/></val:StrategyEdit>'), 4, "to refer to"),
            (file_of('<val:Edit id="e" logicOperator="NOT"><val:EditRef id="e"/></val:Edit>\n<Strategy name="A" wireValue="x">'
                     '<val:StrategyEdit><val:EditRef id="e"/></val:StrategyEdit></Strategy>'), 3, "refers to itself"),
            (file_of('<Strategy name="A" wireValue="x" filter="f"/>'), 3, "no Filter"),
            (file_of("<a>" * 60 + "</a>" * 60), 3, "deep"),
            (b" " * 2_000_001, 0, "bytes"),
        ],
    )  # fmt: skip
    def test_that_cannot_mean_one_thing_are_refused_with_the_line(self, content, line, why):
        with pytest.raises(atdl.BadStrategyFile) as refused:
            atdl.read_strategies(content)
        assert why in " ".join(f.text for f in refused.value.faults)
        assert line in [f.line for f in refused.value.faults]

    def test_every_fault_is_named_at_once(self):
        content = strategy_of('<Parameter name="P" xsi:type="Odd_t"/>\n<Parameter xsi:type="Int_t"/>\n<ParameterRef id="Q"/>')
        with pytest.raises(atdl.BadStrategyFile) as refused:
            atdl.read_strategies(content)
        assert [f.line for f in refused.value.faults] == [4, 5, 6]

    def test_what_vendors_add_is_passed_over_whatever_the_prefix(self):
        content = strategy_of('<Parameter name="P" xsi:type="x:Int_t" fixTag="7000" vendor="x"/>\n<Extra a="b"><Deep/></Extra>', 'dir="x"')
        assert fields(content, {"own_P": "5"}) == [(7000, "5")]

    def test_a_million_characters_of_nesting_end_at_once(self):
        deep = '<val:Edit logicOperator="NOT">' * 39 + '<val:Edit operator="EX" field="a"/>' + "</val:Edit>" * 39
        with pytest.raises(atdl.BadStrategyFile, match="deep"):
            atdl.read_strategies(strategy_of(f"<val:StrategyEdit>{deep}</val:StrategyEdit>"))


def parameter(kind: str, attributes: str = "", inside: str = "") -> bytes:
    return strategy_of(f'<Parameter name="P" xsi:type="{kind}_t" fixTag="7000" {attributes}>{inside}</Parameter>')


class TestValues:
    @pytest.mark.parametrize(
        ("kind", "attributes", "typed", "sent"),
        [
            ("Int", "", "5", "5"), ("Int", "", "-5", "-5"), ("Int", 'minValue="1" maxValue="5"', "5", "5"), ("Float", "", "0.50", "0.5"),
            ("Float", 'precision="2"', "0.5", "0.50"), ("Qty", "", "1000", "1000"), ("Price", "", "10.25", "10.25"),
            ("Percentage", "", "20", "0.2"), ("Percentage", 'multiplyBy100="true"', "20", "20"),
            ("Percentage", 'maxValue="0.25"', "25", "0.25"), ("Char", "", "A", "A"), ("String", 'maxLength="3"', "abc", "abc"),
            ("Currency", "", "USD", "USD"), ("Exchange", "", "XNAS", "XNAS"), ("UTCTimestamp", "", "15:30", "20260304-20:30:00"),
            ("UTCTimestamp", "", "2026-03-05T09:00:00+01:00", "20260305-08:00:00"), ("UTCTimeOnly", "", "15:30:01", "20:30:01"),
            ("UTCTimestamp", 'localMktTz="Asia/Tokyo"', "15:30", "20260305-06:30:00"), ("LocalMktDate", "", "2026-03-05", "20260305"),
            ("TZTimestamp", "", "15:30", "20260304-15:30:00-05:00"), ("MonthYear", "", "202703", "202703"), ("Tenor", "", "M3", "M3"),
        ],
    )  # fmt: skip
    def test_are_sent_as_their_type_is(self, kind, attributes, typed, sent):
        assert fields(parameter(kind, attributes), {"own_P": typed}) == [(7000, sent)]

    @pytest.mark.parametrize(
        ("kind", "attributes", "typed", "why"),
        [
            ("Int", "", "1.5", "whole number"), ("Int", "", "x", "is a number"), ("Int", 'minValue="1" maxValue="5"', "6", "from 1 to 5"),
            ("Int", 'minValue="1"', "0", "at least 1"), ("Float", "", "NaN", "is a number"), ("Float", "", "1e5", "is a number"),
            ("Float", 'precision="2"', "0.505", "2 decimal places"), ("Percentage", 'maxValue="0.25"', "25.01", "at most 25%"),
            ("Char", "", "AB", "one character"), ("String", 'minLength="2"', "a", "at least 2"),
            ("String", 'maxLength="2"', "abc", "at most 2"), ("String", "", "a\x01b", "control characters"),
            ("Currency", "", "usd", "ISO 4217"), ("UTCTimestamp", "", "25:00", "time of day"),
            ("UTCTimestamp", 'minValue="09:30:00" maxValue="16:00:00"', "16:00:01", "from 09:30:00 to 16:00:00"),
            ("LocalMktDate", "", "2026-02-30", "is a day"), ("Boolean", "", "", ""),
        ],
    )  # fmt: skip
    def test_that_are_no_such_thing_are_refused_beside_their_control(self, kind, attributes, typed, why):
        found = ticket(parameter(kind, attributes), {"own_P": typed})
        if why:
            assert [name for name, _ in found.problems] == ["own_P"] and why in found.problems[0][1]
            assert found.shown["own_P"].problem == found.problems[0][1]
        else:
            assert found.fields[1:] == [(7000, "N")]  # An empty box is no.

    def test_choices_are_sent_by_their_wire_value_and_nothing_else_is(self):
        content = parameter("Char", "", '<EnumPair enumID="a" wireValue="1"/><EnumPair enumID="b" wireValue="{NULL}"/>')
        assert fields(content, {"own_P": "a"}) == [(7000, "1")]
        assert fields(content, {"own_P": "b"}) == []
        assert ticket(content, {"own_P": "1"}).problems == [("own_P", "Choose one of the list.")]

    def test_several_choices_and_their_opposite(self):
        pairs = "".join(f'<EnumPair enumID="{e}" wireValue="{w}"/>' for e, w in (("a", "1"), ("b", "2"), ("c", "3")))
        assert fields(parameter("MultipleStringValue", "", pairs), {"own_P": "a c"}) == [(7000, "1 3")]
        assert fields(parameter("MultipleStringValue", 'invertOnWire="true"', pairs), {"own_P": "a c"}) == [(7000, "2")]

    def test_a_boolean_has_its_own_words(self):
        content = parameter("Boolean", 'trueWireValue="1" falseWireValue="{NULL}"')
        assert fields(content, {"own_P": "true"}) == [(7000, "1")]
        assert fields(content, {"own_P": "false"}) == []

    def test_a_constant_is_sent_whatever_is_typed_and_what_is_required_is_asked_for(self):
        assert fields(parameter("Int", 'constValue="7"'), {}) == [(7000, "7")]
        assert ticket(parameter("Int", 'use="required"'), {"own_P": ""}).problems == [("own_P", "It is required.")]

    def test_without_a_tag_it_goes_into_the_group_of_parameters(self):
        content = strategy_of('<Parameter name="P" xsi:type="Price_t"/><Parameter name="Q" xsi:type="Int_t"/>')
        assert fields(content, {"own_P": "1.5", "own_Q": "2"}) == [
            (957, "2"), (958, "P"), (959, "8"), (960, "1.5"), (958, "Q"), (959, "1"), (960, "2"),
        ]  # fmt: skip

    def test_what_the_order_says_itself_is_neither_sent_twice_nor_contradicted(self):
        content = strategy_of('<Parameter name="P" xsi:type="Char_t" fixTag="54"/>')
        assert fields(content, {"own_P": "1"}) == []
        assert "The order says Side 1" in ticket(content, {"own_P": "2"}).problems[0][1]

    def test_two_parameters_of_one_tag_are_never_both_sent(self):
        content = strategy_of(
            '<Parameter name="P" xsi:type="Int_t" fixTag="7000"/><Parameter name="Q" xsi:type="Int_t" fixTag="7000"/>'
        )
        assert fields(content, {"own_Q": "2"}) == [(7000, "2")]
        assert ticket(content, {"own_P": "1", "own_Q": "2"}).problems == [
            ("own_Q", "Tag 7000 is said already: leave one of the two empty."),
        ]

    def test_a_control_that_is_not_there_is_named(self):
        assert "no control “ghost”" in ticket(parameter("Int"), {"ghost": "1"}).problems[0][1]


def form(controls: str, parameters: str = "", rest: str = "") -> bytes:
    return strategy_of(
        f"{parameters}<lay:StrategyLayout><lay:StrategyPanel>{controls}</lay:StrategyPanel></lay:StrategyLayout>{rest}"
    )


BOX = '<lay:Control ID="box" xsi:type="lay:CheckBox_t"/>'
P = '<Parameter name="P" xsi:type="Int_t" fixTag="7000"/>'


def ruled(rule: str, condition: str) -> bytes:
    return form(
        f'{BOX}<lay:Control ID="p" xsi:type="lay:TextField_t" parameterRef="P"><flow:StateRule {rule}>{condition}</flow:StateRule>'
        "</lay:Control>", P,
    )  # fmt: skip


class TestRules:
    BOXED = '<val:Edit field="box" operator="EQ" value="true"/>'

    @pytest.mark.parametrize(("box", "enabled"), [("true", False), ("false", True)])
    def test_disable_while_they_hold_and_enable_again(self, box, enabled):
        assert ticket(ruled('enabled="false"', self.BOXED), {"box": box, "p": "5"}).shown["p"].is_enabled is enabled

    def test_hide(self):
        assert ticket(ruled('visible="false"', self.BOXED), {"box": "true", "p": "5"}).shown["p"].is_visible is False

    def test_empty_a_value_that_comes_back_as_they_end(self):
        content = ruled('enabled="false" value="{NULL}"', self.BOXED)
        assert fields(content, {"box": "true", "p": "5"}) == []
        assert fields(content, {"box": "false", "p": "5"}) == [(7000, "5")]

    def test_set_a_value_that_other_rules_see(self):
        content = form(
            f'{BOX}<lay:Control ID="p" xsi:type="lay:TextField_t" parameterRef="P"><flow:StateRule value="9">{self.BOXED}</flow:StateRule>'
            '</lay:Control><lay:Control ID="q" xsi:type="lay:TextField_t"><flow:StateRule enabled="false">'
            '<val:Edit field="p" operator="GT" value="8.5"/></flow:StateRule></lay:Control>', P,
        )  # fmt: skip
        assert ticket(content, {"box": "true", "p": "1", "q": ""}).shown["q"].is_enabled is False
        assert ticket(content, {"box": "false", "p": "1", "q": ""}).shown["q"].is_enabled is True

    def test_that_chase_each_other_are_told(self):
        content = form(
            '<lay:Control ID="a" xsi:type="lay:TextField_t"><flow:StateRule value="1"><val:Edit field="a" operator="NX"/></flow:StateRule>'
            '<flow:StateRule value="{NULL}"><val:Edit field="a" operator="EX"/></flow:StateRule></lay:Control>'
        )
        assert "chase each other" in ticket(content, {"a": ""}).problems[0][1]

    def test_ask_what_the_order_says(self):
        content = ruled('enabled="false"', '<val:Edit field="FIX_Side" operator="EQ" value="1"/>')
        assert ticket(content, {"p": ""}).shown["p"].is_enabled is False
        assert ticket(content, {"p": ""}, order=ORDER | {"Side": "2"}).shown["p"].is_enabled is True

    def test_that_ask_what_nobody_knows_are_passed_over(self):
        content = ruled('enabled="false"', '<val:Edit field="FIX_Moon" operator="EQ" value="1"/>')
        assert ticket(content, {"p": ""}).shown["p"].is_enabled is True

    def test_a_filter_leaves_choices_out(self):
        content = file_of(
            '<Filter id="us"><Regions><Region name="TheAmericas" inclusion="Include"><Country CountryCode="US" inclusion="Include"/>'
            '</Region></Regions></Filter><Strategy name="S" wireValue="S"><Parameter name="P" xsi:type="Char_t" fixTag="7000">'
            '<EnumPair enumID="a" wireValue="1"/><EnumPair enumID="b" wireValue="2"/></Parameter><lay:StrategyLayout><lay:StrategyPanel>'
            '<lay:Control ID="p" xsi:type="lay:DropDownList_t" parameterRef="P"><lay:ListItem enumID="a"/>'
            '<lay:ListItem enumID="b" filter="us"/></lay:Control></lay:StrategyPanel></lay:StrategyLayout></Strategy>'
        )
        assert [i.id for i in ticket(content, {"p": ""}).shown["p"].items] == ["a", "b"]
        assert [i.id for i in ticket(content, {"p": ""}, market=atdl.Market("CA", "XTSE", "CS")).shown["p"].items] == ["a"]


def checked(condition: str) -> bytes:
    two = P + '<Parameter name="Q" xsi:type="Int_t" fixTag="7001"/>'
    return strategy_of(f'{two}<val:StrategyEdit errorMessage="No.">{condition}</val:StrategyEdit>')


def edit(field: str, operator: str, value: str | None = None, other: str = "") -> str:
    said = f'value="{value}"' if value is not None else f'field2="{other}"' if other else ""
    return f'<val:Edit field="{field}" operator="{operator}" {said}/>'


def joined(logic: str, *parts: str) -> str:
    return f'<val:Edit logicOperator="{logic}">{"".join(parts)}</val:Edit>'


class TestChecks:
    @pytest.mark.parametrize(
        ("condition", "p", "q", "passes"),
        [
            (edit("P", "EX"), "1", "", True), (edit("P", "EX"), "", "", False), (edit("P", "NX"), "", "", True),
            (edit("P", "EQ", "5"), "5.0", "", False), (edit("P", "EQ", "5.0"), "5", "", True), (edit("P", "NE", "5"), "5", "", False),
            (edit("P", "LT", "5"), "5", "", False), (edit("P", "LE", "5"), "5", "", True), (edit("P", "GT", "5"), "5", "", False),
            (edit("P", "GE", "5"), "5", "", True), (edit("P", "LT", other="Q"), "9", "10", True),
            (edit("P", "LT", other="Q"), "10", "9", False),
            (edit("P", "LT", other="Q"), "10", "", True),  # Nothing to compare with: it says nothing.
            (joined("OR", edit("P", "NX"), joined("AND", edit("P", "GE", "1"), edit("P", "LE", "50"))), "", "", True),
            (joined("OR", edit("P", "NX"), joined("AND", edit("P", "GE", "1"), edit("P", "LE", "50"))), "51", "", False),
            (joined("XOR", edit("P", "EX"), edit("Q", "EX")), "1", "", True),
            (joined("XOR", edit("P", "EX"), edit("Q", "EX")), "1", "1", False),
            (joined("XOR", edit("P", "EX"), edit("Q", "EX")), "", "", False), (joined("NOT", edit("P", "EX")), "1", "", False),
            (edit("FIX_OrderQty", "GE", "1000"), "1", "", True), (edit("FIX_OrderQty", "GT", "1000"), "1", "", False),
            (edit("FIX_Moon", "EQ", "1"), "1", "", True), (joined("AND", edit("P", "EQ", "2"), edit("FIX_Moon", "EX")), "1", "", False),
        ],
    )  # fmt: skip
    def test_hold_as_the_standard_says(self, condition, p, q, passes):
        found = [text for name, text in ticket(checked(condition), {"own_P": p, "own_Q": q}).problems if not name]
        if p == "5.0":
            return  # It is no whole number's text in the first place, and says so beside its control.
        assert found == ([] if passes else ["No."])

    def test_of_times_compare_moments_not_texts(self):
        content = strategy_of(
            '<Parameter name="P" xsi:type="UTCTimestamp_t" fixTag="7000"/><Parameter name="Q" xsi:type="UTCTimestamp_t" fixTag="7001"/>'
            '<val:StrategyEdit errorMessage="No."><val:Edit field="Q" operator="GT" field2="P"/></val:StrategyEdit>'
        )
        assert ticket(content, {"own_P": "9:30", "own_Q": "16:00"}).problems == []
        assert ticket(content, {"own_P": "16:00", "own_Q": "9:30"}).problems == [("", "No.")]

    def test_of_what_nobody_knows_are_told_as_skipped(self):
        assert ticket(checked(edit("FIX_Moon", "EQ", "1")), {}).skipped == ["No."]
        assert ticket(checked(edit("P", "LT", other="Q")), {"own_P": "5", "own_Q": ""}).skipped == []  # Known, and empty.


WORDS = st.text(st.characters(codec="utf-8"), max_size=12)


class TestAnything:
    @given(st.binary(max_size=300))
    def test_bytes_are_read_or_refused(self, content):
        with pytest.raises(atdl.BadStrategyFile):
            atdl.read_strategies(content)

    @settings(max_examples=200)
    @given(
        st.sampled_from(["Int", "Price", "Percentage", "Char", "String", "UTCTimestamp", "LocalMktDate", "Boolean", "MonthYear", "Odd"]),
        st.sampled_from(["TextField", "Clock", "CheckBox", "SingleSpinner", "EditableDropDownList", "RadioButton", "Slider", "Odd"]),
        WORDS, WORDS, st.sampled_from(["EQ", "LT", "GE", "NE", "EX"]),
    )  # fmt: skip
    def test_forms_answer_whatever_is_typed(self, kind, control, typed, literal, operator):
        def quoted(text):
            return "".join(c for c in text if ord(c) >= 32 and c not in "\ufffe\uffff").replace("&", "").replace("<", "").replace('"', "")

        content = strategy_of(
            f'<Parameter name="P" xsi:type="{kind}_t" fixTag="7000"/><lay:StrategyLayout><lay:StrategyPanel><lay:Control ID="p"'
            f' xsi:type="lay:{control}_t" parameterRef="P"><lay:ListItem enumID="a"/><flow:StateRule enabled="false">'
            f'<val:Edit field="p" operator="{operator}" value="{quoted(literal)}"/></flow:StateRule></lay:Control></lay:StrategyPanel>'
            f'</lay:StrategyLayout><val:StrategyEdit errorMessage="No."><val:Edit field="P" operator="{operator}"'
            f' value="{quoted(literal)}"/></val:StrategyEdit>'
        )
        try:
            found = ticket(content, {"p": typed})
        except atdl.BadStrategyFile as bad:
            assert bad.faults and "Odd" in (kind, control)
        else:
            for _, text in found.fields:
                assert text and "\x01" not in text
