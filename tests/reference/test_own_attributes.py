"""Attributes of the firm's own: defined, said by hand, by file and by other systems, every bad row named."""

from datetime import UTC, datetime

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import IntegrityError, transaction
from django.urls import reverse

from apps.core.refusals import Invalid, NotAllowed
from apps.reference import own_rules, own_services
from apps.reference.models import InstrumentValue, IssuerValue, OwnAttribute
from apps.reference.own_selectors import own_values
from tests.back_office import typed

pytestmark = pytest.mark.django_db
Said = own_services.Said


@pytest.fixture
def attributes(firm):
    return {
        "esg": OwnAttribute.objects.create(code="esg", title="ESG score", kind="number"),
        "theme": OwnAttribute.objects.create(code="theme", title="Theme", kind="choice", choices=["Coal", "None"]),
        "coal": OwnAttribute.objects.create(code="coal", title="Coal owner", kind="text", of="issuer"),
    }


@pytest.fixture
def office(client, olga):
    client.force_login(olga)
    return client


@pytest.mark.parametrize(
    ("facts", "field"),
    [
        ({"code": "ESG"}, "code"), ({"code": "in"}, "code"), ({"code": "1a"}, "code"), ({"kind": "choice"}, "choices"),
        ({"kind": "choice", "choices": ["A", "A"]}, "choices"), ({"choices": ["A"]}, "choices"),
    ],
)  # fmt: skip
def test_a_definition_is_refused_beside_its_field(facts, field):
    told = {"code": "esg", "title": "ESG", "kind": "number", "of": "instrument", "choices": []} | facts
    assert list(own_rules.definition_problems(told, None)) == [field]


def test_what_is_said_in_it_keeps_its_meaning(attributes, office):
    row = attributes["theme"]
    url = reverse("admin:reference_ownattribute_change", args=[row.pk])
    for change, field in (({"kind": "text", "choices": "[]"}, "kind"), ({"choices": '["Coal"]'}, "choices"), ({"code": "other"}, "code")):
        assert field in office.post(url, typed(office.get(url), **change)).context["adminform"].errors
    for change in ({"kind": "text", "choices": []}, {"choices": ["Coal"]}, {"of": "issuer"}):
        with pytest.raises(IntegrityError), transaction.atomic():
            OwnAttribute.objects.filter(pk=row.pk).update(**change)
    assert office.post(url, typed(office.get(url), choices='["Coal", "None", "Oil"]')).status_code == 302


@pytest.mark.parametrize(("code", "value"), [("esg", "many"), ("esg", "1e3"), ("theme", "Wind"), ("coal", "x")])
def test_the_database_refuses_a_value_that_does_not_fit(attributes, firm, code, value):
    with pytest.raises(IntegrityError), transaction.atomic():
        InstrumentValue.objects.create(attribute=attributes[code], instrument=firm.instruments["AAA"], value=value)


def send(office, rows: str):
    url = reverse("admin:reference_instrumentvalue_import")
    file = SimpleUploadedFile("esg.csv", rows.encode(), content_type="text/csv")
    return office.post(url, {"format": "0", "import_file": file, "resource": "0"})


def test_a_file_names_every_bad_row_and_takes_none(attributes, office):
    rows = "esg,AAA,12.5,V\nesg,BBB,many,V\nesg,ZZZ,1,V\nwind,AAA,1,V\ncoal,AAA,x,V\n"
    shown = send(office, "attribute,instrument,value,source\n" + rows)
    said = shown.content.decode()
    for words in ("“many” must be a plain number", "no instrument “ZZZ”", "no own attribute “wind”", "is said of issuers"):
        assert words in said
    assert not InstrumentValue.objects.exists()


def test_a_file_is_taken_as_it_was_shown_and_who_sent_it_is_kept(attributes, office, olga):
    shown = send(office, "attribute,instrument,value,source\nesg,AAA,12.5,V\nesg,BBB,40,V\n")
    done = office.post(reverse("admin:reference_instrumentvalue_process_import"), shown.context["confirm_form"].initial)
    assert done.status_code == 302
    assert dict(InstrumentValue.objects.values_list("instrument__symbol", "value")) == {"AAA": "12.5", "BBB": "40"}
    kept = InstrumentValue.history.values_list("history_user__username", "history_change_reason")
    assert set(kept) == {("olga", "Imported from esg.csv")}


class TestSaying:
    def say(self, by, olga, *rows) -> int:
        return own_services.set_own_values(by(olga, "Vendor file"), [Said(*row) for row in rows])

    def test_says_changes_and_takes_away_and_keeps_who_did(self, attributes, by, olga):
        assert self.say(by, olga, ("esg", "AAA", "10"), ("esg", "BBB", "20"), ("coal", "ALPHA", "yes")) == 3
        assert self.say(by, olga, ("esg", "AAA", "10"), ("esg", "BBB", "25", "20"), ("coal", "ALPHA", "", "yes")) == 2
        assert dict(InstrumentValue.objects.values_list("instrument__symbol", "value")) == {"AAA": "10", "BBB": "25"}
        assert not IssuerValue.objects.exists()
        kept = list(IssuerValue.history.order_by("history_id").values_list("history_type", "value", "history_user__username"))
        assert kept == [("+", "yes", "olga"), ("-", "yes", "olga")]

    def test_names_every_bad_row_and_does_nothing(self, attributes, by, olga):
        with pytest.raises(own_services.BadValues) as refused:
            self.say(
                by, olga, ("esg", "AAA", "10"), ("wind", "AAA", "1"), ("esg", "ZZZ", "1"), ("theme", "AAA", "Wind"), ("esg", "AAA", "11")
            )
        assert refused.value.facts["rows"] == {
            2: "there is no attribute “wind”", 3: "there is no instrument “ZZZ”", 4: "the value “Wind” is none of Coal, None",
            5: "esg of AAA is in row 1 already",
        }  # fmt: skip
        assert not InstrumentValue.objects.exists()

    def test_refuses_who_saw_another_value(self, attributes, by, olga, alan):
        self.say(by, olga, ("esg", "AAA", "10"))
        with pytest.raises(own_services.StaleValues) as refused:
            self.say(by, alan, ("esg", "AAA", "30", "20"), ("esg", "BBB", "1"))
        [told] = refused.value.facts["values"]
        assert (told["ref"], told["seen"], told["changes"][0]["by"]) == ("esg of AAA", "20", str(olga))
        assert list(InstrumentValue.objects.values_list("value", flat=True)) == ["10"]

    def test_only_who_keeps_reference_data_says_it(self, attributes, by, mira, olga):
        with pytest.raises(NotAllowed):
            self.say(by, mira, ("esg", "AAA", "10"))
        with pytest.raises(Invalid, match="1 to 20,000"):
            own_services.set_own_values(by(olga), [])

    def test_another_system_says_and_reads_it(self, attributes, client, olga):
        client.force_login(olga)
        rows = [
            {"attribute": "esg", "thing": "AAA", "value": "10", "source": "Vendor"},
            {"attribute": "coal", "thing": "ALPHA", "value": "y"},
        ]
        done = client.post(reverse("api-own-values-say"), {"rows": rows, "reason": "Monthly"}, content_type="application/json")
        assert (done.status_code, done.json()) == (200, {"changed": 2})
        assert [a["code"] for a in client.get(reverse("api-own-attributes")).json()] == ["coal", "esg", "theme"]
        assert client.get(reverse("api-own-values", args=["instrument"])).json() == [
            {"attribute": "esg", "thing": "AAA", "value": "10", "source": "Vendor"}
        ]
        assert client.get(reverse("api-own-values", args=["moon"])).status_code == 404
        stale = client.post(reverse("api-own-values-say"), {"rows": [rows[0] | {"value": "20"}]}, content_type="application/json")
        assert stale.status_code == 409 and "says “10” by now" in stale.json()["detail"]


def test_values_are_read_for_the_instruments_at_hand_by_their_issuers_too(attributes, by, olga, firm, django_assert_num_queries):
    own_services.set_own_values(
        by(olga), [Said("esg", "AAA", "10.50"), Said("esg", "BBB", "2"), Said("coal", "ALPHA", "yes"), Said("coal", "BETA", "no")]
    )
    ids = [firm.instruments[symbol].pk for symbol in ("AAA", "CCC")]
    with django_assert_num_queries(4):
        found = own_values({"esg", "coal", "gone"}, ids)
    assert found == {"esg": ("number", {ids[0]: "10.5"}), "coal": ("text", {ids[0]: "yes"})}
    with django_assert_num_queries(0):
        assert own_values((), ids) == {}


def test_history_tells_when(attributes, by, olga):
    own_services.set_own_values(by(olga), [Said("esg", "AAA", "10")])
    assert InstrumentValue.history.get().history_date <= datetime.now(UTC)
