"""A person's own API tokens."""

from allauth.account.decorators import reauthentication_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from apps.core.edges import act_of
from apps.core.refusals import Invalid

from . import services
from .doors import door


@door("desk.see")
@require_http_methods(["GET", "POST"])
@never_cache
@reauthentication_required(allow_get=True)
def tokens(request: HttpRequest) -> HttpResponse:
    """The person's tokens by name; posting makes one, which is shown this once."""
    made, refusal = None, None
    if request.method == "POST":
        try:
            made = services.make_token(act_of(request), request.POST.get("name", ""))
        except Invalid as no:
            refusal = no
    context = {"tokens": request.user.api_tokens.all(), "made": made, "refusal": refusal}
    return render(request, "users/tokens.html", context, status=refusal.status if refusal else 200)


@door("desk.see")
@require_POST
def end_token(request: HttpRequest, token_id: int) -> HttpResponse:
    services.end_token(act_of(request), token_id)
    return redirect("users:tokens")
