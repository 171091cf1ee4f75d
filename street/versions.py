"""
The versions of FIX the street is spoken to in, and answers in: 4.2, 4.4, and 5.0 SP2 over FIXT 1.1. All else here speaks as
in FIX 4.4.

FIX 4.2 says what a report does to an execution in ExecTransType (20) and what it does to the order in ExecType (150), and has
Replaced as a state of the order; later versions have ExecType alone.
"""

import sys
from copy import copy
from pathlib import Path

from lxml import etree

from .wire import Out

FIX42, FIX44, FIXT11 = "FIX.4.2", "FIX.4.4", "FIXT.1.1"
VERSIONS = (FIX44, FIX42, FIXT11)
TRANS = {"H": "1", "G": "2", "I": "3"}
REASONS_42 = {102: "0123", 103: "012345678"}


def said(out: Out, version: str) -> Out:
    """A message as a session of this version carries it."""
    if version != FIX42 or out.type not in ("8", "9"):
        return out
    told = copy(out)
    told.fields = _report_42(out.fields) if out.type == "8" else [_reason(tag, value) for tag, value in out.fields]
    return told


def _report_42(fields: list[tuple[int, str]]) -> list[tuple[int, str]]:
    values = dict(fields)
    kind, status = values[150], values[39]
    trans = TRANS.get(kind, "0")
    if kind in ("F", "G"):
        kind = "2" if status == "2" else "1"
    elif kind in ("H", "I"):
        kind = status
    if kind == "5" and status == "0":
        status = "5"
    changed = {150: kind, 39: status}
    return [(20, trans), *(_reason(tag, changed.get(tag, value)) for tag, value in fields)]


def _reason(tag: int, value: str) -> tuple[int, str]:
    """Reasons that came after 4.2 are the broker's option there."""
    known = REASONS_42.get(tag)
    return (tag, value) if known is None or value in known else (tag, "2" if tag == 102 else "0")


def session_lines(folder: Path, version: str) -> list[str]:
    """QuickFIX's settings of one session's version: its BeginString and dictionaries."""
    lines = [f"BeginString={version}"]
    if version == FIX42:
        return [*lines, f"DataDictionary={_with_confirmations(folder)}"]
    if version == FIX44:
        return [*lines, f"DataDictionary={_with_currencies(folder)}"]
    return [
        *lines, "DefaultApplVerID=FIX.5.0SP2", f"TransportDataDictionary={dictionary('FIXT11')}",
        f"AppDataDictionary={dictionary('FIX50SP2')}",
    ]  # fmt: skip


def _with_currencies(folder: Path) -> Path:
    """FIX 4.4's dictionary with the security types of spot and forward, which banks take from FIX 5.0."""
    field = "<field number='167' name='SecurityType' type='STRING'>"
    words = dictionary().read_text(encoding="utf-8").replace(
        field, field + "".join(f"<value enum='{kind}' description='{kind}' />" for kind in ("FXSPOT", "FXFWD"))
    )  # fmt: skip
    path = folder / "FIX44.xml"
    path.write_text(words, encoding="utf-8")
    return path


def _with_confirmations(folder: Path) -> Path:
    """FIX 4.2's dictionary with the messages it lacks of 4.4: brokers take confirmations on their old sessions too."""
    parser = etree.XMLParser(resolve_entities=False, no_network=True, remove_comments=True)
    old, new = (etree.parse(str(dictionary(name)), parser).getroot() for name in ("FIX42", "FIX44"))
    for part, key in (("messages", "msgtype"), ("components", "name"), ("fields", "number")):
        into = old.find(part)
        if into is None:
            into = etree.SubElement(old, part)
        known = {element.get(key) for element in into}
        into.extend([element for element in new.find(part) if element.get(key) not in known])
    names = {field.get("name") for field in old.find("fields")}
    _rename(old, {field.get("number"): field.get("name") for field in new.find("fields")}, names)
    path = folder / "FIX42.xml"
    path.write_bytes(etree.tostring(old))
    return path


def _rename(old: etree._Element, later: dict[str, str], names: set[str]) -> None:
    """Fields that were renamed since are called as in 4.4, for so the messages taken from it call them."""
    changed = {}
    for field in old.find("fields"):
        name = later.get(field.get("number"), field.get("name"))
        if name != field.get("name") and name not in names:
            changed[field.get("name")] = name
            field.set("name", name)
    for element in old.iter("field", "group"):
        if element.get("number") is None and element.get("name") in changed:
            element.set("name", changed[element.get("name")])


def dictionary(name: str = "FIX44") -> Path:
    """:raises RuntimeError: if QuickFIX's own dictionary is not installed beside it"""
    for prefix in (sys.prefix, sys.base_prefix):
        path = Path(prefix) / "share" / "quickfix" / f"{name}.xml"
        if path.is_file():
            return path
    raise RuntimeError(f"{name}.xml is not installed: install the quickfix wheel into this environment.")
