"""Values of the firm's own fields: what a kind of field takes, and in which spelling it is kept."""

from collections.abc import Iterable, Mapping
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import NamedTuple

TEXT, NUMBER, DATE, YES_NO, LIST = "text", "number", "date", "yes_no", "list"
LONGEST = 200
YES, NO = {"yes", "y", "true", "1"}, {"no", "n", "false", "0"}
Value = str | bool


class OwnField(NamedTuple):
    """
    ``choices``: of a list its values; of one that hangs on a ``parent``, they by the parent's value. ``is_screened``:
    whether compliance may ask for it.
    """

    code: str
    label: str
    kind: str
    choices: list[str] | dict[str, list[str]]
    parent: str | None = None
    is_asked: bool = False
    is_screened: bool = False


def checked(fields: Iterable[OwnField], said: Mapping[str, object]) -> tuple[dict[str, Value], list[str]]:
    """
    What was said of fields, each in the spelling it is kept in, without those left empty; and what is wrong, in words.
    Numbers are kept as text, exact; dates as 2026-11-25; yes and no as true and false.
    """
    known = {field.code: field for field in fields}
    kept: dict[str, Value] = {}
    problems = [f"There is no field “{code[:40]}”." for code in said if code not in known]
    for code, field in known.items():
        text = _text(said.get(code))
        if text == "":
            continue
        value, problem = _read(field, text, _text(said.get(field.parent)) if field.parent else "")
        if problem:
            problems.append(f"{field.label}: {problem}")
        else:
            kept[code] = value
    return kept, problems


def value_asked(field: OwnField, text: str) -> tuple[Value, str]:
    """
    The value that a rule asks of a field, in the spelling orders keep it, and what is wrong with it; of a list that hangs
    on another, any of its words.
    """
    choices = field.choices
    if isinstance(choices, dict):
        choices = [word for words in choices.values() for word in words]
    kept, problems = checked([field._replace(choices=choices, parent=None)], {field.code: text})
    return kept.get(field.code, ""), problems[0] if problems else ""


def as_asked(value: object) -> str:
    """A value that is kept, as a rule asks for it: yes and no as true and false, what is not said as empty."""
    return str(value).lower() if isinstance(value, bool) else _text(value)


def _text(value: object) -> str:
    return "" if value is None else str(value).strip()


def _read(field: OwnField, text: str, parent: str) -> tuple[Value, str]:
    match field.kind:
        case "number":
            return _number(text)
        case "date":
            try:
                return date.fromisoformat(text).isoformat(), ""
            except ValueError:
                return "", f"“{text[:40]}” is no date; write 2026-11-25."
        case "yes_no":
            if text.lower() in YES | NO:
                return text.lower() in YES, ""
            return "", f"“{text[:40]}” is neither yes nor no."
        case "list":
            return _choice(field, text, parent)
    return (text, "") if len(text) <= LONGEST else ("", f"{len(text)} characters are too many: at most {LONGEST}.")


def _number(text: str) -> tuple[Value, str]:
    try:
        number = Decimal(text.replace(",", ""))
    except InvalidOperation:
        return "", f"“{text[:40]}” is not a number."
    if not number.is_finite() or len(number.as_tuple().digits) > 20 or abs(number.adjusted()) > 20:
        return "", f"“{text[:40]}” is not a number that can be kept."
    plain = f"{number:f}"
    return plain.rstrip("0").rstrip(".") if "." in plain else plain, ""


def _choice(field: OwnField, text: str, parent: str) -> tuple[Value, str]:
    if isinstance(field.choices, dict):
        if parent not in field.choices:
            return "", f"it goes with {field.parent}, which must be one of {', '.join(field.choices)}."
        choices = field.choices[parent]
    else:
        choices = field.choices
    if text not in choices:
        return "", f"“{text[:40]}” is none of {', '.join(choices)}."
    return text, ""


def definition_problems(kind: str, choices: object, parent_kind: str | None, parent_choices: object) -> dict[str, str]:
    """What is wrong with a field as it is set up, by the form's field."""
    if kind != LIST:
        found = {"choices": "are for lists alone; leave them empty"} if choices not in ([], {}, None, "") else {}
        return found | ({"parent": "is for lists alone"} if parent_kind else {})
    if not parent_kind:
        return {} if _are_words(choices) else {"choices": 'must be a list of words, such as ["Core", "Satellite"]'}
    if parent_kind != LIST or not isinstance(parent_choices, list):
        return {"parent": "must be a list that hangs on no other"}
    if not isinstance(choices, dict) or set(choices) != set(parent_choices) or not all(map(_are_words, choices.values())):
        return {"choices": f"must have a list of words for each of {', '.join(parent_choices)}, and for nothing else"}
    return {}


def _are_words(choices: object) -> bool:
    return (
        isinstance(choices, list)
        and bool(choices)
        and all(isinstance(word, str) and word.strip() == word and 0 < len(word) <= LONGEST for word in choices)
        and len(set(choices)) == len(choices)
    )
