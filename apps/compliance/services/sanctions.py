"""Sanctions: loading a list, holding names of ours against it, and what officers decide of those that match."""

import hashlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from django.db import connection, transaction

from apps.audit.services import keep_act, record
from apps.core.acts import Act
from apps.core.events import Fact
from apps.core.refusals import Invalid, NotFound, Stale
from apps.core.tables import one_at_a_time
from apps.orders import selectors as order_selectors
from apps.users.services import require

from .. import events
from ..engine import sanctions_files
from ..engine.sanctions import Match, Party, pair
from ..models import NameMatch, SanctionsList
from ..selectors.sanctions import Unscreened, list_ready, newest_list, packed, unscreened
from ..states import MATCH_LIFE, M
from .lists import Listing, restrict

SOURCE = "OFAC SDN"
AT_ONCE = 5_000
MOST_PROBLEMS = 100_000


class BadList(Invalid):
    """The list cannot be loaded: ``rows`` names each bad row with its file and what is wrong."""


class StaleMatch(Stale):
    """Somebody decided on the match after the officer looked."""


class Loaded(NamedTuple):
    """:param is_new: whether it was not in force already; :param matches: how many names of ours were found to match"""

    list_id: int
    is_new: bool
    matches: int


def load_sanctions(act: Act, folder: str | Path) -> Loaded:
    """
    Will put the list in force whose files are in a folder, and hold every name of ours against it. The same files again
    change nothing.

    A row of further names or addresses that belongs to nobody on the list is kept with it as wrong; a list of whose
    people a single row is wrong is refused, for nobody may be missing.

    :raises BadList: naming every bad row; then the list before stays in force
    """
    require(act, "compliance.load_sanctions")
    files = {name: path.read_bytes() for name in sanctions_files.SHAPES if (path := Path(folder) / name).is_file()}
    digest = hashlib.sha256()
    for name, content in sorted(files.items()):
        digest.update(f"{name} {len(content)}\n".encode() + content)
    with transaction.atomic():
        with connection.cursor() as cursor:
            one_at_a_time(cursor, "compliance.sanctions")
        before = newest_list()
        if before and before[1] == digest.hexdigest():
            list_id, is_new = before[0], False
        else:
            list_id, is_new = _keep(act, files, digest.hexdigest()), True
    return Loaded(list_id, is_new, screen_names(act))


def _keep(act: Act, files: Mapping[str, bytes], sha256: str) -> int:
    parties, problems = sanctions_files.read(files)
    told = [{"file": one.file, "row": one.row, "message": one.message} for one in problems]
    fatal = [one for one in told if one["file"] == "sdn.csv" or one["row"] == 0]
    if fatal:
        raise BadList(f"{len(fatal)} rows of the list are wrong. The one before stays in force.", field="file", rows=fatal)
    kept = SanctionsList.objects.create(
        source=SOURCE, sha256=sha256, parties=len(parties), names=sum(1 + len(party.aliases) for party in parties),
        content=packed(parties), problems=told[:MOST_PROBLEMS], loaded_at=act.at, act_id=keep_act(act),
    )  # fmt: skip
    return kept.pk


@transaction.atomic
def screen_names(act: Act) -> int:
    """
    Will hold the names of issuers, brokers and custodians that were not yet, or are called otherwise since, against the
    list in force. What matches waits for an officer, unless one decided on the same two names before.

    The number of statements does not grow with the number of names, up to ``AT_ONCE``.

    :returns: how many new matches wait
    """
    require(act, "compliance.load_sanctions")
    with connection.cursor() as cursor:
        one_at_a_time(cursor, "compliance.sanctions")
    newest = newest_list()
    if newest is None:
        return 0
    found = 0
    while names := unscreened(newest[0], AT_ONCE):
        found += _screen(act, newest, names)
    return found


def _screen(act: Act, newest: tuple[int, str], names: Sequence[Unscreened]) -> int:
    list_id = newest[0]
    matches = list_ready(*newest).matches(one.name for one in names)
    hits = {
        (one.kind, one.id, match.party.uid, pair(one.name, match.party)): (one, match)
        for one in names
        for match in matches.get(one.name, ())
    }
    known = {
        (row.kind, row.issuer_id or row.broker_id or row.custodian_id, row.uid, row.pair): row for row in _known(names)
    }
    _let_go(act, [row for key, row in known.items() if key not in hits and row.status == M.WAITING])
    again = [row for key, row in known.items() if key in hits and row.status == M.GONE]
    new = [(one, match) for key, (one, match) in hits.items() if key not in known]
    _find(act, list_id, new)
    _find_again(act, again)
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO compliance_screenedname (kind, party_id, name, against_id)"
            " SELECT n.*, %s FROM unnest(%s::text[], %s::int[], %s::text[]) n"
            " ON CONFLICT (kind, party_id) DO UPDATE SET name = excluded.name, against_id = excluded.against_id",
            [list_id, *map(list, zip(*names, strict=True))],
        )
    return len(new) + len(again)


def _known(names: Iterable[Unscreened]) -> list[NameMatch]:
    by_kind: dict[str, list[int]] = {"ISSUER": [], "BROKER": [], "CUSTODIAN": []}
    for one in names:
        by_kind[one.kind].append(one.id)
    rows = NameMatch.objects.none()
    for kind, ids in by_kind.items():
        rows |= NameMatch.objects.filter(**{"kind": kind, f"{kind.lower()}_id__in": ids})
    return list(rows.order_by("pk").select_for_update(no_key=True, of=("self",)))


def _find(act: Act, list_id: int, new: Sequence[tuple[Unscreened, Match]]) -> None:
    rows = NameMatch.objects.bulk_create(
        NameMatch(
            **{"kind": one.kind, f"{one.kind.lower()}_id": one.id}, name=one.name, uid=match.party.uid, how=match.how,
            called=match.called[:350], score=f"{match.score:.2f}", pair=pair(one.name, match.party), theirs=_told(match.party),
            against_id=list_id, found_at=act.at, status=MATCH_LIFE.born[events.MatchFound],
        )
        for one, match in new
    )  # fmt: skip
    record(act, [Fact(row.pk, 1, _found(row)) for row in rows])


def _found(row: NameMatch) -> events.MatchFound:
    return events.MatchFound(row.name, row.called, str(row.score), row.how, row.uid)


def _told(party: Party) -> dict:
    return {
        "name": party.name, "kind": party.kind or "entity", "programs": party.programs, "remarks": party.remarks,
        "aliases": list(party.aliases[:20]), "countries": list(party.countries),
    }  # fmt: skip


def _find_again(act: Act, rows: Sequence[NameMatch]) -> None:
    _move(rows, MATCH_LIFE.after(M.GONE, events.MatchFound))
    record(act, [Fact(row.pk, row.version + 1, _found(row)) for row in rows])


def _let_go(act: Act, rows: Sequence[NameMatch]) -> None:
    _move(rows, MATCH_LIFE.after(M.WAITING, events.MatchGone))
    record(act, [Fact(row.pk, row.version + 1, events.MatchGone()) for row in rows])


def _move(rows: Sequence[NameMatch], status: str) -> None:
    if rows:
        with connection.cursor() as cursor:
            cursor.execute(
                "UPDATE compliance_namematch SET status = %s, version = version + 1 WHERE id = ANY(%s)",
                [status, [row.pk for row in rows]],
            )


@transaction.atomic
def confirm_matches(act: Act, match_ids: Collection[int], *, seen: Mapping[int, int]) -> list[int]:
    """
    Will say that names of ours are those on the list: they are on the restricted list from today on, an issuer with what
    it owns.

    :returns: the entries of the restricted list, in the order of the matches' ids
    :raises StaleMatch: where somebody decided since; :raises IllegalMove: where one waits no more
    """
    rows = _lock(act, match_ids, seen)
    after = [MATCH_LIFE.after(row.status, events.MatchConfirmed) for row in rows]
    listed = restrict(
        act,
        [
            Listing(
                reason=f"{row.called} on {SOURCE} (no. {row.uid}): {act.reason}"[:300], effective_from=act.at.date(),
                issuer_id=row.issuer_id, broker_id=row.broker_id, custodian_id=row.custodian_id, reach="DAUGHTERS",
                source=f"{SOURCE} {row.uid}",
            )
            for row in rows
        ],
    )  # fmt: skip
    _decide(act, rows, after, listed)
    record(
        act, [Fact(row.pk, row.version + 1, events.MatchConfirmed(pk)) for row, pk in zip(rows, listed, strict=True)]
    )
    return listed


@transaction.atomic
def clear_matches(act: Act, match_ids: Collection[int], *, seen: Mapping[int, int]) -> None:
    """
    Will say that names of ours are not those on the list. They are not asked about again until one is called otherwise.

    :raises StaleMatch: where somebody decided since; :raises IllegalMove: where one waits no more
    """
    rows = _lock(act, match_ids, seen)
    after = [MATCH_LIFE.after(row.status, events.MatchCleared) for row in rows]
    _decide(act, rows, after, [None] * len(rows))
    record(act, [Fact(row.pk, row.version + 1, events.MatchCleared()) for row in rows])


def _lock(act: Act, match_ids: Collection[int], seen: Mapping[int, int]) -> list[NameMatch]:
    require(act, "compliance.decide")
    if not act.reason.strip():
        raise Invalid("Give a reason: it is kept on the record.", field="reason")
    if len(act.reason) > 300:
        raise Invalid("The reason is longer than 300 characters. Shorten it.", field="reason")
    wanted = sorted(set(match_ids))
    if not wanted:
        raise Invalid("No match was chosen. Select at least one.", field="matches")
    rows = list(NameMatch.objects.filter(pk__in=wanted).order_by("pk").select_for_update(no_key=True, of=("self",)))
    if len(rows) < len(wanted):
        raise NotFound("There is no such match. Reload the list.")
    stale = {row.pk: (row.ref, seen.get(row.pk), row.version) for row in rows if seen.get(row.pk) != row.version}
    if stale:
        raise StaleMatch(
            "Somebody decided on a match since you looked. Reload the list.", matches=order_selectors.missed("match", stale)
        )
    return rows


def _decide(act: Act, rows: Sequence[NameMatch], after: Sequence[str], restrictions: Sequence[int | None]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE compliance_namematch m SET status = u.status, restriction_id = u.restriction, decided_by_id = %s,"
            " decided_at = %s, reason = %s, version = version + 1"
            " FROM unnest(%s::bigint[], %s::text[], %s::bigint[]) u(id, status, restriction) WHERE m.id = u.id",
            [act.by, act.at, act.reason.strip(), [row.pk for row in rows], list(map(str, after)), list(restrictions)],
        )
