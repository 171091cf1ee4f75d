"""The health page: promises, and the invariants checked from the rows."""

import pytest
from django.db import connection
from django.test import Client
from django.urls import reverse

from apps.reporting import invariants
from tests.allocations.filling import Street


@pytest.fixture
def check():
    def asked(person) -> str:
        client = Client()
        client.force_login(person)
        answer = client.post(reverse("desk:check"), headers={"HX-Request": "true"})
        assert answer.status_code == 200
        return answer.content.decode()

    return asked


def test_the_page_has_the_button(firm, ada):
    client = Client()
    client.force_login(ada)

    assert f'hx-post="{reverse("desk:check")}"' in client.get(reverse("desk:parts")).content.decode()


@pytest.mark.parametrize("name", ["olga", "ada", "omar", "alan"])
def test_each_invariant_is_shown_with_its_sentence(firm, people, check, name):
    said = check(people[name])

    assert "All hold" in said
    assert said.count("<b>Holds</b>") == len(invariants.SENTENCES) == 8
    assert all(sentence in said for sentence in invariants.SENTENCES.values())


def test_a_broken_one_says_what_breaks_it_and_leaves_the_others(firm, by, mira, tom, ada, check):
    Street(firm, by, mira, tom).allocated("AAA", "SELL", {"P1": 500, "P2": 500}, [(1000, "50.00")])
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE portfolios_position SET qty = qty + 1 WHERE portfolio_id = %s AND instrument_id = %s",
            [firm.portfolios["P1"].pk, firm.instruments["AAA"].pk],
        )

    said = check(ada)

    assert "Something is broken" in said
    assert said.count("<b>Broken</b>") == 1
    assert f"portfolio {firm.portfolios['P1'].pk} holds 49501" in said


@pytest.mark.django_db(transaction=True)
def test_all_of_it_is_asked_of_one_snapshot(firm, ada, check, monkeypatch):
    seen, ask = [], invariants.broken_invariants

    def look(*_):
        with connection.cursor() as cursor:
            cursor.execute("SELECT current_setting('transaction_isolation'), current_setting('transaction_read_only')")
            seen.append(cursor.fetchone())
        return ask()

    monkeypatch.setattr(invariants, "broken_invariants", look)

    assert "All hold" in check(ada)
    assert seen == [("repeatable read", "on")]
