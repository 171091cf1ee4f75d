"""What can happen to a block."""

from dataclasses import dataclass, field

from apps.core.events import Event


@dataclass(frozen=True)
class BlockOpened(Event, code="block.opened"):
    instrument_id: int
    side: str
    wave: int
    qty: str
    orders: int
    split_from: int | None = None
    directed_to_id: int | None = None
    meant_for_id: int | None = None
    apart: str = ""  # What a merge rule asked of its orders besides.


@dataclass(frozen=True)
class BlockGrew(Event, code="block.grew"):
    qty: str
    orders: int


@dataclass(frozen=True)
class BlockShrank(Event, code="block.shrank"):
    """An order left before the first route."""

    order_ids: list = field(default_factory=list)
    qty: str = "0"


@dataclass(frozen=True)
class BlockAssigned(Event, code="block.assigned"):
    """
    It has another owner, or none: it is the pool's. ``how``: PICKED_UP, HANDED_OVER, POOLED, TAKEN_OVER, or PASSED from
    ``desk_before`` to ``desk``, both empty otherwise.
    """

    owner_id: int | None = None
    owner: str = ""
    before_id: int | None = None
    before: str = ""
    how: str = ""
    desk: str = ""
    desk_before: str = ""


@dataclass(frozen=True)
class BlockCancelled(Event, code="block.cancelled"):
    """Its last order left before the first route."""


@dataclass(frozen=True)
class BlockFrozen(Event, code="block.frozen"):
    """
    Its allocation statement is fixed; the hash covers every member and share. Where parties take turns, ``place`` of
    ``places`` is when this one was released, by which rotation, and ``out_of_turn`` why it did not wait for others.
    """

    statement_id: int
    statement_hash: str
    orders: int
    qty: str
    arrival_price: str | None = None
    place: int | None = None
    places: int | None = None
    rotation_id: int | None = None
    out_of_turn: str = ""


@dataclass(frozen=True)
class BlockSplit(Event, code="block.split"):
    """Some of its orders, or parts of them, are a block of their own from now on, before its first route."""

    into: int = 0
    order_ids: list = field(default_factory=list)
    qty: str = "0"


@dataclass(frozen=True)
class BlockDivided(Event, code="block.divided"):
    """All of it is several blocks from now on (``block_ids``), each of its quantity and meant for a broker of its own."""

    block_ids: list = field(default_factory=list)
    qtys: list = field(default_factory=list)
    broker_ids: list = field(default_factory=list)


@dataclass(frozen=True)
class BlockUnblocked(Event, code="block.unblocked"):
    """Its orders, as compliance cleared them, are gathered anew; it was never routed."""

    order_ids: list = field(default_factory=list)


@dataclass(frozen=True)
class OppositionFound(Event, code="opposition.found"):
    """The firm buys and sells the same thing on the same day."""

    buy_id: int
    sell_id: int
    cross_qty: str = "0"
    problems: list = field(default_factory=list)


@dataclass(frozen=True)
class BlockCrossed(Event, code="block.crossed"):
    """Some of what its orders want was met inside the firm, in a block of its own; the rest stays."""

    into: int = 0
    order_ids: list = field(default_factory=list)
    qty: str = "0"


@dataclass(frozen=True)
class BlockCrossedWhole(Event, code="block.crossed_whole"):
    """All that its orders want was met inside the firm, in a block of its own."""

    into: int = 0
    order_ids: list = field(default_factory=list)
    qty: str = "0"


@dataclass(frozen=True)
class CrossProposed(Event, code="opposition.cross_proposed"):
    """The desk proposes to cross what may be, at an independent price of that moment; nothing is executed by it."""

    qty: str
    price: str
    source: str
    cross_id: int | None = None


@dataclass(frozen=True)
class CrossEnded(Event, code="opposition.cross_ended"):
    """The proposal was declined, taken back, or its time went by; both sides are to be decided again."""

    cross_id: int = 0


@dataclass(frozen=True)
class OppositionCrossed(Event, code="opposition.crossed"):
    """The cross was executed; what is left of either side goes to the market."""

    cross_id: int = 0
    qty: str = "0"
    price: str = ""


@dataclass(frozen=True)
class TradedApart(Event, code="opposition.traded_apart"):
    """Both sides go to the market, with the reason."""


@dataclass(frozen=True)
class NoteWritten(Event, code="note.written"):
    """Somebody said something about an order or a block, to whoever sees it."""

    text: str
    order_id: int | None = None
    block_id: int | None = None


@dataclass(frozen=True)
class BlockDone(Event, code="block.done"):
    filled_qty: str
    cancelled_qty: str


@dataclass(frozen=True)
class BlockAllocated(Event, code="block.allocated"):
    allocations: int = 0


@dataclass(frozen=True)
class BlockReopened(Event, code="block.reopened"):
    """An execution was busted or corrected after the block was done."""

    reason: str = ""
    filled_qty: str = "0"


@dataclass(frozen=True)
class RotationMade(Event, code="rotation.made"):
    """``parties``: in their order, a broker's code each, or FREE."""

    name: str
    parties: list = field(default_factory=list)
    position: int = 0


@dataclass(frozen=True)
class RotationAdvanced(Event, code="rotation.advanced"):
    """An idea was traded by it; the next seat is first for the next."""

    use_id: int
    instrument_id: int
    side: str
    trade_date: str
    before: int
    position: int


@dataclass(frozen=True)
class RotationReset(Event, code="rotation.reset"):
    """An administrator set the position, with the reason."""

    before: int
    position: int


@dataclass(frozen=True)
class RotationEnded(Event, code="rotation.ended"):
    position: int
