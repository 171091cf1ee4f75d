"""
A file of orders: uploaded, and staged line by line with what is wrong. How it is entered: see entering.

A long file is staged in parts, each in a transaction of its own that promises the next, so that its progress is seen
and a worker that dies loses one part at most.
"""

import hashlib
import re
from collections.abc import Mapping, Sequence

import polars as pl
from django.db import connection, transaction

from apps.audit.services import record
from apps.core.acts import Act
from apps.core.events import Event, Fact, listens
from apps.core.refusals import NotFound, Stale
from apps.core.tables import copy_frame
from apps.reference import selectors as reference
from apps.users.models import User
from apps.users.services import require

from .. import events, rules, selectors
from ..models import Import
from ..rules import sheets
from ..states import IMPORT_LIFE
from .tickets import named, with_facts

WHOLE_UP_TO = 2_500  # Rows that are staged at once; more are staged in PARTS.
PARTS = 5
LOOKED_AT = 500  # Lines of a file without headings by which its columns are told.
OWN = "own:"  # Before the code of a field of the firm's own, where a person told its column.
HEADLESS = "It has no line with the names of its columns."


class StaleImport(Stale):
    """The import changed after the person looked."""


# --- upload ---------------------------------------------------------------------------------------------------------


@transaction.atomic
def upload_import(act: Act, file_name: str, content: bytes) -> int:
    """
    Will keep a file of orders, CSV or XLSX, to be staged by a worker. The same file again is the same import, and
    nothing happens.

    :returns: the import's id
    :raises NotAllowed: if the actor may not import
    :raises Unreadable: if the file is empty, too large, or of another kind
    """
    require(act, "orders.import")
    name = re.sub(r"[\x00-\x1f\x7f]", "", file_name.replace("\\", "/").rsplit("/", 1)[-1]).strip()[:200] or "orders"
    rules.refuse_unfit(name, content)
    digest = hashlib.sha256(content).hexdigest()
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO orders_import (file_name, sha256, content, words, listings, rows, rows_read, bad_rows, error,"
            " created_by_id, created_at, status, version) VALUES (%s, %s, %s, '{}', '{}', 0, 0, 0, '', %s, %s, %s, 1)"
            " ON CONFLICT DO NOTHING RETURNING id",
            [name, digest, content, act.by, act.at, IMPORT_LIFE.born[events.ImportUploaded]],
        )
        made = cursor.fetchone()
        if made is None:
            cursor.execute(
                "SELECT id FROM orders_import WHERE created_by_id = %s AND sha256 = %s"
                " AND status NOT IN ('DISCARDED', 'FAILED')",
                [act.by, digest],
            )
            return cursor.fetchone()[0]
    record(act, [Fact(made[0], 1, events.ImportUploaded(name, digest))])
    return made[0]


# --- staging --------------------------------------------------------------------------------------------------------


@listens("orders.stage_import")
@transaction.atomic
def stage_imports(act: Act, facts: Sequence[Fact]) -> None:
    """
    Will stage the next part of each uploaded file: every line with its terms or with all that is wrong with it. A part
    that was staged before is left alone. A file that cannot be read at all fails, saying why.
    """
    for fact in facts:
        batch = Import.objects.select_for_update(no_key=True).get(pk=fact.subject_id)
        if IMPORT_LIFE.allows(batch.status, events.ImportStaged) and batch.version == fact.nth:
            _stage(act, batch)


def _stage(act: Act, batch: Import) -> None:
    if batch.sheet is None:
        try:
            sheet = rules.read(batch.file_name, bytes(batch.content))
        except rules.Unreadable as refusal:
            batch.error = refusal.message
            import_happens(act, batch, events.ImportFailed(refusal.message), error=refusal.message)
            return
        if not _understood(act, batch, sheet):
            return
    sheet = sheet_of(batch)
    size = batch.rows if batch.rows <= WHOLE_UP_TO else -(-batch.rows // PARTS)
    user = User.objects.get(pk=batch.created_by_id)
    asked = asked_of(user, batch, sheet)[batch.rows_read : batch.rows_read + size]
    terms, problems = judged_lines(user, asked, act)
    with connection.cursor() as cursor:
        copy_frame(cursor, "orders_importrow", _staged(batch, sheet, asked, terms, problems))
    batch.rows_read += len(asked)
    batch.bad_rows += problems["row"].n_unique()
    done = batch.rows_read == batch.rows
    event = (
        events.ImportStaged(batch.rows, batch.bad_rows) if done else events.ImportAdvanced(batch.rows_read, batch.rows)
    )
    import_happens(
        act, batch, event, sheet=batch.sheet, rows=batch.rows, rows_read=batch.rows_read, bad_rows=batch.bad_rows,
        columns=batch.columns, words=batch.words, template=batch.template,
    )  # fmt: skip


def _understood(act: Act, batch: Import, sheet: sheets.Sheet) -> bool:
    """
    Takes what a template says of a file just opened, the person's own before their desks', the newest first. Whether
    its columns are clear; a file whose are not waits for its person. One without headings is understood by its cells.
    """
    batch.sheet, batch.rows = rules.stored(sheet), len(sheet.frame)
    if rules.is_headless(sheet.headings):
        return _understood_by_cells(act, batch, sheet)
    batch.template = selectors.template_for(batch.created_by_id, rules.signature(sheet.headings))
    if batch.template:
        batch.columns, batch.words = batch.template.columns, batch.template.words
    elif sheet.doubt:
        import_happens(
            act, batch, events.ImportUnmapped(sheet.doubt), error=sheet.doubt, sheet=batch.sheet, rows=batch.rows
        )
        return False
    return True


def _understood_by_cells(act: Act, batch: Import, sheet: sheets.Sheet) -> bool:
    cells = sheet.frame.select(sheet.headings)
    said = {cell.strip() for name in cells.columns for cell in cells[name].head(LOOKED_AT).to_list() if cell.strip()}
    user = User.objects.get(pk=batch.created_by_id)
    portfolios = {code.upper() for code, pk, _ in selectors.portfolio_codes(user, list(said)) if pk}
    instruments = {name for name, found in reference.resolve_instruments(said).items() if found}
    batch.columns = rules.columns_by_content(cells, portfolios, instruments)
    open_still = [n for n in cells.columns if n not in batch.columns.values() and (cells[n].str.strip_chars() != "").any()]
    if not open_still and not rules.missing(batch.columns):
        return True
    import_happens(
        act, batch, events.ImportUnmapped(HEADLESS), error=HEADLESS, sheet=batch.sheet, rows=batch.rows,
        columns=batch.columns,
    )  # fmt: skip
    return False


def sheet_of(batch: Import) -> sheets.Sheet:
    """The file's cells and what its columns mean, once it was opened."""
    return rules.unstored(bytes(batch.sheet), batch.columns)


def asked_of(user, batch: Import, sheet: sheets.Sheet) -> pl.DataFrame:
    """The sheet's lines in the shape that tickets are judged in: the words resolved, by line (``row``)."""
    given = {field: pl.col(heading) for field, heading in sheet.columns.items()}
    for field, words in batch.words.items():
        if field in given and words:
            theirs = given[field].str.strip_chars().str.to_lowercase()
            given[field] = theirs.replace_strict(words, default=given[field], return_dtype=pl.String)
    name = pl.concat_str(
        [given.get(kind, pl.lit("")).str.strip_chars().str.to_uppercase() for kind in sheets.IDENTIFIERS], separator="|"
    )
    chosen = name.replace_strict(batch.listings, default=None, return_dtype=pl.Int64) if batch.listings else None
    frame = sheet.frame.select(
        pl.col(sheets.LINE).alias("row"),
        pl.col(sheets.LINE).alias("line"),
        pl.col(sheets.PROBLEM).alias("shape_problem"),
        pl.lit(None, pl.Int64).alias("portfolio_id"),
        (pl.lit(None, pl.Int64) if chosen is None else chosen).alias("instrument_id"),
        *(given.get(name, pl.lit("")).alias(name) for name in ("portfolio", *sheets.IDENTIFIERS, *rules.TYPED, "desk", "group")),
        own_columns(sheet).alias("own"),
    )
    ref = pl.col("client_ref").str.strip_chars()
    return named(user, frame, sheets.IDENTIFIERS).with_columns(pl.col("line").first().over(ref).alias("ref_first"))


def own_columns(sheet: sheets.Sheet) -> pl.Expr:
    """The columns told to hold a field of the firm's own, or named by it (code or label), as JSON; null where a line has none."""
    headings = {heading.strip().lower(): heading for heading in sheet.ignored}
    told = {field: heading for field, heading in sheet.columns.items() if field.startswith(OWN)}
    found = {}
    for field in selectors.own_fields() if headings or told else []:
        heading = told.get(OWN + field.code) or headings.get(field.code.lower()) or headings.get(field.label.lower())
        if heading:
            found[field.code] = pl.col(heading).fill_null("").str.strip_chars()
    if not found:
        return pl.lit(None, pl.String)
    together = pl.struct(**found).struct.json_encode()
    return pl.when(pl.any_horizontal(value != "" for value in found.values())).then(together)


def judged_lines(user, asked: pl.DataFrame, act: Act) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Terms of the good lines and problems of the bad, those of their shape among them."""
    terms, problems = rules.judged(with_facts(user, asked, act.at))
    group = pl.col("group").str.strip_chars().str.len_chars()
    twofold = (pl.col("qty").str.strip_chars() != "") & (pl.col("intent").str.strip_chars() != "")
    shapes = pl.concat(
        asked.filter(broken).select("row", pl.lit(field).alias("field"), message.alias("message"))
        for field, broken, message in (
            ("row", pl.col("shape_problem").is_not_null(), pl.col("shape_problem")),
            ("group", group > 120, pl.format("{} characters are too many: at most 120.", group)),
            ("qty", twofold, pl.lit("Give units, or an intent with its value; not both.")),
        )
    )
    if len(shapes):
        problems = pl.concat([problems, shapes]).sort("row", maintain_order=True)
        terms = terms.join(shapes, on="row", how="anti", maintain_order="left")
    return terms, problems


def _staged(
    batch: Import, sheet: sheets.Sheet, asked: pl.DataFrame, terms: pl.DataFrame, problems: pl.DataFrame
) -> pl.DataFrame:
    """The lines as they are kept: what was written, what is wrong, what it means."""
    wrong = problems_by_row(problems)
    meant = terms.with_columns(
        rules.as_text("qty", rules.QTY_PLACES), rules.as_text("limit_price", rules.PRICE_PLACES)
    ).select(
        "row",
        pl.struct(
            "portfolio_id", "instrument_id", "side", "qty", "order_type", "limit_price", "tif", "currency"
        ).struct.json_encode().alias("parsed"),
    )  # fmt: skip
    written = sheet.frame.join(asked.select(pl.col("row").alias(sheets.LINE)), on=sheets.LINE, how="semi").select(
        pl.col(sheets.LINE).alias("row"), pl.struct(sheet.headings).struct.json_encode().alias("raw")
    )
    return (
        asked.select("row")
        .join(written, on="row", how="left", maintain_order="left")
        .join(wrong, on="row", how="left", maintain_order="left")
        .join(meant, on="row", how="left", maintain_order="left")
        .select(
            pl.lit(batch.pk).alias("batch_id"), pl.col("row").alias("line"), "raw",
            pl.col("problems").fill_null("[]"), "parsed",
        )
    )  # fmt: skip


def problems_by_row(problems: pl.DataFrame) -> pl.DataFrame:
    """Each bad row's problems as one JSON array."""
    return (
        problems.with_columns(pl.struct("field", "message").struct.json_encode().alias("one"))
        .group_by("row", maintain_order=True)
        .agg(pl.col("one").str.join(","))
        .select("row", pl.format("[{}]", "one").alias("problems"))
    )


# --- set aside -----------------------------------------------------------------------------------------------------


@transaction.atomic
def discard_import(act: Act, import_id: int, *, seen: Mapping[int, int]) -> None:
    """Will set a staged file aside; it may then be imported anew. :raises NotFound, StaleImport, IllegalMove: as above"""
    require(act, "orders.import")
    import_happens(act, own_import(act, import_id, seen, events.ImportDiscarded), events.ImportDiscarded())


def own_import(act: Act, import_id: int, seen: Mapping[int, int], kind: type[Event]) -> Import:
    batch = Import.objects.select_for_update(no_key=True).filter(pk=import_id, created_by=act.by).first()
    if batch is None:
        raise NotFound("There is no such import, or it is not one of yours.")
    if seen.get(batch.pk) != batch.version:
        raise StaleImport(
            "The import changed since you looked, so nothing was done. Reload, look and try again.",
            stale=selectors.missed("import", {batch.pk: (batch.file_name, seen.get(batch.pk), batch.version)}),
        )
    IMPORT_LIFE.after(batch.status, kind)
    return batch


def import_happens(act: Act, batch: Import, event: Event, **columns) -> None:
    """The only door to an import's status."""
    status = IMPORT_LIFE.after(batch.status, type(event))
    Import.objects.filter(pk=batch.pk).update(status=status, version=batch.version + 1, **columns)
    record(act, [Fact(batch.pk, batch.version + 1, event)])


