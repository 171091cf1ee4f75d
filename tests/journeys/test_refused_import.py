"""A file with bad lines: each is named, none of it is entered; then the good lines are, once, however often it comes."""

from collections import Counter

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from apps.audit.models import Delivery, Entry
from apps.blocks.models import Block
from apps.compliance.models import Check
from apps.orders.models import Import, Order, OrderGroup
from tests.orders.files import csv_of, line

IMPORTS = "/api/v1/imports/"
FILE = csv_of(
    [
        line("P1", "AAA", "SELL", "1000", ref="a-1"),  # Line 2: good.
        line("P9", "AAA", "SELL", "1000", ref="a-2"),
        line("P2", "ZZZ", "SELL", "1000", ref="a-3"),
        line("P2", "AAA", "SELL", "2,5x", ref="a-4"),
        line("P3", "BOND", "BUY", "1500", ref="a-5"),
        line("P3", "TSY", "HOLD", "0", ref="a-6"),
        line("P2", "AAA", "SELL", "3000", ref="a-7"),  # Line 8: good.
        line("P3", "AAA", "SELL", "2000", ref="a-7"),
        line("P3", "", "SELL", "2000", isin="US0378331006"),
        line("P3", "AAA", "SELL", "500", "LIMIT", ref="a-9"),
    ]
)
BAD = {
    3: ["portfolio"], 4: ["instrument"], 5: ["qty"], 6: ["qty"], 7: ["side", "qty"], 9: ["client_ref"], 10: ["instrument"],
    11: ["limit_price"],
}  # fmt: skip


def sent(client, content: bytes = FILE, name: str = "transition.csv"):
    return client.post(IMPORTS, {"file": SimpleUploadedFile(name, content)}, format="multipart")


def entered() -> Counter:
    """How much of anything there is beyond the import itself."""
    subjects = Entry.objects.exclude(subject="import").values_list("subject", flat=True)
    made = {m.__name__: m.objects.count() for m in (Order, OrderGroup, Check, Block)}
    return Counter({f"{subject} entries": n for subject, n in Counter(subjects).items()}) + Counter(made)


def events() -> list[str]:
    return list(Entry.objects.filter(subject="import").order_by("nth").values_list("event", flat=True))


@pytest.fixture
def before(house) -> Counter:
    return entered()


@pytest.fixture
def staged(before, at, mira, worker) -> dict:
    """The file, uploaded by Mira and read by the worker."""
    answer = sent(at(mira))
    assert (answer.status_code, answer.json()["status"]) == (201, "UPLOADED")
    worker()
    return at(mira).get(f"{IMPORTS}{answer.json()['id']}/").json()


def test_every_bad_line_is_named_and_nothing_of_the_file_is_entered(staged, before, at, mira, worker):
    assert (staged["status"], staged["rows"], staged["bad_rows"]) == ("STAGED", 10, len(BAD))
    path = f"{IMPORTS}{staged['id']}/"
    named = at(mira).get(f"{path}rows/?bad=true").json()["results"]
    assert {row["line"]: [p["field"] for p in row["problems"]] for row in named} == BAD
    assert all(p["message"].endswith(".") for row in named for p in row["problems"])

    refused = at(mira).post(f"{path}commit", {"version": staged["version"]})
    assert (refused.status_code, refused.json()["code"]) == (422, "bad_file")
    facts = refused.json()["facts"]
    assert (facts["bad"], facts["lines"]) == (len(BAD), 10)
    assert [(r["line"], r["field"]) for r in facts["rows"]] == [(n, f) for n, fields in BAD.items() for f in fields]

    assert worker() == 0
    assert entered() == before
    assert events() == ["import.uploaded", "import.staged"]
    assert Delivery.objects.exclude(status="DONE").count() == 0
    assert at(mira).get(path).json() == staged


def test_the_page_shows_the_bad_lines_and_offers_only_the_valid_ones(staged, at, mira):
    page = at(mira).get(f"/orders/imports/{staged['id']}/").content.decode()
    for number, words in (("3", "P9"), ("4", "ZZZ"), ("5", "2,5x"), ("11", "limit")):
        assert f'<td class="n">{number}</td>' in page and words in page
    assert "Enter the 2 valid orders" in page and "Enter all" not in page


def test_the_valid_lines_become_orders_and_the_same_file_again_changes_nothing(staged, before, at, mira, worker):
    path = f"{IMPORTS}{staged['id']}/"
    said = {"version": staged["version"], "accept_valid": True, "group_name": "Transition"}
    done = at(mira).post(f"{path}commit", said)
    assert (done.status_code, done.json()["orders"], done.json()["left_out"]) == (200, 2, len(BAD))
    worker()
    rows = Order.objects.filter(batch=staged["id"], group__name="Transition").order_by("pk")
    assert list(rows.values_list("client_ref", "portfolio__code", "qty", "status")) == [
        ("a-1", "P1", 1000, "CLEARED"), ("a-7", "P2", 3000, "CLEARED"),
    ]  # fmt: skip
    assert Block.objects.get().qty == 4000
    assert events() == ["import.uploaded", "import.staged", "import.committed"]

    after = entered()
    assert after["Order"] - before["Order"] == 2 and after["OrderGroup"] - before["OrderGroup"] == 1
    again = sent(at(mira), name="the same under another name.csv")
    assert (again.status_code, again.json()["id"], again.json()["status"]) == (200, staged["id"], "COMMITTED")
    twice = at(mira).post(f"{path}commit", said | {"version": again.json()["version"]})
    assert twice.status_code == 409
    assert worker() == 0
    assert (entered(), Import.objects.count(), len(events())) == (after, 1, 3)
