"""What is sent and heard, in the words of each session: its broker's dialect and its version of FIX."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from django.db import connection

from apps.core.refusals import Invalid
from apps.reference.models import Instrument

from .. import rules
from ..models import Dialect, Session
from ..rules.dialects import About, CannotSay
from ..rules.packages import WHOLE
from ..rules.reconciling import WRITTEN_HERE
from ..rules.said_together import LEG, list_heard, list_said, package_said

Said = Sequence[tuple[int, str]]
ABOUT = ("symbol", "isin", "sedol", "venue__mic", "asset_class", "currency_id")


class Unsayable(Invalid):
    """The session's version of FIX, or its broker's dialect, has no words for the message."""


def texts_of(outgoing: Sequence[tuple[int, str, str, Said]]) -> list[str]:
    """
    Messages by (session id, type, reference, fields in FIX 4.4), as they are kept and go out. Sessions are held against
    a change of their dialect until the act commits. Two statements, a third where a dialect is met.

    :raises Invalid: where a field is empty; :raises Unsayable: where a session cannot say it
    """
    if not outgoing:
        return []
    sessions = _held({session_id for session_id, *_ in outgoing})
    spoken = {row.session_id: row.rules for row in Dialect.objects.filter(session__in=sessions, status="IN_FORCE")}
    about = _about([value for pk, _, _, fields in outgoing if pk in spoken for tag, value in fields if tag in (55, LEG)])
    texts = []
    for session_id, msg_type, _, fields in outgoing:
        session = sessions[session_id]
        try:
            said: Said = fields
            if session_id in spoken and msg_type == "E":
                said = list_said(spoken[session_id], fields, about)
            elif session_id in spoken and msg_type in ("AB", "AC"):
                said = package_said(spoken[session_id], msg_type, fields, about)
            elif session_id in spoken and msg_type in rules.dialects.SAID:
                thing = about.get(dict(reversed(fields)).get(55, ""))
                said = rules.dialects.said(spoken[session_id], msg_type, fields, thing)
            texts.append(rules.text_of(rules.spoken(session.begin_string, msg_type, said)))
        except rules.NotInVersion as problem:
            raise Unsayable(
                f"{session.party} speaks {session.speaks}, and {problem}. Nothing was sent.", field="broker_code"
            ) from problem
        except CannotSay as problem:
            raise Unsayable(
                f"{session.party} cannot be told: {problem}. Nothing was sent. See Broker dialects.", field="broker_code"
            ) from problem
        except rules.Malformed as problem:
            raise Invalid(f"A message cannot be written: {problem}.") from problem
    return texts


def _held(ids: Iterable[int]) -> dict[int, Session]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM routing_session WHERE id = ANY(%s) ORDER BY id FOR SHARE", [sorted(ids)])
    return Session.objects.in_bulk(ids)


def _about(symbols: Sequence[str]) -> dict[str, About]:
    if not symbols:
        return {}
    rows = Instrument.objects.filter(symbol__in=set(symbols)).values_list(*ABOUT)
    return {row[0]: About(*row) for row in rows}


def about_blocks(block_ids: Iterable[int]) -> dict[int, About]:
    """Block id to its instrument, as a dialect must know it. One statement."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT b.id, i.symbol, i.isin, i.sedol, v.mic, i.asset_class, b.currency_id FROM blocks_block b"
            " JOIN reference_instrument i ON i.id = b.instrument_id JOIN reference_venue v ON v.id = i.venue_id"
            " WHERE b.id = ANY(%s)",
            [sorted(set(block_ids))],
        )
        return {pk: About(*row) for pk, *row in cursor.fetchall()}


def understood(
    said: Mapping[int, tuple[int, rules.Fields, int | Mapping[str, int] | None]],
) -> Iterator[tuple[int, rules.Fields | rules.Malformed]]:
    """
    Messages heard over sessions with a dialect, in our terms, or why they cannot be. Two statements at most.

    :param said: message id to its session's id, what was on the wire, and the block that it is about, if that is known; of what is
        said of a list, ClOrdID to block
    """
    sessions = {session for session, *_ in said.values()}
    spoken = {row.session_id: row.rules for row in Dialect.objects.filter(session__in=sessions, status="IN_FORCE")} if sessions else {}
    if not spoken:
        return
    named = [block for session, _, block in said.values() if block is not None and session in spoken]
    about = about_blocks(pk for block in named for pk in (block.values() if isinstance(block, Mapping) else [block]))
    for pk, (session, fields, block) in said.items():
        if session in spoken and fields.find(50) != WRITTEN_HERE[1]:
            try:
                yield pk, rules.Fields.of(_heard(spoken[session], fields, block, about))
            except rules.Malformed as problem:
                yield pk, problem


def telling_fills(session_ids: Iterable[int]) -> set[int]:
    """Of these sessions those whose broker tells of fills of lists by ListStatus alone. One statement where there are any."""
    ids = set(session_ids)
    rows = Dialect.objects.filter(session__in=ids, status="IN_FORCE", list_fills=True) if ids else Dialect.objects.none()
    return set(rows.values_list("session", flat=True))


def _heard(d: rules.Dialect, fields: rules.Fields, block: int | Mapping[str, int] | None, about: Mapping[int, About]) -> Said:
    if isinstance(block, Mapping):
        return list_heard(d, fields.all, {name: about[pk] for name, pk in block.items() if pk in about})
    thing = about.get(block or 0)
    if thing and thing.asset_class in rules.dialects.BONDS and fields.find(442) == WHOLE:
        thing = None  # Packages are counted one by one, whatever their legs are counted in.
    return rules.dialects.heard(d, fields.all, thing)
