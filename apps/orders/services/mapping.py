"""What the columns, the words and the names of a file mean, where its person says so; the file is then read anew."""

from collections.abc import Mapping

import polars as pl
from django.db import transaction

from apps.audit.services import record
from apps.core.acts import Act
from apps.core.events import Fact
from apps.core.refusals import Invalid
from apps.users.models import User
from apps.users.services import require

from .. import events, rules, selectors
from ..models import Import, ImportRow, ImportTemplate
from ..rules import sheets
from .imports import OWN, asked_of, import_happens, judged_lines, own_import, sheet_of

SPOKEN = {"side": rules.SIDES, "order_type": rules.ORDER_TYPES, "tif": rules.TIFS}  # Fields whose words can be told.


class BadMapping(Invalid):
    """The columns or words that were told do not make orders of the file's lines."""


@transaction.atomic
def map_import(
    act: Act,
    import_id: int,
    *,
    seen: Mapping[int, int],
    columns: Mapping[str, str],
    words: Mapping[str, Mapping[str, str]] | None = None,
    save_as: str = "",
    desk_id: int | None = None,
) -> None:
    """
    Will take what the person says of a file's columns and words, and have it read anew.

    :param columns: field of an order to the heading that holds it
    :param words: of ``SPOKEN`` fields: a word of theirs to ours
    :param save_as: also saves it as a template of this name, in place of the person's own of that name; files with the
        same headings are then understood by themselves
    :param desk_id: one of the person's desks, to share the template with
    :raises NotFound, StaleImport, IllegalMove: as ``commit_import``
    :raises BadMapping: saying which field, heading or word is at fault
    """
    user = require(act, "orders.import")
    batch = own_import(act, import_id, seen, events.ImportMapped)
    columns, words = _checked(batch, columns, words or {})
    batch.template = _saved(act, user, batch, save_as, columns, words, desk_id) if save_as.strip() else None
    _read_anew(act, batch, columns=columns, words=words, template=batch.template)


@transaction.atomic
def choose_listings(act: Act, import_id: int, *, seen: Mapping[int, int], listings: Mapping[str, int]) -> None:
    """
    Will take, for names that mean several instruments, the one that the person means throughout the file.

    :param listings: name, as ``selectors.ambiguous_names`` gives it, to the instrument's id
    :raises NotFound, StaleImport, IllegalMove: as ``commit_import``
    :raises BadMapping: where a name is not among the file's ambiguous ones, or the instrument not among its meanings
    """
    require(act, "orders.import")
    batch = own_import(act, import_id, seen, events.ImportMapped)
    meanings = {one.name: {option.pk for option in one.options} for one in selectors.ambiguous_names(batch)}
    for name, instrument_id in listings.items():
        if instrument_id not in meanings.get(name, ()):
            raise BadMapping(
                f"“{name.replace('|', ' ').strip()[:40]}” does not mean this instrument. Reload and choose again.",
                field="listings",
            )
    if not listings:
        raise BadMapping("Choose a listing first.", field="listings")
    _read_anew(act, batch, listings={**batch.listings, **listings})


def sample_import(
    act: Act, user: User, batch: Import, columns: Mapping[str, str], words: Mapping, lines: int = 8
) -> tuple[pl.DataFrame, dict[int, list[str]]]:
    """The first lines as they would be read, and what would be wrong with each, by line. Nothing is kept."""
    batch.columns, batch.words = dict(columns), _lowered(words)
    sheet = sheet_of(batch)
    asked = asked_of(user, batch, sheets.Sheet(sheet.frame.head(lines), sheet.columns))
    problems = judged_lines(user, asked, act)[1]
    wrong: dict[int, list[str]] = {}
    for row, field, message in problems.rows():
        wrong.setdefault(row, []).append(f"{field.replace('_', ' ').capitalize()}: {message}")
    return asked, wrong


def unknown_words(batch: Import, columns: Mapping[str, str]) -> dict[str, list[str]]:
    """Of each field whose words can be told, those in the file that are not ours; at most twenty a field."""
    frame = sheet_of(batch).frame
    found = {}
    for field, ours in SPOKEN.items():
        if columns.get(field) in frame.columns:
            said = frame[columns[field]].str.strip_chars().str.to_lowercase().unique(maintain_order=True)
            found[field] = [
                w for w in said.to_list() if w and w.replace(" ", "_").replace("-", "_") not in ours
            ][:20]
    return {field: new for field, new in found.items() if new}


def _lowered(words: Mapping[str, Mapping[str, str]]) -> dict[str, dict[str, str]]:
    return {
        field: {theirs.strip().lower(): ours for theirs, ours in told.items() if ours}
        for field, told in words.items()
        if any(told.values())
    }


def _checked(batch: Import, columns: Mapping[str, str], words: Mapping[str, Mapping[str, str]]) -> tuple[dict, dict]:
    headings = sheet_of(batch).headings
    columns, words = {field: heading for field, heading in columns.items() if heading}, _lowered(words)
    own = {OWN + field.code for field in selectors.own_fields()} if any(f.startswith(OWN) for f in columns) else set()
    for field, heading in columns.items():
        if field not in sheets.HEADINGS and field not in own:
            raise BadMapping(f"An order has no field “{field[:40]}”.", field=field[:40])
        if heading not in headings:
            raise BadMapping(f"The file has no column “{heading[:80]}”.", field=field)
    if len(set(columns.values())) < len(columns):
        raise BadMapping("One column was given to two fields. Choose each once.", field="columns")
    if lacking := rules.missing(columns):
        raise BadMapping(f"{lacking} Say which of the file's columns holds it.", field="columns")
    for field, told in words.items():
        if field not in SPOKEN or not set(told.values()) <= set(SPOKEN[field].values()):
            raise BadMapping(f"A word of the field “{field[:40]}” was told to mean what it cannot.", field=field[:40])
    return columns, words


def _saved(act, user, batch: Import, name: str, columns: dict, words: dict, desk_id: int | None) -> ImportTemplate:
    name = name.strip()
    if len(name) > 80:
        raise BadMapping("The template's name is longer than 80 characters; shorten it.", field="save_as")
    if desk_id is not None and not user.desks.filter(pk=desk_id).exists():
        raise BadMapping("You do not sit at this desk, so the template cannot be shared with it.", field="desk")
    headings = sheet_of(batch).headings
    if rules.is_headless(headings):
        raise BadMapping(
            "The file has no headings that a later one could be known by. Read it so without saving a template.",
            field="save_as",
        )
    template = ImportTemplate.objects.select_for_update().filter(owner=user, name=name, removed_at=None).first()
    if template is None:
        template = ImportTemplate(owner=user, name=name, version=0)
    template.headings, template.signature = headings, rules.signature(headings)
    template.columns, template.words, template.desk_id, template.saved_at = columns, words, desk_id, act.at
    template.version += 1
    template.save()
    record(act, [Fact(template.pk, template.version, events.TemplateSaved(name, headings, columns, words, desk_id))])
    return template


def _read_anew(act: Act, batch: Import, **said) -> None:
    """Forgets the staged lines and has the file staged again as it is understood now."""
    ImportRow.objects.filter(batch=batch).delete()
    for name, value in said.items():
        setattr(batch, name, value)
    event = events.ImportMapped(batch.columns or {}, batch.words, batch.listings, batch.template_id)
    import_happens(act, batch, event, rows_read=0, bad_rows=0, error="", **said)
