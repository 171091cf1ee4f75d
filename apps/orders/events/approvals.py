"""What can happen to an approval, to the rules that ask for one, and to who stands in for whom."""

from dataclasses import dataclass, field

from apps.core.events import Event


@dataclass(frozen=True)
class ApprovalOpened(Event, code="approval.opened"):
    """``why``: where one was granted before, why it does not stand; with the terms that are others since."""

    order_id: int
    rule_id: int
    steps: list = field(default_factory=list)
    why: str = ""
    before: dict = field(default_factory=dict)
    after: dict = field(default_factory=dict)


@dataclass(frozen=True)
class StepApproved(Event, code="approval.step_approved"):
    """One step of several; ``behalf`` names whose deputy agreed, “X for Y”."""

    order_id: int
    step: str
    behalf: str = ""


@dataclass(frozen=True)
class ApprovalGranted(StepApproved, code="approval.granted"):
    """The last step."""


@dataclass(frozen=True)
class ApprovalRefused(StepApproved, code="approval.refused"):
    """The order goes back to its author."""


@dataclass(frozen=True)
class ApprovalWithdrawn(Event, code="approval.withdrawn"):
    """Its order was amended or cancelled."""

    order_id: int


@dataclass(frozen=True)
class ApprovalEscalated(Event, code="approval.escalated"):
    """Nobody agreed in time."""

    order_id: int
    step: str
    due_at: str


@dataclass(frozen=True)
class ApprovalStands(Event, code="approval.stands"):
    """Its order was amended to ask for less, or checked anew, and needs no new approval."""

    order_id: int
    before: dict = field(default_factory=dict)
    after: dict = field(default_factory=dict)


@dataclass(frozen=True)
class ChainSaved(Event, code="chain.saved"):
    """
    Which orders need approval and by whom, as it is from now on (``terms``); ``before`` and ``after`` hold each field that
    was another.
    """

    rule: str
    terms: dict = field(default_factory=dict)
    before: dict = field(default_factory=dict)
    after: dict = field(default_factory=dict)


@dataclass(frozen=True)
class ChainRetired(Event, code="chain.retired"):
    pass


@dataclass(frozen=True)
class DeputyNamed(Event, code="deputy.named"):
    person_id: int
    deputy_id: int
    starts_at: str
    ends_at: str


@dataclass(frozen=True)
class DeputyEnded(Event, code="deputy.ended"):
    pass
