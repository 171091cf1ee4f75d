"""
Rules that the portal itself keeps, whatever the firm has in force: what they ask, from which source, and cases at their edges.

They are no data that officers change, so they are neither taken nor approved; but an officer reads them in the library
beside the others, with cases that are tried where they are shown. The app that keeps a rule reads its own file.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import orjson

Told = Mapping[str, Any]


class Tried(NamedTuple):
    """A case in words: what its file expects and what the rule says; ``stops`` where it is one that the rule acts on."""

    name: str
    expected: str
    found: str
    stops: bool

    @property
    def holds(self) -> bool:
        return self.expected == self.found


class BuiltIn:
    """
    One rule with its cases.

    :param judge: what the rule says of a case, as the case's own ``expect`` would say it
    :param words: that in words; empty is what the rule lets be
    :param at: name of the page where it acts
    """

    def __init__(self, told: Told, *, collection: str, at: str, judge: Callable[[Told], Any], words: Callable[[Any], str]):
        self.code, self.name, self.jurisdiction = told["code"], told["name"], told["jurisdiction"]
        self.citation, self.clause, self.fixtures = told["citation"], told["clause"], tuple(told["fixtures"])
        self.collection, self.at, self._judge, self._words = collection, at, judge, words

    @cached_property
    def cases(self) -> list[Tried]:
        """Each case, tried once in a process: neither it nor the rule changes while that runs."""
        return [
            Tried(told["name"], self._words(told["expect"]), self._words(self._judge(told)), bool(told["expect"]))
            for told in self.fixtures
        ]

    @property
    def broken(self) -> list[Tried]:
        """Cases of which the rule says something else than expected."""
        return [case for case in self.cases if not case.holds]


def read(path: Path, *, at: str, judge: Callable[[Told], Any], words: Callable[[Any], str]) -> Sequence[BuiltIn]:
    """The rules of an app's file, in its order."""
    told = orjson.loads(path.read_bytes())
    return tuple(BuiltIn(one, collection=told["title"], at=at, judge=judge, words=words) for one in told["rules"])
