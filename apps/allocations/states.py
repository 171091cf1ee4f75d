"""The life of an allocation: booked once, reversed at most once; what replaces it is a new one."""

from enum import StrEnum

from apps.core.lifecycles import Lifecycle

from . import events as e


class A(StrEnum):
    BOOKED = "BOOKED"
    REVERSED = "REVERSED"


LIFE = Lifecycle(
    "allocation",
    born={e.AllocationBooked: A.BOOKED},
    moves={(A.BOOKED, e.AllocationReversed): A.REVERSED},
)
