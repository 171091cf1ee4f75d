"""Files of orders: uploaded, looked at line by line, entered or set aside."""

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from apps.audit import wires
from apps.core.edges import act_of, done, whole_number
from apps.core.refusals import Conflict, Invalid
from apps.users.doors import door
from apps.users.services import can

from .. import import_selectors as pages
from .. import page_selectors, selectors, services
from ..forms import PasteForm, UploadForm
from ..states import ImportStatus, S
from .answers import money_words, refused, standing

LINES = 200
KEPT = 100
COLUMNS = (
    ("portfolio", "its code", True), ("symbol", "or isin, cusip, sedol, figi", True), ("side", "BUY, SELL, SELL_SHORT", True),
    ("quantity", "shares, or face of a bond", True), ("order type", "MARKET unless a limit is given", False),
    ("limit price", "percent of par for a bond", False), ("stop price", "of a stop order", False),
    ("tif", "DAY, GTC, GTD, IOC, FOK, OPG, CLS", False), ("good till", "the date of a GTD order, YYYY-MM-DD", False),
    ("minimum quantity", "of one fill", False), ("display size", "what the market may see at once", False),
    ("value date", "of currencies", False), ("intent, amount", "AMOUNT, WEIGHT and so on, in place of a quantity", False),
    ("currency", "only compared with the instrument's", False), ("instructions", "to the desk", False),
    ("desk, group", "its desk's code; orders of one group", False), ("a field of the firm's own", "by its code or label", False),
    ("rationale", "kept with the order", False), ("reference", "your own, unique among your open orders", False),
)  # fmt: skip


@door("orders.import", "audit.see")
@require_http_methods(["GET", "POST"])
def imports(request: HttpRequest) -> HttpResponse:
    """The files imported so far and a form for another. The same file again leads to the same import."""
    paste = PasteForm(request.POST if "text" in request.POST else None)
    is_file = request.method == "POST" and not paste.is_bound
    form = UploadForm(request.POST, request.FILES) if is_file else UploadForm()
    asked = form if is_file else paste
    if asked.is_bound and asked.is_valid():
        act = act_of(request)
        if is_file:
            field, name, content = "file", asked.cleaned_data["file"].name, asked.cleaned_data["file"].read()
        else:
            field, name, content = "text", f"Pasted {act.at:%d %b %H.%M}", asked.cleaned_data["text"].encode()
        try:
            import_id = services.upload_import(act, name, content)
        except Invalid as refusal:
            asked.add_error(field, refusal.message)
        else:
            if selectors.get_import_seen_by(request.user, import_id).created_at != act.at:
                messages.info(request, f"{name} was imported before; this is it. Nothing was changed.")
            return redirect("orders:import_detail", import_id)
    rows = selectors.imports_seen_by(request.user).select_related("created_by", "group").order_by("-pk")[:KEPT]
    context = {"form": form, "batches": rows, "columns": COLUMNS, "may_import": can(request.user, "orders.import")}
    context["paste"] = paste
    if request.htmx and request.method == "GET":
        return render(request, "orders/imports.html#batches", context)
    return render(request, "orders/imports.html", context, status=422 if asked.is_bound else 200)


@door("orders.import", "audit.see")
@require_GET
def import_detail(request: HttpRequest, import_id: int) -> HttpResponse:
    """One file: its progress, its totals, every bad line and what is wrong with it."""
    batch = selectors.get_import_seen_by(request.user, import_id)
    bad, is_own = batch.bad_rows, batch.created_by_id == request.user.pk
    show = request.GET.get("show") or ("bad" if bad else "good")
    paginator = Paginator(selectors.import_rows(batch, bad=show == "bad"), LINES)
    page = paginator.get_page(request.GET.get("page"))
    headings, lines = pages.lines(batch, page.object_list)
    context = {
        "batch": batch,
        "show": show,
        "page": page,
        "headings": headings,
        "lines": lines,
        "good": batch.rows_read - bad,
        "money": pages.totals(batch) if batch.status not in (ImportStatus.UPLOADED, ImportStatus.UNMAPPED) else None,
        "entering": _entering(batch),
        "may_act": is_own and batch.status == ImportStatus.STAGED,
        "may_map": is_own and batch.status == ImportStatus.UNMAPPED,
        "names": selectors.ambiguous_names(batch) if is_own and bad and batch.status == ImportStatus.STAGED else [],
        "chips": [
            {"label": "Bad lines", "url": "?show=bad", "on": show == "bad", "count": bad},
            {"label": "Good lines", "url": "?show=good", "on": show == "good", "count": batch.rows_read - bad},
        ],
    }
    return render(request, f"orders/import.html{'#batch' if request.htmx else ''}", context)


def _entering(batch) -> dict | None:
    """How far a worker has come with entering it."""
    if batch.status != ImportStatus.ENTERING:
        return None
    step = min(wires.progress("import", batch.pk), len(services.STEPS) - 1)
    return {"step": step, "of": len(services.STEPS), "label": services.STEPS[step]}


@door("orders.import")
@require_http_methods(["GET", "POST"])
def commit_import(request: HttpRequest, import_id: int) -> HttpResponse:
    """GET: what would be entered, in money, to confirm. POST: enters all lines, or the valid ones where asked."""
    batch = selectors.get_import_seen_by(request.user, import_id)
    said = request.POST if request.method == "POST" else request.GET
    context = {
        "batch": batch,
        "valid": said.get("valid") == "1",
        "version": said.get("version") or batch.version,
        "group_name": said.get("group_name", batch.file_name.rsplit(".", 1)[0][:120]),
        "money": money_words(pages.totals(batch)),
    }
    if request.method == "GET":
        return render(request, "orders/commit.html", context | {"submits": True})
    submits = said.get("submit") == "1"
    try:
        ids = services.confirm_import(
            act_of(request),
            batch.pk,
            seen={batch.pk: whole_number(said.get("version"), "version", 1)},
            accept_valid=context["valid"],
            group_name=said.get("group_name", ""),
            submit=submits,
        )
    except Invalid as refusal:
        return render(
            request, "orders/commit.html", context | {"submits": submits, "error": refusal.message}, status=422
        )
    except Conflict as refusal:
        return refused(request, refusal)
    if ids is None:
        return done(f"{batch.rows:,} lines of {batch.file_name} are being entered. It goes on if you leave this page.")
    became = page_selectors.statuses_of(ids)
    text = f"{len(ids):,} orders entered from {batch.file_name}: {standing(became)}."
    (messages.warning if became.get(S.HELD) else messages.success)(request, text)
    response = HttpResponse(status=204)
    response["HX-Redirect"] = f"{reverse('orders:list')}?import={batch.pk}"
    return response


@door("orders.import")
@require_POST
def discard_import(request: HttpRequest, import_id: int) -> HttpResponse:
    batch = selectors.get_import_seen_by(request.user, import_id)
    seen = {batch.pk: whole_number(request.POST.get("version"), "version", 1)}
    services.discard_import(act_of(request), batch.pk, seen=seen)
    return done(f"{batch.file_name} was set aside; no order was made. It may be imported again.")
