"""
Reads the list of the US Office of Foreign Assets Control as it publishes it: ``sdn.csv`` (who), ``alt.csv`` (what else
they are called) and ``add.csv`` (where), without headings; ``-0-`` is nothing.
"""

import csv
import io
from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from .sanctions import Party

NOTHING = "-0-"
END = "\x1a"
SHAPES = {"sdn.csv": 12, "alt.csv": 5, "add.csv": 6}
NEEDED = ("sdn.csv", "alt.csv")


class Problem(NamedTuple):
    file: str
    row: int
    message: str


def read(files: Mapping[str, bytes]) -> tuple[list[Party], list[Problem]]:
    """
    Who is on the list, by number, and every row that is wrong.

    :param files: name to content, of ``SHAPES``; ``add.csv`` may be left out
    """
    problems = [Problem(name, 0, "The file is missing.") for name in NEEDED if name not in files]
    found: dict[int, Party] = {}
    for row, uid, cells in _rows("sdn.csv", files, problems):
        if uid in found:
            problems.append(Problem("sdn.csv", row, f"Number {uid} is there twice."))
        elif not cells[1]:
            problems.append(Problem("sdn.csv", row, "There is no name."))
        else:
            found[uid] = Party(uid, cells[1], cells[2], cells[3], cells[11])
    aliases: dict[int, list[str]] = defaultdict(list)
    for row, uid, cells in _rows("alt.csv", files, problems):
        if uid not in found:
            problems.append(Problem("alt.csv", row, f"Nobody on the list has the number {uid}."))
        elif not cells[3]:
            problems.append(Problem("alt.csv", row, "There is no name."))
        else:
            aliases[uid].append(cells[3])
    countries: dict[int, set[str]] = defaultdict(set)
    for row, uid, cells in _rows("add.csv", files, problems):
        if uid not in found:
            problems.append(Problem("add.csv", row, f"Nobody on the list has the number {uid}."))
        elif cells[4]:
            countries[uid].add(cells[4])
    if not found and not problems:
        problems.append(Problem("sdn.csv", 0, "Nobody is on the list."))
    parties = [
        party._replace(aliases=tuple(aliases[uid]), countries=tuple(sorted(countries[uid]))) for uid, party in sorted(found.items())
    ]
    return parties, problems


def _rows(name: str, files: Mapping[str, bytes], problems: list[Problem]) -> Iterator[tuple[int, int, list[str]]]:
    """The good rows of a file: its place, the number it is about, its cells. The bad ones are named."""
    if name not in files:
        return
    try:
        text = files[name].decode("utf-8-sig")
    except UnicodeDecodeError:
        try:
            text = files[name].decode("cp1252")
        except UnicodeDecodeError:
            problems.append(Problem(name, 0, "It is no text."))
            return
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    row = 0
    try:
        for row, cells in enumerate(reader, start=1):
            if not cells or cells == [END]:
                continue
            cells = ["" if cell.strip() == NOTHING else cell.strip() for cell in cells]
            if len(cells) != SHAPES[name]:
                problems.append(Problem(name, row, f"It has {len(cells)} cells, not {SHAPES[name]}."))
            elif not (cells[0].isascii() and cells[0].isdigit() and len(cells[0]) < 10):
                problems.append(Problem(name, row, f"“{cells[0]}” is no number of an entry."))
            else:
                yield row, int(cells[0]), cells
    except csv.Error as error:
        problems.append(Problem(name, row + 1, f"It cannot be read as CSV: {error}."))
