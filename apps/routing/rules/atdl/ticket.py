"""A strategy's form as it is filled: what each control says now, what is wrong, and the tags that would be sent."""

from collections.abc import Mapping, Set
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple

from .conditions import UNKNOWN, asks_unknown, holds
from .described import Control, Item, Parameter, Strategy, StrategyFile
from .reach import Market, is_meant
from .values import DECIMALS, INTEGERS, MOMENTS, NUMBER, TRUE, BadValue, bound, moment, typed, wire, zone_of

TYPE_NUMBERS = {
    kind: n for n, kind in enumerate(
        (
            "Int", "Length", "NumInGroup", "SeqNum", "TagNum", "Float", "Qty", "Price", "PriceOffset", "Amt", "Percentage", "Char",
            "Boolean", "String", "MultipleCharValue", "Currency", "Exchange", "MonthYear", "UTCTimestamp", "UTCTimeOnly",
            "LocalMktDate", "UTCDateOnly", "Data", "MultipleStringValue", "Country", "Language", "TZTimeOnly", "TZTimestamp", "Tenor",
        ), start=1,
    )
}  # fmt: skip
"""StrategyParameterType (959) of each type (FIX 5.0, volume 6)."""
OF_THE_ORDER = {
    15: "Currency", 22: "SecurityIDSource", 38: "OrderQty", 40: "OrdType", 44: "Price", 48: "SecurityID", 54: "Side", 55: "Symbol",
    59: "TimeInForce", 60: "TransactTime", 99: "StopPx", 167: "SecurityType", 207: "SecurityExchange",
}  # fmt: skip
"""Tags that the order itself says: a parameter there may repeat it, and never says another thing."""
TURNS = 50


class Shown(NamedTuple):
    """A control as it stands: ``value`` is its text, of a list the enumIDs with blanks between, of a box true or false."""

    control: Control
    value: str
    is_enabled: bool
    is_visible: bool
    items: tuple[Item, ...]
    problem: str = ""

    @property
    def chosen(self) -> list[str]:
        return self.value.split()

    @property
    def is_checked(self) -> bool:
        return self.value.lower() in TRUE


class Ticket(NamedTuple):
    """
    :param shown: control to how it stands
    :param problems: (control, or empty for the form as a whole; what is wrong); empty where it can be sent
    :param fields: tags in their order, the strategy's own first; whole only where nothing is wrong
    :param skipped: checks that ask what is not known here
    """

    shown: Mapping[str, Shown]
    problems: list[tuple[str, str]]
    fields: list[tuple[int, str]]
    skipped: list[str]


class _Filling(NamedTuple):
    strategy: Strategy
    standard: Mapping[str, Any]
    market: Market
    at: datetime
    zone: str


def filled(
    file: StrategyFile, strategy: Strategy, said: Mapping[str, str] | None, standard: Mapping[str, Any], market: Market, at: datetime,
    zone: str = "UTC",
) -> Ticket:  # fmt: skip
    """
    :param said: control to what was typed; None for a form that was just opened. A control that is not named is empty.
    :param standard: what the order says, by FIX name: ``Side`` as on the wire, numbers as ``Decimal``, None where it says nothing
    :param zone: the market's time zone, where the file names none
    """
    about = _Filling(strategy, standard, market, at, zone)
    controls = {c.id: c for c in strategy.controls}
    begun = {name: initial(c, about) for name, c in controls.items()} if said is None else {
        name: str(said.get(name, "") or "").strip() for name in controls
    }  # fmt: skip
    problems = [("", f"There is no control “{name}” in {strategy.label}.") for name in sorted(set(said or ()) - controls.keys())]
    now, states, is_settled = _settled(about, controls, begun)
    if not is_settled:
        problems.append(("", "Rules of the form chase each other: it does not come to rest. Tell the broker."))
    values, wrong = _values(about, controls, now)
    problems += wrong + _lacking(about, controls, values, {name for name, _ in wrong})
    found, skipped = _checked(about, controls, now, values) if not problems else ([], [])
    problems += [("", text) for text in found]
    fields, conflicts = _fields(about, file, values, controls)
    problems += conflicts
    told = dict(reversed([(name, text) for name, text in problems if name]))
    shown = {
        name: Shown(c, now[name], *states[name], tuple(i for i in c.items if is_meant(i.filter, strategy, market)), told.get(name, ""))
        for name, c in controls.items()
    }
    return Ticket(shown, problems, fields, skipped)


def initial(control: Control, about: _Filling) -> str:
    """What a control says as the form is opened."""
    text = control.initial or ""
    one = about.strategy.parameters.get(control.parameter)
    if control.from_field and about.standard.get(control.from_field) is not None:
        value = about.standard[control.from_field]
        sent = f"{value.normalize():f}" if isinstance(value, Decimal) else str(value)
        pairs = {w: enum for enum, w in one.pairs.items()} if one else {}
        return pairs.get(sent, sent)
    if control.kind == "Clock" and text and control.from_now:
        zone = _zone(control, one, about)
        passed = bound("UTCTimestamp", text)
        local = about.at.astimezone(zone_of(zone))
        if passed is not None and local.time().replace(tzinfo=None) > passed:
            return f"{local:%H:%M:%S}"
    if control.kind in ("CheckBox", "RadioButton"):
        return "true" if text.lower() in TRUE else "false"
    return text


def _zone(control: Control, one: Parameter | None, about: _Filling) -> str:
    return control.zone or (one.zone if one else "") or about.zone


def _settled(about: _Filling, controls: Mapping[str, Control], begun: Mapping[str, str]):
    """Values once every rule that sets one has had its say, with (enabled, visible) of each, and whether they came to rest."""
    now = dict(begun)
    for _ in range(TURNS):
        look = _looking(about, controls, now)
        forced, states = {}, {}
        for name, control in controls.items():
            enabled = visible = None
            for rule in control.rules:
                is_so = holds(rule.condition, look)
                if is_so and rule.value is not None:
                    forced[name] = "" if rule.value == "{NULL}" else rule.value
                enabled, visible = _state(enabled, rule.enabled, is_so), _state(visible, rule.visible, is_so)
            is_meant_here = is_meant(control.filter, about.strategy, about.market)
            states[name] = (enabled is None or enabled[0], is_meant_here and (visible is None or visible[0]))
        after = {**begun, **forced}
        if after == now:
            return now, states, True
        now = after
    return now, states, False


def _state(was: tuple[bool, bool] | None, says: bool | None, is_so: bool | None) -> tuple[bool, bool] | None:
    """(state, whether a rule that holds said so): one that holds outdoes those that do not, which say the opposite."""
    if says is None:
        return was
    if is_so:
        return says, True
    return was if was and was[1] else (not says, False)


def _looking(about: _Filling, controls: Mapping[str, Control], now: Mapping[str, str]):
    def look(name: str) -> Any:
        if name.startswith("FIX_"):
            return about.standard.get(name[4:], UNKNOWN)
        control = controls.get(name)
        if control is None:
            return UNKNOWN
        text = now[name]
        if control.kind in ("CheckBox", "RadioButton"):
            return text.lower() in TRUE
        if text == "" or control.kind == "Label":
            return None
        one = about.strategy.parameters.get(control.parameter)
        if control.kind == "Clock":
            try:
                return moment(text, about.at, zone_of(_zone(control, one, about)))
            except BadValue:
                return None
        is_of_numbers = one is not None and one.kind in (*INTEGERS, *DECIMALS) and not one.pairs
        is_number = is_of_numbers or control.kind in ("SingleSpinner", "DoubleSpinner", "Slider")
        return Decimal(text) if is_number and NUMBER.fullmatch(text) else text

    return look


def _values(about: _Filling, controls: Mapping[str, Control], now: Mapping[str, str]):
    """Parameter to its value as it is compared, and what was typed wrong, by control."""
    values: dict[str, Any] = {}
    problems = []
    for one in about.strategy.parameters.values():
        if one.const is not None:
            values[one.name] = _constant(one, about)
    for name, control in controls.items():
        one = about.strategy.parameters.get(control.parameter)
        if one is None or one.const is not None or not is_meant(one.filter, about.strategy, about.market):
            continue
        text = _said_of(control, one, now[name], about)
        if text is None:
            continue
        try:
            value = typed(one, text, about.at, _zone(control, one, about))
        except BadValue as bad:
            problems.append((name, str(bad)))
            continue
        if one.name in values and values[one.name] != value:
            problems.append((name, f"Another control says something else of {one.name}."))
        values[one.name] = value
    return values, problems


def _said_of(control: Control, one: Parameter, text: str, about: _Filling) -> str | None:
    """What a control says of its parameter, as it would be typed; None where it says nothing."""
    if control.kind == "Label":
        return None
    if control.kind in ("CheckBox", "RadioButton"):
        is_on = text.lower() in TRUE
        enum = control.checked if is_on else control.unchecked
        if enum is not None:
            return None if enum == "{NULL}" else enum
        if one.kind == "Boolean":
            return ("true" if is_on else "false") if is_on or control.kind == "CheckBox" else None
        return "true" if is_on else None
    if text == "":
        return None
    if control.kind == "EditableDropDownList":
        return next((item.id for item in control.items if text in (item.id, item.label)), text)
    return text


def _constant(one: Parameter, about: _Filling) -> Any:
    if one.kind in (*INTEGERS, *DECIMALS):
        return bound(one.kind, one.const or "")
    if one.kind in MOMENTS or one.kind == "Boolean":
        return typed(one._replace(least=None, most=None), one.const or "", about.at, one.zone or about.zone)
    return one.pairs.get(one.const or "", one.const)


def _lacking(
    about: _Filling, controls: Mapping[str, Control], values: Mapping[str, Any], wrong: Set[str]
) -> list[tuple[str, str]]:
    """Of what is required and has no value, but for what was typed wrong."""
    of: dict[str, str] = {}
    for control in controls.values():
        of.setdefault(control.parameter, control.id)
    return [
        (of.get(one.name, ""), "It is required." if one.name in of else f"{one.name} is required.")
        for one in about.strategy.parameters.values()
        if one.is_required and values.get(one.name) in (None, "", "{NULL}") and is_meant(one.filter, about.strategy, about.market)
        and OF_THE_ORDER.get(one.tag or 0) is None and of.get(one.name) not in wrong
    ]  # fmt: skip


def _checked(about: _Filling, controls, now, values) -> tuple[list[str], list[str]]:
    at_controls = _looking(about, controls, now)

    def look(name: str) -> Any:
        if name in about.strategy.parameters:
            return values.get(name)
        return at_controls(name)

    found, skipped = [], []
    for check in about.strategy.checks:
        is_so = holds(check.condition, look)
        if is_so is False:
            found.append(check.message)
        elif is_so is None and asks_unknown(check.condition, look):
            skipped.append(check.message)
    return found, skipped


def _fields(about: _Filling, file: StrategyFile, values: Mapping[str, Any], controls: Mapping[str, Control]):
    of = {}
    for control in controls.values():
        of.setdefault(control.parameter, control.id)
    fields = [(file.strategy_tag, about.strategy.wire)]
    if file.version_tag and about.strategy.version:
        fields.append((file.version_tag, about.strategy.version))
    grouped, problems = [], []
    taken = {tag for tag, _ in fields}
    for one in about.strategy.parameters.values():
        value = values.get(one.name)
        text = "" if value is None else wire(one, value)
        if not text:
            continue
        own = OF_THE_ORDER.get(one.tag or 0)
        if own is not None:
            said = about.standard.get(own)
            ordered = "" if said is None else f"{said.normalize():f}" if isinstance(said, Decimal) else str(said)
            if text != ordered:
                why = f"The order says {own} {ordered or 'nothing'}: leave this empty, or amend the order."
                problems.append((of.get(one.name, ""), why))
        elif one.tag is None:
            grouped += [(958, one.name), (959, str(TYPE_NUMBERS[one.kind])), (960, text)]
        elif one.tag in taken:
            problems.append((of.get(one.name, ""), f"Tag {one.tag} is said already: leave one of the two empty."))
        else:
            taken.add(one.tag)
            fields.append((one.tag, text))
    return fields + ([(957, str(len(grouped) // 3)), *grouped] if grouped else []), problems
