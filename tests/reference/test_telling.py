"""What rules judge by is on the record: every change of own values, benchmarks and weights, through whichever door."""

from datetime import date
from decimal import Decimal

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from apps.audit.models import Entry
from apps.portfolios import benchmark_services
from apps.portfolios.models import Benchmark, BenchmarkWeight
from apps.reference import own_services
from apps.reference.models import InstrumentValue, OwnAttribute
from tests.back_office import typed
from tests.pages import visit, words

pytestmark = pytest.mark.django_db
Said = own_services.Said
D = Decimal


@pytest.fixture
def attributes(firm):
    return [
        OwnAttribute.objects.create(code="esg", title="ESG score", kind="number"),
        OwnAttribute.objects.create(code="coal", title="Coal owner", kind="text", of="issuer"),
    ]


@pytest.fixture
def office(client, olga):
    client.force_login(olga)
    return client


def told(*subjects: str) -> list[tuple]:
    """Event, its number for its subject, what it says, and who and why: in order."""
    rows = Entry.objects.filter(subject__in=subjects).order_by("pk").select_related("act__by")
    return [(e.event, e.nth, e.payload, e.act.by.username, e.act.reason) for e in rows]


def imported(office, model: str, content: str):
    file = SimpleUploadedFile("file.csv", content.encode(), content_type="text/csv")
    before = Entry.objects.count()
    shown = office.post(reverse(f"admin:{model}_import"), {"format": "0", "import_file": file, "resource": "0"})
    assert Entry.objects.count() == before  # Nothing is told of what is only shown.
    return office.post(reverse(f"admin:{model}_process_import"), shown.context["confirm_form"].initial)


def test_values_that_another_system_says_changes_and_takes_away(attributes, by, olga):
    own_services.set_own_values(by(olga, "March"), [Said("esg", "AAA", "10", source="V"), Said("coal", "ALPHA", "yes")])
    own_services.set_own_values(by(olga, "April"), [Said("esg", "AAA", "12.5", "10", "W"), Said("coal", "ALPHA", "", "yes")])
    own_services.set_own_values(by(olga, "May"), [Said("esg", "AAA", "12.5", "12.5")])
    of, owner = {"attribute": "esg", "instrument": "AAA"}, {"attribute": "coal", "issuer": "ALPHA"}
    assert told("instrument_value", "issuer_value") == [
        ("instrument_value.said", 1, of | {"after": {"value": "10", "source": "V"}}, "olga", "March"),
        ("issuer_value.said", 1, owner | {"after": {"value": "yes"}}, "olga", "March"),
        ("instrument_value.changed", 2,
         of | {"before": {"value": "10", "source": "V"}, "after": {"value": "12.5", "source": "W"}}, "olga", "April"),
        ("issuer_value.taken_away", 2, owner | {"before": {"value": "yes"}}, "olga", "April"),
    ]  # fmt: skip


def test_statements_do_not_grow_with_the_values(attributes, by, olga, firm):
    def statements(rows: list[Said]) -> int:
        with CaptureQueriesContext(connection) as found:
            own_services.set_own_values(by(olga), rows)
        return len(found)

    symbols = sorted(firm.instruments)
    assert statements([Said("esg", symbols[0], "1")]) == statements([Said("esg", symbol, "2") for symbol in symbols[1:]])


def test_what_the_back_office_makes_changes_and_deletes(attributes, office, firm):
    add, pk = reverse("admin:reference_instrumentvalue_add"), firm.instruments["AAA"].pk
    assert office.post(add, typed(office.get(add), attribute=attributes[0].pk, instrument=pk, value="10")).status_code == 302
    row = InstrumentValue.objects.get()
    change = reverse("admin:reference_instrumentvalue_change", args=[row.pk])
    office.post(change, typed(office.get(change)))  # Saved as it was: nothing happened.
    office.post(change, typed(office.get(change), value="25"))
    gone = reverse("admin:reference_instrumentvalue_delete", args=[row.pk])
    office.post(gone, typed(office.get(gone)))
    of = {"attribute": "esg", "instrument": "AAA"}
    assert told("instrument_value") == [
        ("instrument_value.said", 1, of | {"after": {"value": "10"}}, "olga", ""),
        ("instrument_value.changed", 2, of | {"before": {"value": "10"}, "after": {"value": "25"}}, "olga", ""),
        ("instrument_value.taken_away", 3, of | {"before": {"value": "25"}}, "olga", ""),
    ]


def test_an_attribute_is_told_of_too(office, firm):
    add = reverse("admin:reference_ownattribute_add")
    office.post(add, typed(office.get(add), code="theme", title="Theme", kind="choice", choices='["Coal"]', of="instrument"))
    change = reverse("admin:reference_ownattribute_change", args=[OwnAttribute.objects.get().pk])
    office.post(change, typed(office.get(change), choices='["Coal", "Oil"]'))
    first, second = told("own_attribute")
    assert first[2] == {"attribute": "theme", "after": {"title": "Theme", "of": "instrument", "kind": "choice", "choices": ["Coal"]}}
    assert second[:3] == (
        "own_attribute.changed", 2, {"attribute": "theme", "before": {"choices": ["Coal"]}, "after": {"choices": ["Coal", "Oil"]}},
    )  # fmt: skip


def test_a_file_is_told_row_by_row_and_what_it_left_alone_is_not(attributes, office):
    header = "attribute,instrument,value,source\n"
    imported(office, "reference_instrumentvalue", header + "esg,AAA,12.5,V\nesg,BBB,40,V\n")
    imported(office, "reference_instrumentvalue", header + "esg,AAA,12.5,V\nesg,BBB,41,V\n")
    found = told("instrument_value")
    assert [(event, nth, said["instrument"], said["after"]["value"], why) for event, nth, said, _, why in found] == [
        ("instrument_value.said", 1, "AAA", "12.5", "Imported from file.csv"),
        ("instrument_value.said", 1, "BBB", "40", "Imported from file.csv"),
        ("instrument_value.changed", 2, "BBB", "41", "Imported from file.csv"),
    ]


def test_a_file_that_is_refused_tells_of_nothing(attributes, office):
    imported(office, "reference_instrumentvalue", "attribute,instrument,value,source\nesg,AAA,12.5,V\n")
    file = SimpleUploadedFile("file.csv", b"attribute,instrument,value,source\nesg,AAA,13,V\n", content_type="text/csv")
    shown = office.post(reverse("admin:reference_instrumentvalue_import"), {"format": "0", "import_file": file, "resource": "0"})
    InstrumentValue.objects.update(value="13")  # A colleague was faster: the row would be left alone now.
    office.post(reverse("admin:reference_instrumentvalue_process_import"), shown.context["confirm_form"].initial)
    assert len(told("instrument_value")) == 1


def test_weights_of_a_benchmark_by_service_and_by_hand(office, by, olga, firm):
    add = reverse("admin:portfolios_benchmark_add")
    office.post(add, typed(office.get(add), code="INDEX", name="The index"))
    weights = [benchmark_services.Weight("AAA", D(60)), benchmark_services.Weight("BBB", D("39.5"))]
    benchmark_services.load_weights(by(olga, "March"), "INDEX", date(2026, 3, 2), weights)
    row = BenchmarkWeight.objects.get(instrument__symbol="AAA")
    change = reverse("admin:portfolios_benchmarkweight_change", args=[row.pk])
    office.post(change, typed(office.get(change), weight_pct="60.5"))
    of = {"benchmark": "INDEX", "as_of": "2026-03-02", "instrument": "AAA"}
    named, first, _, changed = told("benchmark", "benchmark_weight")
    assert named[:3] == ("benchmark.named", 1, {"benchmark": "INDEX", "after": {"name": "The index"}})
    assert first == ("benchmark_weight.said", 1, of | {"after": {"weight_pct": "60"}}, "olga", "March")
    assert changed[:3] == ("benchmark_weight.changed", 2, of | {"before": {"weight_pct": "60"}, "after": {"weight_pct": "60.5"}})


def test_weights_by_file(office, by, firm):
    Benchmark.objects.create(code="INDEX", name="Index")
    rows = "INDEX,2026-03-02,AAA,60\nINDEX,2026-03-02,BBB,40\n"
    imported(office, "portfolios_benchmarkweight", "benchmark,as_of,instrument,weight_pct\n" + rows)
    assert [payload["after"] for _, _, payload, _, _ in told("benchmark_weight")] == [{"weight_pct": "60"}, {"weight_pct": "40"}]


def test_the_record_says_it_in_words(attributes, by, olga, ada, mira):
    own_services.set_own_values(by(olga, "March"), [Said("esg", "AAA", "10", source="V")])
    own_services.set_own_values(by(olga, "April"), [Said("esg", "AAA", "12.5", "10", "V")])
    pk = InstrumentValue.objects.get().pk
    for person in (ada, mira):
        shown = words(visit(person, "desk:timeline", "instrument_value", pk))
        assert "value 10 → 12.5" in shown and "attribute esg, instrument AAA" in shown
    assert f"Instrument value {pk}" in words(visit(ada, "desk:record"))
