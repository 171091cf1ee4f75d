"""What a file of strategies says, as read."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, NamedTuple


class Condition(NamedTuple):
    """
    An Edit: one comparison, or others under a logical operator.

    :param operator: EX, NX, EQ, NE, LT, GT, LE, GE; empty where ``logic`` is AND, OR, XOR or NOT of ``parts``
    :param value, other: what ``field`` is compared with: a literal, or another field
    """

    operator: str = ""
    field: str = ""
    value: str | None = None
    other: str = ""
    logic: str = ""
    parts: tuple["Condition", ...] = ()


class StateRule(NamedTuple):
    """What a control becomes while the condition is true; None leaves that as it is. ``value`` may be ``{NULL}``."""

    condition: Condition
    enabled: bool | None
    visible: bool | None
    value: str | None


class Check(NamedTuple):
    """A StrategyEdit: what must be true of the parameters, and what is said where it is not."""

    condition: Condition
    message: str


class Parameter(NamedTuple):
    """
    A value on the wire.

    :param kind: the type without its ``_t``: Int, Price, UTCTimestamp …
    :param tag: None where it goes into the group of strategy parameters (NoStrategyParameters, 957)
    :param least, most: as the kind has them: numbers as ``Decimal``, times and dates as text
    :param pairs: enumID to what is sent; empty where it is not enumerated
    :param wire: Boolean's words for true and false
    """

    name: str
    kind: str
    tag: int | None
    is_required: bool = False
    least: Any = None
    most: Any = None
    const: str | None = None
    precision: int | None = None
    shortest: int | None = None
    longest: int | None = None
    pairs: Mapping[str, str] = {}
    wire: tuple[str, str] = ("Y", "N")
    zone: str = ""
    times_100: bool = False
    inverted: bool = False
    is_mutable: bool = True
    filter: str = ""
    line: int = 0


class Item(NamedTuple):
    """A choice of a list: its enumID and how it is called."""

    id: str
    label: str
    filter: str = ""


class Control(NamedTuple):
    """
    :param kind: without its ``_t``: Clock, TextField, DropDownList …
    :param increment: the step of a spinner; None for any
    :param from_now: a clock whose initial time has passed begins with the time it is
    :param from_field: the standard field (FIX name without ``FIX_``) that it begins with
    """

    id: str
    kind: str
    parameter: str = ""
    label: str = ""
    tooltip: str = ""
    initial: str | None = None
    items: tuple[Item, ...] = ()
    rules: tuple[StateRule, ...] = ()
    checked: str | None = None
    unchecked: str | None = None
    group: str = ""
    increment: Decimal | None = None
    zone: str = ""
    from_now: bool = False
    from_field: str = ""
    is_horizontal: bool = False
    place: tuple[int | None, int | None, int, int] = (None, None, 1, 1)
    filter: str = ""
    line: int = 0


class Panel(NamedTuple):
    """
    :param orientation: VERTICAL, HORIZONTAL or GRID
    :param size: rows and columns of a grid, where they are said; :param by_column: whether it fills column by column
    """

    parts: tuple["Panel | Control", ...]
    title: str = ""
    orientation: str = "VERTICAL"
    is_collapsible: bool = True
    is_collapsed: bool = False
    has_border: bool = False
    size: tuple[int | None, int | None] = (None, None)
    by_column: bool = False
    place: tuple[int | None, int | None, int, int] = (None, None, 1, 1)


class Reach(NamedTuple):
    """
    For which instruments a strategy, parameter or choice is meant; True includes, False excludes.

    :param regions: region to (whether it is included, country to the same)
    """

    regions: Mapping[str, tuple[bool, Mapping[str, bool]]] = {}
    markets: Mapping[str, bool] = {}
    types: Mapping[str, bool] = {}


class Strategy(NamedTuple):
    """
    :param needs_legs: whether it is for orders of several legs
    :param layout: the form; where the file has none, a control for each parameter
    """

    name: str
    label: str
    wire: str
    version: str
    provider: str
    description: str
    parameters: Mapping[str, Parameter]
    layout: Sequence[Panel]
    checks: Sequence[Check]
    reach: Reach
    filters: Mapping[str, Reach]
    filter: str = ""
    needs_legs: bool = False
    line: int = 0

    @property
    def controls(self) -> list[Control]:
        """All controls in their order on the form."""
        return [control for panel in self.layout for control in _controls(panel)]


class StrategyFile(NamedTuple):
    """
    :param strategy_tag, version_tag: where the strategy and its version are said
    :param notes: what was understood in one of several ways, with its line
    """

    strategy_tag: int
    version_tag: int | None
    strategies: Mapping[str, Strategy]
    notes: Sequence[tuple[int, str]] = ()


def _controls(part: Panel | Control) -> list[Control]:
    if isinstance(part, Control):
        return [part]
    return [control for one in part.parts for control in _controls(one)]
