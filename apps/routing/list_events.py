"""What brokers say of lists of orders."""

from dataclasses import dataclass, field

from apps.core.events import Event


@dataclass(frozen=True)
class ListHeard(Event, code="message.list_heard"):
    """
    What a broker says of a list of orders (35=N): its state, and of each order [ClOrdID, state, cumulative, leaves] as it counts.
    Fills are booked by reports alone, never from this: a ListStatus has no ExecID that would make one the same fill twice.
    """

    broker_id: int
    list_id: str
    status: str
    text: str = ""
    lines: list = field(default_factory=list)


@dataclass(frozen=True)
class PackageHeard(Event, code="message.package_heard"):
    """
    What a broker says of a package (35=8 with 442=3): its state, how many packages it counts as filled and at which net price.
    Positions are booked by the reports of its legs alone.
    """

    broker_id: int
    link: str
    ord_status: str
    cum_qty: str
    net_price: str = ""
    text: str = ""
