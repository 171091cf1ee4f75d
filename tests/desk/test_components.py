"""Every component draws what its context says, and escapes it."""

from datetime import UTC, datetime

import pytest
from django import forms
from django.contrib.auth.models import AnonymousUser
from django.core.paginator import Paginator
from django.template.loader import render_to_string
from django.test import RequestFactory

from apps.core.refusals import Stale
from apps.users.models import User


def drawn(name: str, request=None, **context) -> str:
    return render_to_string(f"components/{name}.html", context, request)


def test_a_figure_with_an_address_is_a_link_and_one_without_is_none():
    linked = drawn("figure", label="Held", value="4", note="oldest 6 min", url="/held/", tone="warn")

    assert linked.strip().startswith('<a href="/held/" class="figure"><small>Held</small>')
    assert '<strong class="warn">4</strong><em>oldest 6 min</em>' in linked
    assert "<a" not in drawn("figure", label="Rules", value="41")


@pytest.mark.parametrize(
    ("name", "context", "says"),
    [
        ("status", {"status": "held"}, '<span class="st s-hold">Held</span>'),
        ("side", {"side": "sell"}, '<span class="sell">Sell</span>'),
        ("fillbar", {"done": 1, "total": 2}, "</svg>50%"),
        ("limitbar", {"now": 4, "after": 6, "limit": 5}, "4.0% now, 6.0% after, limit 5.0%"),
        ("driftbar", {"drift": 1, "span": 2}, "drift +1.00"),
        ("empty", {"title": "No orders", "text": "<b>", "denied": True}, "<p>&lt;b&gt;</p>"),
        ("loading", {"what": "routes"}, "Loading routes"),
        ("problem", {"refusal": Stale("Omar changed it.")}, "<h3>Stale</h3><p>Omar changed it.</p>"),
        ("problem", {"title": "No", "facts": {"room_left": 3}}, "<dt>Room left</dt><dd>3</dd>"),
        (
            "tabs",
            {"tabs": [{"label": "Orders", "url": "/o/", "current": True, "count": 0}]},
            'aria-current="page">Orders 0',
        ),
        ("chips", {"chips": [{"label": "Held", "url": "?held", "on": True, "count": 4}]}, "Held<b>4</b>"),
        ("selection", {"actions": [{"label": "Route", "url": "/r/", "key": "r"}]}, 'data-key="r">Route <kbd>R</kbd>'),
        ("progress", {"label": "Import", "done": 4210, "total": 10000}, "4,210 of 10,000"),
        ("drawer_head", {"title": "5 AAPL", "side": "buy", "meta": "B-1"}, '<span class="buy">Buy</span> 5 AAPL'),
        ("health", {"feeds": [{"label": "FIX", "value": "3/4", "tone": "bad"}]}, "(down)"),
        ("hits", {"hits": [{"label": "B-1", "kind": "Block", "url": "/b/"}]}, "<small>Block</small>"),
        ("hits", {"hits": [], "query": "<x>"}, "“&lt;x&gt;”"),
    ],
)
def test_a_component_says(name, context, says):
    assert says in drawn(name, **context)


def test_a_limit_bar_of_whole_units_keeps_no_decimals():
    assert "3 yr now, 4 yr after, limit 5 yr" in drawn("limitbar", now=3, after=4, limit=5, unit=" yr", places=0)


def test_a_timeline_tells_or_says_that_it_is_empty():
    at = datetime(2026, 11, 23, 14, 2, 13, 418_000, tzinfo=UTC)

    assert "<b>Held</b> by a rule" in drawn("timeline", entries=[{"at": at, "what": "Held", "text": "by a rule"}])
    assert "Nothing has happened yet." in drawn("timeline", entries=[])


class Ticket(forms.Form):
    quantity = forms.DecimalField(help_text="Shares, or face of a bond.")
    note = forms.CharField(required=False)


def test_a_field_ties_its_help_and_its_error_to_the_control():
    form = Ticket({"quantity": "many"})

    shown = drawn("field", field=form["quantity"], unit="shares")

    assert 'aria-invalid="true"' in shown
    assert 'aria-describedby="id_quantity_helptext id_quantity_error"' in shown
    assert 'id="id_quantity_helptext"' in shown
    assert '<ul class="errors" id="id_quantity_error"><li>Enter a number.</li></ul>' in shown
    assert "optional" in drawn("field", field=form["note"])


def test_a_pager_keeps_the_filters():
    page = Paginator(range(1200), 500).page(2)

    shown = drawn("pager", RequestFactory().get("/?held=1&page=2"), page=page, noun="orders")

    assert "501–1,000 of 1,200 orders" in shown
    assert 'href="?held=1&amp;page=3"' in shown
    assert 'href="?held=1&amp;page=1"' in shown
    assert drawn("pager", RequestFactory().get("/"), page=Paginator(range(9), 500).page(1)).strip() == ""


def test_a_confirmation_states_the_money_and_asks_for_the_reason_it_needs():
    shown = drawn(
        "confirm",
        title="Route",
        money="Route 31 orders, $9.5M sell, 3 brokers",
        action_url="/route/",
        button="Route 31 orders",
        fields=[("seen", "12:3")],
        reason="required",
    )

    assert '<p class="money">Route 31 orders, $9.5M sell, 3 brokers</p>' in shown
    assert '<input type="hidden" name="seen" value="12:3">' in shown
    assert 'name="reason" required' in shown


def a_page(user, **context) -> str:
    request = RequestFactory().get("/")
    request.user = user
    request.COOKIES["theme"] = '"><script>'
    return render_to_string("errors/404.html", {"user": user, **context}, request)


def test_the_frame_shows_place_environment_and_person_to_who_is_signed_in():
    nav = [{"label": "Blotter", "url": "/b/", "current": True, "counted": "blocks", "count": 3}]

    tom = User(username="tom", first_name="Tom", last_name="Tran")
    tom._roles = frozenset()  # Known already, so that nothing is asked of the database.

    shown = a_page(tom, nav=nav, environment="LIVE", role="Trader")

    assert '<a href="/b/" aria-current="page">Blotter<i class="count" id="count-blocks">3</i></a>' in shown
    assert '<span class="env live">LIVE</span>' in shown
    assert "Tom Tran" in shown and "Trader" in shown and ">TT<" in shown
    assert 'data-theme="&quot;&gt;&lt;script&gt;"' in shown


def test_the_frame_shows_a_stranger_no_place_and_no_finder():
    shown = a_page(AnonymousUser(), nav=[{"label": "Blotter", "url": "/b/", "current": True}], environment="SIMULATION")

    assert "Blotter" not in shown
    assert "data-open-find" not in shown
    assert "SIMULATION" in shown
