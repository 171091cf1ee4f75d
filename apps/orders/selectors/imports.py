"""Questions about imports, and what the words of a file mean."""

from collections.abc import Collection, Sequence
from typing import NamedTuple

from django.db.models import Case, Q, QuerySet, When

from apps.core.refusals import NotFound
from apps.portfolios import selectors as portfolios
from apps.reference import rules as reference_rules
from apps.reference import selectors as reference
from apps.reference.models import Instrument
from apps.users.models import Desk
from apps.users.services import can

from ..models import Import, ImportRow, ImportTemplate
from ..rules import sheets


def imports_seen_by(user) -> QuerySet[Import]:
    """Imports the person may see: their own; all for roles that see the whole firm."""
    if not can(user, "orders.see"):
        return Import.objects.none()
    rows = Import.objects.defer("content", "sheet")
    return rows if can(user, "portfolios.see_all") else rows.filter(created_by=user)


def get_import_seen_by(user, import_id: int) -> Import:
    """:raises NotFound: where there is none, or it is somebody else's"""
    row = imports_seen_by(user).select_related("created_by", "group").filter(pk=import_id).first()
    if row is None:
        raise NotFound("There is no such import, or it is not one of yours.")
    return row


def import_rows(batch: Import, *, bad: bool | None = None) -> QuerySet[ImportRow]:
    """The staged lines, in the file's order; only the bad or only the good ones where asked."""
    rows = ImportRow.objects.filter(batch=batch).order_by("line")
    if bad is None:
        return rows
    return rows.exclude(problems=[]) if bad else rows.filter(problems=[])


class Ambiguity(NamedTuple):
    """A name in a file that means several instruments, by its identifiers in ``sheets.IDENTIFIERS``' order, and where."""

    name: str
    lines: list[int]
    options: list[Instrument]

    @property
    def said(self) -> str:
        return " ".join(part for part in self.name.split("|") if part)


def ambiguous_names(batch: Import) -> list[Ambiguity]:
    """The names of a staged file's bad lines that mean several instruments, with these. Two queries."""
    columns = batch.columns or guessed_of(batch)
    lines: dict[str, list[int]] = {}
    for line, raw in import_rows(batch, bad=True).values_list("line", "raw"):
        parts = [str(raw.get(columns.get(kind, ""), "")).strip().upper() for kind in sheets.IDENTIFIERS]
        if any(parts):
            lines.setdefault("|".join(parts), []).append(line)
    known = reference.resolve_instruments({part for name in lines for part in name.split("|") if len(part) <= 40})
    found = []
    for name, where in lines.items():
        pairs = tuple(zip(sheets.IDENTIFIERS, name.split("|"), strict=True))
        left = _meanings(pairs, known)[0]
        if len(left) > 1:
            found.append(Ambiguity(name, where, sorted(left.values(), key=lambda i: i.symbol)))
    return found


def guessed_of(batch: Import) -> dict[str, str]:
    """Field to heading, as the headings of the staged lines read."""
    raw = ImportRow.objects.filter(batch=batch).values_list("raw", flat=True).first() or {}
    return sheets.guessed(list(raw))[0]


def template_for(user_id: int, signature: str) -> ImportTemplate | None:
    """The template that a person's file with these headings is read by: their own before their desks', the newest first."""
    own = Case(When(owner_id=user_id, then=0), default=1)
    shared = Q(desk__in=Desk.objects.filter(people=user_id))
    rows = ImportTemplate.objects.filter(Q(owner_id=user_id) | shared, signature=signature, removed_at=None)
    return rows.order_by(own, "-saved_at", "-pk").first()


def templates_seen_by(user) -> QuerySet[ImportTemplate]:
    """The person's own templates and those shared with their desks."""
    shared = Q(desk__in=Desk.objects.filter(people=user))
    rows = ImportTemplate.objects.filter(Q(owner=user) | shared, removed_at=None)
    return rows.select_related("owner", "desk").order_by("name", "pk")


def portfolio_codes(user, codes: Collection[str]) -> list[tuple[str, int | None, str | None]]:
    """Each code as written with the portfolio it names, or why it names none. One query."""
    wanted = {code.strip().upper() for code in codes if code}
    known = {
        code.upper(): pk
        for pk, code in portfolios.portfolios_seen_by(user)
        .filter(Q(code__in=wanted) | Q(code__in=[c.strip() for c in codes if c]))
        .values_list("pk", "code")
    }
    found = []
    for code in codes:
        pk = known.get((code or "").strip().upper())
        problem = None
        if not (code or "").strip():
            problem = "The portfolio is missing."
        elif pk is None:
            problem = f"There is no portfolio “{code.strip()[:40]}”, or it is not one of yours."
        found.append((code, pk, problem))
    return found


def instruments_named(names: Sequence[tuple[tuple[str, str], ...]]) -> list[tuple[int | None, str | None]]:
    """
    For each set of (kind, value) that one line gives, the one active instrument that all of them mean, or why there is
    none: it is unknown, there are several, or they mean different ones. One query.
    """
    values = {value.strip().upper() for name in names for _, value in name if 0 < len(value.strip()) <= 40}
    known = reference.resolve_instruments(values) if values else {}
    return [_instrument(name, known) for name in names]


def _instrument(name: tuple[tuple[str, str], ...], known: dict) -> tuple[int | None, str | None]:
    left, problem = _meanings(name, known)
    if problem:
        return None, problem
    if len(left) > 1:
        said = next(value.strip() for _, value in name if value.strip())
        several = " and ".join(sorted(f"{row.symbol} ({row.venue.mic})" for row in left.values()))
        return None, f"“{said[:40]}” is listed more than once: {several}. Give its symbol."
    return next(iter(left)), None


def _meanings(name: tuple[tuple[str, str], ...], known: dict) -> tuple[dict[int, Instrument], str | None]:
    """The instruments that all the identifiers of a line mean, by id; or why there are none."""
    given = [(kind, value.strip()) for kind, value in name if value.strip()]
    if not given:
        return {}, "The instrument is missing: give its symbol, ISIN or CUSIP."
    left: dict[int, Instrument] | None = None
    for kind, value in given:
        rows = {row.pk: row for row in known.get(value.upper(), [])}
        if not rows:
            return {}, _unknown(kind, value)
        both = rows if left is None else {pk: row for pk, row in left.items() if pk in rows}
        if not both:
            first = given[0]
            return {}, f"{_label(first[0])} “{first[1][:40]}” and {_label(kind)} “{value[:40]}” are different instruments."
        left = both
    return left, None


def _unknown(kind: str, value: str) -> str:
    if kind in ("isin", "cusip", "sedol", "figi"):
        problem = reference_rules.identifier_problem(kind, value.upper()[:40])
        if problem:
            return problem.rstrip(".") + "."
    return f"There is no active instrument with {_label(kind)} “{value[:40]}”."


def _label(kind: str) -> str:
    return {"symbol": "symbol", "identifier": "identifier"}.get(kind, kind.upper())
