"""Answers that several order pages give: refused with what differs, money in words."""

from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string

from apps.core.edges import refused_in_dialog
from apps.core.refusals import Conflict, Invalid

from .. import page_selectors as pages

MOST_AT_ONCE = 5000


def refused(request: HttpRequest, refusal: Conflict) -> HttpResponse:
    """409, with what happened to each order since the person looked; an open dialog closes."""
    return refused_in_dialog(request, refusal)


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
    words = {"HELD": "held by compliance", "IN_REVIEW": "in review", "TO_APPROVE": "waiting for approval", "PARKED": "waiting for another"}
    return ", ".join(f"{n:,} {words.get(status, status.lower())}" for status, n in sorted(by_status.items()))
