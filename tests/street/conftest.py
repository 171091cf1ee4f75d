"""A small market of its own, and a street of its own process, for the tests of the street."""

import math
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import pytest

from street.book import Book
from street.broker import Broker
from street.dealer import Dealer
from street.journal import Journal
from street.market import Market
from street.tactics import STYLES, Style
from street.universe import Universe, load_universe

from .client import Client

ROOT = Path(__file__).resolve().parents[2]
INSTRUMENTS = """\
symbol,asset_class,isin,currency,mic,tick_size,increment,price,adv_qty,annual_vol,spread_bp
ACME,EQUITY,US0000000001,USD,XNYS,0.01,1,250.00,5000000,0.25,1
BOLT,EQUITY,US0000000002,USD,XNAS,0.01,1,80.00,9000000,0.30,1.5
CASK,EQUITY,GB0000000003,GBP,XLON,0.005,1,30.00,4000000,0.20,2
T 4 2034,GOVT,US0000000010,USD,XOFF,0.0078125,100,99.50,500000000,0.08,1.5
ACME 5 2030,CORP,US0000000011,USD,XOFF,0.001,1000,101.20,5000000,0.06,14
"""
FX = "base,quote,rate,annual_vol\nEUR,USD,1.10,0.07\n"
INTEREST = "currency,pct,year_days\nEUR,2,360\nUSD,4,360\n"
BROKERS = """\
code,name,kind,commission_kind,commission_rate
NORTHGATE,Northgate,broker,per_share,0.005
HARBOR,Harbor,broker,bps,1.5
"""


@pytest.fixture(scope="session")
def data(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("street-data")
    (folder / "instruments.csv").write_text(INSTRUMENTS)
    (folder / "fx.csv").write_text(FX)
    (folder / "interest.csv").write_text(INTEREST)
    (folder / "brokers.csv").write_text(BROKERS)
    bowl = [1 + 2 * math.cos(math.pi * minute / 389) ** 2 for minute in range(390)]
    rows = [f"{minute},{share / sum(bowl):.8f}" for minute, share in enumerate(bowl)]
    (folder / "volume_curve.csv").write_text("minute,share\n" + "\n".join(rows) + "\n")
    return folder


@pytest.fixture
def universe(data) -> Universe:
    return load_universe(data)


@pytest.fixture
def market(universe) -> Market:
    return Market(universe, seed=1, tick=15)


@pytest.fixture
def a_book(universe) -> Callable[..., Book]:
    numbers = count(1)

    def make(code: str = "NORTHGATE", journal: Journal | None = None) -> Book:
        return Book(universe.counterparties[code], journal or Journal(), lambda: f"{code}-{next(numbers)}")

    return make


@pytest.fixture
def a_broker(market, a_book) -> Callable[..., Broker]:
    def make(code="NORTHGATE", *, seed=1, style: Style | None = None, journal: Journal | None = None) -> Broker:
        arrivals = count()
        return Broker(
            a_book(code, journal),
            market,
            seed=seed,
            style=style or STYLES[code],
            arrivals=lambda: next(arrivals),
        )

    return make


@pytest.fixture
def a_dealer(market, a_book) -> Callable[..., Dealer]:
    def make(code="ALDGATE", *, seed=1, **kept) -> Dealer:
        return Dealer(a_book(code, kept.pop("journal", None)), market, seed=seed, **kept)

    return make


@dataclass
class Running:
    """A street in a process of its own."""

    home: Path
    data: Path
    port: int
    arguments: tuple[str, ...] = ()
    root: Path = ROOT
    process: subprocess.Popen | None = None

    def start(self) -> "Running":
        options = {"port": self.port, "home": self.home, "data": self.data, "speed": 1500, "seed": 7}
        command = [sys.executable, "-m", "street", *(f"--{name}={value}" for name, value in options.items())]
        self.process = subprocess.Popen([*command, *self.arguments], cwd=ROOT)
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return self
            assert self.process.poll() is None, "the street ended before it opened"
            time.sleep(0.05)
        raise AssertionError("the street did not open its port in 10 s")

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(10)

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(15)

    def client(self, codes: list[str], name: str = "client", **kept) -> Client:
        return Client(self.home / name, self.port, codes, **kept)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture(scope="module")
def street(data, tmp_path_factory) -> Iterator[Running]:
    """One street for the tests of a module, whose brokers find the other side of every order."""
    running = Running(tmp_path_factory.mktemp("home"), data, free_port(), ("--completion=1", "--quote-life=5"))
    running.start()
    yield running
    running.stop()


@pytest.fixture
def own_street(data, tmp_path) -> Iterator[Running]:
    """
    A street of this test alone, to be killed and started again. Not started. Its client has another name, for
    QuickFIX knows a session by its names in the whole process.
    """
    running = Running(tmp_path / "home", data, free_port(), ("--completion=1", "--client=OMS-TWO"))
    yield running
    if running.process and running.process.poll() is None:
        running.stop()
