"""What a rule says of a portfolio as it stands."""

from typing import Any, NamedTuple

FIRM = -1
"""In place of a portfolio: all of them together."""


class Standing(NamedTuple):
    """
    One number of one portfolio, or of all together, against one limit of one rule.

    :param portfolio: a place in the snapshot, or ``FIRM``
    :param group: what it is the number of, told from others of the rule; :param name: as people call it
    :param outcome: PASS, FAIL or INDETERMINATE
    :param value, limit: in ``unit``; None where they cannot be told
    :param warned: whether it passes at the rule's warning level or beyond it
    :param over: by how much it is beyond the limit, in the firm's currency; 0 where it is not
    :param places: of what fails, the instruments in it, as places in the snapshot; of a least what would have to be more
    :param is_least: whether the limit is the least, or for another reason it is sales that make it worse
    """

    portfolio: int
    group: str
    name: str
    outcome: str
    value: float | None
    limit: float | None
    unit: str
    over: float = 0.0
    warned: bool = False
    text: str = ""
    data: tuple[dict[str, Any], ...] = ()
    places: tuple[int, ...] = ()
    is_least: bool = False
