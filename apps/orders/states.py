"""The lives of orders, groups, imports and approvals."""

from enum import StrEnum

from apps.core.lifecycles import Lifecycle

from . import events as e


class S(StrEnum):
    DRAFT = "DRAFT"
    IN_REVIEW = "IN_REVIEW"
    HELD = "HELD"
    TO_APPROVE = "TO_APPROVE"
    PARKED = "PARKED"
    CLEARED = "CLEARED"
    WORKING = "WORKING"
    DONE = "DONE"
    CANCELLED = "CANCELLED"
    REJECTED = "REJECTED"


FINAL = (S.DONE, S.CANCELLED, S.REJECTED)
OPEN = (S.IN_REVIEW, S.HELD, S.TO_APPROVE, S.PARKED, S.CLEARED, S.WORKING)

LIFE = Lifecycle(
    "order",
    born={e.OrderCreated: S.DRAFT, e.OrderSplitOff: S.CLEARED},
    moves={
        (S.DRAFT, e.OrderSubmitted): S.IN_REVIEW,
        (S.DRAFT, e.OrderCancelled): S.CANCELLED,
        (S.IN_REVIEW, e.OrderCleared): S.CLEARED,
        (S.IN_REVIEW, e.OrderHeld): S.HELD,
        (S.HELD, e.OrderCleared): S.CLEARED,  # An officer approved it with a reason.
        (S.HELD, e.OrderSentBack): S.DRAFT,
        (S.HELD, e.OrderRejected): S.REJECTED,
        (S.HELD, e.OrderCancelled): S.CANCELLED,
        (S.HELD, e.OrderAmended): S.DRAFT,  # What was checked is no longer what is asked.
        (S.IN_REVIEW, e.OrderAwaitsApproval): S.TO_APPROVE,
        (S.HELD, e.OrderAwaitsApproval): S.TO_APPROVE,
        (S.TO_APPROVE, e.OrderCleared): S.CLEARED,  # The last of those who had to agree agreed.
        (S.TO_APPROVE, e.OrderSentBack): S.DRAFT,
        (S.TO_APPROVE, e.OrderCancelled): S.CANCELLED,
        (S.TO_APPROVE, e.OrderAmended): S.DRAFT,
        (S.IN_REVIEW, e.OrderParked): S.PARKED,
        (S.HELD, e.OrderParked): S.PARKED,
        (S.TO_APPROVE, e.OrderParked): S.PARKED,
        (S.PARKED, e.OrderTriggered): S.IN_REVIEW,  # What was checked may be long ago.
        (S.PARKED, e.OrderAmended): S.DRAFT,
        (S.PARKED, e.OrderCancelled): S.CANCELLED,
        (S.CLEARED, e.OrderStopped): S.HELD,  # A rule that is asked at the route does not let it out.
        (S.CLEARED, e.OrderCarried): S.IN_REVIEW,
        (S.CLEARED, e.OrderRecalled): S.IN_REVIEW,
        (S.TO_APPROVE, e.OrderRecalled): S.IN_REVIEW,
        (S.CLEARED, e.OrderAmended): S.DRAFT,
        (S.CLEARED, e.OrderCancelled): S.CANCELLED,
        (S.CLEARED, e.OrderJoined): S.CANCELLED,
        (S.CLEARED, e.OrderWorking): S.WORKING,
        (S.WORKING, e.OrderDone): S.DONE,
        (S.CLEARED, e.OrderDone): S.DONE,  # All of it was met inside the firm.
        (S.DONE, e.OrderReopened): S.WORKING,  # A bust after allocation.
    },
    stays={
        e.OrderAmended: [S.DRAFT],
        e.OrderCopied: [S.DRAFT],
        e.OrderLinked: [S.DRAFT],
        e.OrderFieldsSet: [S.DRAFT, *OPEN],
        e.OrderCrossed: [S.CLEARED],
        e.OrderSplit: [S.CLEARED],
        e.OrderGrew: [S.CLEARED],
        e.OrderRechecked: [S.WORKING],
        e.OrderFailsAnew: [S.WORKING],
        e.OrderLocated: [S.DRAFT, *OPEN],
        e.OrderLocateReleased: [S.DRAFT, *OPEN],
        e.OrderDocumented: [S.DRAFT, *OPEN, S.DONE],
    },
)


class ImportStatus(StrEnum):
    UPLOADED = "UPLOADED"
    UNMAPPED = "UNMAPPED"
    STAGED = "STAGED"
    ENTERING = "ENTERING"
    COMMITTED = "COMMITTED"
    DISCARDED = "DISCARDED"
    FAILED = "FAILED"


IMPORT_LIFE = Lifecycle(
    "import",
    born={e.ImportUploaded: ImportStatus.UPLOADED},
    moves={
        (ImportStatus.UPLOADED, e.ImportUnmapped): ImportStatus.UNMAPPED,
        (ImportStatus.UNMAPPED, e.ImportMapped): ImportStatus.UPLOADED,
        (ImportStatus.UNMAPPED, e.ImportDiscarded): ImportStatus.DISCARDED,
        (ImportStatus.STAGED, e.ImportMapped): ImportStatus.UPLOADED,
        (ImportStatus.UPLOADED, e.ImportStaged): ImportStatus.STAGED,
        (ImportStatus.UPLOADED, e.ImportFailed): ImportStatus.FAILED,
        (ImportStatus.STAGED, e.ImportCommitted): ImportStatus.COMMITTED,
        (ImportStatus.STAGED, e.ImportConfirmed): ImportStatus.ENTERING,
        (ImportStatus.ENTERING, e.ImportCommitted): ImportStatus.COMMITTED,
        (ImportStatus.ENTERING, e.ImportRefused): ImportStatus.STAGED,
        (ImportStatus.STAGED, e.ImportDiscarded): ImportStatus.DISCARDED,
    },
    stays={e.ImportAdvanced: [ImportStatus.UPLOADED]},
)


class GroupStatus(StrEnum):
    OPEN = "OPEN"


GROUP_LIFE = Lifecycle("group", born={e.GroupCreated: GroupStatus.OPEN}, moves={})


class ApprovalStatus(StrEnum):
    WAITING = "WAITING"
    APPROVED = "APPROVED"
    REFUSED = "REFUSED"
    WITHDRAWN = "WITHDRAWN"


APPROVAL_LIFE = Lifecycle(
    "approval",
    born={e.ApprovalOpened: ApprovalStatus.WAITING},
    moves={
        (ApprovalStatus.WAITING, e.ApprovalGranted): ApprovalStatus.APPROVED,
        (ApprovalStatus.WAITING, e.ApprovalRefused): ApprovalStatus.REFUSED,
        (ApprovalStatus.WAITING, e.ApprovalWithdrawn): ApprovalStatus.WITHDRAWN,
    },
    stays={
        e.StepApproved: [ApprovalStatus.WAITING],
        e.ApprovalEscalated: [ApprovalStatus.WAITING],
        e.ApprovalStands: [ApprovalStatus.APPROVED],
    },
)


class ChainStatus(StrEnum):
    ACTIVE = "ACTIVE"
    RETIRED = "RETIRED"


CHAIN_LIFE = Lifecycle(
    "chain",
    born={e.ChainSaved: ChainStatus.ACTIVE},
    moves={
        (ChainStatus.ACTIVE, e.ChainRetired): ChainStatus.RETIRED,
        (ChainStatus.RETIRED, e.ChainSaved): ChainStatus.ACTIVE,
    },
    stays={e.ChainSaved: [ChainStatus.ACTIVE]},
)


class DeputyStatus(StrEnum):
    NAMED = "NAMED"
    ENDED = "ENDED"


DEPUTY_LIFE = Lifecycle(
    "deputy", born={e.DeputyNamed: DeputyStatus.NAMED}, moves={(DeputyStatus.NAMED, e.DeputyEnded): DeputyStatus.ENDED}
)


class ProposalStatus(StrEnum):
    PROPOSED = "PROPOSED"
    PROMOTED = "PROMOTED"
    DISCARDED = "DISCARDED"


PROPOSAL_LIFE = Lifecycle(
    "proposal",
    born={e.ProposalMade: ProposalStatus.PROPOSED},
    moves={
        (ProposalStatus.PROPOSED, e.ProposalPromoted): ProposalStatus.PROMOTED,
        (ProposalStatus.PROPOSED, e.ProposalDiscarded): ProposalStatus.DISCARDED,
    },
    stays={e.ProposalChanged: [ProposalStatus.PROPOSED]},
)
