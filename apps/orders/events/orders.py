"""What can happen to an order or a group of orders."""

from dataclasses import dataclass, field

from apps.core.events import Event


@dataclass(frozen=True)
class OrderCreated(Event, code="order.created"):
    """
    All that was entered; numbers as text. ``intent`` is what the quantity was derived from, ``defaulted`` what rules filled
    in, ``decision_price`` the mid of that moment.
    """

    portfolio_id: int
    instrument_id: int
    side: str
    qty: str
    order_type: str
    limit_price: str | None = None
    group_id: int | None = None
    import_id: int | None = None
    tif: str = "DAY"
    terms: dict = field(default_factory=dict)
    own: dict | None = None
    instructions: str = ""
    rationale: str = ""
    client_ref: str = ""
    currency: str = ""
    desk_id: int | None = None
    intent: dict | None = None
    defaulted: dict | None = None
    decision_price: str | None = None


@dataclass(frozen=True)
class OrderCopied(Event, code="order.copied"):
    """It was made from another: ``how`` is clone or reverse."""

    source_id: int = 0
    how: str = "clone"


@dataclass(frozen=True)
class OrderSplit(Event, code="order.split"):
    """Parts of it are orders of their own from now on (``part_ids``, with their ``qtys``); ``qty`` is left of it."""

    part_ids: list = field(default_factory=list)
    qtys: list = field(default_factory=list)
    qty: str = "0"
    intent: dict | None = None  # What its quantity was derived from, which it no longer is.


@dataclass(frozen=True)
class OrderSplitOff(Event, code="order.split_off"):
    """
    It was split from another, on that one's terms: whatever was judged and agreed to of the whole holds for it. Its terms,
    numbers as text; ``check_id`` is the check that let the other through, ``locates`` who lends what came along.
    """

    source_id: int
    portfolio_id: int
    instrument_id: int
    side: str
    qty: str
    order_type: str
    limit_price: str | None = None
    tif: str = "DAY"
    terms: dict = field(default_factory=dict)
    own: dict | None = None
    group_id: int | None = None
    check_id: int | None = None
    locates: list = field(default_factory=list)


@dataclass(frozen=True)
class OrderJoined(Event, code="order.joined"):
    """All it asked for was given back to a part of the same family, which ends it."""

    order_id: int = 0
    qty: str = "0"


@dataclass(frozen=True)
class OrderGrew(Event, code="order.grew"):
    """Parts of the same family were joined to it (``part_ids``); ``qty`` is what it asks for by now."""

    part_ids: list = field(default_factory=list)
    qty: str = "0"


@dataclass(frozen=True)
class OrderAmended(Event, code="order.amended"):
    """``before`` and ``after`` hold each changed field."""

    before: dict = field(default_factory=dict)
    after: dict = field(default_factory=dict)


@dataclass(frozen=True)
class OrderFieldsSet(Event, code="order.fields_set"):
    """The firm's own fields, all of them, before and after."""

    before: dict = field(default_factory=dict)
    after: dict = field(default_factory=dict)


@dataclass(frozen=True)
class OrderSubmitted(Event, code="order.submitted"):
    pass


@dataclass(frozen=True)
class OrderAwaitsApproval(Event, code="order.awaits_approval"):
    """Compliance has nothing against it; somebody has to agree to it before the desk sees it."""

    check_id: int | None = None


@dataclass(frozen=True)
class OrderParked(Event, code="order.parked"):
    """Nothing is against it; it waits until the order that triggers it has filled."""

    check_id: int | None = None


@dataclass(frozen=True)
class OrderTriggered(Event, code="order.triggered"):
    """The order it waited for has filled: it is checked anew and goes on."""

    parent_id: int = 0


@dataclass(frozen=True)
class OrderCarried(Event, code="order.carried"):
    """Good for longer than a day, it was not worked before: it is checked anew with the prices and rules of this day."""

    day: str = ""
    checked_on: str = ""
    price_then: str = ""
    price_now: str = ""


@dataclass(frozen=True)
class OrderRecalled(Event, code="order.recalled"):
    """What let it through is over before the desk worked it: it is checked anew."""


@dataclass(frozen=True)
class OrderRechecked(Event, code="order.rechecked"):
    """
    Good for longer than a day and at a broker already: it is checked anew with the prices and rules of this day, and goes
    on working whatever the answer.
    """

    day: str = ""
    checked_on: str = ""
    price_then: str = ""
    price_now: str = ""


@dataclass(frozen=True)
class OrderFailsAnew(Event, code="order.fails_anew"):
    """The day's check would hold it, were it not at a broker; the desk is told, and a person decides."""

    check_id: int


@dataclass(frozen=True)
class OrderLinked(Event, code="order.linked"):
    """It became a part of a group."""

    group_id: int = 0
    role: str = "LEG"
    ratio: str = "1"


@dataclass(frozen=True)
class OrderCleared(Event, code="order.cleared"):
    """Compliance has nothing against it, or an officer overrode what it had; whoever had to agree agreed."""

    check_id: int | None = None


@dataclass(frozen=True)
class OrderHeld(Event, code="order.held"):
    check_id: int | None = None


@dataclass(frozen=True)
class OrderStopped(Event, code="order.stopped"):
    """The desk was about to send it and a rule that is asked then does not let it: it is held for an officer."""

    check_id: int | None = None


@dataclass(frozen=True)
class OrderSentBack(Event, code="order.sent_back"):
    pass


@dataclass(frozen=True)
class OrderRejected(Event, code="order.rejected"):
    pass


@dataclass(frozen=True)
class OrderWorking(Event, code="order.working"):
    """Its block's allocation statement was fixed: the desk works it."""

    block_id: int = 0


@dataclass(frozen=True)
class OrderDone(Event, code="order.done"):
    filled_qty: str = "0"
    cancelled_qty: str = "0"


@dataclass(frozen=True)
class OrderCrossed(Event, code="order.crossed"):
    """So much of it was met by another client of the firm; no broker had it. The rest stays to be worked."""

    qty: str
    price: str
    ref: str = ""


@dataclass(frozen=True)
class OrderReopened(Event, code="order.reopened"):
    """An execution it shared in was busted or corrected after allocation."""

    reason: str = ""


@dataclass(frozen=True)
class OrderCancelled(Event, code="order.cancelled"):
    pass


@dataclass(frozen=True)
class OrderLocated(Event, code="order.located"):
    """A lender's word that what it sells short can be borrowed."""

    locate_id: int = 0
    lender: str = ""
    ref: str = ""
    qty: str = "0"
    expires_at: str = ""
    is_borrow: bool = False


@dataclass(frozen=True)
class OrderLocateReleased(Event, code="order.locate_released"):
    """The locate was given back and counts no longer."""

    locate_id: int = 0
    lender: str = ""
    ref: str = ""


@dataclass(frozen=True)
class OrderDocumented(Event, code="order.documented"):
    """A file (with its hash) or an address is kept beside it."""

    document_id: int = 0
    name: str = ""
    url: str = ""
    size: int = 0
    sha256: str = ""


@dataclass(frozen=True)
class GroupCreated(Event, code="group.created"):
    name: str
    kind: str
