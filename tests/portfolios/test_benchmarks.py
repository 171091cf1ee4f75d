"""Benchmarks: weights by file and by other systems, every bad row named, and which of them stand on a day."""

from datetime import date, timedelta
from decimal import Decimal

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse
from django.utils import timezone

from apps.compliance.models import Check, Run
from apps.compliance.selectors import replay_day
from apps.core.refusals import Invalid, NotAllowed, NotFound
from apps.portfolios import benchmark_services
from apps.portfolios.benchmark_selectors import benchmark_weights, weights_of
from apps.portfolios.benchmark_services import Weight
from apps.portfolios.models import Benchmark, BenchmarkWeight, Portfolio
from apps.reference.models import Instrument
from apps.surveillance import services as surveillance
from apps.surveillance.models import Finding
from tests.compliance.conftest import submit  # noqa: F401
from tests.compliance.ruling import put_in_force
from tests.races import at_once

pytestmark = pytest.mark.django_db
D = Decimal
DAY = date(2026, 3, 2)
ALL = [Weight("AAA", D(60)), Weight("BBB", D("39.5"))]


@pytest.fixture
def index(firm) -> Benchmark:
    return Benchmark.objects.create(code="INDEX", name="The index")


def kept() -> dict[str, Decimal]:
    return dict(BenchmarkWeight.objects.values_list("instrument__symbol", "weight_pct"))


def test_a_days_weights_are_kept_with_who_sent_them(index, by, olga, django_assert_num_queries):
    assert benchmark_services.load_weights(by(olga, "Month end"), "INDEX", DAY, ALL) == 2
    assert kept() == {"AAA": 60, "BBB": D("39.5")}
    assert set(BenchmarkWeight.history.values_list("history_user__username", "history_change_reason")) == {("olga", "Month end")}
    with pytest.raises(benchmark_services.DayStands, match="of 2026-03-02 already"):
        benchmark_services.load_weights(by(olga), "INDEX", DAY, ALL)


def test_every_bad_row_is_named_and_none_is_taken(index, by, olga):
    with pytest.raises(benchmark_services.BadWeights) as refused:
        rows = [("AAA", 50), ("ZZZ", 10), ("BBB", 0), ("CCC", 5), ("CCC", 5)]
        benchmark_services.load_weights(by(olga), "INDEX", DAY, [Weight(symbol, D(weight)) for symbol, weight in rows])
    assert refused.value.facts["rows"] == {
        2: "there is no instrument “ZZZ”", 3: "the weight must be more than 0 and at most 100 percent", 4: "CCC is there more than once",
        5: "CCC is there more than once",
    }  # fmt: skip
    assert kept() == {}


@pytest.mark.parametrize(("weight", "why"), [("38.999999", "they are all of the benchmark, 100%"), ("40.000001", "more than all of the")])
def test_a_day_has_all_of_the_benchmark(index, by, olga, weight, why):
    with pytest.raises(Invalid, match=why):
        benchmark_services.load_weights(by(olga), "INDEX", DAY, [Weight("AAA", D(60)), Weight("BBB", D(weight))])


def test_only_who_keeps_reference_data_loads_them(index, by, mira, olga):
    with pytest.raises(NotAllowed):
        benchmark_services.load_weights(by(mira), "INDEX", DAY, ALL)
    with pytest.raises(NotFound):
        benchmark_services.load_weights(by(olga), "OTHER", DAY, ALL)
    assert kept() == {}


def test_the_newest_of_a_day_stand(index, by, olga, firm, django_assert_num_queries):
    other = Benchmark.objects.create(code="EMPTY", name="Empty")
    benchmark_services.load_weights(by(olga), "INDEX", DAY, ALL)
    benchmark_services.load_weights(by(olga), "INDEX", DAY + timedelta(days=5), [Weight("CCC", D(100))])
    with django_assert_num_queries(1):
        found = benchmark_weights([index.pk, other.pk], DAY + timedelta(days=4))
    assert {pk: (one.code, one.as_of, len(one.weights)) for pk, one in found.items()} == {index.pk: ("INDEX", DAY, 2)}
    assert [row.instrument.symbol for row in weights_of("INDEX", DAY + timedelta(days=5))] == ["CCC"]
    assert not weights_of("INDEX", DAY - timedelta(days=1)).exists()


def send(client, rows: str):
    file = SimpleUploadedFile("index.csv", b"benchmark,as_of,instrument,weight_pct\n" + rows.encode(), content_type="text/csv")
    return client.post(reverse("admin:portfolios_benchmarkweight_import"), {"format": "0", "import_file": file, "resource": "0"})


def test_a_file_in_the_back_office_names_every_bad_row_and_is_taken_whole(index, client, olga):
    client.force_login(olga)
    rows = "INDEX,2026-03-02,AAA,60\nINDEX,2026-03-02,ZZZ,1\nINDEX,2026-03-02,BBB,0\nOTHER,2026-03-02,BBB,1\n"
    said = send(client, rows).content.decode()
    for words in ("no instrument “ZZZ”", "must be more than 0", "no benchmark “OTHER”"):
        assert words in said
    assert kept() == {}
    shown = send(client, "INDEX,2026-03-02,AAA,60\nINDEX,2026-03-02,BBB,40\n")
    client.post(reverse("admin:portfolios_benchmarkweight_process_import"), shown.context["confirm_form"].initial)
    assert kept() == {"AAA": 60, "BBB": 40}


def test_a_file_whose_day_is_more_than_all_is_refused_with_its_rows(index, client, olga):
    client.force_login(olga)
    rows = "INDEX,2026-03-02,AAA,60\nINDEX,2026-03-03,AAA,100\nINDEX,2026-03-02,BBB,40.000001\n"
    said = send(client, rows).content.decode()
    assert "The weights of INDEX on 2026-03-02 sum to 100.000001%, more than all of it (rows 1, 3)." in said and "03-03 sum" not in said
    assert kept() == {}


def test_what_is_there_already_counts(index, client, olga, by):
    client.force_login(olga)
    benchmark_services.load_weights(by(olga), "INDEX", DAY, ALL)
    said = send(client, "INDEX,2026-03-02,CCC,0.6\n").content.decode()
    assert "sum to 100.1%, more than all of it (rows 1)" in said
    form = {"benchmark": index.pk, "as_of": f"{DAY}", "instrument": Instrument.objects.get(symbol="CCC").pk, "weight_pct": "0.6"}
    answer = client.post(reverse("admin:portfolios_benchmarkweight_add"), form)
    assert answer.status_code == 200 and "sum to 100.1%, more than all of the benchmark" in answer.content.decode()
    assert client.post(reverse("admin:portfolios_benchmarkweight_add"), form | {"weight_pct": "0.5"}).status_code == 302


@pytest.mark.parametrize(("weight", "is_told"), [("38.9", True), ("39", False)])
def test_a_day_below_what_rules_need_is_taken_and_who_sends_it_is_told(index, client, olga, weight, is_told):
    client.force_login(olga)
    shown = send(client, f"INDEX,2026-03-02,AAA,60\nINDEX,2026-03-02,BBB,{weight}\n")
    assert ("rules that ask for them cannot tell" in shown.content.decode()) is is_told
    client.post(reverse("admin:portfolios_benchmarkweight_process_import"), shown.context["confirm_form"].initial)
    assert kept() == {"AAA": 60, "BBB": D(weight)}


def test_another_system_loads_and_reads_them(index, client, olga, mira):
    client.force_login(olga)
    today = timezone.now().date().isoformat()
    rows = [{"symbol": "AAA", "weight_pct": "60"}, {"symbol": "BBB", "weight_pct": "40"}]
    at = reverse("api-benchmark-weights", args=["INDEX"])
    assert client.post(at, {"as_of": today, "weights": rows}, content_type="application/json").status_code == 201
    assert client.post(at, {"as_of": today, "weights": rows}, content_type="application/json").status_code == 409
    assert client.get(reverse("api-benchmarks")).json() == [{"code": "INDEX", "name": "The index", "as_of": today}]
    assert client.get(at).json()[0] == {"symbol": "AAA", "weight_pct": "60.000000", "as_of": today}
    assert client.get(reverse("api-benchmark-weights", args=["OTHER"])).status_code == 404
    client.force_login(mira)
    assert client.post(at, {"as_of": "2026-01-01", "weights": rows}, content_type="application/json").status_code == 403


def test_an_order_is_measured_against_what_its_portfolio_follows(index, submit, by, olga, firm):  # noqa: F811
    benchmark_services.load_weights(by(olga), "INDEX", timezone.now().date(), ALL)
    Portfolio.objects.filter(code="P1").update(benchmark=index)
    put_in_force(
        by, "over", {"group": "instrument", "relative_to": "benchmark", "limit": "5", "filter": 'asset_class == "EQUITY"'},
        kind="measure", name="Over", severity="HARD",
    )  # fmt: skip
    said = [submit(("P1", symbol, "BUY", "100"))[0] for symbol in ("AAA", "CCC")] + submit(("P2", "AAA", "BUY", "100"))
    assert [Check.objects.get(order=pk).outcome for pk in said] == ["PASS", "FAIL", "INDETERMINATE"]
    assert "P2 follows no benchmark" in Check.objects.get(order=said[2]).results[0]["text"]
    day = surveillance.report_day(by("worker"))
    found = {(row.portfolio.code, row.group): row.outcome for row in Finding.objects.filter(run__day=day).select_related("portfolio")}
    assert (found["P1", "CCC"], found["P2", "AAA"]) == ("FAIL", "INDETERMINATE") and ("P1", "AAA") not in found
    BenchmarkWeight.objects.all().delete()
    assert replay_day(Run.objects.first().at.date()).is_same


@pytest.mark.django_db(transaction=True)
def test_of_two_who_load_one_day_at_once_one_does(index, by, olga, alan):
    def load(person):
        try:
            return benchmark_services.load_weights(by(person), "INDEX", DAY, ALL)
        except benchmark_services.DayStands:
            return "told"

    assert sorted(map(str, at_once(lambda: load(olga), lambda: load(alan)))) == ["2", "told"]
    assert kept() == {"AAA": 60, "BBB": D("39.5")}
