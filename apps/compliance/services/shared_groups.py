"""
Limits that the firm shares on groups of instruments: two who buy different shares of one issuer take turns.

What an instrument's group is, is held before its limit is: its row, its issuer and who owns that, and what the firm itself says
of it cannot change until the answer is committed. So who judges it next under another group finds these orders there.
"""

from collections.abc import Sequence

from apps.reference.own_services import hold_own_values

from ..engine.attributes import UNKNOWN, namer, telling
from ..engine.columns import Snapshot
from ..engine.filters import OWN
from ..engine.judgement import RuleVersion
from ..engine.rules import firm_groups
from ..selectors.firm_groups import keys_of

INSTRUMENTS = """
SELECT id FROM reference_instrument WHERE id IN (
  SELECT unnest(ARRAY[i.id, i.underlying_id]) FROM orders_order o JOIN reference_instrument i ON i.id = o.instrument_id
  WHERE o.id = ANY(%s)
) ORDER BY id FOR SHARE
"""
ISSUERS = """
WITH RECURSIVE up(id) AS (
  SELECT issuer_id FROM reference_instrument WHERE id = ANY(%s)
  UNION SELECT s.parent_id FROM reference_issuer s JOIN up ON up.id = s.id WHERE s.parent_id IS NOT NULL
) SELECT id FROM reference_issuer WHERE id IN (SELECT id FROM up) ORDER BY id FOR SHARE
"""


def is_on_groups(rule: RuleVersion) -> bool:
    """Whether its shared limits are on groups of instruments, not on each instrument."""
    return not firm_groups([rule]) <= {"instrument"}


def hold_groups(cursor, order_ids: Sequence[int], rules: Sequence[RuleVersion]) -> None:
    """
    Locks the limits of rules on groups across the firm, of all groups of the orders' instruments, in one order, after what says
    which these are. No statement where no rule is on groups, else a number that does not grow with the orders.
    """
    shared = {rule.code: rule.params["group"] for rule in rules if is_on_groups(rule)}
    if not shared:
        return
    groups = sorted(set(shared.values()))
    cursor.execute(INSTRUMENTS, [list(order_ids)])
    things = [pk for (pk,) in cursor.fetchall()]
    issuers: list[tuple[int]] | None = None
    while True:  # Who owned an issuer may have changed while its row was waited for.
        cursor.execute(ISSUERS, [things])
        before, issuers = issuers, cursor.fetchall()
        if issuers == before:
            break
    hold_own_values([group.removeprefix(OWN) for group in groups if group.startswith(OWN)], things, [pk for (pk,) in issuers])
    cursor.execute("SELECT DISTINCT instrument_id FROM orders_order WHERE id = ANY(%s)", [list(order_ids)])
    keys = keys_of(cursor, groups, [pk for (pk,) in cursor.fetchall()])
    wanted = {(code, _key(group, key)) for code, group in shared.items() for key in keys[group].values() if key != UNKNOWN}
    cursor.execute(
        "INSERT INTO compliance_sharedlimit (rule_id, group_key) SELECT r.id, u.key FROM compliance_rule r"
        ' JOIN unnest(%s::text[], %s::text[]) AS u(code, key) ON u.code = r.code ORDER BY r.id, u.key COLLATE "C"'
        " ON CONFLICT (rule_id, group_key) WHERE NOT group_key = '' DO UPDATE SET rule_id = excluded.rule_id WHERE false",
        [[code for code, _ in wanted], [key for _, key in wanted]],
    )


def _key(group: str, key: object) -> str:
    return f"{group}:{key}"


def limit_key(s: Snapshot, rule: RuleVersion, order: int) -> str:
    """Which shared limit of a rule an order is under: its instrument's id, or its group."""
    i = s.instrument_of(order)
    if not is_on_groups(rule):
        return str(i.id)
    group = rule.params["group"]
    return _key(group, telling(group, s.own)(i))


def taken_of(s: Snapshot, rule: RuleVersion, order: int) -> str:
    """What an order takes room of under a rule, in words."""
    i = s.instrument_of(order)
    return namer(s, rule.params["group"])(i) if is_on_groups(rule) else i.symbol
