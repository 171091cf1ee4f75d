"""The simulated portfolio system: what it would send, without a wire."""

from itertools import islice

from street.upstream import DATA, Book, accounts_of, shares_in


def a_book(seed=1) -> Book:
    return Book(accounts_of(DATA, "B"), shares_in(DATA), seed=seed, prefix="H")


def test_sends_small_orders_of_one_team_and_one_that_must_be_refused():
    sent = list(islice(a_book().steps(), 6))

    assert [out.type for out in sent] == ["D", "E", "D", "D", "D", "D"]  # Nothing waits yet that could be changed.
    assert len(sent[1].orders) == 3
    wishes = [dict(fields) for out in sent for fields in (out.orders or [out.fields])]
    assert {wish[1] for wish in wishes} <= set(accounts_of(DATA, "B"))
    assert all(20 <= int(wish[38]) <= 300 for wish in wishes)
    assert len({wish[11] for wish in wishes}) == 8
    assert wishes[-1][55] == "ZZZZ"


def test_changes_and_cancels_what_waits_and_nothing_else():
    book = a_book()
    steps = book.steps()
    first, _ = next(steps), next(steps)
    name = dict(first.fields)[11]
    book.hear(name, "", "A")

    replaced = dict(next(steps).fields)
    assert replaced[41] == name and replaced[55] == dict(first.fields)[55] and int(replaced[38]) < int(dict(first.fields)[38])
    book.hear(replaced[11], name, "A")
    cancel = next(steps)
    assert cancel.type == "F" and dict(cancel.fields)[41] == replaced[11]
    book.hear(dict(cancel.fields)[11], replaced[11], "4")
    assert next(steps).type == "D"


def test_the_same_seed_draws_the_same_orders():
    def drawn(seed):
        return [[f for f in out.fields if f[0] != 60] for out in islice(a_book(seed).steps(), 5)]

    assert drawn(3) == drawn(3) != drawn(4)
