"""
The life of a cross.

Whoever proposes it accepts none of it and does not approve it; whoever accepted any of it does not approve it. The
database holds that too (``models``).
"""

from enum import StrEnum

from apps.core.lifecycles import Lifecycle

from . import events as e


class X(StrEnum):
    PROPOSED = "PROPOSED"
    ACCEPTED = "ACCEPTED"
    APPROVED = "APPROVED"
    EXECUTED = "EXECUTED"
    DECLINED = "DECLINED"
    WITHDRAWN = "WITHDRAWN"
    EXPIRED = "EXPIRED"


LIVE = (X.PROPOSED, X.ACCEPTED, X.APPROVED)

LIFE = Lifecycle(
    "cross",
    born={e.CrossProposed: X.PROPOSED},
    moves={
        (X.PROPOSED, e.CrossAccepted): X.ACCEPTED,
        (X.ACCEPTED, e.CrossApproved): X.APPROVED,
        (X.APPROVED, e.CrossExecuted): X.EXECUTED,
        **{(status, e.CrossDeclined): X.DECLINED for status in LIVE},
        **{(status, e.CrossWithdrawn): X.WITHDRAWN for status in LIVE},
        **{(status, e.CrossExpired): X.EXPIRED for status in LIVE},
    },
    stays={e.CrossPartAccepted: [X.PROPOSED]},
)
