"""Who may come in: people an administrator entered, by password or by the firm's directory. Nobody signs up."""

from allauth.account.adapter import DefaultAccountAdapter
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from axes.helpers import get_cool_off
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils import timezone

from apps.core.acts import Act
from apps.users import services as users
from oms_portal.errors import PROBLEM, problem


class PeopleAdapter(DefaultAccountAdapter):
    """Accounts are made in the admin only."""

    def is_open_for_signup(self, request) -> bool:
        return False

    def set_password(self, user, password: str) -> None:
        """A person's new password is on the record and ends their API tokens, as one set by an administrator."""
        users.set_password(Act(by=user.pk, at=timezone.now(), via="page"), user, password)


class DirectoryAdapter(DefaultSocialAccountAdapter):
    """The directory (OpenID Connect) says who somebody is; only those already known here come in."""

    def is_open_for_signup(self, request, sociallogin) -> bool:
        return False


def locked_out(request: HttpRequest, response: HttpResponse | None, credentials: dict | None) -> HttpResponse:
    """After too many wrong passwords, for a while: a page to people, problem details to programs."""
    wait = get_cool_off(request)
    if request.path.startswith("/api/"):
        body = problem(
            429,
            "locked_out",
            f"There were too many wrong passwords; wait {wait} and try again, or ask your administrator.",
            getattr(request, "request_ref", ""),
        )
        answer = JsonResponse(body, status=429, content_type=PROBLEM)
    else:
        answer = render(request, "account/locked.html", {"cooloff_timedelta": wait}, status=429)
    answer["Retry-After"] = str(int(wait.total_seconds()))
    return answer
