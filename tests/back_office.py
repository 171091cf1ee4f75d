"""Forms of the back office as a browser sends them."""

from typing import Any

from django.http import HttpResponse
from django.test import Client
from lxml import html


def filled(page: HttpResponse) -> dict[str, Any]:
    """What the page's form would send if nobody touched it."""
    forms = [form for form in html.fromstring(page.content.decode()).forms if form.get("method") == "post"]
    form = next(form for form in forms if "logout" not in (form.get("action") or "") and form.get("id") != "logout-form")
    sent: dict[str, Any] = {}
    for name, value in form.form_values():
        sent[name] = [*sent[name], value] if name in sent else [value]
    return {name: values[0] if len(values) == 1 else values for name, values in sent.items()}


def typed(page: HttpResponse, **changes: Any) -> dict[str, Any]:
    """What it would send with some fields filled in otherwise; None leaves a field out."""
    return {name: value for name, value in (filled(page) | changes).items() if value is not None}


def save(client: Client, url: str, form: dict[str, Any]) -> HttpResponse:
    """Opens a page and saves exactly this form, made from what the page shows."""
    page = client.get(url)
    seen = {"made_from": page.context["made_from"]} if page.context and page.context.get("made_from") else {}
    return client.post(url, form | seen)
