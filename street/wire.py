"""Between FIX messages and the street's own words: tags in, dataclasses out, and back."""

from collections.abc import Iterable
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from .clock import SESSION_SECONDS
from .dealer import DealerQuote, Decline, Hit, Indication, Inquiry, Pass
from .lists import Told
from .market import Quote
from .orders import CancelReject, Report, Terms
from .packages import LegTerms
from .universe import Instrument

SOH = "\x01"
AS_DEFINED = "B"  # The side of a package: as its legs say.
ON_CLOSE = {"5": ("1", "7"), "B": ("2", "7")}  # OrdType until FIX 4.2, and the OrdType and TimeInForce that took its place.


class Unreadable(Exception):
    """A message whose values make no sense; `tag` is where."""

    def __init__(self, tag: int, text: str):
        super().__init__(text)
        self.tag = tag


class Message:
    """A received message: its fields in order, the first of each tag by number."""

    def __init__(self, raw: str):
        pairs = (field.partition("=") for field in raw.split(SOH) if field)
        self.fields = [(int(tag), value) for tag, _, value in pairs]
        self._first: dict[int, str] = {}
        for tag, value in self.fields:
            self._first.setdefault(tag, value)

    def get(self, tag: int, default: str = "") -> str:
        return self._first.get(tag, default)

    @property
    def type(self) -> str:
        return self.get(35)

    @property
    def poss_resend(self) -> bool:
        return self.get(97) == "Y"

    def decimal(self, tag: int) -> Decimal | None:
        text = self._first.get(tag)
        if text is None:
            return None
        try:
            value = Decimal(text)
        except InvalidOperation:
            raise Unreadable(tag, f"Tag {tag}={text} is not a number.") from None
        if not value.is_finite():
            raise Unreadable(tag, f"Tag {tag}={text} is not a finite number.")
        return value

    def time(self, tag: int) -> datetime | None:
        text = self._first.get(tag)
        if text is None:
            return None
        for form in ("%Y%m%d-%H:%M:%S.%f", "%Y%m%d-%H:%M:%S"):
            try:
                return datetime.strptime(text, form).replace(tzinfo=UTC)
            except ValueError:
                continue
        raise Unreadable(tag, f"Tag {tag}={text} is not a UTC time stamp.")

    def date(self, tag: int) -> date | None:
        text = self._first.get(tag)
        try:
            return datetime.strptime(text, "%Y%m%d").replace(tzinfo=UTC).date() if text else None
        except ValueError:
            raise Unreadable(tag, f"Tag {tag}={text} is not a date.") from None

    def groups(self, counter: int, first: int) -> list[dict[int, str]]:
        """The entries of a repeating group that is the last in its message, each beginning with tag `first`."""
        entries: list[dict[int, str]] = []
        inside = False
        for tag, value in self.fields:
            if tag == counter:
                inside = True
            elif inside and tag == first:
                entries.append({tag: value})
            elif inside and entries and tag != 10:
                entries[-1].setdefault(tag, value)
        return entries


def terms(message: Message) -> Terms:
    """An order's terms from a new order (D), replace (G), status request (H) or quote response (AJ)."""
    rate = message.decimal(849)
    kind, tif = ON_CLOSE.get(message.get(40), (message.get(40, "1"), message.get(59, "0")))
    return Terms(
        cl_ord_id=message.get(11),
        side=message.get(54),
        isin=message.get(48) if message.get(22, "4") == "4" else "",
        symbol=message.get(55),
        currency=message.get(15),
        qty=message.decimal(38) or Decimal(0),
        ord_type=kind,
        limit=message.decimal(44),
        stop=message.decimal(99),
        tif=tif,
        strategy=message.get(847),
        rate=None if rate is None else float(rate / 100 if rate > 1 else rate),
        seconds=_schedule_seconds(message),
        account=message.get(1),
        mic=message.get(207),
        position_effect=message.get(77),
        trade_date=message.date(75) or message.date(229),
        settle_date=message.date(64),
        cash=message.decimal(152),
    )


def list_terms(message: Message) -> list[Terms]:
    """The orders of a NewOrderList (35=E)."""
    told = []
    for entry in message.groups(73, 11):
        told.append(terms(Message(SOH.join(f"{tag}={value}" for tag, value in entry.items()))))
    return told


def legs(message: Message) -> list[LegTerms]:
    """The legs of an order of several (35=AB, AC)."""
    told = []
    for entry in message.groups(555, 600):
        one = Message(SOH.join(f"{tag}={value}" for tag, value in entry.items()))
        isin = one.get(602) if one.get(603, "4") == "4" else ""
        told.append(LegTerms(one.get(654), one.get(624), isin, one.get(600), one.decimal(623) or Decimal(0), one.decimal(566)))
    return told


def _schedule_seconds(message: Message) -> float | None:
    """ExpireTime less EffectiveTime, which is how long the algorithm may take in simulated time; else a session."""
    start, end = message.time(168) or message.time(60), message.time(126)
    if start is None or end is None:
        return None
    return min((end - start).total_seconds(), SESSION_SECONDS)


def inquiry(message: Message) -> Inquiry:
    return Inquiry(
        quote_req_id=message.get(131),
        isin=message.get(48),
        symbol=message.get(55),
        side=message.get(54),
        qty=message.decimal(38) or Decimal(0),
        expire_at=message.time(126),
        valid_until=message.time(62),
        settles=message.get(64),
    )


def hit(message: Message) -> Hit:
    kind = message.get(694)
    return Hit(message.get(117), kind, terms(message) if kind in ("1", "2") else None, message.get(693))


class Out:
    """A message to be sent: fields and groups by tag. :param poss_resend: it may repeat one sent before"""

    def __init__(self, type_: str, fields: Iterable[tuple[int, Any]], *, poss_resend: bool = False):
        self.type = type_
        self.fields = [(tag, _text(value)) for tag, value in fields if value is not None and value != ""]
        self.groups: list[tuple[int, int, list[list[tuple[int, str]]]]] = []
        self.header: list[tuple[int, str]] = [(97, "Y")] if poss_resend else []

    def group(self, counter: int, entries: list[list[tuple[int, Any]]]) -> "Out":
        written = [[(tag, _text(value)) for tag, value in entry if value not in (None, "")] for entry in entries]
        self.groups.append((counter, written[0][0][0], written))
        return self


def _text(value: Any) -> str:
    if isinstance(value, Decimal):
        return format(value.normalize(), "f") if value else "0"
    if isinstance(value, datetime):
        return value.strftime("%Y%m%d-%H:%M:%S.%f")[:-3]
    if isinstance(value, date):
        return value.strftime("%Y%m%d")
    return str(value)


def _instrument(terms_: Terms, instrument: Instrument | None) -> list[tuple[int, Any]]:
    isin = instrument.isin if instrument else terms_.isin
    symbol = instrument.symbol if instrument else terms_.symbol
    return [(55, symbol or "[N/A]"), (48, isin), (22, "4" if isin else None)]


def execution_report(report: Report) -> Out:
    order, told = report.order, report.order.terms
    name = report.cl_ord_id if order.leg is None else order.leg.package.terms.cl_ord_id
    traded = report.exec_type in ("F", "G")
    fields = [
        (37, order.order_id),
        (17, report.exec_id),
        (11, name),
        (41, report.orig_cl_ord_id),
        (442, "2" if order.leg else "3" if told.side == AS_DEFINED else None),
        (150, report.exec_type),
        (39, report.status),
        (103, report.reject_reason),
        (1, told.account),
        *_instrument(told, order.instrument),
        (54, told.side),
        (77, told.position_effect),
        (38, report.order_qty or None),
        (152, told.cash),
        (40, told.ord_type),
        (44, told.limit),
        (59, told.tif),
        (15, order.instrument.currency if order.instrument else told.currency),
        (32, report.last_qty),
        (31, report.last_px),
        (30, order.instrument.mic if traded and order.instrument else None),
        (151, report.leaves),
        (14, report.cum),
        (6, round(report.avg_px, 10)),
        (75, order.trade_date),
        (64, told.settle_date),
        (60, report.at),
        (19, report.ref),
        (378, report.restatement),
        (58, report.text),
    ]
    if report.commission is not None:
        fields += [(12, report.commission), (13, "3")]
    if order.leg:
        return Out("8", fields).group(555, [[(600, order.instrument.symbol), (624, told.side), (654, order.leg.ref)]])
    return Out("8", fields)


def list_status(told: Told) -> Out:
    """35=N with the state of the list and of each of its orders."""
    fields = [
        (66, told.list_id), (429, told.kind), (82, 1), (431, told.status), (83, 1), (444, told.text), (60, told.at),
        (68, len(told.orders)),
    ]  # fmt: skip
    entries = [
        [
            (11, order.terms.cl_ord_id), (14, order.cum), (39, order.status), (151, order.leaves),
            (84, order.terms.qty - order.cum if order.status == "4" else Decimal(0)), (6, round(order.avg_px, 10)),
        ]
        for order in told.orders
    ]  # fmt: skip
    return Out("N", fields).group(73, entries)


def cancel_reject(reject: CancelReject) -> Out:
    fields = [
        (37, reject.order_id),
        (11, reject.cl_ord_id),
        (41, reject.orig_cl_ord_id),
        (39, reject.status),
        (434, reject.responds_to),
        (102, reject.reason),
        (60, reject.at),
        (58, reject.text),
    ]
    return Out("9", fields)


def quote(answer: DealerQuote | Decline | Pass) -> Out:
    """35=S, 35=AG for a decline, 35=AI (297=11) for a pass on a counter."""
    asked = answer.inquiry
    if isinstance(answer, Pass):
        instrument = [(55, asked.symbol or "[N/A]"), (48, asked.isin), (22, "4" if asked.isin else None)]
        told = [(131, asked.quote_req_id), (117, answer.quote_id), (693, answer.responds_to), *instrument, (297, "11")]
        return Out("AI", [*told, (58, answer.text)])
    if isinstance(answer, Decline):
        entry = [(55, asked.symbol or "[N/A]"), (48, asked.isin), (22, "4" if asked.isin else None)]
        fields = [(131, asked.quote_req_id), (658, answer.reason), (58, answer.text)]
        return Out("AG", fields).group(146, [entry])
    fields = [
        (131, asked.quote_req_id),
        (117, answer.quote_id),
        (693, answer.responds_to),
        (55, answer.instrument.symbol),
        (48, answer.instrument.isin),
        (22, "4" if answer.instrument.isin else None),
        (132, answer.bid),
        (133, answer.offer),
        (134, asked.qty if answer.bid is not None else None),
        (135, asked.qty if answer.offer is not None else None),
        (62, answer.valid_until),
        (60, answer.at),
        (15, answer.instrument.currency),
        (423, "1" if answer.instrument.is_bond else "2"),
    ]
    return Out("S", fields)


def indication(said: Indication) -> Out:
    """35=6: what a dealer would deal in, or no more."""
    i = said.instrument
    fields = [
        (23, said.ioi_id), (28, said.kind), (26, said.of), (55, i.symbol), (48, i.isin), (22, "4" if i.isin else None), (54, said.side),
        (27, said.qty), (15, i.currency), (423, "1" if i.is_bond else "2"), (44, said.price), (62, said.valid_until), (60, said.at),
    ]  # fmt: skip
    return Out("6", fields)


def snapshot(request_id: str, instrument: Instrument, seen: Quote, at: datetime) -> Out:
    """
    35=W: bid, offer, last; and for what trades on the venue the running volume and VWAP (269=B and 9). A fund's are all its
    net asset value, without a size.
    """
    stamp = [(272, at.strftime("%Y%m%d")), (273, at.strftime("%H:%M:%S.%f")[:-3])]
    trades = not (instrument.is_fx or instrument.is_fund)
    entries = [
        [(269, "0"), (270, seen.bid), (271, seen.bid_size if trades else None), *stamp],
        [(269, "1"), (270, seen.offer), (271, seen.offer_size if trades else None), *stamp],
        [(269, "2"), (270, seen.last), *stamp],
    ]
    if trades:
        entries.append([(269, "B"), (271, seen.volume), *stamp])
        entries.append([(269, "9"), (270, f"{seen.vwap:.10f}"), *stamp])
    fields = [(262, request_id), (55, instrument.symbol)]
    if instrument.is_fx:
        fields.append((167, "FOR"))
    else:
        fields += [(48, instrument.isin), (22, "4" if instrument.isin else None), (207, instrument.mic)]
    return Out("W", fields).group(268, entries)


def confirmation_ack(asked: Message, *, refused: str, at: datetime) -> Out:
    """35=AU to a Confirmation. :param refused: why it is rejected (940=2), empty to affirm it (940=3)"""
    fields = [
        (664, asked.get(664)),
        (75, asked.get(75)),
        (60, at),
        (940, "2" if refused else "3"),
        (774, "99" if refused else None),
        (58, refused),
    ]
    return Out("AU", fields)


def business_reject(asked: Message, *, reason: int, text: str) -> Out:
    """35=j to a message that cannot be dealt with; `reason` as in tag 380."""
    return Out("j", [(45, asked.get(34)), (372, asked.type), (380, reason), (58, text)])


def market_data_reject(asked: Message, text: str) -> Out:
    """35=Y to a market data request for nothing that is traded here."""
    return Out("Y", [(262, asked.get(262)), (281, "0"), (58, text)])
