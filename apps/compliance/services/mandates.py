"""Mandate documents: entered, issued anew, and retired. Their clauses are written in ``clauses``."""

import hashlib
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import PurePath
from typing import NamedTuple

from django.db import IntegrityError, connection, transaction

from apps.audit.services import keep_act, record
from apps.core.acts import Act
from apps.core.events import Event, Fact
from apps.core.refusals import Conflict, Invalid, NotFound, Stale
from apps.orders import selectors as order_selectors
from apps.orders.services import LARGEST as LARGEST_PDF
from apps.portfolios.models import Portfolio, PortfolioGroup
from apps.users.services import require

from .. import mandate_events as events
from ..models import MandateDocument, MandateEdition
from ..states import MANDATE_LIFE
from .clauses import Clauses, Said, readable, write
from .mappings import end_all_of


class StaleMandate(Stale):
    """The document, or a clause of it, changed after the officer looked."""


class CodeOfAnother(Conflict):
    """Another document has the code."""


class Pdf(NamedTuple):
    name: str
    content: bytes


class Home(NamedTuple):
    """For whom a document was agreed: one portfolio, a group of portfolios, or neither for the whole firm."""

    portfolio_id: int | None = None
    group_id: int | None = None


WHOLE_FIRM = Home()


@transaction.atomic
def enter_mandate(
    act: Act, code: str, title: str, effective_date: date, *, home: Home = WHOLE_FIRM, file: Pdf | None = None, clauses: Sequence[Said] = ()
) -> int:  # fmt: skip
    """
    Will keep a mandate document in its first edition.

    :param file: its PDF, up to 10 MiB, kept as it is
    :returns: its id
    :raises Invalid: naming the field at fault, or (``BadClauses``) every bad clause
    :raises CodeOfAnother: where a document has the code already
    """
    require(act, "compliance.write_rules")
    code, title = code.strip(), title.strip()
    group = _refuse_malformed(code, title, home)
    clauses = readable(clauses)
    _refuse_no_pdf(file)
    try:
        with transaction.atomic():
            row = MandateDocument.objects.create(code=code, title=title, portfolio_id=home.portfolio_id, group_id=home.group_id)
    except IntegrityError:
        raise CodeOfAnother(f"There is a document “{code}” already. Give this one another code.", field="code") from None
    edition = _issue(act, row, 1, effective_date, file)
    told = {"code": code, "title": title, "portfolio_id": home.portfolio_id, "group": group and group.code}
    told |= {"effective_date": effective_date.isoformat(), "sha256": edition.sha256}
    _happen(act, row, events.MandateEntered({name: value for name, value in told.items() if value not in (None, "")}), first=True)
    if clauses:
        _reword(act, row, edition, Clauses(clauses))
    return row.pk


@transaction.atomic
def reissue_mandate(
    act: Act, mandate_id: int, effective_date: date, *, seen: int, file: Pdf | None = None, clauses: Sequence[Said] | None = None
) -> int:  # fmt: skip
    """
    Will enter a new edition. Clauses carry over by their reference: one whose words are the same keeps its mappings, those of
    one that is changed or gone are stale.

    :param clauses: all of the new edition; None where they are those of the last
    :returns: the number of the edition
    :raises StaleMandate: if it changed since the version seen; :raises Invalid: as ``enter_mandate``
    """
    require(act, "compliance.write_rules")
    row = locked_mandate(mandate_id, seen)
    clauses = None if clauses is None else readable(clauses)
    _refuse_no_pdf(file)
    last = row.editions.defer("content").latest("number")
    if effective_date < last.effective_date:
        raise Invalid(f"Edition {last.number} binds from {last.effective_date}; a later one cannot bind before.", field="effective_date")
    edition = _issue(act, row, last.number + 1, effective_date, file)
    _happen(act, row, events.MandateReissued(edition.number, effective_date.isoformat(), edition.sha256))
    if clauses is not None:
        _reword(act, row, edition, Clauses(clauses, is_all=True))
    return edition.number


@transaction.atomic
def keep_clauses(act: Act, mandate_id: int, clauses: Sequence[Said], *, seen: int) -> Mapping[str, int]:
    """
    Will enter clauses, or have those of these references say this. Others stay.

    :returns: how many were ``entered``, ``changed`` and ``removed``; all 0 where each says so already
    :raises StaleMandate: if the document or a clause of it changed since the version seen
    :raises BadClauses: naming every bad one; none is then kept
    """
    require(act, "compliance.write_rules")
    row = locked_mandate(mandate_id, seen)
    if not clauses:
        raise Invalid("No clause was given. Write at least one.", field="clauses")
    return _reword(act, row, _last(row), Clauses(readable(clauses)))


@transaction.atomic
def remove_clauses(act: Act, mandate_id: int, references: Sequence[str], *, seen: int) -> Mapping[str, int]:
    """
    Will take clauses out of the document; their mappings are stale. For the reason the act gives.

    :raises StaleMandate: if the document or a clause of it changed since the version seen
    :raises NotFound: where one does not stand in it
    """
    require(act, "compliance.write_rules")
    row = locked_mandate(mandate_id, seen)
    _refuse_no_reason(act)
    if not references:
        raise Invalid("No clause was chosen. Choose at least one.", field="clauses")
    return _reword(act, row, _last(row), Clauses((), gone=frozenset(references)))


@transaction.atomic
def retire_mandate(act: Act, mandate_id: int, *, seen: int) -> None:
    """
    Will have a document bind no more, for the reason the act gives: its mappings end.

    :raises StaleMandate: if it changed since the version seen; :raises IllegalMove: if it is retired already
    """
    require(act, "compliance.write_rules")
    row = locked_mandate(mandate_id, seen)
    _refuse_no_reason(act)
    _happen(act, row, events.MandateRetired())
    end_all_of(act, mandate_id)


def locked_mandate(mandate_id: int, seen: int) -> MandateDocument:
    """:raises NotFound, StaleMandate:"""
    row = MandateDocument.objects.select_for_update(no_key=True).filter(pk=mandate_id).first()
    if row is None:
        raise NotFound("There is no such document.")
    if row.version != seen:
        missed = order_selectors.missed("mandate", {row.pk: (row.code, seen, row.version)})
        raise StaleMandate(f"{row.code} is not as you saw it. Reload it and look again.", mandates=missed)
    return row


def _reword(act: Act, row: MandateDocument, edition: MandateEdition, wanted: Clauses) -> Mapping[str, int]:
    MANDATE_LIFE.after(row.status, events.MandateReworded)
    counts = write(act, row, edition, wanted)
    if any(counts.values()):
        _happen(act, row, events.MandateReworded(**counts))
    return counts


def _happen(act: Act, row: MandateDocument, event: Event, *, first: bool = False) -> None:
    if not first:
        row.status = MANDATE_LIFE.after(row.status, type(event))
        row.version += 1
        with connection.cursor() as cursor:
            cursor.execute(
                "UPDATE compliance_mandatedocument SET status = %s, version = %s WHERE id = %s", [row.status, row.version, row.pk]
            )
    record(act, [Fact(row.pk, row.version, event)])


def _last(row: MandateDocument) -> MandateEdition:
    return row.editions.defer("content").latest("number")


def _issue(act: Act, row: MandateDocument, number: int, effective_date: date, file: Pdf | None) -> MandateEdition:
    name = PurePath(file.name.strip().replace("\\", "/")).name[:120] or "mandate.pdf" if file else ""
    return MandateEdition.objects.create(
        document=row, number=number, effective_date=effective_date, file_name=name, content=file and file.content,
        size=len(file.content) if file else 0, sha256=hashlib.sha256(file.content).hexdigest() if file else "",
        added_by_id=act.by, added_at=act.at, act_id=keep_act(act),
    )  # fmt: skip


def _refuse_no_pdf(file: Pdf | None) -> None:
    if file is None:
        return
    if not 0 < len(file.content) <= LARGEST_PDF:
        raise Invalid(f"The file has {len(file.content):,} bytes; it may have 1 to {LARGEST_PDF:,}.", field="file")
    if b"%PDF-" not in file.content[:1024] or b"%%EOF" not in file.content[-2048:]:
        raise Invalid("This is not a whole PDF. Choose the document as it was signed, as PDF.", field="file")


def _refuse_malformed(code: str, title: str, home: Home) -> PortfolioGroup | None:
    """Returns the group that it is for."""
    if not code or len(code) > 40 or not (code.isascii() and all(c.isalnum() or c in "-_./" for c in code)):
        raise Invalid("A code is up to 40 letters, digits, dashes, dots and slashes, without spaces: IMA-P001.", field="code")
    if not title or len(title) > 200:
        raise Invalid("Give a title of at most 200 characters.", field="title")
    if home.portfolio_id is not None and home.group_id is not None:
        raise Invalid("It is for a portfolio or for a group, not for both.", field="group")
    if home.portfolio_id is not None and not Portfolio.objects.filter(pk=home.portfolio_id).exists():
        raise Invalid("There is no such portfolio. Choose one from the list.", field="portfolio")
    group = PortfolioGroup.objects.filter(pk=home.group_id).first() if home.group_id is not None else None
    if home.group_id is not None and group is None:
        raise Invalid("There is no such group. Choose one from the list.", field="group")
    return group


def _refuse_no_reason(act: Act) -> None:
    if not act.reason.strip():
        raise Invalid("Give a reason: it is kept on the record.", field="reason")
