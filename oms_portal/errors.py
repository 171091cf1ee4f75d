"""Refusals to answers: problem details (RFC 9457) for programs, a panel with the same words for people."""

import json

import structlog
from allauth.core.exceptions import ImmediateHttpResponse, ReauthenticationRequired
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from rest_framework import exceptions
from rest_framework.response import Response

from apps.core.edges import new_request_ref
from apps.core.refusals import Invalid, Refusal, Stale

log = structlog.get_logger(__name__)
PROBLEM = "application/problem+json"


def problem(status: int, code: str, message: str, request_ref: str = "", /, **facts) -> dict:
    return {
        "type": f"urn:oms:problem:{code}",
        "title": code.replace("_", " "),
        "status": status,
        "code": code,
        "detail": message,
        "request": request_ref,
        **({"facts": facts} if facts else {}),
    }


def problem_handler(error: Exception, context: dict) -> Response | None:
    """The one handler of Django REST framework; None lets a bug rise to a 500."""
    request = context["request"]
    ref = getattr(request, "request_ref", "")
    if isinstance(error, Refusal):
        body = problem(error.status, error.code, error.message, ref, **error.facts)
        return Response(body, status=error.status, content_type=PROBLEM)
    if isinstance(error, Http404):
        error = exceptions.NotFound()
    elif isinstance(error, PermissionDenied):
        error = exceptions.PermissionDenied()
    if not isinstance(error, exceptions.APIException):
        return None
    status, code = error.status_code, error.default_code
    if isinstance(error, exceptions.ValidationError):
        status, code = 422, "invalid"
        body = problem(status, code, "Some fields are not as they must be; see facts.", ref, fields=error.detail)
    else:
        body = problem(status, code, str(error.detail), ref)
    response = Response(body, status=status, content_type=PROBLEM)
    for header in ("WWW-Authenticate", "Retry-After"):
        value = getattr(error, {"WWW-Authenticate": "auth_header", "Retry-After": "wait"}[header], None)
        if value:
            response[header] = str(value)
    return response


class RefusalMiddleware:
    """Gives each request a reference, and each refusal its answer."""

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        request.request_ref = new_request_ref()
        structlog.contextvars.bind_contextvars(request=request.request_ref)
        try:
            if "%00" in request.META.get("QUERY_STRING", "") or "\x00" in request.path_info:
                response = refused(request, Invalid("The address has a NUL character, which no text of ours has. Take it out."))
            else:
                response = self.get_response(request)
        finally:
            structlog.contextvars.clear_contextvars()
        response["X-Request-Ref"] = request.request_ref
        return response

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        if isinstance(error, Refusal):
            return refused(request, error)
        if not isinstance(error, ImmediateHttpResponse | ReauthenticationRequired):  # Answered by allauth.
            log.error("unhandled", path=request.path, exc_info=error)
        return None


def refused(request: HttpRequest, error: Refusal) -> HttpResponse:
    if request.path.startswith("/api/"):
        body = problem(error.status, error.code, error.message, request.request_ref, **error.facts)
        return JsonResponse(body, status=error.status, content_type=PROBLEM)
    context = {"refusal": error, "facts": error.in_words() if isinstance(error, Stale) else {}}
    if getattr(request, "htmx", False):
        response = render(request, "components/problem.html", context, status=error.status)
        response["HX-Retarget"] = "#problem"
        response["HX-Reswap"] = "innerHTML"
        if isinstance(error, Stale):
            response["HX-Trigger"] = json.dumps({"closeDialog": ""})  # What it shows is not so any more.
        return response
    return render(request, "errors/refused.html", context, status=error.status)
