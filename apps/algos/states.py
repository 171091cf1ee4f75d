"""The life of an algorithm. What it sends are facts of their own, so that a form that is open stays good while slices go out."""

from enum import StrEnum

from apps.core.lifecycles import Lifecycle

from . import events as e
from . import wheel_events as w


class A(StrEnum):
    PLANNED = "PLANNED"
    WORKING = "WORKING"
    PAUSED = "PAUSED"
    FINISHED = "FINISHED"
    STOPPED = "STOPPED"


LIVE = (A.PLANNED, A.WORKING, A.PAUSED)

LIFE = Lifecycle(
    "algo",
    born={e.AlgoPlanned: A.PLANNED},
    moves={
        (A.PLANNED, e.AlgoStarted): A.WORKING,
        (A.WORKING, e.AlgoPaused): A.PAUSED,
        (A.PAUSED, e.AlgoResumed): A.WORKING,
        (A.WORKING, e.AlgoFinished): A.FINISHED,
        (A.PAUSED, e.AlgoFinished): A.FINISHED,
        **{(status, e.AlgoStopped): A.STOPPED for status in LIVE},
    },
    stays={e.AlgoChanged: LIVE, e.AlgoReplanned: [A.WORKING], e.AlgoWaited: [A.WORKING]},
)


class Wc(StrEnum):
    PROPOSED = "PROPOSED"
    APPROVED = "APPROVED"
    REFUSED = "REFUSED"
    DROPPED = "DROPPED"


WHEEL_CHANGE_LIFE = Lifecycle(
    "wheel_change",
    born={w.WheelChangeProposed: Wc.PROPOSED},
    moves={
        (Wc.PROPOSED, w.WheelChangeApproved): Wc.APPROVED,
        (Wc.PROPOSED, w.WheelChangeRefused): Wc.REFUSED,
        (Wc.PROPOSED, w.WheelChangeDropped): Wc.DROPPED,
    },
)


class Se(StrEnum):
    OPEN = "OPEN"
    CLOSED = "CLOSED"


SEASON_LIFE = Lifecycle("season", born={w.SeasonOpened: Se.OPEN}, moves={(Se.OPEN, w.SeasonClosed): Se.CLOSED})


class Dr(StrEnum):
    DRAWN = "DRAWN"
    ROUTED = "ROUTED"
    SET_ASIDE = "SET_ASIDE"


DRAW_LIFE = Lifecycle(
    "draw",
    born={w.DrawMade: Dr.DRAWN},
    moves={(Dr.DRAWN, w.DrawRouted): Dr.ROUTED, (Dr.DRAWN, w.DrawSetAside): Dr.SET_ASIDE},
)
