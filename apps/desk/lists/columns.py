"""What a column of a list is: how it is shown, written to a file, asked of the database."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

Row = Mapping[str, Any]
TEXT, NUMBER, CHOICE, DATE, AGE = "text", "number", "choice", "date", "age"
OPERATORS: dict[str, dict[str, str]] = {
    TEXT: {"has": "contains", "is": "is", "begins": "begins with", "lacks": "does not contain"},
    NUMBER: {"gte": "at least", "lte": "at most", "eq": "equal to"},
    CHOICE: {"in": "is one of", "out": "is none of"},
    DATE: {"gte": "on or after", "lte": "on or before"},
    AGE: {"gte": "older than (min)", "lte": "newer than (min)"},
}


class Key(NamedTuple):
    """One of the fields that a list is ordered by."""

    path: str
    falls: bool = False


@dataclass(frozen=True)
class Column:
    """
    :param code: its name in saved views and addresses; stored for ever
    :param kind: of which its filters are; numbers are written to the right
    :param path: the field or annotation it is filtered, ordered and grouped by; empty: by none of them
    :param needs: the keys of a row that ``cell`` and ``value`` read
    :param cell: what stands between ``<td>`` and ``</td>``: text, which is escaped, or markup as a SafeString
    :param value: the plain value, for files and colours
    :param choices: stored values and their words, where ``kind`` is a choice
    :param sums: a total of it means something (one unit for every row)
    :param groups: rows may be gathered under its values
    :param expression: by which ``path`` is made where no field is called so; only lists that show it pay for it
    :param compares: its values may be compared: by filters and, where it has no path, by colours alone
    """

    code: str
    label: str
    kind: str
    path: str
    needs: Sequence[str]
    cell: Callable[[Row], str]
    value: Callable[[Row], Any]
    width: int = 100
    choices: Mapping[str, str] = field(default_factory=dict)
    sums: bool = False
    groups: bool = False
    css: Callable[[Row], str] | None = None
    total: Callable[[Any], str] = str
    compares: bool = True
    expression: Any = None

    @property
    def is_number(self) -> bool:
        return self.kind in (NUMBER, AGE)

    @property
    def operators(self) -> Mapping[str, str]:
        return OPERATORS[self.kind]

    @property
    def filters(self) -> bool:
        return bool(self.path) and self.compares


@dataclass(frozen=True)
class Sheet:
    """
    A kind of list: its columns by code, and which of them stand there unless the reader says otherwise.

    :param name: in saved views and addresses; stored for ever
    :param by_class: codes put after the instrument where the list is of one asset class alone
    :param always: keys of a row that its frame reads
    :param attention: what it is ordered by unless the reader says otherwise
    :param added: keys of a row that are known once the rows are read
    :param frame: the beginning of a row, ``<tr …>``, of its facts, its tone and what says where it stands; with a box to
        tick or without
    :param urgent: by attention, where the first ranks that a row is fetched to the top for end
    """

    name: str
    title: str
    columns: Mapping[str, Column]
    usual: Sequence[str]
    always: Sequence[str]
    attention: Sequence[Key]
    frame: Callable[[Row, str, str, bool], str]
    urgent: int = 0
    added: frozenset[str] = frozenset()
    by_class: Mapping[str, Sequence[str]] = field(default_factory=dict)

    def usual_for(self, asset: str) -> list[str]:
        """The codes of the columns to show where nobody chose any."""
        more = [code for code in self.by_class.get(asset, ()) if code not in self.usual]
        at = self.usual.index("instrument") + 1
        return [*self.usual[:at], *more, *self.usual[at:]]


def sheet(name: str, title: str, columns: Sequence[Column], **more) -> Sheet:
    return Sheet(name, title, {column.code: column for column in columns}, **more)
