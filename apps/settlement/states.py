"""The lives of confirmations and instructions."""

from enum import StrEnum

from apps.core.lifecycles import Lifecycle

from . import events as e


class C(StrEnum):
    SENT = "SENT"
    AFFIRMED = "AFFIRMED"
    DISPUTED = "DISPUTED"
    CANCELLED = "CANCELLED"


CONFIRMATION_LIFE = Lifecycle(
    "confirmation",
    born={e.ConfirmationSent: C.SENT, e.ConfirmationAgreed: C.AFFIRMED},
    moves={
        (C.SENT, e.ConfirmationAffirmed): C.AFFIRMED,
        (C.SENT, e.ConfirmationDisputed): C.DISPUTED,
        (C.DISPUTED, e.ConfirmationAffirmed): C.AFFIRMED,
        (C.AFFIRMED, e.ConfirmationDisputed): C.DISPUTED,  # They took their word back.
        (C.SENT, e.ConfirmationCancelled): C.CANCELLED,
        (C.DISPUTED, e.ConfirmationCancelled): C.CANCELLED,
        (C.AFFIRMED, e.ConfirmationCancelled): C.CANCELLED,
    },
    stays={e.ConfirmationDisputed: [C.DISPUTED]},
)


class I(StrEnum):  # noqa: E742
    BLOCKED = "BLOCKED"
    READY = "READY"
    SENT = "SENT"
    REJECTED = "REJECTED"
    MATCHED = "MATCHED"
    UNMATCHED = "UNMATCHED"
    FAILING = "FAILING"
    SETTLED = "SETTLED"
    CLEARED = "CLEARED"
    CANCELLED = "CANCELLED"


AT_CUSTODIAN = (I.SENT, I.MATCHED, I.UNMATCHED, I.FAILING)

INSTRUCTION_LIFE = Lifecycle(
    "instruction",
    born={e.InstructionReady: I.READY, e.InstructionBlocked: I.BLOCKED, e.InstructionCleared: I.CLEARED},
    moves={
        (I.BLOCKED, e.InstructionReady): I.READY,
        (I.READY, e.InstructionBlocked): I.BLOCKED,  # What it rests on was changed before it was written.
        (I.READY, e.InstructionWritten): I.SENT,
        (I.SENT, e.InstructionMatched): I.MATCHED,
        (I.SENT, e.InstructionUnmatched): I.UNMATCHED,
        (I.UNMATCHED, e.InstructionMatched): I.MATCHED,
        (I.MATCHED, e.InstructionUnmatched): I.UNMATCHED,  # The counterparty withdrew its side.
        (I.SENT, e.InstructionFailing): I.FAILING,
        (I.UNMATCHED, e.InstructionFailing): I.FAILING,
        (I.MATCHED, e.InstructionFailing): I.FAILING,
        (I.FAILING, e.InstructionMatched): I.MATCHED,
        (I.FAILING, e.InstructionUnmatched): I.UNMATCHED,
        (I.SENT, e.InstructionSettled): I.SETTLED,  # Its status may be overtaken by the confirmation.
        (I.UNMATCHED, e.InstructionSettled): I.SETTLED,
        (I.MATCHED, e.InstructionSettled): I.SETTLED,
        (I.FAILING, e.InstructionSettled): I.SETTLED,
        **{(s, e.InstructionRejected): I.REJECTED for s in AT_CUSTODIAN},
        **{(s, e.InstructionCancelled): I.CANCELLED for s in I if s != I.CANCELLED},
    },
    stays={
        e.InstructionUnmatched: [I.UNMATCHED],
        e.InstructionFailing: [I.FAILING],
        e.InstructionReported: [*AT_CUSTODIAN, I.REJECTED, I.SETTLED, I.CANCELLED],
        e.InstructionCancelSent: [I.CANCELLED],
        e.InstructionNoted: set(I),
    },
)


class E(StrEnum):
    DUE = "DUE"
    SETTLED = "SETTLED"
    CANCELLED = "CANCELLED"


EXCHANGE_LIFE = Lifecycle(
    "exchange",
    born={e.ExchangeDue: E.DUE},
    moves={
        (E.DUE, e.ExchangeSettled): E.SETTLED,
        (E.DUE, e.ExchangeCancelled): E.CANCELLED,
        (E.SETTLED, e.ExchangeCancelled): E.CANCELLED,
    },
)
