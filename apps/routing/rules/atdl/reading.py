"""A broker's file of strategies read whole, or refused with every fault and its line."""

import re
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import NamedTuple

from lxml import etree

from .described import Check, Condition, Parameter, Reach, Strategy, StrategyFile
from .layout import Globals, read_layout
from .values import DATES, DECIMALS, INTEGERS, KINDS, MOMENTS, bound

MOST_BYTES = 2_000_000
MOST_ELEMENTS = 20_000
MOST_FAULTS = 50
DEEPEST = 40
OPERATORS = ("EX", "NX", "EQ", "NE", "LT", "GT", "LE", "GE")
LOGIC = ("AND", "OR", "XOR", "NOT")
OF_THE_SESSION = frozenset({8, 9, 10, 34, 35, 43, 49, 52, 56, 89, 90, 91, 93, 97, 122, 11, 37, 41})
NAME = re.compile(r"[A-Za-z][A-Za-z0-9_.\- ]{0,255}")
XSI_TYPE = "{http://www.w3.org/2001/XMLSchema-instance}type"


class Fault(NamedTuple):
    """What keeps a file from being read; ``line`` counts from 1, 0 for the file as a whole."""

    line: int
    text: str

    def __str__(self) -> str:
        return f"Line {self.line}: {self.text}" if self.line else self.text


class BadStrategyFile(ValueError):
    """A file that cannot be taken; ``faults`` says why, in the order of its lines."""

    def __init__(self, faults: list[Fault]):
        super().__init__(" ".join(map(str, faults[:3])))
        self.faults = faults


def read_strategies(content: bytes) -> StrategyFile:
    """
    :param content: XML as FIXatdl 1.1 or 1.2 has it; no document type, no entities of its own
    :raises BadStrategyFile: naming every fault with its line, at most ``MOST_FAULTS``
    """
    return _Reader(_parsed(content)).whole()


def _parsed(content: bytes) -> etree._Element:
    if len(content) > MOST_BYTES:
        raise BadStrategyFile([Fault(0, f"The file has {len(content):,} bytes; at most {MOST_BYTES:,} are read.")])
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False, remove_comments=True, remove_pis=True
    )
    try:
        root = etree.fromstring(content, parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        line = getattr(error, "lineno", None) or 1
        raise BadStrategyFile([Fault(line, f"This is no XML: {str(error).split(', line')[0]}.")]) from None
    if root.getroottree().docinfo.doctype:
        raise BadStrategyFile([Fault(1, "A document type is not taken: leave the DOCTYPE out.")])
    for count, element in enumerate(root.iter(), start=1):
        if count > MOST_ELEMENTS:
            raise BadStrategyFile([Fault(element.sourceline, f"More than {MOST_ELEMENTS:,} elements are not read.")])
        if not isinstance(element.tag, str):
            raise BadStrategyFile([Fault(element.sourceline or 1, "An entity is not taken: write its text.")])
    _refuse_deep(root)
    return root


def _refuse_deep(root: etree._Element) -> None:
    level = [root]
    for _ in range(DEEPEST):
        level = [child for element in level for child in element]
    if level:
        raise BadStrategyFile([Fault(level[0].sourceline, f"Elements stand more than {DEEPEST} deep.")])


def local(element: etree._Element) -> str:
    return etree.QName(element).localname


class _Reader:
    """Reads one file; faults and notes gather as it goes on."""

    def __init__(self, root: etree._Element):
        self.root = root
        self.faults: list[Fault] = []
        self.notes: list[tuple[int, str]] = []

    def whole(self) -> StrategyFile:
        root = self.root
        if local(root) != "Strategies":
            raise BadStrategyFile([Fault(root.sourceline, f"The file begins with {local(root)}; it must be Strategies.")])
        tag = self.tag_in(root, "strategyIdentifierTag", needed=True)
        version_tag = self.tag_in(root, "versionIdentifierTag")
        shared = Globals(
            parameters={e.get("name"): e for e in self.children(root, "Parameter")},
            controls={e.get("ID"): e for e in self.children(root, "Control")},
            panels={e.get("id"): e for e in self.children(root, "StrategyPanel")},
        )
        edits = {e.get("id"): e for e in self.children(root, "Edit") if e.get("id")}
        filters = {e.get("id", ""): self.reach(e) for e in self.children(root, "Filter")}
        strategies: dict[str, Strategy] = {}
        for element in self.children(root, "Strategy"):
            one = self.strategy(element, shared, edits, filters)
            if one.name in strategies:
                self.fault(element, f"Strategy “{one.name}” is there twice.")
            strategies[one.name] = one
        if not strategies and not self.faults:
            self.fault(root, "There is no Strategy in the file.")
        if self.faults:
            raise BadStrategyFile(sorted(self.faults)[:MOST_FAULTS])
        return StrategyFile(tag or 0, version_tag, strategies, tuple(sorted(set(self.notes))))

    # --- words -------------------------------------------------------------------------------------------------------

    def fault(self, element: etree._Element, text: str) -> None:
        self.fault_at(element.sourceline or 0, text)

    def fault_at(self, line: int, text: str) -> None:
        self.faults.append(Fault(line, text))

    def note(self, element: etree._Element, text: str) -> None:
        self.notes.append((element.sourceline or 0, text))

    def children(self, element: etree._Element, *names: str) -> Iterator[etree._Element]:
        return (child for child in element if local(child) in names)

    def needed(self, element: etree._Element, name: str) -> str:
        value = element.get(name)
        if not value:
            self.fault(element, f"{local(element)} has no {name}.")
        return value or ""

    def tag_in(self, element: etree._Element, name: str, *, needed: bool = False) -> int | None:
        value = element.get(name)
        if value is None:
            if needed:
                self.fault(element, f"{local(element)} has no {name}, the tag that says which strategy it is.")
            return None
        if not (value.isascii() and value.isdigit() and 0 < int(value) < 1_000_000):
            self.fault(element, f"{name} “{value}” is no tag: a whole number from 1 to 999999.")
            return None
        if int(value) in OF_THE_SESSION:
            self.fault(element, f"{name} {value} belongs to the session and to the order's own references.")
        return int(value)

    def truth(self, element: etree._Element, name: str, usual: bool | None = False) -> bool | None:
        value = element.get(name)
        if value is None:
            return usual
        if value.lower() not in ("true", "false", "1", "0"):
            self.fault(element, f"{name} is true or false; got “{value}”.")
        return value.lower() in ("true", "1")

    def whole_number(self, element: etree._Element, name: str) -> int | None:
        value = element.get(name)
        if value is None:
            return None
        if not (value.isascii() and value.isdigit() and len(value) < 10):
            self.fault(element, f"{name} is a whole number; got “{value}”.")
            return None
        return int(value)

    def number(self, element: etree._Element, name: str) -> Decimal | None:
        value = element.get(name)
        if value is None:
            return None
        found = bound("Float", value)
        if found is None:
            self.fault(element, f"{name} is a number; got “{value}”.")
        return found

    def kind(self, element: etree._Element) -> str:
        """Of ``xsi:type``, whatever its prefix, without ``_t``."""
        told = element.get(XSI_TYPE) or element.get("type") or ""
        return told.rpartition(":")[2].removesuffix("_t")

    # --- parts -------------------------------------------------------------------------------------------------------

    def strategy(
        self, element: etree._Element, shared: Globals, edits: Mapping[str, etree._Element], filters: Mapping[str, Reach]
    ) -> Strategy:
        name = self.needed(element, "name")
        if name and not NAME.fullmatch(name):
            self.fault(element, f"“{name[:60]}” is no name of a strategy: letters, digits and _ from a letter on.")
        edits = {**edits, **{e.get("id"): e for e in self.children(element, "Edit") if e.get("id")}}
        parameters = self.parameters(element, shared)
        for one in parameters.values():
            if one.filter and one.filter not in filters:
                self.fault_at(one.line, f"There is no Filter “{one.filter}”.")
        if element.get("filter") and element.get("filter") not in filters:
            self.fault(element, f"There is no Filter “{element.get('filter')}”.")
        layout = read_layout(self, element, shared, parameters, edits, filters)
        checks = []
        for edit in self.children(element, "StrategyEdit"):
            condition = self.condition(edit, edits)
            if condition is not None:
                checks.append(Check(condition, element_text(edit.get("errorMessage")) or "The strategy's parameters do not fit together."))
        legs = next(self.children(element, "Leg", "RepeatingGroup"), None)
        needs_legs = legs is not None or element.get("requiredNumberOfLegs", "") not in ("", "0", "1")
        description = next(self.children(element, "Description"), None)
        return Strategy(
            name, element.get("uiRep") or name, self.needed(element, "wireValue"), element.get("version", ""),
            element.get("providerID", ""), "" if description is None else " ".join("".join(description.itertext()).split()),
            parameters, layout, checks, self.reach(element), filters, element.get("filter", ""), needs_legs,
            element.sourceline,
        )  # fmt: skip

    def parameters(self, element: etree._Element, shared: Globals) -> dict[str, Parameter]:
        """Of the order and, after them, of its legs."""
        found: dict[str, Parameter] = {}
        holders = (element, *self.children(element, "Leg", "RepeatingGroup"))
        for child in (child for holder in holders for child in self.children(holder, "Parameter", "ParameterRef")):
            if local(child) == "ParameterRef":
                meant = shared.parameters.get(child.get("id"))
                if meant is None:
                    self.fault(child, f"There is no Parameter “{child.get('id')}” to refer to.")
                    continue
                one = self.parameter(meant, child.get("use"))
            else:
                one = self.parameter(child, child.get("use"))
            if one.name in found:
                self.fault(child, f"Parameter “{one.name}” is there twice.")
            found[one.name] = one
        return found

    def parameter(self, element: etree._Element, use: str | None) -> Parameter:
        kind, name = self.kind(element), self.needed(element, "name")
        if kind not in KINDS:
            self.fault(element, f"Parameter “{name}” is of type “{kind or 'none'}”, which is no type of FIXatdl.")
            kind = "String"
        if use not in (None, "required", "optional"):
            self.fault(element, f"use is required or optional; got “{use}”.")
        least, most = (self.bound(element, kind, name) for name in ("minValue", "maxValue"))
        const = element.get("constValue")
        if const is not None and kind in (*INTEGERS, *DECIMALS) and bound(kind, const) is None:
            self.fault(element, f"constValue of “{name}” is a number; got “{const}”.")
        pairs = {}
        for pair in self.children(element, "EnumPair"):
            enum = self.needed(pair, "enumID")
            if enum in pairs:
                self.fault(pair, f"enumID “{enum}” is there twice.")
            if pair.get("wireValue") is None:
                self.fault(pair, f"EnumPair “{enum}” has no wireValue.")
            pairs[enum] = pair.get("wireValue", "")
        return Parameter(
            name, kind, self.tag_in(element, "fixTag"), use == "required", least, most, const, self.whole_number(element, "precision"),
            self.whole_number(element, "minLength"), self.whole_number(element, "maxLength"), pairs,
            (element.get("trueWireValue") or "Y", element.get("falseWireValue") or "N"), element.get("localMktTz", ""),
            bool(self.truth(element, "multiplyBy100")), bool(self.truth(element, "invertOnWire")),
            bool(self.truth(element, "mutableOnCxlRpl", True)), element.get("filter", ""), element.sourceline or 0,
        )  # fmt: skip

    def bound(self, element: etree._Element, kind: str, name: str):
        value = element.get(name)
        if value is None or kind not in (*INTEGERS, *DECIMALS, *MOMENTS, *DATES):
            return None
        found = bound(kind, value)
        if found is None:
            self.fault(element, f"{name} “{value}” is not what a {kind} may be.")
        return found

    def condition(self, holder: etree._Element, edits: Mapping[str, etree._Element]) -> Condition | None:
        """Of the one Edit, or reference to one, in an element."""
        parts = list(self.children(holder, "Edit", "EditRef"))
        if len(parts) != 1:
            self.fault(holder, f"{local(holder)} has {len(parts) or 'no'} conditions; it has one Edit or EditRef.")
            return None
        return self.edit(parts[0], edits, ())

    def edit(self, element: etree._Element, edits: Mapping[str, etree._Element], within: tuple[str, ...]) -> Condition | None:
        if local(element) == "EditRef":
            name = element.get("id", "")
            if name not in edits:
                self.fault(element, f"There is no Edit “{name}” to refer to.")
                return None
            if name in within or len(within) > DEEPEST:
                self.fault(element, f"Edit “{name}” refers to itself.")
                return None
            return self.edit(edits[name], edits, (*within, name))
        logic, operator = element.get("logicOperator"), element.get("operator")
        if logic is not None:
            parts = [self.edit(part, edits, within) for part in self.children(element, "Edit", "EditRef")]
            if logic not in LOGIC:
                self.fault(element, f"logicOperator is one of {', '.join(LOGIC)}; got “{logic}”.")
            elif not parts or (logic == "NOT" and len(parts) != 1):
                self.fault(element, f"{logic} has {len(parts)} conditions; it takes {'one' if logic == 'NOT' else 'two or more'}.")
            return Condition(logic=logic, parts=tuple(part for part in parts if part is not None))
        if operator not in OPERATORS:
            self.fault(element, f"operator is one of {', '.join(OPERATORS)}; got “{operator or 'none'}”.")
            return None
        field, value, other = self.needed(element, "field"), element.get("value"), element.get("field2", "")
        if operator not in ("EX", "NX") and value is None and not other:
            self.fault(element, f"{operator} compares “{field}” with nothing: give value or field2.")
        return Condition(operator, field, value, other)

    def reach(self, element: etree._Element) -> Reach:
        def said(holder: str, name: str, key: str) -> dict[str, bool]:
            return {
                one.get(key, ""): self.included(one) for part in self.children(element, holder) for one in self.children(part, name)
            }

        regions = {
            region.get("name", ""): (
                self.included(region), {c.get("CountryCode", ""): self.included(c) for c in self.children(region, "Country")},
            )
            for part in self.children(element, "Regions") for region in self.children(part, "Region")
        }  # fmt: skip
        return Reach(regions, said("Markets", "Market", "MICCode"), said("SecurityTypes", "SecurityType", "name"))

    def included(self, element: etree._Element) -> bool:
        said = element.get("inclusion")
        if said not in ("Include", "Exclude"):
            self.fault(element, f"inclusion is Include or Exclude; got “{said or 'none'}”.")
        return said == "Include"


def element_text(text: str | None) -> str:
    return " ".join((text or "").split())[:400]

