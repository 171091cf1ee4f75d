"""Crosses on pages and over the API: what each role sees and may do, and the file for the board."""

import csv
import io

import pytest
from openpyxl import load_workbook

from apps.blocks.models import Opposition
from apps.crossing import services as crossing
from apps.crossing.models import Cross
from tests.pages import send, visit, words


@pytest.fixture
def executed(approved, tom, by):
    cross = approved()
    crossing.execute_cross(by(tom), cross.pk, seen={cross.pk: 3})
    return cross


class TestPages:
    def test_a_trader_sees_every_condition_and_proposes(self, found, tom):
        pair = found("P1", "P3")
        page = words(visit(tom, "crossing:propose", pair.pk))
        assert page.count(">Pass<") == 10
        assert "no agreement to cross is on file" in page  # P2.
        assert "last sale 50.0000" in page
        dialog = words(visit(tom, "crossing:propose", pair.pk, htmx=True))
        assert "100 AAA, $5,000.00, 2 orders" in dialog
        assert send(tom, "crossing:propose", {"seen": f"{pair.pk}:1"}, pair.pk).status_code == 422

        answer = send(tom, "crossing:propose", {"seen": f"{pair.pk}:1", "reason": "saves the spread"}, pair.pk)

        cross = Cross.objects.get()
        assert answer["HX-Redirect"] == f"/crosses/{cross.pk}/"
        assert "Cross proposed" in words(visit(tom, "blocks:oppositions", query="?part=rows", htmx=True))

    def test_each_role_is_offered_its_own_act(self, proposed, tom, mira, paul, omar, ada, olga):
        cross = proposed()

        def offered(person) -> list[str]:
            page = words(visit(person, "crossing:detail", cross.pk))
            return [act for act in ("accept", "approve", "execute", "decline", "withdraw") if f"/crosses/{cross.pk}/{act}/" in page]

        assert [offered(p) for p in (tom, mira, omar, ada, olga)] == [
            ["withdraw"], ["accept", "decline"], ["decline"], [], [],
        ]  # fmt: skip
        dialog = words(visit(mira, "crossing:accept", cross.pk, htmx=True))
        assert "Cross 150 AAA, $7,500.00, 3 portfolios" in dialog
        assert send(mira, "crossing:accept", {"seen": f"{cross.pk}:1"}, cross.pk).status_code == 204
        assert send(mira, "crossing:accept", {"seen": f"{cross.pk}:1"}, cross.pk).status_code == 409
        assert (offered(omar), offered(mira)) == (["approve", "decline"], ["decline"])
        assert send(omar, "crossing:approve", {"seen": f"{cross.pk}:2"}, cross.pk).status_code == 204
        assert offered(tom) == ["execute", "withdraw"]
        assert send(tom, "crossing:execute", {"seen": f"{cross.pk}:3"}, cross.pk).status_code == 204
        page = words(visit(tom, "crossing:detail", cross.pk))
        assert "Who traded with whom" in page
        assert "Executed" in words(visit(ada, "crossing:list", query="?part=rows", htmx=True))
        assert "another portfolio" in words(visit(paul, "crossing:detail", cross.pk))  # He runs P3 alone.

    @pytest.mark.parametrize("kind", ["csv", "xlsx"])
    def test_the_board_reads_every_pair_with_its_evidence(self, executed, ada, kind):
        answer = visit(ada, "crossing:report", query=f"?format={kind}&since={executed.opposition.buy.trade_date}")

        body = b"".join(answer.streaming_content)
        if kind == "csv":
            rows = list(csv.reader(io.StringIO(body.decode("utf-8-sig"))))
        else:
            rows = [list(row) for row in load_workbook(io.BytesIO(body)).active.iter_rows(values_only=True)]
        heads = next(n for n, row in enumerate(rows) if row and row[0] == "Cross")
        said = [dict(zip(rows[heads], row, strict=True)) for row in rows[heads + 1 :]]
        assert [(r["Buyer"], r["Seller"], str(r["Quantity"]), str(r["Amount"])) for r in said] == [
            ("P3", "P1", "30", "1500"), ("P3", "P2", "120", "6000"),
        ]  # fmt: skip
        assert {(r["Price source"], r["Market"], r["Conditions met"], str(r["Commission"])) for r in said} == {
            ("last sale", "XNAS", "10 of 10", "0")
        }
        assert visit(ada, "crossing:report", query="?format=csv&since=2031-01-01").status_code == 200

    def test_an_executed_cross_is_in_the_blocks_and_orders_of_both(self, executed, tom, mira):
        executed.refresh_from_db()
        for person in (tom, mira):
            assert "P2" in words(visit(person, "allocations:block", executed.sold_in_id))
            assert visit(person, "blocks:detail", executed.sold_in_id).status_code == 200
            order = executed.parts.get(side="BUY").order_id
            assert "Crossed" in words(visit(person, "desk:timeline", "order", order))
        assert "Executed" in words(visit(tom, "desk:timeline", "cross", executed.pk))


class TestApi:
    def test_goes_all_the_way_and_repeats_nothing(self, found, client, tom, mira, omar):
        pair = found()

        def post(person, address, said, key=None):
            client.force_login(person)
            headers = {"Idempotency-Key": key} if key else {}
            return client.post(f"/api/v1/{address}", said, content_type="application/json", headers=headers)

        client.force_login(tom)
        can = client.get(f"/api/v1/oppositions/{pair.pk}/eligibility/").json()
        assert (can["qty"], can["price"], can["amount"]) == ("150.0000", "50.00000000", "7500.0000")
        said = {"opposition": pair.pk, "version": 1, "reason": "saves the spread"}
        first, again = (post(tom, "crosses/", said, "k1") for _ in range(2))
        assert (first.status_code, first.json()) == (201, again.json())
        pk = first.json()["id"]
        assert post(mira, f"crosses/{pk}/accept", {"version": 1}).json()["status"] == "ACCEPTED"
        late = post(omar, f"crosses/{pk}/approve", {"version": 1})
        assert (late.status_code, late.json()["code"]) == (409, "stale_cross")
        assert post(omar, f"crosses/{pk}/approve", {"version": 2}).json()["status"] == "APPROVED"
        assert post(tom, f"crosses/{pk}/decline", {"version": 3, "reason": "no"}).status_code == 403
        done = post(tom, f"crosses/{pk}/execute", {"version": 3}).json()
        assert (done["status"], done["amount"], done["executed_price"]) == ("EXECUTED", "7500.0000", "50.00000000")
        assert [line["passes"] for line in done["executed_lines"]] == [True] * 10
        client.force_login(mira)
        listed = client.get("/api/v1/crosses/?status=EXECUTED").json()["results"]
        assert [(p["portfolio"], p["qty"]) for p in listed[0]["parts"]] == [("P3", "150.0000"), ("P1", "30.0000"), ("P2", "120.0000")]
        assert Opposition.objects.get().status == "CROSSED"

    def test_refuses_with_each_condition_as_a_fact(self, found, client, tom, firm):
        pair = found("P1")
        client.force_login(tom)
        said = {"opposition": pair.pk, "version": 1, "reason": "saves the spread"}

        refused = client.post("/api/v1/crosses/", said, content_type="application/json")

        assert (refused.status_code, refused.json()["code"]) == (409, "not_crossable")
        assert [line["name"] for line in refused.json()["facts"]["lines"] if not line["passes"]] == ["both portfolios permit crosses"]
        assert Cross.objects.count() == 0
