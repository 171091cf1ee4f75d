"""Pages of mandates: the documents with how far rules cover them, and one document beside the rules that prove it."""

import json
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from apps.core.acts import Act
from apps.core.edges import act_of, attachment, refused_in_dialog, reload_page, seen_versions, whole_number
from apps.core.refusals import Invalid, Refusal, Stale
from apps.users.doors import door
from apps.users.services import can

from . import mandate_forms as forms
from . import selectors, services

ACTS = {
    "approve": (services.approve_mappings, "Approved"),
    "refuse": (services.refuse_mappings, "Refused"),
    "drop": (services.drop_mappings, "Dropped"),
    "end": (services.end_mappings, "Ended"),
}


@door("compliance.see")
@require_GET
def mandates(request: HttpRequest) -> HttpResponse:
    rows = list(selectors.mandates_seen_by(request.user))
    found = selectors.coverage_of(row.pk for row in rows)
    listed = [(row, row.editions.all()[0], found[row.pk]) for row in rows]
    listed.sort(key=lambda one: (one[0].status != "ACTIVE", one[2].is_whole))
    context = {
        "rows": listed,
        "whole": selectors.coverage_of_all(request.user),
        "may_write": can(request.user, "compliance.write_rules"),
    }
    return render(request, "compliance/mandates.html", context)


@door("compliance.see")
@require_GET
def mandate(request: HttpRequest, mandate_id: int) -> HttpResponse:
    """The clauses beside what proves them, those that need somebody first."""
    return _mandate(request, mandate_id)


def _mandate(request: HttpRequest, mandate_id: int, *, error: str = "", status: int = 200) -> HttpResponse:
    found = selectors.reading(request.user, mandate_id)
    context = {
        "open": found,
        "doc": found.document,
        "edition": found.editions[0],
        "stands": found.document.status == "ACTIVE",
        "may_write": can(request.user, "compliance.write_rules"),
        "may_approve": can(request.user, "compliance.approve_rules"),
        "error": error,
    }
    template = "compliance/mandate.html#reading" if request.htmx else "compliance/mandate.html"
    return render(request, template, context, status=status)


@door("compliance.see")
@require_GET
def edition_file(request: HttpRequest, edition_id: int) -> HttpResponse:
    """The PDF as it was given."""
    row = selectors.get_edition_seen_by(request.user, edition_id)
    return attachment(bytes(row.content), row.file_name)


@door("compliance.write_rules")
@require_http_methods(["GET", "POST"])
def new_mandate(request: HttpRequest) -> HttpResponse:
    form = forms.MandateForm(request.POST or None, request.FILES or None)

    def save(act: Act) -> None:
        said = form.cleaned_data
        clauses = forms.clauses_of(said["clauses"]) or ()
        services.enter_mandate(
            act, said["code"], said["title"], said["effective_date"], home=form.home(), file=forms.pdf_of(said["file"]), clauses=clauses
        )

    return _dialog(request, form, save, "Enter a mandate document", "Enter")


@door("compliance.write_rules")
@require_http_methods(["GET", "POST"])
def new_edition(request: HttpRequest, mandate_id: int) -> HttpResponse:
    document = selectors.get_mandate_seen_by(request.user, mandate_id)
    form = forms.EditionForm(request.POST or None, request.FILES or None, initial={"seen": document.version})

    def save(act: Act) -> None:
        said = form.cleaned_data
        services.reissue_mandate(
            act, document.pk, said["effective_date"], seen=said["seen"], file=forms.pdf_of(said["file"]),
            clauses=forms.clauses_of(said["clauses"]),
        )  # fmt: skip

    lead = "Clauses carry over by their reference: the same words keep their mappings, changed ones ask to be mapped again."
    return _dialog(request, form, save, f"New edition of {document.code}", "Enter", lead)


@door("compliance.write_rules")
@require_http_methods(["GET", "POST"])
def import_clauses(request: HttpRequest, mandate_id: int) -> HttpResponse:
    document = selectors.get_mandate_seen_by(request.user, mandate_id)
    form = forms.ClauseFileForm(request.POST or None, request.FILES or None, initial={"seen": document.version})

    def save(act: Act) -> None:
        services.keep_clauses(act, document.pk, forms.clauses_of(form.cleaned_data["file"]) or [], seen=form.cleaned_data["seen"])

    lead = "All rows are kept or none. Clauses that the file does not name stay as they are."
    return _dialog(request, form, save, f"Clauses of {document.code} from a file", "Import", lead)


@door("compliance.write_rules")
@require_http_methods(["GET", "POST"])
def new_clause(request: HttpRequest, mandate_id: int) -> HttpResponse:
    document = selectors.get_mandate_seen_by(request.user, mandate_id)
    form = forms.ClauseForm(request.POST or None, initial={"seen": document.version})

    def save(act: Act) -> None:
        services.keep_clauses(act, document.pk, [form.said()], seen=form.cleaned_data["seen"])

    return _dialog(request, form, save, f"A clause of {document.code}", "Keep")


@door("compliance.write_rules")
@require_http_methods(["GET", "POST"])
def clause(request: HttpRequest, clause_id: int) -> HttpResponse:
    """Another wording of a clause."""
    row = selectors.get_clause_seen_by(request.user, clause_id)
    document = row.clause.document
    data = request.POST.copy() if request.method == "POST" else None
    if data is not None:
        data["reference"] = row.clause.reference
    first = {"seen": document.version, "reference": row.clause.reference, "page": row.page, "text": row.text}
    form = forms.ClauseForm(data, initial=first)
    form.fields["reference"].widget.attrs["readonly"] = True

    def save(act: Act) -> None:
        services.keep_clauses(act, document.pk, [form.said()], seen=form.cleaned_data["seen"])

    lead = "Other words make its mappings stale until they are confirmed."
    return _dialog(request, form, save, f"{document.code} {row.clause.reference}", "Keep", lead)


@door("compliance.write_rules")
@require_http_methods(["GET", "POST"])
def remove_clause(request: HttpRequest, clause_id: int) -> HttpResponse:
    row = selectors.get_clause_seen_by(request.user, clause_id)
    document, name = row.clause.document, row.clause.reference
    say = {
        "title": f"Take {document.code} {name} out", "text": "Its mappings are stale until somebody ends them.",
        "facts": {"It says": row.text}, "action_url": reverse("compliance:clause_remove", args=[clause_id]), "button": "Take out",
    }  # fmt: skip
    return _confirm(request, document, say, lambda act, seen: services.remove_clauses(act, document.pk, [name], seen=seen))


@door("compliance.write_rules")
@require_http_methods(["GET", "POST"])
def retire(request: HttpRequest, mandate_id: int) -> HttpResponse:
    document = selectors.get_mandate_seen_by(request.user, mandate_id)
    say = {
        "title": f"Retire {document.code}", "text": "It binds no more, and its mappings end. What it said is kept.",
        "action_url": reverse("compliance:mandate_retire", args=[mandate_id]), "button": "Retire",
    }  # fmt: skip
    return _confirm(request, document, say, lambda act, seen: services.retire_mandate(act, document.pk, seen=seen))


def _confirm(request: HttpRequest, document, say: dict, do: Callable[[Act, int], object]) -> HttpResponse:
    say |= {"fields": [("seen", f"{document.pk}:{document.version}")], "reason": "required"}
    if request.method == "GET":
        return render(request, "components/confirm.html", say)
    reason = request.POST.get("reason", "")
    try:
        do(act_of(request, reason=reason), seen_versions(request.POST).get(document.pk, 0))
    except Stale as refusal:
        return refused_in_dialog(request, refusal)
    except Refusal as refusal:
        say |= {"error": refusal.message, "reason_value": reason}
        return render(request, "components/confirm.html", say, status=refusal.status)
    return reload_page()


@door("compliance.write_rules")
@require_http_methods(["GET", "POST"])
def map_clause(request: HttpRequest, clause_id: int) -> HttpResponse:
    """Proposes which rule proves a clause; a stale mapping is confirmed so too."""
    row = selectors.get_clause_seen_by(request.user, clause_id)
    rules = [rule for rule in selectors.rules_seen_by(request.user) if rule.status == "ACTIVE"]
    asked = request.GET.get("rule", "")
    chosen = next((f"{rule.pk}:{rule.version}" for rule in rules if str(rule.pk) == asked), asked if asked == forms.NONE_NEEDED else "")
    form = forms.MappingForm(request.POST or None, rules=rules, initial={"seen": row.clause.version, "rule": chosen})

    def save(act: Act) -> None:
        rule, seen = form.pair()
        act = act.because(form.cleaned_data["reason"])
        services.propose_mappings(act, [(clause_id, rule)], seen={clause_id: form.cleaned_data["seen"]}, rules_seen=seen)

    title = f"What proves {row.clause.document.code} {row.clause.reference}"
    return _dialog(request, form, save, title, "Propose", row.text)


def _dialog(
    request: HttpRequest, form: forms.Refusing, save: Callable[[Act], None], title: str, button: str, lead: str = ""
) -> HttpResponse:
    context = {"form": form, "title": title, "button": button, "lead": lead, "action": request.get_full_path(), "bad": []}
    status = 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            try:
                save(act_of(request, reason=form.cleaned_data.get("reason", "")))
            except Stale as refusal:
                return refused_in_dialog(request, refusal)
            except Refusal as refusal:
                form.refuse(refusal)
                context["bad"] = refusal.facts.get("rows", [])
                status = refusal.status
            else:
                return reload_page()
    return render(request, "compliance/mandate_form.html", context, status=status)


@door("compliance.write_rules", "compliance.approve_rules")
@require_POST
def act_on_mapping(request: HttpRequest, mapping_id: int) -> HttpResponse:
    """Approves, refuses, drops or ends one; a refusal comes back on the same page."""
    service, word = ACTS.get(request.POST.get("how", ""), (None, ""))
    if service is None:
        raise Invalid("Choose to approve, to refuse, to drop or to end it.", field="how")
    mandate_id = whole_number(request.POST.get("mandate"), "mandate", 1)
    try:
        service(act_of(request, reason=request.POST.get("reason", "")), [mapping_id], seen=seen_versions(request.POST))
    except Refusal as refusal:
        since = refusal.in_words() if isinstance(refusal, Stale) else {}
        error = " ".join([refusal.message, *(f"{name}: {said}." for name, said in since.items())])
        if not request.htmx:
            raise
        response = _mandate(request, mandate_id, error=error, status=refusal.status)
        response["HX-Reswap"] = "innerHTML"  # In place, whatever the status.
        return response
    response = _mandate(request, mandate_id)
    response["HX-Trigger"] = json.dumps({"toast": {"text": f"{word}. It is on the record.", "tone": "ok"}})
    return response
