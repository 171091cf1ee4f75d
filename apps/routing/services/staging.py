"""
Entering what an upstream system asks for over its session: each message in one transaction with what came of it, so
that one heard is entered once, and after a kill still.
"""

from collections.abc import Callable, Sequence
from decimal import Decimal, InvalidOperation

from django.db import transaction
from django.db.models import Q

from apps.core.acts import Act
from apps.core.refusals import IllegalMove, NotAllowed, NotFound, Refusal
from apps.orders import services as orders
from apps.orders.models import Order
from apps.reference import selectors as reference
from apps.users.services import require

from .. import rules
from ..models import Grant, Message, Session, StagedRequest
from ..states import M
from .grants import who_speaks
from .hearing import quarantine_messages
from .messages import write_messages
from .staging_reports import OVER, ZERO, Told, facts_of, written

S = Message.Status
DUPLICATE = "The ClOrdID (11) was used before on this session. Send the order under a new one."
TOO_LATE, UNKNOWN, CXL_DUPLICATE, CXL_OTHER = "0", "1", "6", "99"


class _Entry:
    """One message while it is entered: what it asks, and the answers gathered."""

    def __init__(self, act: Act, message: Message, asked: rules.Asked):
        self.session, self.message, self.asked, self.at = message.session, message, asked, act.at
        self.reason = f"By FIX from {message.session.target_comp_id}"
        self.answers: list[tuple[str, str, Sequence[tuple[int, str]]]] = []
        self.note = ""

    def act_for(self, person_id: int) -> Act:
        return Act(by=person_id, at=self.at, via="gateway", reason=self.reason)

    def find(self, names: Sequence[str]) -> dict[str, StagedRequest]:
        rows = StagedRequest.objects.filter(session=self.session, cl_ord_id__in=names).select_related("order")
        return {row.cl_ord_id: row for row in rows}

    def keep(self, line: rules.Line, order_id: int) -> None:
        StagedRequest.objects.create(
            session=self.session, cl_ord_id=line.cl_ord_id, msg_type=self.asked.msg_type, list_ref=self.asked.list_ref,
            terms=rules.same_terms(line.fields), order_id=order_id, message=self.message, at=self.at,
        )  # fmt: skip

    def tell(self, order_ids: Sequence[int], told: Callable[[int], Told]) -> None:
        """Answers with where these orders stand."""
        for pk, facts in facts_of(order_ids).items():
            self.answers.append(written(facts, told(pk), self.at))

    def refuse(self, line: rules.Line, reason: str, text: str) -> None:
        said = dict(reversed(line.fields))
        exec_id = f"M{self.message.pk}-{len(self.answers)}"
        fields = rules.answer_fields(
            exec_id, "8", "8", cl_ord_id=line.cl_ord_id, order_id="NONE", symbol=said.get(55, "") or said.get(48, ""),
            side=said.get(54, ""), qty=_number(said.get(38, "")), cum=ZERO, leaves=ZERO, price=ZERO, at=self.at,
            reason=reason, text=text, list_ref=self.asked.list_ref, account=said.get(1),
        )  # fmt: skip
        self.answers.append(("8", exec_id, fields))
        self.note = self.note or f"Refused {line.cl_ord_id}: {text}"

    def refuse_change(self, reason: str, text: str, status: str = "8", order_id: int | None = None) -> None:
        name = self.asked.lines[0].cl_ord_id
        fields = [
            (37, f"O-{order_id:06d}" if order_id else "NONE"), (11, name), (41, self.asked.orig), (39, status),
            (434, "1" if self.asked.msg_type == "F" else "2"), (102, reason), (58, text[:400]),
        ]  # fmt: skip
        self.answers.append(("9", f"M{self.message.pk}", fields))
        self.note = f"Refused {name}: {text}"


@transaction.atomic
def enter_message(act: Act, message_id: int) -> None:
    """
    Will carry out what a message of a staging session asks, as the person whose grant covers its portfolio, and answer it.

    What the person may not do, and what cannot be an order, is answered with a reject that says why; the message itself
    is then booked. A message that names nothing is put before a person.
    """
    require(act, "routing.hear")
    message = (
        Message.objects.select_for_update(of=("self",), no_key=True)
        .select_related("session")
        .filter(pk=message_id, status=S.HEARD, is_out=False, session__purpose=Session.Purpose.STAGING)
        .first()
    )
    if message is None:
        return
    try:
        fields = rules.Fields(message.text)
        if first := _heard_before(message, fields):
            _book(message, f"Repeats message {first}.")
            return
        if message.msg_type not in ENTERS:
            raise rules.Malformed(f"messages of type {message.msg_type} are not taken from an upstream system")
        entry = _Entry(act, message, rules.read_request(fields))
    except rules.Malformed as problem:
        quarantine_messages(act, [message.pk], f"It cannot be entered: {problem}.")
        return
    ENTERS[message.msg_type](entry)
    write_messages(act, [(message.session_id, *answer) for answer in entry.answers])
    _book(message, entry.note)


def _heard_before(message: Message, fields: rules.Fields) -> int | None:
    """The message this one sends again under its own number (43=Y, or an engine that forgets to say so)."""
    if not message.ref:
        return None
    mine = rules.same_terms(fields.all)
    same = Message.objects.filter(session=message.session_id, is_out=False, ref=message.ref, pk__lt=message.pk)
    for pk, text in same.exclude(status=M.QUARANTINED).values_list("pk", "text"):
        other = rules.Fields(text)
        if other.find(35) == fields.find(35) and other.find(60) == fields.find(60) and rules.same_terms(other.all) == mine:
            return pk
    return None


def _book(message: Message, note: str) -> None:
    Message.objects.filter(pk=message.pk).update(status=S.BOOKED, problem=note[:300])


def _enter_orders(entry: _Entry) -> None:
    """35=D and 35=E: all lines, or none."""
    asked, lines = entry.asked, entry.asked.lines
    known = entry.find([line.cl_ord_id for line in lines])
    if asked.is_resend and known and all(_is_same(known.get(line.cl_ord_id), line) for line in lines):
        _tell_status(entry, known)
        return
    wrong: dict[int, tuple[str, str]] = {}
    names: set[str] = set()
    for n, line in enumerate(lines):
        if line.cl_ord_id in known or line.cl_ord_id in names:
            wrong[n] = ("6", DUPLICATE)
        elif line.wrong:
            wrong[n] = line.wrong
        names.add(line.cl_ord_id)
    wrong |= {n: ("99", text) for n, text in _two_names(lines).items() if n not in wrong}
    ids: list[int] = []
    grant, unspoken = _grant_of(entry.session, lines)
    wrong |= {n: said for n, said in unspoken.items() if n not in wrong}
    if not wrong:
        ids, wrong = _created(entry, grant)
    if wrong:
        for n, line in enumerate(lines):
            entry.refuse(line, *wrong.get(n, ("99", "The list was refused as a whole: other lines of it cannot be entered.")))
    for line, pk in zip(lines, ids, strict=False):
        entry.keep(line, pk)
    text = "It waits for its manager to send it to compliance."
    if grant and grant.submits:
        text = "It was sent to compliance."
    named = {pk: line.cl_ord_id for line, pk in zip(lines, ids, strict=False)}
    exec_kind = "A"
    entry.tell(ids, lambda pk: Told(f"O{pk}-1", exec_kind, named[pk], list_ref=asked.list_ref, text=f"Staged. {text}", is_new=True))
    if asked.msg_type == "E":
        said = f"Staged. {text}" if ids else "Nothing of the list was entered; see the rejects of its lines."
        rows = [(line.cl_ord_id, _number(line.terms.get("qty", ""))) for line in lines]
        status = rules.list_status(asked.list_ref, rows, taken=bool(ids), text=said)
        entry.answers.append(("N", f"M{entry.message.pk}", status))


def _two_names(lines: Sequence[rules.Line]) -> dict[int, str]:
    """What is said of lines whose SecurityID (48) and Symbol (55) name two instruments, by their place. One query."""
    both = {n: (line.terms["instrument"], line.symbol) for n, line in enumerate(lines) if line.terms and line.symbol}
    if not both:
        return {}
    known = reference.resolve_instruments(name for pair in both.values() for name in pair)
    wrong = {}
    for n, (security, symbol) in both.items():
        meant, other = (known.get(name.strip().upper(), []) for name in (security, symbol))
        if meant and other and not {i.pk for i in meant} & {i.pk for i in other}:
            wrong[n] = (
                f"SecurityID (48) {security[:40]} is {meant[0].symbol}, but Symbol (55) {symbol[:40]} is {other[0].symbol}."
                " Send one instrument under both."
            )
    return wrong


def _grant_of(session: Session, lines: Sequence[rules.Line]) -> tuple[Grant | None, dict[int, tuple[str, str]]]:
    """The one grant under which all lines may be entered; else what is wrong with them, by their place."""
    named = [line.terms.get("portfolio", "").strip().upper() for line in lines]
    speaks = who_speaks(session, set(named))
    wrong = {n: ("15", _unspoken(session, code)) for n, code in enumerate(named) if code not in speaks}
    people = {grant.acts_for_id: grant for grant in speaks.values()}
    if len(people) > 1:
        text = "These accounts (1) are run by different people: send a list for each."
        wrong |= {n: ("15", text) for n in range(len(lines)) if n not in wrong}
    return (None if wrong else next(iter(people.values()))), wrong


def _unspoken(session: Session, code: str) -> str:
    what = f"orders of portfolio {code}" if code else "an order without its portfolio (1)"
    return f"{session.target_comp_id} may not enter {what} here. Ask operations for a grant."


def _created(entry: _Entry, grant: Grant) -> tuple[list[int], dict[int, tuple[str, str]]]:
    """The orders' ids, or why each line cannot be one."""
    wishes = [
        orders.Wish(None, None, client_ref=line.cl_ord_id, **line.terms)
        for line in entry.asked.lines
    ]
    group = entry.asked.list_ref if entry.asked.msg_type == "E" else ""
    try:
        with transaction.atomic():
            act = entry.act_for(grant.acts_for_id)
            return orders.create_orders(act, wishes, group_name=group, submit=grant.submits), {}
    except orders.BadWishes as refusal:
        wrong: dict[int, tuple[str, str]] = {}
        for row in refusal.facts["rows"]:
            code, text = wrong.get(row["index"], (rules.reject_code(row["field"]), ""))
            wrong[row["index"]] = (code, f"{text} {row['message']}".strip())
        return [], wrong
    except Refusal as refusal:
        code = "0" if isinstance(refusal, NotAllowed) else "99"
        return [], dict.fromkeys(range(len(wishes)), (code, refusal.message))


def _is_same(known: StagedRequest | None, line: rules.Line) -> bool:
    return known is not None and known.terms == rules.same_terms(line.fields)


def _tell_status(entry: _Entry, known: dict[str, StagedRequest]) -> None:
    """Answers with 150=I: nothing is done again."""
    for n, (name, row) in enumerate(known.items()):
        entry.tell([row.order_id], lambda pk, n=n, name=name: Told(f"M{entry.message.pk}-{n}", "I", name))
    entry.note = "Known already: its state was sent."


def _change(entry: _Entry) -> None:
    """35=F and 35=G: on an order the desk does not yet work."""
    asked, line = entry.asked, entry.asked.lines[0]
    known = entry.find([line.cl_ord_id, asked.orig])
    if mine := known.get(line.cl_ord_id):
        if asked.is_resend and _is_same(mine, line):
            _tell_status(entry, {line.cl_ord_id: mine})
        else:
            entry.refuse_change(CXL_DUPLICATE, DUPLICATE)
        return
    if asked.orig not in known:
        entry.refuse_change(UNKNOWN, f"No order of this session is called {asked.orig}. Send its ClOrdID in 41.")
        return
    rows = Order.objects.select_for_update(of=("self",), no_key=True).select_related("portfolio", "instrument")
    staged = known[asked.orig].order_id
    parts = list(rows.filter(Q(pk=staged) | Q(split_from=staged)).order_by("pk"))
    order, going = parts[0], [part for part in parts if part.status not in OVER]
    stands = facts_of([staged])[staged]
    status = rules.ord_status(stands.status, stands.qty, stands.filled, stands.tif)
    grant = who_speaks(entry.session, {order.portfolio.code.upper()}).get(order.portfolio.code.upper())
    if problem := _cannot_change(entry, line, parts, grant):
        entry.refuse_change(CXL_OTHER, problem, status, order.pk)
        return
    try:
        with transaction.atomic():
            _carry_out(entry, line, going or parts[:1], grant)
    except IllegalMove:
        text = "The desk works it already: call the desk." if stands.status == "WORKING" else "It is over."
        entry.refuse_change(TOO_LATE, f"Too late. {text}", status, order.pk)
        return
    except (Refusal, NotFound) as refusal:
        entry.refuse_change(CXL_OTHER, refusal.message, status, order.pk)
        return
    entry.keep(line, order.pk)
    # Every part under the ExecID of what happened to it, so that none is told again; the last of a cancel ends the order.
    for n, part in enumerate(going, 1):
        kind = "5" if asked.msg_type == "G" else "4" if n == len(going) else "D"
        told = Told(f"O{part.pk}-{part.version + 1}", kind, line.cl_ord_id, orig=asked.orig, text=entry.reason)
        entry.tell([order.pk], lambda pk, told=told: told)


def _cannot_change(entry: _Entry, line: rules.Line, parts: Sequence[Order], grant: Grant | None) -> str:
    """Why the line is no change of the order as it stands, in its parts, that the session may ask for; empty where it is."""
    order = parts[0]
    if problem := line.wrong[1] if line.wrong else _two_names([line]).get(0, ""):
        return problem
    if grant is None or grant.acts_for_id != order.created_by_id:
        return _unspoken(entry.session, order.portfolio.code)
    if line.terms and (other := _replaced(line, order)):
        return f"The {other} cannot be replaced. Cancel the order and send another."
    if line.terms and sum(part.qty > 0 for part in parts) > 1:
        return "The desk works it in parts: call the desk, or cancel it and send another."
    return ""


def _replaced(line: rules.Line, order: Order) -> str:
    """What a replacement names otherwise than the order, of what stays as it is; empty where nothing."""
    thing = order.instrument
    same = {
        "account": ("portfolio", [order.portfolio.code]),
        "instrument": ("instrument", [thing.symbol, thing.isin, thing.cusip, thing.sedol, thing.figi]),
        "side": ("side", [order.side]),
        "currency": ("currency", [order.currency_id]),
    }
    return next((word for word, (name, is_now) in same.items() if line.terms[name] not in ("", *is_now)), "")


def _carry_out(entry: _Entry, line: rules.Line, parts: Sequence[Order], grant: Grant) -> None:
    act = entry.act_for(grant.acts_for_id)
    if entry.asked.msg_type == "F":
        orders.cancel_orders(act, [part.pk for part in parts], seen={part.pk: part.version for part in parts})
        return
    (order,) = parts
    fixed = ("portfolio", "instrument", "side", "currency")
    terms = {name: value for name, value in line.terms.items() if name not in fixed}
    orders.amend_orders(act, {order.pk: terms}, seen={order.pk: order.version})
    if grant.submits:
        orders.submit_orders(act, [order.pk], seen={order.pk: order.version + 1})


def _status(entry: _Entry) -> None:
    """35=H."""
    known = entry.find([entry.asked.lines[0].cl_ord_id])
    if known:
        _tell_status(entry, known)
        entry.note = ""
    else:
        line = entry.asked.lines[0]
        entry.refuse(line, "5", f"No order of this session is called {line.cl_ord_id}.")


def _number(text: str) -> Decimal:
    try:
        number = Decimal(text)
    except InvalidOperation:
        return ZERO
    return number if number.is_finite() and abs(number) < 10**15 else ZERO


ENTERS: dict[str, Callable[[_Entry], None]] = {
    "D": _enter_orders, "E": _enter_orders, "F": _change, "G": _change, "H": _status,
}  # fmt: skip
