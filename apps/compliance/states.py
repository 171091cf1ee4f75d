"""The lives of reviews, rules and restrictions."""

from enum import StrEnum

from apps.core.lifecycles import Lifecycle

from . import events as e


class R(StrEnum):
    WAITING = "WAITING"
    APPROVED = "APPROVED"
    SENT_BACK = "SENT_BACK"
    REJECTED = "REJECTED"
    WITHDRAWN = "WITHDRAWN"


REVIEW_LIFE = Lifecycle(
    "review",
    born={e.ReviewOpened: R.WAITING},
    moves={
        (R.WAITING, e.ReviewApproved): R.APPROVED,
        (R.WAITING, e.ReviewSentBack): R.SENT_BACK,
        (R.WAITING, e.ReviewRejected): R.REJECTED,
        (R.WAITING, e.ReviewWithdrawn): R.WITHDRAWN,
    },
)


class InForce(StrEnum):
    ACTIVE = "ACTIVE"
    RETIRED = "RETIRED"


RULE_LIFE = Lifecycle(
    "rule",
    born={e.RuleActivated: InForce.ACTIVE},
    moves={
        (InForce.ACTIVE, e.RuleRetired): InForce.RETIRED,
        (InForce.RETIRED, e.RuleActivated): InForce.ACTIVE,
    },
    stays={e.RuleActivated: [InForce.ACTIVE]},
)

RESTRICTION_LIFE = Lifecycle(
    "restriction",
    born={e.RestrictionAdded: InForce.ACTIVE},
    moves={(InForce.ACTIVE, e.RestrictionLifted): InForce.RETIRED},
)


class Moment(StrEnum):
    """What asks for a screening."""

    SUBMIT = "SUBMIT"
    CARRY = "CARRY"
    TRIGGER = "TRIGGER"
    RECHECK = "RECHECK"
    CROSS = "CROSS"


class Outcome(StrEnum):
    PASS = "PASS"
    FAIL = "FAIL"
    INDETERMINATE = "INDETERMINATE"
