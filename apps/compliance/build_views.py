"""The page that a rule is written on: its fields are its measure's, and it is tried while it is written."""

from collections.abc import Callable, Sequence

from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods

from apps.core.acts import Act
from apps.core.edges import act_of, whole_number
from apps.core.refusals import Invalid, NotFound, Refusal, Stale
from apps.reference.own_selectors import own_attributes
from apps.users.doors import door

from . import draft_selectors, selectors, services
from .engine.attributes import ATTRIBUTES
from .models import ClauseMapping
from .rule_forms import BuildForm, OrderForm, limit_fields, with_place

FIRST_KIND = "measure"


def _kind(asked: str) -> str:
    if asked not in selectors.measures():
        raise NotFound("There is no such measure. Choose one from the list.")
    return asked


@door("compliance.write_rules")
@require_http_methods(["GET", "POST"])
def new_rule(request: HttpRequest) -> HttpResponse:
    """A rule of a measure that is chosen first."""
    said = request.POST if request.method == "POST" else request.GET
    form = BuildForm(request.POST or None, kind=_kind(said.get("kind") or FIRST_KIND))
    return _page(request, form, reverse("compliance:new_rule"), lambda act: _write(act, services.Change(form.text())))


@door("compliance.write_rules")
@require_http_methods(["GET", "POST"])
def rule(request: HttpRequest, code: str) -> HttpResponse:
    """A change of a rule, from what it says now."""
    found, last = draft_selectors.newest(request.user, code)
    said = services.text_of_version(found, last).said
    form = BuildForm(_with(request, code=found.code), kind=found.kind, said=said._replace(starts_on=None, ends_on=None), is_new=False)
    seen = whole_number(request.POST.get("seen", found.version), "seen", 1)
    return _page(
        request, form, reverse("compliance:rule", args=[code]),
        lambda act: _write(act, services.Change(form.text(), found.pk, seen)), called=found.name, seen=seen,
        clauses=selectors.clauses_of_rules(request.user, [found.pk]).get(found.pk, ()),
    )  # fmt: skip


@door("compliance.write_rules")
@require_http_methods(["GET", "POST"])
def edit(request: HttpRequest, draft_id: int) -> HttpResponse:
    """A draft written anew by its author."""
    draft = selectors.get_draft_seen_by(request.user, draft_id)
    said = services.text_of(draft).said
    form = BuildForm(_with(request, code=draft.code), kind=draft.kind, said=said, is_new=draft.rule_id is None)
    seen = whole_number(request.POST.get("seen", draft.version), "seen", 1)

    def save(act: Act) -> tuple[int, int]:
        services.edit_draft(act, draft.pk, form.text(), seen=seen)
        return draft.pk, seen + 1

    return _page(request, form, reverse("compliance:draft_edit", args=[draft_id]), save, called=draft.name, seen=seen)


def _with(request: HttpRequest, **fixed: str) -> dict | None:
    if request.method != "POST":
        return None
    data = request.POST.copy()
    for name, value in fixed.items():
        data.setdefault(name, value)
    return data


def _write(act: Act, change: services.Change) -> tuple[int, int]:
    return services.write_drafts(act, [change])[0], 1


def _page(
    request: HttpRequest, form: BuildForm, action: str, save: Callable[[Act], tuple[int, int]], *, called: str = "",
    seen: int | None = None, clauses: Sequence[ClauseMapping] = (),
) -> HttpResponse:  # fmt: skip
    """The page, or what was written saved, and proposed where that was asked for."""
    status = 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            act = act_of(request, reason=form.cleaned_data["reason"])
            try:
                with transaction.atomic():
                    pk, version = save(act)
                    if request.POST.get("how") == "propose":
                        services.propose_drafts(act, [pk], seen={pk: version})
            except Stale as refusal:
                since = "; ".join(f"{name}: {said}" for name, said in refusal.in_words().items())
                form.add_error(None, f"{refusal.message} {since}")
                status = refusal.status
            except Refusal as refusal:
                form.refuse(refusal)
                status = refusal.status
            else:
                return redirect("compliance:draft", pk)
    context = {
        "form": form, "order": OrderForm(), "action": action, "called": called, "seen": seen, "kind": form.kind,
        "kinds": selectors.measures(), "is_new": not called, "clauses": clauses, "attributes": _attributes(form.kind),
    }  # fmt: skip
    return render(request, "compliance/build.html", context, status=status)


def _attributes(kind: str) -> dict:
    takes = selectors.measures()[kind].takes.values()
    if not any(param.kind == "filter" for param in takes):
        return {}
    return ATTRIBUTES | {f"own.{a.code}": {"kind": a.kind, "help": f"{a.title}, as the firm says it"} for a in own_attributes()}


@door("compliance.write_rules")
@require_GET
def limits(request: HttpRequest) -> HttpResponse:
    """The fields of another measure."""
    kind = _kind(request.GET.get("kind", ""))
    form = BuildForm(None, kind=kind)
    context = {"form": form, "names": list(limit_fields(kind)), "attributes": _attributes(kind)}
    return render(request, "compliance/build.html#limits", context)


@door("compliance.write_rules")
@require_GET
def try_rule(request: HttpRequest) -> HttpResponse:
    """What the rule would say as it is written, and what is wrong beside each field."""
    form, order = BuildForm(request.GET, kind=_kind(request.GET.get("kind", ""))), OrderForm(request.GET)
    tried, said = None, form.text_so_far()
    if said is not None and order.is_valid():
        try:
            tried = services.try_rule(act_of(request), said, order.order())
        except Invalid as refusal:
            _beside(form, order, refusal)
        except NotFound as refusal:
            order.add_error("portfolio", refusal.message)
    context = {"tried": tried, "problems": [*_problems(form), *_problems(order)]}
    return render(request, "compliance/build.html#tried", context)


def _beside(form: BuildForm, order: OrderForm, refusal: Invalid) -> None:
    if refusal.facts.get("field") in order.fields:
        order.add_error(str(refusal.facts["field"]), with_place(refusal))
    else:
        form.refuse(refusal)


def _problems(form) -> list[tuple[str, list[str]]]:
    """Each field by its name on the page, with what is wrong with it."""
    return [(form.add_prefix(name), form.errors.get(name, [])) for name in form.fields]
