"""Pages of settlement: the board, one instruction, one confirmation, standing instructions, and what operations mend."""

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from apps.core.edges import act_of, done, seen_versions, whole_number
from apps.core.refusals import Conflict, Invalid
from apps.users.doors import door
from apps.users.services import can

from . import page_selectors, papers, selectors, services
from .forms import StandingForm
from .states import C, I

FILTERS = (
    ("", "All"),
    ("ATTENTION", "Needs a person"),
    ("OPEN", "Not settled"),
    *((s.value, s.capitalize()) for s in I),
)


# --- The board ------------------------------------------------------------------------------------------------------
@door("settlement.see")
@require_GET
def board(request: HttpRequest) -> HttpResponse:
    """Instructions by attention; or confirmations, money to settle, or what custodians and counterparties said in vain."""
    if request.htmx and request.GET.get("part") == "strip":
        return render(request, "settlement/board.html#strip", _around(request))
    return render(request, "settlement/board.html", _board(request))


def _around(request: HttpRequest) -> dict:
    strip = selectors.strip(request.user)
    at, sums = reverse("settlement:board"), strip.instructions
    stuck = strip.stuck
    figures = [
        ("Needs a person", stuck, f"{at}?status=ATTENTION", "bad" if stuck else "ok"),
        ("Rejected or failing", sums["REJECTED"] + sums["FAILING"], f"{at}?status=FAILING", "bad"),
        ("Unmatched", sums["UNMATCHED"], f"{at}?status=UNMATCHED", "warn"),
        ("Blocked", sums["BLOCKED"], f"{at}?status=BLOCKED", "warn"),
        ("Disputed", strip.confirmations["DISPUTED"], f"{at}?confirmations=DISPUTED", "warn"),
        ("Commissions differ", strip.charges["DIFFERS"], f"{at}?charges=DIFFERS", "warn"),
        ("On the way", sums["READY"] + sums["SENT"] + sums["MATCHED"], f"{at}?status=OPEN", ""),
        ("Settled", sums["SETTLED"], f"{at}?status=SETTLED", ""),
    ]
    return {
        "figures": [(label, value, url, tone if value or label == "Needs a person" else "")
                    for label, value, url, tone in figures],
        "clocks": page_selectors.clocks(request.user),
        "strip": strip,
    }  # fmt: skip


def _board(request: HttpRequest) -> dict:
    asked, around = request.GET, _around(request)
    show = next((s for s in ("confirmations", "exchanges", "charges", "cash", "problems") if s in asked), "instructions")
    strip, at = around["strip"], reverse("settlement:board")
    context = around | {
        "show": show,
        "may_mend": can(request.user, "settlement.mend"),
        "parts": [
            {"label": label, "url": url, "on": show == name, "count": count}
            for label, url, name, count in (
                ("Instructions", at, "instructions", sum(strip.instructions.values())),
                ("Confirmations", f"{at}?confirmations=", "confirmations", sum(strip.confirmations.values())),
                ("Currencies", f"{at}?exchanges=", "exchanges", strip.exchanges),
                ("Commissions", f"{at}?charges={'DIFFERS' if strip.charges['DIFFERS'] else ''}", "charges", sum(strip.charges.values())),
                ("Money to settle", f"{at}?cash=", "cash", None),
                ("Problems", f"{at}?problems=", "problems", strip.files_with_problems + strip.stray_answers),
            )
        ],
        "query": asked.get("q", "")[:60],
    }
    if show == "instructions":
        status = asked.get("status", "")
        page = Paginator(
            page_selectors.instructions(request.user, status, asked.get("q", "")[:60]), page_selectors.MOST
        )
        context["page"] = page.get_page(asked.get("page"))
        context["rows"] = [page_selectors.InstructionLine(*row) for row in context["page"]]
        counts = strip.instructions | {
            "": sum(strip.instructions.values()),
            "OPEN": sum(strip.instructions[s] for s in page_selectors.OPEN),
            "ATTENTION": strip.stuck,
        }
        context["chips"] = _chips("status", FILTERS, status, counts)
    elif show == "confirmations":
        status = asked["confirmations"]
        page = Paginator(page_selectors.confirmations(request.user, status), page_selectors.MOST)
        context["page"] = context["rows"] = page.get_page(asked.get("page"))
        filters = [("", "All"), *((s.value, s.capitalize()) for s in C)]
        counts = strip.confirmations | {"": sum(strip.confirmations.values())}
        context["chips"] = _chips("confirmations", filters, status, counts)
    elif show == "exchanges":
        page = Paginator(selectors.exchange_rows(request.user), page_selectors.MOST)
        context["page"] = context["rows"] = page.get_page(asked.get("page"))
        context["today"] = timezone.now().date()
    elif show == "charges":
        status = asked["charges"]
        page = Paginator(page_selectors.charges(request.user, status), page_selectors.MOST)
        context["page"] = context["rows"] = page.get_page(asked.get("page"))
        filters = [("", "All"), *((s, s.capitalize()) for s in strip.charges)]
        context["chips"] = _chips("charges", filters, status, strip.charges | {"": sum(strip.charges.values())})
    elif show == "cash":
        context["rows"] = selectors.cash_to_settle(request.user)
    else:
        context["files"] = selectors.files_with_problems(request.user)[:200]
        context["strays"] = selectors.stray_answers(request.user)[:200]
    return context


def _chips(name: str, filters, now: str, counts: dict) -> list[dict]:
    return [
        {"label": label, "url": f"?{name}={value}" if value or name != "status" else "?", "on": now == value,
         "count": counts[value]}
        for value, label in filters
        if counts[value] or now == value or value == ""
    ]  # fmt: skip


def _ids(request: HttpRequest) -> list[int]:
    return [whole_number(text, "ids", 1) for text in request.GET.get("ids", "").split(",") if text][:1000]


@door("settlement.see")
@require_GET
def rows(request: HttpRequest) -> HttpResponse:
    """The asked-for instructions that belong to the list, for the live page."""
    found = page_selectors.instructions(
        request.user, request.GET.get("status", ""), request.GET.get("q", "")[:60], _ids(request)
    )
    context = {"rows": [page_selectors.InstructionLine(*row) for row in found]}
    return render(
        request, "settlement/board.html#instructions", context | {"may_mend": can(request.user, "settlement.mend")}
    )


@door("settlement.see")
@require_GET
def confirmation_rows(request: HttpRequest) -> HttpResponse:
    found = page_selectors.confirmations(request.user, request.GET.get("confirmations", ""), _ids(request))
    return render(request, "settlement/board.html#confirmations", {"rows": found})


# --- One of a kind --------------------------------------------------------------------------------------------------
@door("settlement.see")
@require_GET
def instruction(request: HttpRequest, instruction_id: int) -> HttpResponse:
    """One instruction: what it says, what the custodian said of it, and its life."""
    found = selectors.get_instruction_seen_by(request.user, instruction_id)
    said = (
        ("Processing", found.processing_status), ("Matching", found.matching_status),
        ("Inferred matching", found.inferred_matching_status), ("Settlement", found.settlement_status),
    )  # fmt: skip
    context = {
        "instruction": found,
        "look": page_selectors.look_of(found.status),
        "said": [(name, code, page_selectors.WORDS.get(code, "")) for name, code in said],
        "confirmation": selectors.confirmations_seen_by(request.user).filter(allocation=found.allocation_id).first(),
        "may_mend": can(request.user, "settlement.mend"),
        "replaced_by": selectors.instructions_seen_by(request.user).filter(replaces=found.pk).first(),
        "may_resend": found.status in services.RESENDABLE,
    }
    if request.htmx:
        return render(request, "settlement/instruction.html#drawer", context)
    return render(request, "settlement/instruction.html", _board(request) | context)


@door("settlement.see")
@require_GET
def instruction_xml(request: HttpRequest, instruction_id: int) -> HttpResponse:
    """The sese.023 as it goes to the custodian: shown in the drawer, or as a file."""
    found = selectors.get_instruction_seen_by(request.user, instruction_id)
    if request.htmx:
        context = {"xml": page_selectors.readable_xml(found), "instruction": found}
        return render(request, "settlement/instruction.html#xml", context)
    return _file(selectors.xml_of(found).encode(), "application/xml", f"{found.ref}-{found.reference}.xml")


@door("settlement.see")
@require_GET
def confirmation(request: HttpRequest, confirmation_id: int) -> HttpResponse:
    """One confirmation, as its paper says it, and the counterparty's answer."""
    found = selectors.get_confirmation_seen_by(request.user, confirmation_id)
    context = {
        "confirmation": found,
        "lines": papers.confirmation_lines(found),
        "instruction": selectors.instructions_seen_by(request.user).filter(allocation=found.allocation_id)
        .order_by("-attempt").first(),
    }
    template = "settlement/confirmation.html"
    return render(request, f"{template}#drawer" if request.htmx else template, context)


@door("settlement.see")
@require_GET
def confirmation_pdf(request: HttpRequest, confirmation_id: int) -> HttpResponse:
    found = selectors.get_confirmation_seen_by(request.user, confirmation_id)
    return _file(papers.confirmation_pdf(found), "application/pdf", f"{found.ref}.pdf")


def _file(content: bytes, kind: str, name: str) -> HttpResponse:
    return HttpResponse(content, content_type=kind, headers={"Content-Disposition": f'attachment; filename="{name}"'})


# --- What operations mend -------------------------------------------------------------------------------------------
@door("settlement.mend")
@require_http_methods(["GET", "POST"])
def unblock(request: HttpRequest) -> HttpResponse:
    """Asks, and then releases blocked instructions whose standing instruction is now on file."""
    seen = seen_versions(request.GET if request.method == "GET" else request.POST)
    if request.method == "POST":
        try:
            count = services.unblock_instructions(act_of(request), list(seen), seen=seen)
        except services.NothingToUnblock as refusal:
            return _ask_to_unblock(request, seen, refusal.message, 422)
        return done(f"{count} instruction{'s'[: count != 1]} released; the next file to the custodian carries them.")
    return _ask_to_unblock(request, seen)


def _ask_to_unblock(request: HttpRequest, seen: dict[int, int], error: str = "", status: int = 200) -> HttpResponse:
    chosen = page_selectors.chosen(request.user, seen, I.BLOCKED)
    context = {
        "title": "Release blocked instructions",
        "money": chosen.money,
        "text": "Those whose standing settlement instruction is now on file become ready and go out with the next file.",
        "facts": chosen.facts,
        "fields": [("seen", f"{row.pk}:{seen[row.pk]}") for row in chosen.rows],
        "action_url": reverse("settlement:unblock"),
        "button": "Release",
        "error": error,
    }
    return render(request, "components/confirm.html", context, status=status)


@door("settlement.mend")
@require_http_methods(["GET", "POST"])
def note(request: HttpRequest) -> HttpResponse:
    """Asks for, and then writes down, what operations know or did about instructions."""
    seen = seen_versions(request.GET if request.method == "GET" else request.POST)
    if request.method == "POST":
        text = request.POST.get("reason", "")
        try:
            services.note_instructions(act_of(request), list(seen), text, seen=seen)
        except Invalid as refusal:
            return _ask_for_note(request, seen, text, refusal.message, 422)
        return done("Noted on the record.")
    return _ask_for_note(request, seen)


def _ask_for_note(request: HttpRequest, seen: dict, text: str = "", error: str = "", status: int = 200) -> HttpResponse:
    chosen = page_selectors.chosen(request.user, seen)
    context = {
        "title": "Write a note",
        "money": chosen.money,
        "text": "What you know or did about it: whom you called, what was agreed. It stands beside the instruction.",
        "fields": [("seen", f"{row.pk}:{seen[row.pk]}") for row in chosen.rows],
        "action_url": reverse("settlement:note"),
        "button": "Write down",
        "reason": "required",
        "reason_value": text,
        "error": error,
    }
    return render(request, "components/confirm.html", context, status=status)


@door("settlement.mend")
@require_http_methods(["GET", "POST"])
def resend(request: HttpRequest) -> HttpResponse:
    """Asks for a reason, and then cancels instructions and sends others in their place."""
    seen = seen_versions(request.GET if request.method == "GET" else request.POST)
    if request.method == "POST":
        reason = request.POST.get("reason", "")
        try:
            made = services.resend_instructions(act_of(request), list(seen), reason, seen=seen)
        except (Invalid, services.CannotBeResent) as refusal:
            return _ask_to_resend(request, seen, reason, refusal.message, 422)
        return done(f"{len(made)} instruction{'s'[: len(made) != 1]} cancelled and made anew, each with a new reference.")
    return _ask_to_resend(request, seen)


def _ask_to_resend(request: HttpRequest, seen: dict, text: str = "", error: str = "", status: int = 200) -> HttpResponse:
    chosen = page_selectors.chosen(request.user, seen)
    context = {
        "title": "Cancel and send anew",
        "money": chosen.money,
        "text": "The custodian is asked to cancel what it has, and gets a new instruction under a new reference that names"
        " the old one, with the standing instruction on file today. Amounts and dates are the allocation’s.",
        "facts": chosen.facts,
        "fields": [("seen", f"{row.pk}:{seen[row.pk]}") for row in chosen.rows],
        "action_url": reverse("settlement:resend"),
        "button": "Cancel and send anew",
        "reason": "required",
        "reason_value": text,
        "error": error,
    }
    return render(request, "components/confirm.html", context, status=status)


@door("settlement.see")
@require_GET
def standing(request: HttpRequest) -> HttpResponse:
    """Standing settlement instructions, and the form that adds one."""
    given = {name: request.GET[name] for name in ("broker", "country") if name in request.GET}
    return _standing(request, StandingForm(initial=given))


def _standing(request: HttpRequest, form: StandingForm, status: int = 200) -> HttpResponse:
    context = {
        "rows": selectors.standing_rows(request.user),
        "form": form,
        "may_mend": can(request.user, "settlement.mend"),
        "blocked": selectors.strip(request.user).instructions[I.BLOCKED],
    }
    return render(request, "settlement/standing.html", context, status=status)


@door("settlement.mend")
@require_POST
def add_standing(request: HttpRequest) -> HttpResponse:
    form = StandingForm(request.POST)
    if form.is_valid():
        try:
            services.add_standing_instructions(act_of(request), [form.standing()])
        except (Invalid, Conflict) as refusal:
            field = refusal.facts.get("field")
            form.add_error(field if field in form.fields else None, refusal.message)
        else:
            return redirect("settlement:standing")
    return _standing(request, form, 422)
