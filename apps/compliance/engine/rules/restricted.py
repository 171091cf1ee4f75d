"""
The firm's lists: the restricted list, which stops an order and tells officers why, and those of the control room, which
hold one and tell nobody why.

What the desk is told is neutral: that an order met a list is itself information.
"""

from collections import defaultdict
from collections.abc import Callable
from hashlib import sha256

import numpy as np

from ..columns import Snapshot
from ..judgement import FAIL, INDETERMINATE, PASS, RuleVersion, Said, Verdicts, without_quantity
from ..lists import FORBIDS, HOLDS, MAX_AGE_DAYS, STOPS, Met
from ..params import Param
from ..saying import line

HELD_PARAMS = {
    "max_age_days": Param("days", MAX_AGE_DAYS, "where an entry looks through funds: how old what they hold may be")
}
WHOM = {"all": "whatever the restricted list names", "sanctioned": "of it those whom a sanctions list names"}
PARAMS = HELD_PARAMS | {"names": Param("choice", "all", "which of its entries it asks", WHOM)}
NEUTRAL = "Compliance has to look at this order before it can go on."


def judge(s: Snapshot, rule: RuleVersion, refused: np.ndarray) -> Verdicts:
    """
    Fails an order that the restricted list forbids, on the date it would trade and in its direction. Whether it forbids one
    cannot be told while a name waits that is the same on a sanctions list.
    """
    found, outcome, words_of = _met(s, rule, STOPS)

    def say(order: int) -> Said:
        entry, how = found[order].entry, found[order].how
        if entry.waits:
            text = f"Cannot tell: {entry.name} is called like {entry.reason}. An officer has to say on the sanctions page whether it is."
            return Said(text, "names of issuers and custodians, of an issuer also its daughters", (), "sanctions list", words_of(order))
        until = f" to {entry.effective_to}" if entry.effective_to else ""
        text = f"{entry.name} is on the restricted list: {FORBIDS[entry.direction]} from {entry.effective_from}{until}."
        if outcome[order] == INDETERMINATE:
            text += " Whether the order meets it cannot be told."
        data = (line("Restriction", str(entry.id), direction=entry.direction, listed_from=str(entry.effective_from)),)
        words = (text, f"{how.via[0].upper()}{how.via[1:]}." if how.via else "", entry.reason)
        basis = "issuers, instruments, what is on them, and where it says so funds that hold them"
        return Said(" ".join(filter(None, words)), basis, data, "restricted list", words_of(order))

    return Verdicts(rule, outcome, say, max_qty=without_quantity(outcome == FAIL))


def judge_held(s: Snapshot, rule: RuleVersion, refused: np.ndarray) -> Verdicts:
    """Fails an order that the control room wants to look at. The evidence says no more than that, whoever reads it."""
    _, outcome, words_of = _met(s, rule, HOLDS)
    return Verdicts(rule, outcome, lambda order: Said(NEUTRAL, met=words_of(order)), max_qty=without_quantity(outcome == FAIL))


def _met(s: Snapshot, rule: RuleVersion, effect: str) -> tuple[dict[int, Met], np.ndarray, Callable[[int], tuple[str, ...]]]:
    """
    The first entry of such an effect that each order meets, before the first that it may meet, the outcomes, and words for
    all entries that keep an order: what officers let stand of these is no leave for another.
    """
    rows = {int(pk): row for row, pk in enumerate(s.orders.id)} if s.met else {}
    outcome = np.full(len(s.orders), PASS, np.int8)
    found: dict[int, Met] = {}
    entries: defaultdict[int, set[str]] = defaultdict(set)
    for one in s.met:
        if one.entry.effect != effect or (rule.params.get("names") == "sanctioned" and not one.entry.sanctioned):
            continue
        row = rows[one.order_id]
        known = not one.entry.waits and one.how.is_known(s.at.date(), rule.params["max_age_days"])
        weighs = FAIL if one.how.weight_pct is None or one.how.weight_pct else PASS
        said = weighs if known else INDETERMINATE
        if said > PASS:
            told = f"{one.order_id}\x1f{one.entry.id}\x1f{one.entry.waits}"
            entries[row].add(sha256(told.encode()).hexdigest()[:16])
        if said > outcome[row]:
            outcome[row], found[row] = said, one
    return found, outcome, lambda order: tuple(sorted(entries[order]))
