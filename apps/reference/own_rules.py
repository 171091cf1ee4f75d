"""Attributes of the firm's own: how each may be defined, and what may be said in it."""

import re
from collections.abc import Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any

KINDS = [("text", "Text"), ("number", "Number"), ("choice", "Choice")]
LONGEST = 200
CODE = re.compile(r"[a-z][a-z0-9_]{0,39}")
RESERVED = frozenset({
    "as", "break", "const", "continue", "else", "false", "for", "function", "if", "import", "in", "let", "loop", "namespace", "null",
    "package", "return", "true", "var", "void", "while",
})  # fmt: skip
"""Words that the language of filters keeps for itself."""


def definition_problems(facts: Mapping[str, Any], was: Mapping[str, Any] | None) -> dict[str, str]:
    """
    What is wrong with an attribute as it is defined, by field.

    :param was: it before the change; None where it is new
    """
    found = {}
    code, kind, choices = facts.get("code") or "", facts.get("kind"), facts.get("choices") or []
    if not CODE.fullmatch(code) or code in RESERVED:
        found["code"] = "must be small letters, digits and underscores, begin with a letter, and be no word of the filters' language"
    if kind == "choice" and not _are_words(choices):
        found["choices"] = 'must be a list of words, each once, such as ["Coal", "None"]'
    if kind != "choice" and choices:
        found["choices"] = "are for a choice alone; leave them empty"
    if was:
        found |= {name: "stays as it is: values and rules hang on it" for name in ("code", "of", "kind") if facts.get(name) != was[name]}
        if missing := [word for word in was["choices"] or [] if not isinstance(choices, list) or word not in choices]:
            found.setdefault("choices", f"are only added: “{missing[0]}” has to stay")
    return found


def _are_words(choices: object) -> bool:
    return (
        isinstance(choices, list)
        and bool(choices)
        and all(isinstance(word, str) and word.strip() == word and 0 < len(word) <= LONGEST for word in choices)
        and len(set(choices)) == len(choices)
    )


def value_problem(kind: str, choices: Sequence[str], value: str) -> str:
    """What is wrong with a value of an attribute; empty where nothing is."""
    if not value or value != value.strip() or len(value) > LONGEST:
        return f"must be 1 to {LONGEST} characters without spaces around them"
    if kind == "choice" and value not in choices:
        return f"“{value[:40]}” is none of {', '.join(choices)}"
    if kind == "number" and not _is_number(value):
        return f"“{value[:40]}” must be a plain number, such as 27.5"
    return ""


def _is_number(value: str) -> bool:
    try:
        number = Decimal(value)
    except InvalidOperation:
        return False
    return bool(re.fullmatch(r"-?[0-9]+(\.[0-9]+)?", value)) and len(number.as_tuple().digits) <= 30


def spelt(kind: str, value: str) -> str:
    """A value as rules tell it from others: of numbers 27.50 is 27.5."""
    if kind != "number":
        return value
    text = f"{Decimal(value):f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
