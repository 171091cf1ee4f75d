"""What is kept beside an order: locates, without which nothing is sold short, and the documents behind a decision."""

import base64
import hashlib
from datetime import timedelta
from decimal import Decimal

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import ProgrammingError, connection, transaction
from django.utils import timezone
from rest_framework.test import APIClient

from apps.audit.models import Entry
from apps.core.refusals import IllegalMove, Invalid, NotAllowed, NotFound
from apps.orders import services as orders
from apps.orders.models import Document, Locate, Order, OwnField
from tests.pages import send, visit, words

D = Decimal


@pytest.fixture
def short(drafts, wish) -> int:
    return drafts(wish(side="SELL_SHORT", qty="300"))[0]


@pytest.fixture
def attach(by, mira):
    def go(order: int, qty="300", *, hours=5, ref="L-1", lender="Prime One", version=None, person=None):
        seen = {order: version or Order.objects.get(pk=order).version}
        return orders.attach_locate(
            by(person or mira), order, lender=lender, ref=ref, qty=qty, expires_at=timezone.now() + timedelta(hours=hours),
            seen=seen,
        )  # fmt: skip

    return go


def state() -> tuple[int, int, int]:
    return Locate.objects.count(), Document.objects.count(), Entry.objects.count()


@pytest.mark.django_db
class TestLocates:
    def test_is_kept_beside_the_order_and_on_its_record(self, short, attach):
        pk = attach(short)

        assert (Order.objects.get().status, Order.objects.get().version) == ("DRAFT", 2)
        [entry] = Entry.objects.filter(event="order.located")
        assert (entry.payload["lender"], entry.payload["qty"], entry.payload["locate_id"]) == ("Prime One", "300", pk)

    @pytest.mark.parametrize(
        ("wrong", "field"),
        [
            ({"qty": "0"}, "qty"), ({"qty": "many"}, "qty"), ({"qty": "NaN"}, "qty"), ({"hours": -1}, "expires_at"),
            ({"lender": "  "}, "lender"), ({"ref": "x" * 41}, "ref"),
        ],
    )  # fmt: skip
    def test_refuses_what_is_no_locate_and_keeps_nothing(self, short, attach, wrong, field):
        before = state()
        with pytest.raises(Invalid) as refused:
            attach(short, **wrong)
        assert (refused.value.facts["field"], state()) == (field, before)

    def test_refuses_a_sale_that_is_not_short_an_ended_order_a_stale_one_and_twice_the_same(
        self, short, drafts, wish, attach, by, mira
    ):
        [long] = drafts(wish(side="SELL"))
        with pytest.raises(Invalid, match="Only a short sale"):
            attach(long)
        with pytest.raises(orders.StaleOrder):
            attach(short, version=7)
        attach(short)
        with pytest.raises(Invalid, match="attached to this order already"):
            attach(short)
        orders.cancel_orders(by(mira), [short], seen={short: 2})
        with pytest.raises(IllegalMove):
            attach(short, ref="L-2")
        assert Locate.objects.count() == 1

    def test_is_for_those_who_see_the_order_and_whose_role_may(self, short, attach, paul, ada):
        with pytest.raises(NotFound):
            attach(short, person=paul)
        with pytest.raises(NotAllowed):
            attach(short, person=ada)

    def test_given_back_it_counts_no_longer_and_may_be_attached_anew(self, short, attach, by, mira):
        pk = attach(short)
        orders.release_locate(by(mira), pk, seen={short: 2})
        with pytest.raises(NotFound):
            orders.release_locate(by(mira), pk, seen={short: 3})
        attach(short)
        assert [one.released_at is None for one in Locate.objects.order_by("pk")] == [False, True]

    def test_by_page_and_by_api(self, short, mira, paul):
        until = timezone.now() + timedelta(hours=3)
        form = {
            "version": 1,
            "lender": "Prime One",
            "ref": "L-9",
            "qty": "100",
            "expires_at": f"{until:%Y-%m-%dT%H:%M}",
        }
        shown = words(send(mira, "orders:attach_locate", form, short))
        assert "100 of 300 located: it is not routed before all of it is." in shown
        refused = send(mira, "orders:attach_locate", form | {"version": 2, "qty": "x", "ref": "L-8"}, short)
        assert refused.status_code == 422 and "above zero" in words(refused)

        api = APIClient()
        api.force_authenticate(mira)
        path = f"/api/v1/orders/{short}/locates/"
        asked = {"version": 2, "lender": "Prime Two", "ref": "T-1", "qty": "200", "expires_at": until.isoformat()}
        made = api.post(path, asked, format="json", headers={"Idempotency-Key": "k"})
        assert (made.status_code, made.json()["qty"]) == (201, "200.0000")
        assert api.post(path, asked, format="json", headers={"Idempotency-Key": "k"}).json() == made.json()
        assert [one["ref"] for one in api.get(path).json()] == ["L-9", "T-1"]
        assert api.post(path, asked | {"qty": "-1"}, format="json").status_code == 409  # Its version is older.
        back = api.post(f"{path}{made.json()['id']}/release", {"version": 3}, format="json")
        assert back.status_code == 200 and back.json()[1]["released_at"]
        assert visit(paul, "orders:evidence", short).status_code == 404

    def test_the_ticket_offers_a_short_sale_where_more_is_sold_than_has_settled(self, firm, mira):
        terms = f"?portfolio={firm.portfolios['P1'].pk}&instrument=AAA&order_type=MARKET&qty="
        more = words(visit(mira, "orders:sketch", query=f"{terms}60000&side=SELL"))
        assert "P1 has 50,000 settled" in more and "side=SELL_SHORT" in more
        assert "short sale" not in words(visit(mira, "orders:sketch", query=f"{terms}50000&side=SELL"))
        assert "Needed before it is routed" in words(visit(mira, "orders:sketch", query=f"{terms}10&side=SELL_SHORT"))


@pytest.mark.django_db
class TestDocuments:
    def test_a_file_is_kept_as_it_is_with_its_hash_on_the_record(self, drafts, mira, tom, paul):
        [pk] = drafts(1)
        file = SimpleUploadedFile("../../memo <b>.pdf", b"%PDF-1.7 why", content_type="text/html")
        shown = words(send(mira, "orders:add_document", {"version": 1, "file": file}, pk))

        kept = Document.objects.get()
        assert (kept.name, kept.size, kept.sha256) == ("memo <b>.pdf", 12, hashlib.sha256(b"%PDF-1.7 why").hexdigest())
        assert Entry.objects.get(event="order.documented").payload["sha256"] == kept.sha256
        assert "memo &lt;b&gt;.pdf" in shown
        answer = visit(mira, "orders:document", kept.pk)
        assert answer.content == b"%PDF-1.7 why"
        assert answer["Content-Type"] == "application/octet-stream"
        assert answer["Content-Disposition"].startswith("attachment") and answer["X-Content-Type-Options"] == "nosniff"
        assert visit(paul, "orders:document", kept.pk).status_code == 404

    @pytest.mark.parametrize(
        ("said", "field"),
        [
            ({}, "file"), ({"content": b""}, "file"), ({"content": b"x", "url": "https://a.example"}, "url"),
            ({"url": "javascript:alert(1)"}, "url"), ({"url": "https://a.example/" + "x" * 400}, "url"),
            ({"content": b"x" * (orders.LARGEST + 1), "name": "big"}, "file"),
        ],
    )  # fmt: skip
    def test_refuses_what_is_neither_a_file_nor_an_address(self, drafts, by, mira, said, field):
        [pk] = drafts(1)
        before = state()
        with pytest.raises(Invalid) as refused:
            orders.add_document(by(mira), pk, **said, seen={pk: 1})
        assert (refused.value.facts["field"], state()) == (field, before)

    def test_refuses_a_name_given_before_and_an_order_that_ended(self, drafts, by, mira):
        [pk] = drafts(1)
        orders.add_document(by(mira), pk, url="https://research.example/42", seen={pk: 1})
        with pytest.raises(Invalid, match="Give another name"):
            orders.add_document(by(mira), pk, url="https://research.example/42", seen={pk: 2})
        orders.cancel_orders(by(mira), [pk], seen={pk: 2})
        with pytest.raises(IllegalMove):
            orders.add_document(by(mira), pk, url="https://research.example/43", seen={pk: 3})
        assert Document.objects.get().name == "https://research.example/42"

    def test_is_never_changed_nor_deleted(self, drafts, by, mira):
        [pk] = drafts(1)
        orders.add_document(by(mira), pk, url="https://research.example/42", seen={pk: 1})
        for statement in ("UPDATE orders_document SET name = 'other'", "DELETE FROM orders_document"):
            with pytest.raises(ProgrammingError), transaction.atomic(), connection.cursor() as cursor:
                cursor.execute(statement)

    def test_by_api(self, drafts, mira):
        [pk] = drafts(1)
        api = APIClient()
        api.force_authenticate(mira)
        path = f"/api/v1/orders/{pk}/documents/"
        content = base64.b64encode(b"mail").decode()
        made = api.post(path, {"version": 1, "name": "mail.txt", "content": content}, format="json")
        assert (made.status_code, made.json()["size"]) == (201, 4)
        assert [one["name"] for one in api.get(path).json()] == ["mail.txt"]
        refused = api.post(path, {"version": 2, "name": "x", "content": "***"}, format="json")
        assert (refused.status_code, refused.json()["facts"]["field"]) == (422, "content")


@pytest.mark.django_db
def test_a_reason_that_must_be_said_is_asked_of_whoever_types_an_order(firm, mira):
    OwnField.objects.create(code="reason", label="Decision", kind="list", choices=["Valuation", "Risk"], is_asked=True)
    typed = {
        "portfolio": firm.portfolios["P1"].pk, "instrument": "AAA", "side": "SELL", "qty": "10", "order_type": "MARKET",
    }  # fmt: skip

    refused = send(mira, "orders:ticket", typed, htmx=False)
    assert refused.status_code == 422 and 'id="id_own_reason_error"' in words(refused)
    assert send(mira, "orders:ticket", typed | {"own_reason": "Risk"}, htmx=False).status_code == 302
    assert Order.objects.get().own == {"reason": "Risk"}
