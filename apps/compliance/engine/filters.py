"""
Which instruments a rule is about, as a condition an officer writes: the comparisons of the Common Expression Language
(CEL, cel.dev), as in ``asset_class == "EQUITY" && !(country in ["US", "CA"])``.

The text is read by a parser of that language and turned into columns here, once an instrument and not once an order. There
are no loops, no calls that could run long and no regular expressions in it, and its length, depth and parts are bounded,
so a filter costs its parts times the instruments and cannot run away. What is not known of an instrument is null: a
condition that hangs on it is neither true nor false (Kleene's logic), and the rule then cannot tell.
"""

import ast
import operator
from collections.abc import Callable, Mapping
from functools import lru_cache
from math import isfinite
from typing import Any, NamedTuple

import polars as pl

TEXT, NUMBER, TRUTH, ANY = "text", "number", "truth", "any"
OWN = "own."
"""Before the code of an attribute that the firm itself gave instruments or issuers."""
ANY_OWN = {"own.*": ANY}
"""Among fields: every attribute of the firm's own may be asked for, whatever its kind."""
MOST_CHARACTERS, MOST_DEPTH, MOST_PARTS = 2000, 40, 200

WORDS_OF = {TEXT: "text", NUMBER: "a number", TRUTH: "a condition", ANY: "an attribute"}
JOINS = {"conditionalor": operator.or_, "conditionaland": operator.and_}
COMPARES = {
    "relation_eq": operator.eq, "relation_ne": operator.ne, "relation_lt": operator.lt, "relation_le": operator.le,
    "relation_gt": operator.gt, "relation_ge": operator.ge,
}  # fmt: skip
RECKONS: dict[str, Callable[[pl.Expr, pl.Expr], pl.Expr]] = {
    "addition_add": operator.add, "addition_sub": operator.sub, "multiplication_mul": operator.mul,
    "multiplication_div": lambda a, b: pl.when(b != 0).then(a / b),  # By nothing it is not known.
}  # fmt: skip
ASKS_TEXT: dict[str, Callable[[pl.Expr, str], pl.Expr]] = {
    "startsWith": lambda text, part: text.str.starts_with(part),
    "endsWith": lambda text, part: text.str.ends_with(part),
    "contains": lambda text, part: text.str.contains(part, literal=True),
}
ORDERED = {"relation_lt", "relation_le", "relation_gt", "relation_ge"}


class BadFilter(ValueError):
    """A filter that cannot be understood, from ``line`` and ``column`` on, both counted from 1."""

    def __init__(self, why: str, line: int, column: int):
        super().__init__(f"Line {line}, column {column}: {why}")
        self.why, self.line, self.column = why, line, column


class Filter(NamedTuple):
    """A condition as it was written, what it looks at, and the column it makes of a frame that has those."""

    text: str
    fields: frozenset[str]
    expr: pl.Expr


def read(text: str, fields: Mapping[str, str]) -> Filter:
    """
    :param fields: what it may look at, name to ``TEXT``, ``NUMBER`` or ``TRUTH``; with ``ANY_OWN`` whatever the firm calls its own
    :raises BadFilter: with the place of the first thing that cannot be understood
    """
    return _read(text, tuple(sorted(fields.items())))


@lru_cache(maxsize=4096)
def _read(text: str, fields: tuple[tuple[str, str], ...]) -> Filter:
    if len(text) > MOST_CHARACTERS:
        raise BadFilter(f"A filter has at most {MOST_CHARACTERS} characters; this has {len(text)}.", 1, MOST_CHARACTERS)
    reader = _Reader(dict(fields))
    expr, kind = reader.of(_tree(text), 0)
    if kind != TRUTH:
        raise BadFilter(f"This is {WORDS_OF[kind]}, not a condition. Compare it with something.", 1, 1)
    return Filter(text, frozenset(reader.used), expr)


def _tree(text: str):
    from celpy.celparser import CELParseError, CELParser  # Its grammar takes a moment; judging alone never needs it.

    try:
        return CELParser().parse(text)
    except CELParseError as error:
        lines = text.split("\n")
        line, column = error.line or len(lines), error.column or len(lines[-1]) + 1
        raise BadFilter("This cannot be read from here on.", line, column) from None
    except RecursionError:
        raise BadFilter("This is nested too deeply.", 1, 1) from None


class _Reader:
    """Walks a tree of the parser; one a filter."""

    def __init__(self, fields: Mapping[str, str]):
        self.fields, self.used, self.parts = fields, set(), 0

    def of(self, tree: Any, depth: int) -> tuple[pl.Expr, str]:
        tree = _bare(tree)
        self.parts += 1
        if depth > MOST_DEPTH or self.parts > MOST_PARTS:
            raise _bad(tree, f"A filter is at most {MOST_DEPTH} deep and has at most {MOST_PARTS} parts.")
        name, kids = tree.data, tree.children
        inner = getattr(kids[0], "data", "") if kids else ""
        if name in JOINS:
            return self._joined(tree, depth)
        if name == "ident":
            return self._field(tree, str(kids[0]))
        if name == "member_dot" and _whose(tree) == OWN[:-1]:
            return self._field(tree, f"{_whose(tree)}.{kids[1]}")
        if name == "literal":
            value = _constant(tree)
            return pl.lit(value), _kind_of(value)
        if inner in ("unary_not", "unary_neg"):
            wanted = TRUTH if inner == "unary_not" else NUMBER
            expr = self._wanted(kids[1], wanted, depth)
            return (~expr if wanted == TRUTH else -expr), wanted
        if inner == "relation_in":
            expr, kind = self.of(kids[0].children[0], depth + 1)
            return expr.is_in(_constants(kids[1], kind)), TRUTH
        if inner in COMPARES:
            return self._compared(inner, kids[0].children[0], kids[1], depth), TRUTH
        if inner in RECKONS:
            sides = (self._wanted(side, NUMBER, depth) for side in (kids[0].children[0], kids[1]))
            return RECKONS[inner](*sides), NUMBER
        if name == "member_dot_arg":
            return self._asked(tree, depth), TRUTH
        raise _bad(tree, "This is no part of the language of filters: write comparisons joined by &&, || and !.")

    def _joined(self, tree, depth: int) -> tuple[pl.Expr, str]:
        """A chain of one join nests to the left, as deep as it is long: it counts as one."""
        sides, at = [], tree
        while at.data == tree.data and len(at.children) == 2:
            sides.append(at.children[1])
            at = _bare(at.children[0])
        whole = self._wanted(at, TRUTH, depth)
        for side in reversed(sides):
            whole = JOINS[tree.data](whole, self._wanted(side, TRUTH, depth))
        return whole, TRUTH

    def _wanted(self, tree, kind: str, depth: int) -> pl.Expr:
        expr, found = self.of(tree, depth + 1)
        if found != kind and (found != ANY or kind == TRUTH):
            raise _bad(tree, f"This is {WORDS_OF[found]}; {WORDS_OF[kind]} belongs here.")
        return expr

    def _compared(self, how: str, left, right, depth: int) -> pl.Expr:
        (a, x), (b, y) = self.of(left, depth + 1), self.of(right, depth + 1)
        if x != y and ANY not in (x, y):
            raise _bad(right, f"This is {WORDS_OF[y]} and is compared with {WORDS_OF[x]}.")
        if x == TRUTH and how in ORDERED:
            raise _bad(right, "Conditions are equal or not; none is more than another.")
        return COMPARES[how](a, b)

    def _field(self, tree, name: str) -> tuple[pl.Expr, str]:
        kind = self.fields.get(name) or (self.fields.get("own.*") if name.startswith(OWN) else None)
        if kind is None:
            raise _bad(tree, f"There is no field “{name}”. There are: {', '.join(sorted(self.fields))}.")
        self.used.add(name)
        return pl.col(name), kind

    def _asked(self, tree, depth: int) -> pl.Expr:
        """``name.startsWith("A")`` and its like."""
        whose, name, *given = tree.children
        arguments = given[0].children if given else []
        if str(name) not in ASKS_TEXT or len(arguments) != 1:
            raise _bad(tree, f"Of a text it may be asked {', '.join(ASKS_TEXT)}, each with one text.")
        part = _constant(arguments[0])
        if not isinstance(part, str):
            raise _bad(arguments[0], "A text in quotes belongs here.")
        return ASKS_TEXT[str(name)](self._wanted(whose, TEXT, depth), part)


def _bare(tree):
    """The node itself, without the levels of the grammar that hold nothing else."""
    while len(tree.children) == 1 and hasattr(tree.children[0], "data") and tree.data in _LEVELS:
        tree = tree.children[0]
    return tree


_LEVELS = {
    "expr", "conditionalor", "conditionaland", "relation", "addition", "multiplication", "unary", "member", "primary",
    "paren_expr",
}  # fmt: skip


def _whose(tree) -> str:
    """The word before the dot of a name; empty where that is no word."""
    before = _bare(tree.children[0])
    if before.data != "ident":
        return ""
    return str(before.children[0])


def _bad(tree, why: str) -> BadFilter:
    token = tree
    while hasattr(token, "children"):
        if getattr(token.meta, "line", None):
            return BadFilter(why, token.meta.line, token.meta.column)
        if not token.children:
            return BadFilter(why, 1, 1)
        token = token.children[0]
    return BadFilter(why, getattr(token, "line", None) or 1, getattr(token, "column", None) or 1)


def _constant(tree) -> str | float | bool:
    tree = _bare(tree)
    if tree.data == "unary" and getattr(tree.children[0], "data", "") == "unary_neg":
        value = _constant(tree.children[1])
        if isinstance(value, float):
            return -value
    if tree.data != "literal":
        raise _bad(tree, "A constant belongs here: a number, or a text in quotes.")
    token = tree.children[0]
    try:
        if token.type == "INT_LIT":
            return float(int(token, 16 if "x" in token.lower() else 10))
        if token.type == "FLOAT_LIT" and isfinite(float(token)):
            return float(token)
        if token.type == "BOOL_LIT":
            return token == "true"
        if token.type in ("STRING_LIT", "MLSTRING_LIT"):
            return ast.literal_eval(str(token))
    except (ValueError, SyntaxError, OverflowError):
        pass
    raise _bad(tree, "This constant cannot be used here.")


def _constants(tree, kind: str) -> list[str | float | bool]:
    tree = _bare(tree)
    if tree.data != "list_lit" or not tree.children:
        raise _bad(tree, 'A list of constants belongs here, such as ["US", "CA"].')
    found = []
    for one in tree.children[0].children:
        found.append(_constant(one))
        kind = _kind_of(found[0]) if kind == ANY else kind
        if _kind_of(found[-1]) != kind:
            raise _bad(one, f"This is {WORDS_OF[_kind_of(found[-1])]} and is compared with {WORDS_OF[kind]}.")
    return found


def _kind_of(value: str | float | bool) -> str:
    return TRUTH if isinstance(value, bool) else TEXT if isinstance(value, str) else NUMBER

