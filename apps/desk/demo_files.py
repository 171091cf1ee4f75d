"""The files of the demo firm, row by row."""

import csv
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import apps.reference

FOLDER = Path(apps.reference.__file__).parent / "demo"


def rows(name: str) -> Iterator[dict[str, str]]:
    with (FOLDER / f"{name}.csv").open(newline="", encoding="utf-8") as file:
        yield from csv.DictReader(file)


def traded() -> Iterator[dict[str, str]]:
    """All that is traded: first what options and futures may be on, then these."""
    yield from rows("instruments")
    yield from rows("listed")


def number(text: str) -> Decimal | None:
    return Decimal(text) if text else None
