"""Files that are not ours: which column holds what, which word means what, which listing a name means."""

import json

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from apps.core.edges import act_of, whole_number
from apps.core.refusals import Invalid
from apps.users.doors import door

from .. import selectors, services
from ..rules import is_headless, sheets
from ..services.imports import OWN
from ..services.mapping import SPOKEN

SAMPLES = 3
NAMES = {
    "isin": "ISIN", "cusip": "CUSIP", "sedol": "SEDOL", "figi": "FIGI", "tif": "Time in force", "client_ref": "Reference",
    "min_qty": "Minimum quantity", "display_qty": "Display size", "expire_date": "Good till", "intent_value": "Amount or target",
}  # fmt: skip


def labels() -> dict[str, str]:
    """Every field a column may hold, with its name for people: those of an order, then the firm's own."""
    ours = {f: NAMES.get(f) or f.replace("_", " ").replace("qty", "quantity").capitalize() for f in sheets.HEADINGS}
    return ours | {OWN + field.code: field.label for field in selectors.own_fields()}


@door("orders.import")
@require_http_methods(["GET", "POST"])
def map_import(request: HttpRequest, import_id: int) -> HttpResponse:
    """GET: the file's headings with what they seem to mean. POST: what would be read so, or, with ``save``, reads it so."""
    batch = selectors.get_import_seen_by(request.user, import_id)
    if batch.sheet is None or batch.created_by_id != request.user.pk:
        messages.info(request, "This file has no columns to tell apart: it was not read, or it is a colleague's.")
        return redirect("orders:import_detail", import_id)
    sheet = services.sheet_of(batch)
    columns, words = sheet.columns, batch.words
    if request.method == "POST":
        columns, words = _told(request, sheet.headings)
    error = ""
    if request.POST.get("save"):
        try:
            services.map_import(
                act_of(request), import_id, columns=columns, words=words,
                seen={import_id: whole_number(request.POST.get("version"), "version", 1)},
                save_as=request.POST.get("save_as", ""),
                desk_id=whole_number(request.POST["desk"], "desk", 1) if request.POST.get("desk") else None,
            )  # fmt: skip
            return redirect("orders:import_detail", import_id)
        except Invalid as refusal:
            error = refusal.message
    context = _context(request, batch, sheet, columns, words) | {"error": error}
    part = "#sample" if request.htmx else ""
    return render(request, f"orders/mapping.html{part}", context, status=422 if error else 200)


def _told(request: HttpRequest, headings: list[str]) -> tuple[dict[str, str], dict[str, dict[str, str]]]:
    columns: dict[str, str] = {}
    for place, heading in enumerate(headings):
        field = request.POST.get(f"column-{place}")
        if field in columns:
            raise Invalid(f"Both “{columns[field]}” and “{heading}” were given to one field. Choose each once.", field=field)
        if field:
            columns[field] = heading
    said = request.POST
    words = {
        field: dict(zip(said.getlist(f"theirs-{field}"), said.getlist(f"ours-{field}"), strict=False)) for field in SPOKEN
    }
    return columns, {field: told for field, told in words.items() if told}


def _context(request: HttpRequest, batch, sheet, columns, words) -> dict:
    held = {heading: field for field, heading in columns.items()}
    frame = sheet.frame.head(SAMPLES)
    strange = services.unknown_words(batch, columns)
    for field, told in words.items():  # Those told before are asked again.
        strange[field] = list(dict.fromkeys([*(w for w in told if field in columns), *strange.get(field, [])]))
    lacking = sheets.missing(columns)
    asked, wrong = (None, {}) if lacking else services.sample_import(act_of(request), request.user, batch, columns, words)
    names = labels()
    lines = [] if asked is None else [(row, json.loads(row["own"] or "{}")) for row in asked.to_dicts()]
    own = [code for code in dict.fromkeys(code for _, values in lines for code in values) if OWN + code in names]
    shown = [field for field in names if field in columns and not field.startswith(OWN)]
    return {
        "batch": batch,
        "version": request.POST.get("version") or batch.version,
        "fields": list(names.items()),
        "headings": [
            (place, heading, [cell for cell in frame[heading].to_list() if cell.strip()], held.get(heading, ""))
            for place, heading in enumerate(sheet.headings)
        ],
        "words": [
            (field, names[field], sorted(set(SPOKEN[field].values())),
             [(word, words.get(field, {}).get(word, "")) for word in found])
            for field, found in strange.items() if found
        ],
        "lacking": lacking,
        "headless": is_headless(sheet.headings),
        "shown": [names[field] for field in shown] + [names[OWN + code] for code in own],
        "lines": [
            (row["row"], [row[field] for field in shown] + [values.get(code, "") for code in own], wrong.get(row["row"], []))
            for row, values in lines
        ],
        "save_as": request.POST.get("save_as", batch.template.name if batch.template else ""),
        "desk": request.POST.get("desk", ""),
        "desks": request.user.desks.all(),
    }  # fmt: skip


@door("orders.import")
@require_POST
def choose_listings(request: HttpRequest, import_id: int) -> HttpResponse:
    """Takes the chosen listing of each ambiguous name; the file is read anew."""
    batch = selectors.get_import_seen_by(request.user, import_id)
    names, chosen = request.POST.getlist("name"), request.POST.getlist("listing")
    listings = {n: whole_number(pk, "listing", 1) for n, pk in zip(names, chosen, strict=False) if pk}
    seen = {batch.pk: whole_number(request.POST.get("version"), "version", 1)}
    try:
        services.choose_listings(act_of(request), batch.pk, seen=seen, listings=listings)
    except Invalid as refusal:
        messages.error(request, refusal.message)
    return redirect("orders:import_detail", import_id)
