"""The life of a block."""

from enum import StrEnum

from apps.core.lifecycles import Lifecycle

from . import events as e


class B(StrEnum):
    OPEN = "OPEN"
    WORKING = "WORKING"
    DONE = "DONE"
    ALLOCATED = "ALLOCATED"
    CANCELLED = "CANCELLED"


LIFE = Lifecycle(
    "block",
    born={e.BlockOpened: B.OPEN},
    moves={
        (B.OPEN, e.BlockFrozen): B.WORKING,
        (B.OPEN, e.BlockCancelled): B.CANCELLED,
        (B.OPEN, e.BlockUnblocked): B.CANCELLED,
        (B.OPEN, e.BlockCrossedWhole): B.CANCELLED,
        (B.OPEN, e.BlockDivided): B.CANCELLED,
        (B.WORKING, e.BlockDone): B.DONE,
        (B.DONE, e.BlockAllocated): B.ALLOCATED,
        (B.DONE, e.BlockReopened): B.WORKING,
        (B.ALLOCATED, e.BlockReopened): B.WORKING,
    },
    stays={
        e.BlockGrew: [B.OPEN], e.BlockShrank: [B.OPEN], e.BlockSplit: [B.OPEN], e.BlockCrossed: [B.OPEN],
        e.BlockAssigned: [B.OPEN, B.WORKING],
    },  # fmt: skip
)


class Op(StrEnum):
    FOUND = "FOUND"
    CROSS = "CROSS"
    CROSSED = "CROSSED"
    APART = "APART"


OPPOSITION_LIFE = Lifecycle(
    "opposition",
    born={e.OppositionFound: Op.FOUND},
    moves={
        (Op.FOUND, e.CrossProposed): Op.CROSS,
        (Op.FOUND, e.TradedApart): Op.APART,
        (Op.CROSS, e.CrossEnded): Op.FOUND,  # The proposal was not taken up.
        (Op.CROSS, e.OppositionCrossed): Op.CROSSED,
    },
)


class Ro(StrEnum):
    ACTIVE = "ACTIVE"
    ENDED = "ENDED"


ROTATION_LIFE = Lifecycle(
    "rotation",
    born={e.RotationMade: Ro.ACTIVE},
    moves={(Ro.ACTIVE, e.RotationEnded): Ro.ENDED},
    stays={e.RotationAdvanced: [Ro.ACTIVE], e.RotationReset: [Ro.ACTIVE]},
)
