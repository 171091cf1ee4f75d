"""The form of a strategy: panels within panels, and controls with their rules."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from lxml import etree

from .described import Condition, Control, Item, Panel, Parameter, Reach, StateRule

CONTROLS = frozenset({
    "Clock", "Duration", "TextField", "SingleSelectList", "MultiSelectList", "Slider", "CheckBox", "CheckBoxList", "SingleSpinner",
    "DoubleSpinner", "DropDownList", "EditableDropDownList", "RadioButton", "RadioButtonList", "Label", "HiddenField",
})  # fmt: skip
ITEMISED = frozenset({
    "SingleSelectList", "MultiSelectList", "CheckBoxList", "DropDownList", "EditableDropDownList", "RadioButtonList",
})  # fmt: skip
ORIENTATIONS = ("VERTICAL", "HORIZONTAL", "GRID")


class Globals(NamedTuple):
    """What strategies of the file refer to: elements by their name or id."""

    parameters: Mapping[str | None, etree._Element]
    controls: Mapping[str | None, etree._Element]
    panels: Mapping[str | None, etree._Element]


class _Given(NamedTuple):
    shared: Globals
    parameters: Mapping[str, Parameter]
    edits: Mapping[str, etree._Element]
    filters: Mapping[str, Reach]


def read_layout(reader: Any, strategy: etree._Element, shared: Globals, parameters, edits, filters) -> list[Panel]:
    """The panels of a strategy; where it has no layout, one with a control for each parameter that is not constant."""
    given = _Given(shared, parameters, edits, filters)
    layout = next(reader.children(strategy, "StrategyLayout"), None)
    if layout is None:
        return [Panel(tuple(_own(one) for one in parameters.values() if one.const is None))]
    panels = [_panel(reader, element, given, 0) for element in reader.children(layout, "StrategyPanel", "StrategyPanelRef")]
    found: dict[str, Control] = {}
    for control in (control for panel in panels for control in _flat(panel)):
        if control.id in found:
            reader.fault_at(control.line, f"Control “{control.id}” is there twice.")
        found[control.id] = control
    bound: dict[str, str] = {}
    for control in found.values():
        for rule in control.rules:
            for name in _fields(rule.condition):
                if name not in found and not name.startswith("FIX_"):
                    reader.notes.append((control.line, f"A rule of “{control.id}” asks “{name}”, which is no control: it is passed over."))
        if control.parameter and control.kind != "RadioButton":
            if control.parameter in bound:
                reader.notes.append((control.line, f"“{bound[control.parameter]}” and “{control.id}” both say “{control.parameter}”."))
            bound.setdefault(control.parameter, control.id)
    lost = [p for p in parameters.values() if p.is_required and p.const is None and not any(c.parameter == p.name for c in found.values())]
    for one in lost:
        reader.notes.append((one.line, f"“{one.name}” is required and has no control: one is added at the end."))
    return [*panels, Panel(tuple(_own(one) for one in lost), title="Also required")] if lost else panels


def _own(parameter: Parameter) -> Control:
    """A control for a parameter that the file gives none."""
    if parameter.pairs:
        items = tuple(Item(enum, enum) for enum in parameter.pairs)
        kind = "MultiSelectList" if parameter.kind.startswith("Multiple") else "DropDownList"
        return Control(f"own_{parameter.name}", kind, parameter.name, parameter.name, items=items, line=parameter.line)
    kind = {"Boolean": "CheckBox", "UTCTimestamp": "Clock", "UTCTimeOnly": "Clock"}.get(parameter.kind, "TextField")
    return Control(f"own_{parameter.name}", kind, parameter.name, parameter.name, line=parameter.line)


def _flat(part: Panel | Control) -> list[Control]:
    return [part] if isinstance(part, Control) else [control for one in part.parts for control in _flat(one)]


def _fields(condition: Condition) -> list[str]:
    if condition.logic:
        return [name for part in condition.parts for name in _fields(part)]
    return [name for name in (condition.field, condition.other) if name]


def _panel(reader: Any, element: etree._Element, given: _Given, depth: int, place: Any = None) -> Panel:
    if _name(element) == "StrategyPanelRef":
        meant = given.shared.panels.get(element.get("id"))
        if meant is None or depth > 40:
            reader.fault(element, f"There is no StrategyPanel “{element.get('id')}” to refer to.")
            return Panel(())
        return _panel(reader, meant, given, depth + 1, _place(reader, element))
    orientation = element.get("orientation") or "VERTICAL"
    if orientation not in ORIENTATIONS:
        reader.fault(element, f"orientation is one of {', '.join(ORIENTATIONS)}; got “{orientation}”.")
    parts = []
    for child in reader.children(element, "StrategyPanel", "StrategyPanelRef", "Control", "ControlRef"):
        if _name(child) in ("StrategyPanel", "StrategyPanelRef"):
            parts.append(_panel(reader, child, given, depth + 1))
        elif _name(child) == "ControlRef":
            meant = given.shared.controls.get(child.get("id"))
            if meant is None:
                reader.fault(child, f"There is no Control “{child.get('id')}” to refer to.")
            else:
                parts.append(_control(reader, meant, given, _place(reader, child)))
        else:
            parts.append(_control(reader, child, given, _place(reader, child)))
    return Panel(
        tuple(parts), element.get("title", ""), orientation, bool(reader.truth(element, "collapsible", True)),
        bool(reader.truth(element, "collapsed")), element.get("border") == "Line",
        (reader.whole_number(element, "numRows"), reader.whole_number(element, "numCols")), element.get("fillOrder") == "COL-MAJOR",
        place or _place(reader, element),
    )  # fmt: skip


def _control(reader: Any, element: etree._Element, given: _Given, place: tuple) -> Control:
    kind, name = reader.kind(element), reader.needed(element, "ID")
    if kind not in CONTROLS:
        reader.fault(element, f"Control “{name}” is of type “{kind or 'none'}”, which is no control of FIXatdl.")
    parameter = given.parameters.get(element.get("parameterRef", ""))
    if element.get("parameterRef") and parameter is None:
        reader.fault(element, f"Control “{name}” is of parameter “{element.get('parameterRef')}”, which the strategy does not have.")
    if element.get("filter") and element.get("filter") not in given.filters:
        reader.fault(element, f"There is no Filter “{element.get('filter')}”.")
    items = _items(reader, element, kind, parameter, given)
    rules = []
    for rule in reader.children(element, "StateRule"):
        condition = reader.condition(rule, given.edits)
        if condition is not None:
            rules.append(StateRule(condition, reader.truth(rule, "enabled", None), reader.truth(rule, "visible", None), rule.get("value")))
    for attribute in ("checkedEnumRef", "uncheckedEnumRef"):
        enum = element.get(attribute)
        if enum and enum != "{NULL}" and parameter is not None and parameter.pairs and enum not in parameter.pairs:
            reader.fault(element, f"{attribute} “{enum}” is no choice of “{parameter.name}”.")
    increment = reader.number(element, "increment") or reader.number(element, "innerIncrement")
    begins = element.get("initFixField", "") if element.get("initPolicy") == "UseFixField" else ""
    return Control(
        name, kind, parameter.name if parameter else "", element.get("label", ""), element.get("tooltip", ""), element.get("initValue"),
        items, tuple(rules), element.get("checkedEnumRef"), element.get("uncheckedEnumRef"), element.get("radioGroup", ""),
        increment if increment and increment > 0 else None, element.get("localMktTz", ""), element.get("initValueMode") == "1",
        begins.removeprefix("FIX_"), element.get("orientation") == "HORIZONTAL", place, element.get("filter", ""), element.sourceline or 0,
    )  # fmt: skip


def _items(reader: Any, element: etree._Element, kind: str, parameter: Parameter | None, given: _Given) -> tuple[Item, ...]:
    items = []
    for item in reader.children(element, "ListItem"):
        enum = reader.needed(item, "enumID")
        if parameter is not None and parameter.pairs and enum not in parameter.pairs:
            reader.fault(item, f"ListItem “{enum}” is no choice of “{parameter.name}”: it has no EnumPair.")
        if item.get("filter") and item.get("filter") not in given.filters:
            reader.fault(item, f"There is no Filter “{item.get('filter')}”.")
        if any(one.id == enum for one in items):
            reader.fault(item, f"ListItem “{enum}” is there twice.")
        items.append(Item(enum, item.get("uiRep") or enum, item.get("filter", "")))
    if kind in ITEMISED and not items:
        if parameter is None or not parameter.pairs:
            reader.fault(element, f"Control “{element.get('ID')}” has no ListItem to choose.")
        else:
            items = [Item(enum, enum) for enum in parameter.pairs]
    return tuple(items)


def _place(reader: Any, element: etree._Element) -> tuple[int | None, int | None, int, int]:
    row, col, rows, cols = (reader.whole_number(element, name) for name in ("row", "col", "rowSpan", "colSpan"))
    return row, col, rows or 1, cols or 1


def _name(element: etree._Element) -> str:
    return etree.QName(element).localname

