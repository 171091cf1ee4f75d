"""The life of an allocation, booked once, reversed at most once (what replaces it is a new one); and of a broker's charge."""

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


class Ch(StrEnum):
    AGREED = "AGREED"
    DIFFERS = "DIFFERS"
    SETTLED = "SETTLED"
    WITHDRAWN = "WITHDRAWN"


CHARGE_LIFE = Lifecycle(
    "charge",
    born={e.ChargeAgreed: Ch.AGREED, e.ChargeDiffered: Ch.DIFFERS},
    moves={
        (Ch.DIFFERS, e.ChargeSettled): Ch.SETTLED,
        **{(s, e.ChargeWithdrawn): Ch.WITHDRAWN for s in (Ch.AGREED, Ch.DIFFERS, Ch.SETTLED)},
    },
)


class So(StrEnum):
    AGREED = "AGREED"
    WITHDRAWN = "WITHDRAWN"


STEP_OUT_LIFE = Lifecycle(
    "step_out", born={e.StepOutAgreed: So.AGREED}, moves={(So.AGREED, e.StepOutWithdrawn): So.WITHDRAWN},
    stays={e.StepOutBooked: [So.AGREED]},
)
