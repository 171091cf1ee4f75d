"""The life of a matrix that is played."""

from enum import StrEnum

from apps.core.lifecycles import Lifecycle

from . import events as e


class P(StrEnum):
    PLAYING = "PLAYING"
    PASSED = "PASSED"
    FAILED = "FAILED"


LIFE = Lifecycle(
    "play",
    born={e.PlayStarted: P.PLAYING},
    moves={(P.PLAYING, e.PlayPassed): P.PASSED, (P.PLAYING, e.PlayFailed): P.FAILED},
)
