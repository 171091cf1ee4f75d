"""Templates by which files that are not ours are read: looked at, renamed, removed."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from apps.core.edges import act_of, done, refused_in_dialog, seen_versions
from apps.core.refusals import NotFound, Refusal
from apps.users.doors import door

from .. import selectors, services
from ..models import ImportTemplate
from .mapping import labels


@door("orders.import", "audit.see")
@require_GET
def templates(request: HttpRequest) -> HttpResponse:
    """The person's own and those shared with their desks, with what each column holds."""
    names = labels()
    rows = [
        (one, [(heading, names.get(field, field)) for field, heading in one.columns.items()], one.owner_id == request.user.pk)
        for one in selectors.templates_seen_by(request.user)
    ]
    part = "#list" if request.htmx else ""
    return render(request, f"orders/templates.html{part}", {"rows": rows})


@door("orders.import")
@require_POST
def rename_template(request: HttpRequest, template_id: int) -> HttpResponse:
    name = request.POST.get("name", "")
    services.rename_template(act_of(request), template_id, name, seen=seen_versions(request.POST))
    return done(f"The template is called “{name.strip()}” now.")


@door("orders.import")
@require_http_methods(["GET", "POST"])
def remove_template(request: HttpRequest, template_id: int) -> HttpResponse:
    """GET: what would go, to confirm. POST: removes it."""
    if request.method == "POST":
        try:
            services.remove_template(act_of(request), template_id, seen=seen_versions(request.POST))
        except Refusal as refusal:
            return refused_in_dialog(request, refusal)
        return done("The template is removed.")
    one: ImportTemplate | None = selectors.templates_seen_by(request.user).filter(pk=template_id).first()
    if one is None:
        raise NotFound("There is no such template, or it is not one of yours.")
    context = {
        "title": f"Remove the template “{one.name}”",
        "text": "Files with its headings will wait for you to say what their columns hold. Those read by it keep their lines.",
        "facts": {"Headings": ", ".join(one.headings)[:200], "Shared with": one.desk or "nobody"},
        "fields": [("seen", f"{one.pk}:{one.version}")],
        "action_url": request.path,
        "button": "Remove it",
        "danger": True,
    }
    return render(request, "components/confirm.html", context)
