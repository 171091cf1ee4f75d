"""FIX 4.4 tags and values in words, as people read a message: those that orders from upstream systems use."""

from collections.abc import Sequence
from typing import NamedTuple

from .wire import FramePart

TAGS = {
    1: "Account", 6: "AvgPx", 8: "BeginString", 9: "BodyLength", 10: "CheckSum", 11: "ClOrdID", 14: "CumQty",
    15: "Currency", 17: "ExecID", 18: "ExecInst", 19: "ExecRefID", 21: "HandlInst", 22: "SecurityIDSource", 31: "LastPx",
    32: "LastQty", 34: "MsgSeqNum", 35: "MsgType", 37: "OrderID", 38: "OrderQty", 39: "OrdStatus", 40: "OrdType",
    41: "OrigClOrdID", 43: "PossDupFlag", 44: "Price", 48: "SecurityID", 49: "SenderCompID", 52: "SendingTime",
    54: "Side", 55: "Symbol", 56: "TargetCompID", 58: "Text", 59: "TimeInForce", 60: "TransactTime", 66: "ListID",
    67: "ListSeqNo", 68: "TotNoOrders", 73: "NoOrders", 82: "NoRpts", 83: "RptSeq", 84: "CxlQty", 97: "PossResend",
    99: "StopPx", 102: "CxlRejReason", 103: "OrdRejReason", 110: "MinQty", 111: "MaxFloor", 150: "ExecType",
    151: "LeavesQty", 211: "PegOffsetValue", 394: "BidType", 429: "ListStatusType", 431: "ListOrderStatus",
    432: "ExpireDate", 442: "MultiLegReportingType", 555: "NoLegs", 563: "MultiLegRptTypeReq", 566: "LegPrice", 583: "ClOrdLinkID",
    600: "LegSymbol", 602: "LegSecurityID", 623: "LegRatioQty", 624: "LegSide", 654: "LegRefID", 687: "LegQty",
    434: "CxlRejResponseTo", 444: "ListStatusText", 1138: "DisplayQty", 1688: "ShortSaleExemptionReason",
}  # fmt: skip
TYPES = {
    "D": "New order", "E": "List of orders", "F": "Cancel", "G": "Replace", "H": "Status asked", "8": "Execution report",
    "9": "Cancel or replace refused", "N": "List status", "AB": "Order of several legs", "AC": "Replace of several legs",
}  # fmt: skip
VALUES: dict[int, dict[str, str]] = {
    35: TYPES,
    21: {"1": "automated", "2": "automated, broker may step in", "3": "manual: care"},
    22: {"1": "CUSIP", "2": "SEDOL", "4": "ISIN", "8": "exchange symbol"},
    39: {"0": "new", "1": "partly filled", "2": "filled", "4": "cancelled", "5": "replaced", "8": "rejected", "A": "pending new",
         "C": "expired"},
    40: {"1": "market", "2": "limit", "3": "stop", "4": "stop limit", "P": "pegged"},
    54: {"1": "buy", "2": "sell", "5": "sell short", "6": "sell short, exempt", "B": "as its legs say", "D": "subscribe", "E": "redeem"},
    442: {"1": "single", "2": "a leg", "3": "the package"},
    563: {"1": "package and legs", "2": "legs alone"},
    624: {"1": "buy", "2": "sell", "5": "sell short", "6": "sell short, exempt"},
    59: {"0": "day", "1": "till cancelled", "2": "at the opening", "3": "immediate or cancel", "4": "fill or kill",
         "6": "till date", "7": "at the close"},
    102: {"0": "too late", "1": "unknown order", "6": "duplicate ClOrdID", "99": "other"},
    103: {"0": "broker option", "1": "unknown symbol", "5": "unknown order", "6": "duplicate order", "13": "incorrect quantity",
          "15": "unknown account", "99": "other"},
    150: {"0": "new", "4": "cancelled", "5": "replaced", "8": "rejected", "A": "pending new", "C": "expired", "D": "restated",
          "F": "trade", "G": "trade correct", "H": "trade cancel", "I": "order status"},
    431: {"2": "received", "7": "rejected"},
}  # fmt: skip


class Read(NamedTuple):
    """A field as people read it; ``means`` is empty where the value speaks for itself."""

    tag: int
    name: str
    value: str
    means: str


def read_tags(fields: Sequence[FramePart]) -> list[Read]:
    return [Read(tag, TAGS.get(tag, ""), value, VALUES.get(tag, {}).get(value, "")) for tag, value in fields]
