"""What can happen to a confirmation, a settlement instruction and an exchange of two moneys."""

from dataclasses import dataclass

from apps.core.events import Event


@dataclass(frozen=True)
class ConfirmationSent(Event, code="confirmation.sent"):
    allocation_id: int
    broker_id: int


@dataclass(frozen=True)
class ConfirmationAgreed(Event, code="confirmation.agreed"):
    """Of a cross: both sides are clients of ours, so nothing went out and nobody is waited for."""

    allocation_id: int
    broker_id: int


@dataclass(frozen=True)
class ConfirmationAffirmed(Event, code="confirmation.affirmed"):
    pass


@dataclass(frozen=True)
class ConfirmationDisputed(Event, code="confirmation.disputed"):
    reason: str = ""


@dataclass(frozen=True)
class ConfirmationCancelled(Event, code="confirmation.cancelled"):
    reason: str = ""


@dataclass(frozen=True)
class InstructionReady(Event, code="instruction.ready"):
    allocation_id: int
    replaces: int = 0


@dataclass(frozen=True)
class InstructionBlocked(Event, code="instruction.blocked"):
    """No standing settlement instruction covers it, or it would not be valid."""

    allocation_id: int
    reason: str = ""
    replaces: int = 0


@dataclass(frozen=True)
class InstructionCleared(Event, code="instruction.cleared"):
    """A future: no securities move and nothing is told to the custodian; its clearer margins it and takes the costs."""

    allocation_id: int


@dataclass(frozen=True)
class InstructionWritten(Event, code="instruction.written"):
    file_name: str


@dataclass(frozen=True)
class InstructionReported(Event, code="instruction.reported"):
    """The custodian said something that moves nothing: acknowledged, pending, a status overtaken by another."""

    processing: str = ""
    matching: str = ""
    settlement: str = ""
    reason: str = ""


@dataclass(frozen=True)
class InstructionRejected(Event, code="instruction.rejected"):
    reason: str = ""


@dataclass(frozen=True)
class InstructionMatched(Event, code="instruction.matched"):
    pass


@dataclass(frozen=True)
class InstructionUnmatched(Event, code="instruction.unmatched"):
    reason: str = ""


@dataclass(frozen=True)
class InstructionFailing(Event, code="instruction.failing"):
    reason: str = ""


@dataclass(frozen=True)
class InstructionSettled(Event, code="instruction.settled"):
    settled_date: str


@dataclass(frozen=True)
class InstructionCancelled(Event, code="instruction.cancelled"):
    reason: str = ""


@dataclass(frozen=True)
class InstructionCancelSent(Event, code="instruction.cancel_sent"):
    """The custodian was asked to cancel what it had been sent."""

    file_name: str


@dataclass(frozen=True)
class InstructionNoted(Event, code="instruction.noted"):
    """A person wrote down what they know or did about it."""

    note: str


@dataclass(frozen=True)
class ExchangeDue(Event, code="exchange.due"):
    allocation_id: int
    value_date: str
    pays: str
    receives: str


@dataclass(frozen=True)
class ExchangeSettled(Event, code="exchange.settled"):
    """Its day came, and the counterparty had affirmed it."""


@dataclass(frozen=True)
class ExchangeCancelled(Event, code="exchange.cancelled"):
    reason: str = ""
