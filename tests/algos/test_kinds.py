"""What makes each algorithm what it is: volume, curve, trajectory, what is shown, the auction."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from apps.algos import services as algos
from apps.algos.models import Algo, Slice
from apps.audit.models import Entry
from apps.marketdata.models import AverageVolume, Bar, Quote
from apps.marketdata.volume_selectors import usual_volumes
from apps.routing.models import Route
from tests.routing.conftest import sent

from .conftest import last_route

D = Decimal
pytestmark = pytest.mark.django_db


@pytest.fixture
def trades(firm):
    """``trades(at, 1_000)``: the market traded so much of AAA in a bar that begins then, and is quoted then."""

    def make(at: datetime, volume: int, quote: bool = True) -> None:
        thing = firm.instruments["AAA"]
        said = dict.fromkeys(("open", "high", "low", "close"), D(50))
        Bar.objects.create(instrument=thing, at=at, volume=volume, turnover=volume * 50, **said)
        if quote:
            Quote.objects.filter(pk=thing.pk).update(at=at, volume=volume)

    return make


class TestParticipation:
    def test_follows_the_volume_in_whole_shares(self, an_algo, beat, trades, now):
        an_algo("POV", 10_000, participation_pct=D(10))
        trades(now + timedelta(minutes=4), 12_345)
        trades(now + timedelta(minutes=9), 2_000)
        Quote.objects.update(at=now + timedelta(minutes=5))
        assert beat(5) == [1_234]
        Quote.objects.update(at=now + timedelta(minutes=10))
        assert beat(10) == [200]  # 1,434.5 of 14,345 in all, 1,234 went before.

    def test_the_last_interval_goes_out_while_it_can_be_worked(self, an_algo, beat, trades, now):
        algo = an_algo("POV", 10_000, minutes=10, participation_pct=D(10))
        assert datetime.fromisoformat(algo.plan[-1][1]) < algo.ends_at
        trades(now + timedelta(minutes=4), 1_000)
        Quote.objects.update(at=now + timedelta(minutes=5))
        assert beat(5) == [100]
        trades(now + timedelta(minutes=9), 2_000)
        Quote.objects.update(at=now + timedelta(minutes=9, seconds=56))
        assert beat(9 + 56 / 60) == [200]

    def test_what_came_back_is_sent_again(self, an_algo, beat, trades, now, fills):
        an_algo("POV", 10_000, participation_pct=D(10))
        trades(now + timedelta(minutes=4), 10_000)
        Quote.objects.update(at=now + timedelta(minutes=5))
        beat(5)
        fills(last_route(), 300, done=True)
        Quote.objects.update(at=now + timedelta(minutes=10))
        assert beat(10) == [700]

    def test_volume_before_it_began_does_not_count(self, an_algo, beat, trades, now):
        an_algo("POV", 10_000)
        trades(now - timedelta(seconds=5), 50_000)
        Quote.objects.update(at=now + timedelta(minutes=5))
        assert beat(5) == []

    @pytest.mark.parametrize("age", [61, 3_600])
    def test_where_volume_is_not_known_it_waits_and_says_so(self, an_algo, beat, trades, now, age):
        algo = an_algo("POV", 10_000)
        trades(now + timedelta(minutes=4), 10_000)
        Quote.objects.update(at=now + timedelta(minutes=5) - timedelta(seconds=age))
        assert beat(5) == []
        algo.refresh_from_db()
        assert algo.status == "WORKING" and algo.text.startswith("The market's volume in AAA is not known (the last of")
        assert beat(5.5) == [] and Entry.objects.filter(event="algo.waited").count() == 1  # Said once.
        Quote.objects.update(at=now + timedelta(minutes=6))
        assert beat(6) == [1_000]
        algo.refresh_from_db()
        assert algo.text == ""

    def test_a_quote_without_volume_tells_none(self, an_algo, beat, trades, now):
        an_algo("POV", 10_000)
        trades(now + timedelta(minutes=4), 10_000)
        Quote.objects.update(at=now + timedelta(minutes=5), volume=0)
        assert beat(5) == []

    def test_a_quote_that_moves_while_it_waits_makes_no_other_version_of_it(self, an_algo, beat, trades, now):
        algo = an_algo("POV", 10_000)
        trades(now + timedelta(minutes=4), 10_000)
        found = []
        for seconds in range(3):
            Quote.objects.update(at=now + timedelta(minutes=5, seconds=seconds), volume=0)
            assert beat(5 + seconds / 60) == []
            algo.refresh_from_db()
            found.append((algo.version, algo.text))

        assert found[0][1].endswith("UTC says 0), so nothing is sent.")
        assert len(set(found)) == 1 and Entry.objects.filter(event="algo.waited").count() == 1

    def test_never_above_the_quantity(self, an_algo, beat, trades, now):
        an_algo("POV", 500)
        trades(now + timedelta(minutes=4), 10**6)
        Quote.objects.update(at=now + timedelta(minutes=5))
        assert beat(5) == [500]


class TestVolumeCurve:
    def test_is_the_average_of_days_at_the_same_local_time(self, firm, trades):
        at = datetime(2026, 11, 30, 15, 0, tzinfo=UTC)  # 10:00 in New York.
        for days, volumes in ((7, (300, 100)), (3, (500, 300))):
            for n, volume in enumerate(volumes):
                trades(at - timedelta(days=days) + timedelta(minutes=5 * n), volume, quote=False)
        trades(at, 9_999, quote=False)  # Today does not count,
        trades(at - timedelta(days=3) - timedelta(seconds=5), 9_999, quote=False)  # nor what is before.
        times = [at, at + timedelta(minutes=5)]
        pk = firm.instruments["AAA"].pk
        assert usual_volumes(pk, times, at + timedelta(minutes=10), 300, "America/New_York") == ([D(400), D(200)], 2)

    def test_the_clocks_are_those_of_the_venue(self, firm, trades):
        at = datetime(2026, 11, 3, 15, 0, tzinfo=UTC)  # 10:00 in New York, in winter.
        trades(datetime(2026, 10, 30, 14, 0, tzinfo=UTC), 700, quote=False)  # 10:00 there, in summer.
        found = usual_volumes(firm.instruments["AAA"].pk, [at], at + timedelta(minutes=5), 300, "America/New_York")
        assert found == ([D(700)], 1)

    def test_a_plan_follows_it_and_says_from_how_many_days(self, an_algo, trades):
        at = timezone.now().replace(hour=15, minute=0, second=0, microsecond=0)
        trades(at - timedelta(days=2), 900, quote=False)
        trades(at - timedelta(days=2) + timedelta(minutes=5), 100, quote=False)
        algo = an_algo("VWAP", 1_000, minutes=10, at=at)
        assert [D(q) for _, _, q, _ in algo.plan] == [900, 100]
        assert algo.basis == "As the market traded at these times, on average of 1 day."

    def test_without_one_it_is_flat_and_says_so(self, an_algo):
        algo = an_algo("VWAP", 1_000, minutes=10)
        assert [D(q) for _, _, q, _ in algo.plan] == [500, 500] and algo.basis.startswith("Flat: ")


class TestShortfall:
    def test_is_faster_at_first(self, an_algo):
        algo = an_algo("IS", 10_000, minutes=390, interval_seconds=1_800, risk_aversion=D("0.001"))
        parts = [D(q) for _, _, q, _ in algo.plan]
        assert sum(parts) == 10_000 and parts[0] > parts[-1] and algo.basis.startswith("Almgren–Chriss: κ ")

    @pytest.mark.parametrize("lost", [AverageVolume, Quote])
    def test_what_it_rests_on_is_known_or_it_is_refused(self, an_algo, a_block, lost):
        block = a_block("AAA", "BUY", 1_000)
        lost.objects.all().delete()
        with pytest.raises(algos.NotKnown, match="Take TWAP or VWAP"):
            an_algo("IS", block=block)
        assert not Algo.objects.exists()


class TestIceberg:
    LIMIT = {"terms": {"order_type": "LIMIT", "limit_price": "50"}}

    def test_shows_a_part_after_the_other(self, an_algo, beat, fills):
        algo = an_algo("ICEBERG", 1_000, display_qty=D(400), **self.LIMIT)
        assert (beat(), beat()) == ([400], [])
        fills(last_route(), 300)
        assert beat() == []
        fills(last_route(), 100)
        assert beat() == [400]
        fills(last_route())
        assert beat() == [200]
        fills(last_route())
        beat()
        algo.refresh_from_db()
        assert algo.status == "FINISHED"

    def test_what_comes_back_makes_it_stand(self, an_algo, beat, fills):
        algo = an_algo("ICEBERG", 1_000, display_qty=D(400), **self.LIMIT)
        beat()
        fills(last_route(), 0, done=True)
        assert (beat(), beat()) == ([], [])
        algo.refresh_from_db()
        assert (algo.status, algo.text) == ("PAUSED", "An order of it came back not filled.")

    def test_needs_a_limit_and_less_than_the_whole(self, an_algo):
        with pytest.raises(algos.BadAlgo, match="has a limit"):
            an_algo("ICEBERG", 1_000, display_qty=D(400))
        with pytest.raises(algos.BadAlgo, match="below the whole"):
            an_algo("ICEBERG", 1_000, display_qty=D(1_000), **self.LIMIT)


class TestClose:
    @pytest.fixture
    def noon(self) -> datetime:
        """A Monday that New York trades, before its close at 16:00, which is 21:00 UTC."""
        return datetime(2026, 11, 30, 17, 0, tzinfo=UTC)

    def test_the_auctions_order_goes_at_its_cut_off_as_one_on_close(self, an_algo, noon):
        algo = an_algo("CLOSE", 1_000, at=noon, ends_at=None, auction_pct=D(40), interval_seconds=3_600, lead_minutes=10)
        assert algo.ends_at == datetime(2026, 11, 30, 21, 0, tzinfo=UTC)
        algos.work_algos(noon)
        algos.work_algos(algo.ends_at - timedelta(minutes=10, seconds=1))
        assert all(order[59] == "0" for order in sent("D"))
        algos.work_algos(algo.ends_at - timedelta(minutes=10))
        assert sent("D")[-1][59] == "7" and sum(int(s.qty) for s in Slice.objects.all()) == 1_000

    def test_it_waits_for_the_auction_to_be_reported(self, an_algo, noon, fills):
        algo = an_algo("CLOSE", 1_000, at=noon, ends_at=None)
        algos.work_algos(algo.ends_at - timedelta(minutes=15))
        algos.work_algos(algo.ends_at + timedelta(minutes=1))
        assert sent("F") == []
        fills(Route.objects.get())
        algos.work_algos(algo.ends_at + timedelta(minutes=2))
        algo.refresh_from_db()
        assert algo.status == "FINISHED"

    def test_after_the_close_it_is_refused(self, an_algo, noon):
        with pytest.raises(algos.BadAlgo, match="does not close any more today"):
            an_algo("CLOSE", 1_000, at=noon + timedelta(hours=5), ends_at=None)
