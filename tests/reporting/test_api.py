"""The result to other systems."""

from rest_framework.test import APIClient

from tests.allocations.filling import Street


def ask(person) -> dict:
    client = APIClient()
    client.force_authenticate(person)
    return client.get("/api/v1/results/").json()


def test_gives_the_figures_of_the_blocks_the_caller_may_see(firm, by, mira, tom, olga, paul):
    Street(firm, by, mira, tom).allocated(
        "AAA", "SELL", {"P1": 500, "P2": 500}, [(400, "50.00", "4"), (600, "50.10", "6")]
    )

    whole, pauls = ask(olga), ask(paul)

    assert whole["is_whole"] is True
    assert whole["figures"]["equity_filled_pct"] == "100.00"
    assert (whole["equity"]["filled_usd"], whole["equity"]["commission_usd"]) == ("50060.00", "10.00")
    assert (whole["bonds"]["blocks"], whole["bonds"]["filled_pct"]) == (0, None)
    assert {stage["name"]: stage["facts"] for stage in whole["stages"]}["Allocated"] == 2
    assert (pauls["is_whole"], pauls["equity"]["blocks"]) == (False, 0)


def test_answers_before_anything_is_executed(firm, olga):
    assert ask(olga)["figures"]["equity_filled_pct"] is None
