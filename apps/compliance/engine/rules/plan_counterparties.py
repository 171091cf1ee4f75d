"""
With whom retirement plans deal: not with a party in interest, nor its affiliates, as broker or dealer without an exemption (29 USC
1106(a)(1)(A), (C) and (D); 26 USC 4975(c)(1)). Asked as orders are about to be sent, of everybody that each would be sent to.

An exemption is on file, such as PTE 75-1 or 86-128, or the firm is the plan's QPAM (PTE 84-14), which helps neither our own affiliates
nor who appoints the manager.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from ..columns import Snapshot
from ..judgement import FAIL, INDETERMINATE, NOT_ASKED, PASS, RuleVersion, Said, Verdicts, without_quantity
from ..params import Param
from ..plans import ERISA, IRA
from ..saying import line

KIND = "plan_counterparties"
PARAMS: dict[str, Param] = {}


def sentence(values: Mapping[str, Any]) -> str:
    return (
        "No order of a plan under ERISA or an IRA goes to a broker or dealer that is one of its parties in interest or of that party's"
        " group, unless an exemption for dealing with it is on file: the named fiduciary's consent, or a QPAM agreement, which never"
        " helps our own affiliates or who appoints the manager."
    )


def judge(s: Snapshot, rule: RuleVersion, refused: np.ndarray) -> Verdicts:
    """Purchases and sales alike; what is sent to nobody is not asked."""
    outcome, texts = np.full(len(s.orders), NOT_ASKED, np.int8), {}
    for place, told in s.dealings.items():
        plan = s.plans.get(int(s.orders.portfolio[place]))
        if plan is None or plan.kind not in (ERISA, IRA) or not told:
            continue
        found = [(one, plan.why_not(one)) for one in told]
        bad = [one for one in found if one[1]]
        outcome[place] = max((FAIL if why.is_party else INDETERMINATE for _, why in bad), default=PASS)
        if bad:
            one, why = max(bad, key=lambda pair: pair[1].is_party)
            law = "29 USC 1106(a)" if plan.kind == ERISA else "26 USC 4975(c)"
            who, kind = s.portfolio_of(place).code, "a plan under ERISA" if plan.kind == ERISA else "an IRA"
            texts[place] = f"{who} is {kind} and {one.name} {why.text} ({law})."

    def say(order: int) -> Said:
        plan = s.plans[int(s.orders.portfolio[order])]
        data = (line("Would be sent to", ", ".join(one.name for one in s.dealings[order])), line("QPAM agreement", plan.qpam or "none"))
        return Said(texts[order], "the broker's group against the plan's parties in interest", data, "rule")

    return Verdicts(rule, outcome, say, max_qty=without_quantity(outcome == FAIL))
