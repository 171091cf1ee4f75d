"""Clauses of a mandate from a CSV or XLSX file: every bad row is named."""

from collections.abc import Sequence

from apps.core.refusals import Invalid
from apps.orders.rules import Unreadable, lines_of

from .clauses import MOST_CLAUSES, BadClauses, Said

MOST_CLAUSE_BYTES = 5 * 1024 * 1024
COLUMNS = {"reference": "reference", "clause": "reference", "page": "page", "text": "text", "kind": "kind", "reason": "reason"}
KINDS = {"": False, "RESTRICTION": False, "NO RULE": True, "NO_RULE": True}
NEEDED = ("reference", "text")


def read_clauses(file_name: str, content: bytes) -> list[Said]:
    """
    The clauses of a file. Its first row names the columns: reference, page, text, kind (restriction, or no rule) and reason
    (why no rule is needed).

    :raises Invalid: where it cannot be read as a whole; :raises BadClauses: naming every bad row
    """
    if len(content) > MOST_CLAUSE_BYTES:
        raise Invalid(f"At most {MOST_CLAUSE_BYTES // 1024**2} MB are read. Split the file.", field="file")
    rows: list[tuple[int, Sequence[str]]] = []
    for line, cells in lines_of(file_name, content):
        if any(cell and not cell.isspace() for cell in cells):
            rows.append((line, cells))
        if len(rows) > MOST_CLAUSES + 1:
            raise Unreadable(f"{file_name} has more than {MOST_CLAUSES:,} clauses, which is the most of a document.", field="file")
    if len(rows) < 2:
        raise Unreadable(f"{file_name} has no clauses. Its first row names the columns, a clause is a row.", field="file")
    names = _headings(rows[0][1])
    found, problems = [], []
    for line, cells in rows[1:]:
        said, wrong = _read(line, dict(zip(names, (cell.strip() for cell in cells), strict=False)), surplus=cells[len(names) :])
        found.append(said)
        problems += [{"row": line, "field": field, "message": message} for field, message in wrong]
    if problems:
        bad = len({one["row"] for one in problems})
        raise BadClauses(f"{bad} of {len(found)} rows are wrong. No clause was kept.", field="file", rows=problems)
    return found


def _headings(cells: Sequence[str]) -> list[str]:
    given = [cell.strip().lower() for cell in cells]
    while given and not given[-1]:
        given.pop()
    names = [COLUMNS.get(cell, "") for cell in given]
    for said, wrong in (
        ("Unknown columns", [cell or "(empty)" for cell, name in zip(given, names, strict=True) if not name]),
        ("Columns given twice", sorted({name for name in names if name and names.count(name) > 1})),
        ("Missing columns", [name for name in NEEDED if name not in names]),
    ):
        if wrong:
            raise Unreadable(f"{said}: {', '.join(wrong)}. Known are reference, page, text, kind and reason.", field="file")
    return names


def _read(line: int, cells: dict[str, str], *, surplus: Sequence[str]) -> tuple[Said, list[tuple[str, str]]]:
    wrong = []
    page, kind, reason = cells.get("page", ""), cells.get("kind", "").upper(), cells.get("reason", "")
    if page and not (page.isascii() and page.isdigit()):
        wrong.append(("page", f"“{page[:40]}” is no page; write a whole number."))
        page = ""
    if kind not in KINDS:
        wrong.append(("kind", f"“{kind[:40]}” is no kind; write restriction or no rule."))
    elif KINDS[kind] and not reason:
        wrong.append(("reason", "Say why no rule is needed."))
    elif not KINDS[kind] and reason:
        wrong.append(("kind", "A reason is given why no rule is needed; write no rule, or leave it out."))
    if any(cell.strip() for cell in surplus):
        wrong.append(("reference", "The row has more cells than the heading."))
    for field in NEEDED:
        if not cells.get(field):
            wrong.append((field, f"Give the {field} of the clause."))
    return Said(cells.get("reference", ""), cells.get("text", ""), int(page) if page else None, reason, line), wrong
