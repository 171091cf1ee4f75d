"""DontKnowTrade (35=Q): a trade that a broker reported, and that is not ours."""

from .reports import DK, FILL, OLD, kind_of
from .wire import Fields, FramePart, Malformed

DK_WORDS = {
    DK.SYMBOL: "unknown symbol",
    DK.SIDE: "wrong side",
    DK.OVER: "quantity exceeds the order",
    DK.NO_ORDER: "no matching order",
    DK.LIMIT: "price exceeds the limit",
    DK.SUMS: "calculation difference",
    DK.OTHER: "other",
}
ECHOED = (55, 65, 48, 22, 167, 200, 541, 201, 202, 207)  # What a report says of its instrument.


def dk_reason(wanted: str, fields: Fields) -> str:
    """
    The DKReason (127) to give in the version of the report: FIX 4.2 has none for a difference in a calculation.

    :raises Malformed: for none that FIX 4.4 knows
    """
    if wanted not in set(DK):
        raise Malformed(f"DKReason (127) “{wanted}” is not one of FIX 4.4's")
    return str(DK.OTHER) if wanted == DK.SUMS and fields.find(8) == OLD else str(wanted)


def dont_know_trade(fields: Fields, reason: str, text: str) -> list[FramePart]:
    """
    The refusal of the trade that a report tells (FIX 4.4 vol. 4): its OrderID and ExecID, the reason, what it says of the
    instrument, side, quantity ordered and what was traded, and our words.

    :raises Malformed: where the report does not say which execution it means, or on which side
    """
    said: list[FramePart] = [(37, fields.find(37) or "NONE"), (17, fields.text(17)), (127, reason)]
    said += [(tag, fields.find(tag)) for tag in ECHOED if fields.find(tag)]
    said.append((54, fields.text(54)))
    ordered = fields.find(38) or ("" if fields.find(152) else fields.find(32))
    said += [(38, ordered)] if ordered else [(152, fields.find(152))]
    said += [(tag, fields.find(tag)) for tag in (32, 31) if fields.find(tag)]
    return [*said, (58, text)] if text else said


def may_be_refused(msg_type: str, fields: Fields) -> bool:
    return msg_type == "8" and kind_of(fields) in (FILL, "G")
