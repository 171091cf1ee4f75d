"""Answers that several order pages give: done with a toast, refused with what differs, money in words."""

import json

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.loader import render_to_string

from apps.core.refusals import Invalid, Stale

from .. import page_selectors as pages

MOST_AT_ONCE = 5000


def done(text: str, tone: str = "ok") -> HttpResponse:
    """Nothing to show but a toast; an open dialog closes."""
    response = HttpResponse(status=204)
    response["HX-Trigger"] = json.dumps({"closeDialog": "", "toast": {"text": text, "tone": tone}})
    return response


def stale(request: HttpRequest, refusal: Stale) -> HttpResponse:
    """409, with what happened to each order since the person looked; an open dialog closes."""
    facts = pages.differences(refusal.facts.get("orders", []))
    response = render(request, "components/problem.html", {"refusal": refusal, "facts": facts}, status=refusal.status)
    response["HX-Trigger"] = json.dumps({"closeDialog": ""})
    return response


def ticked(seen: dict[int, int]) -> dict[int, int]:
    """:raises Invalid: where nothing was ticked, or too much at once"""
    if not seen:
        raise Invalid("No order is selected. Tick the orders first (Space), then act on them.", field="seen")
    if len(seen) > MOST_AT_ONCE:
        raise Invalid(f"Select at most {MOST_AT_ONCE:,} orders at once.", field="seen")
    return seen


def money_words(money: pages.Money) -> str:
    """31 orders, $9.5M sell, $3.0M buy, 12 portfolios."""
    return " ".join(render_to_string("orders/words.html#money", {"money": money}).split())


def standing(by_status: dict[str, int]) -> str:
    """What became of orders just submitted: 27 cleared, 4 held by compliance."""
    words = {"HELD": "held by compliance", "IN_REVIEW": "in review"}
    return ", ".join(f"{n:,} {words.get(status, status.lower())}" for status, n in sorted(by_status.items()))
