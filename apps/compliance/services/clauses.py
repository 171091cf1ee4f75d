"""
What the clauses of a mandate say. A clause goes by its reference through all editions; another wording of it is a new row,
and whoever mapped the old one to a rule has to look again.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from django.db import connection
from django.db.models import F

from apps.audit.services import record
from apps.core.acts import Act
from apps.core.events import Event, Fact, differing
from apps.core.refusals import Invalid, NotFound
from apps.core.tables import copy_in, next_ids, update_many

from .. import mandate_events as events
from ..engine.coverage import hash_of
from ..models import ClauseText, MandateDocument, MandateEdition
from ..states import CLAUSE_LIFE, Cl
from .mappings import exempt, outdate_clauses

MOST_CLAUSES = 2000
LONGEST_TEXT, LONGEST_REFERENCE, LONGEST_REASON = 8000, 40, 2000
MOST_PAGES = 9999


class BadClauses(Invalid):
    """Clauses are wrong: ``rows`` names each by its row, the field and what is wrong."""


class Said(NamedTuple):
    """
    A clause as an officer gives it.

    :param reference: such as ``4.2(b)``; :param page: of the PDF, where one is known
    :param no_rule: why no rule is needed, where that is so; another officer has to agree
    :param row: where it stands in what was given, to name it by
    """

    reference: str
    text: str
    page: int | None = None
    no_rule: str = ""
    row: int | None = None


class Clauses(NamedTuple):
    """
    What is to be written.

    :param is_all: whether those of the document that are not among them are gone; :param gone: references that are
    """

    said: Sequence[Said]
    is_all: bool = False
    gone: frozenset[str] = frozenset()


class _Change(NamedTuple):
    """A clause that is written: its id, its wording, and what happened to it; ``text`` where it says something else than before."""

    clause_id: int
    number: int
    said: Said | None
    fact: Fact
    text: bool


def readable(clauses: Sequence[Said]) -> list[Said]:
    """
    Clauses with their words trimmed.

    :raises BadClauses: naming every one that cannot be kept, and those that are named twice
    """
    found, problems, first = [], [], {}
    for n, said in enumerate(clauses, start=1):
        row = said.row or n
        said = said._replace(reference=" ".join(said.reference.split()), text=said.text.strip(), no_rule=said.no_rule.strip(), row=row)
        problems += [{"row": row, "field": field, "message": message} for field, message in _wrong(said)]
        if said.reference in first:
            problems.append({"row": row, "field": "reference", "message": f"Row {first[said.reference]} is {said.reference} too."})
        first.setdefault(said.reference, row)
        found.append(said)
    if problems:
        rows = len({one["row"] for one in problems})
        only = problems[0]["message"] if len(clauses) == 1 else f"{rows} of {len(clauses)} clauses are wrong. None was kept."
        raise BadClauses(only, field=problems[0]["field"] if len(clauses) == 1 else "file", rows=problems)
    if len(found) > MOST_CLAUSES:
        raise Invalid(f"A document has at most {MOST_CLAUSES:,} clauses.", field="file")
    return found


def _wrong(said: Said) -> list[tuple[str, str]]:
    problems = []
    if not said.reference or len(said.reference) > LONGEST_REFERENCE or not said.reference.isprintable():
        problems.append(("reference", f"Give the clause's reference, such as 4.2(b), of at most {LONGEST_REFERENCE} characters."))
    if not said.text or len(said.text) > LONGEST_TEXT or "\x00" in said.text:
        problems.append(("text", f"Give the words of the clause, at most {LONGEST_TEXT:,} characters."))
    if said.page is not None and not 1 <= said.page <= MOST_PAGES:
        problems.append(("page", f"A page is a whole number from 1 to {MOST_PAGES}."))
    if len(said.no_rule) > LONGEST_REASON or "\x00" in said.no_rule:
        problems.append(("no_rule", f"Say in at most {LONGEST_REASON:,} characters why no rule is needed."))
    return problems


def write(act: Act, document: MandateDocument, edition: MandateEdition, wanted: Clauses) -> dict[str, int]:
    """
    Writes clauses of a document whose row is locked. The number of statements does not grow with the clauses.

    :returns: how many were ``entered``, ``changed`` and ``removed``
    :raises NotFound: where one that is to go does not stand
    """
    rows = ClauseText.objects.filter(clause__document=document, number=F("clause__number")).select_related("clause")
    known = {row.clause.reference: row for row in rows}
    standing = {name for name, row in known.items() if row.clause.status == Cl.STANDS}
    if wanted.gone - standing:
        raise NotFound(f"{document.code} has no clause {min(wanted.gone - standing)}. Reload it.")
    gone = wanted.gone | (standing - {said.reference for said in wanted.said} if wanted.is_all else frozenset())
    with connection.cursor() as cursor:
        fresh = [said for said in wanted.said if said.reference not in known]
        ids = next_ids(cursor, "compliance_clause", len(fresh))
        new = [
            _Change(pk, 1, said, Fact(pk, 1, events.ClauseEntered(document.pk, _told(said))), True)
            for pk, said in zip(ids, fresh, strict=True)
        ]
        again = [change for said in wanted.said if (row := known.get(said.reference)) and (change := _again(row, said))]
        out = [_out(known[name]) for name in sorted(gone)]
        copy_in(
            cursor, "compliance_clause", ("id", "document_id", "reference", "number", "status", "version"),
            ((change.clause_id, document.pk, change.said.reference, 1, Cl.STANDS, 1) for change in new),
        )  # fmt: skip
        _write_texts(cursor, act, edition, [*new, *again])
        moved = [*again, *out]
        update_many(
            cursor, "compliance_clause", [change.clause_id for change in moved],
            {
                "number": ("int", [change.number for change in moved]),
                "status": ("text", [Cl.STANDS] * len(again) + [Cl.GONE] * len(out)),
            },
            bump=True,
        )  # fmt: skip
    changes = [*new, *again, *out]
    record(act, [change.fact for change in changes])
    outdate_clauses(act, {change.clause_id: "Its words changed." for change in again if change.text})
    outdate_clauses(act, {change.clause_id: "The document no longer has the clause." for change in out})
    exempt(act, document.pk, {said.reference: said.no_rule for said in wanted.said if said.no_rule})
    changed = sum(isinstance(change.fact.event, events.ClauseChanged) for change in again)
    return {"entered": len(new) + len(again) - changed, "changed": changed, "removed": len(out)}


def _again(row: ClauseText, said: Said) -> _Change | None:
    """What happens to a clause that the document has, or had; None where it says so already."""
    clause = row.clause
    rewords = row.sha256 != hash_of(said.text)
    page = row.page if said.page is None else said.page
    if clause.status == Cl.STANDS and not rewords and page == row.page:
        return None
    said = said._replace(page=page)
    event: Event
    if clause.status == Cl.GONE:
        CLAUSE_LIFE.after(clause.status, events.ClauseEntered)
        event = events.ClauseEntered(clause.document_id, _told(said))
    else:
        event = events.ClauseChanged(*differing({"page": row.page, "text": row.text}, {"page": page, "text": said.text}))
    number = row.number + (rewords or page != row.page)
    return _Change(clause.pk, number, said if number > row.number else None, Fact(clause.pk, clause.version + 1, event), rewords)


def _out(row: ClauseText) -> _Change:
    CLAUSE_LIFE.after(row.clause.status, events.ClauseRemoved)
    return _Change(row.clause_id, row.number, None, Fact(row.clause_id, row.clause.version + 1, events.ClauseRemoved()), False)


def _told(said: Said) -> dict[str, Any]:
    told: Mapping[str, Any] = {"reference": said.reference, "page": said.page, "text": said.text}
    return {name: value for name, value in told.items() if value is not None}


def _write_texts(cursor, act: Act, edition: MandateEdition, changes: Sequence[_Change]) -> None:
    written = [change for change in changes if change.said is not None]
    ids = next_ids(cursor, "compliance_clausetext", len(written))
    copy_in(
        cursor, "compliance_clausetext",
        ("id", "clause_id", "number", "edition_id", "page", "text", "sha256", "written_by_id", "written_at"),
        (
            (pk, c.clause_id, c.number, edition.pk, c.said.page, c.said.text, hash_of(c.said.text), act.by, act.at)
            for pk, c in zip(ids, written, strict=True)
        ),
    )  # fmt: skip
