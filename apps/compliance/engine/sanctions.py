"""
Names held against a sanctions list.

Two names are the same where they are alike in what counts: letters without their marks and in Latin script, words without
punctuation, legal forms and order. What is nearly alike is found by edit distance and scored from 0 to 100.
"""

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Sequence
from functools import lru_cache
from hashlib import sha256
from typing import NamedTuple

import numpy as np
from rapidfuzz import fuzz, process

EXACT, ALIAS, NEAR = "EXACT", "ALIAS", "NEAR"
NEAR_FROM = 88
"""The score from which two names are worth a person's look."""
NEAR_LENGTH = 6
"""Names of fewer letters are held against others as a whole only: nearly every one of them is near some other."""
PEOPLE_AND_THINGS = ("individual", "vessel", "aircraft")
AT_ONCE = 500

# Forms that a name ends, or begins, with and that do not tell it from another.
FORMS = {
    "ab", "ag", "aktiengesellschaft", "and", "as", "asa", "bhd", "bv", "bvba", "co", "company", "corp", "corporation", "cv", "dac",
    "de", "doo", "eood", "fzc", "fzco", "fze", "gmbh", "group", "holding", "holdings", "inc", "incorporated", "jsc", "kg",
    "kgaa", "kk", "lda", "limitada", "limited", "limitee", "llc", "llp", "lp", "ltd", "ltda", "mbh", "nv", "oao", "ojsc",
    "ood", "ooo", "oy", "oyj", "pao", "pcl", "pjsc", "plc", "private", "pt", "pte", "pty", "public", "pvt", "rl", "s", "sa",
    "sab", "sae", "sal", "sarl", "sas", "sca", "scrl", "sdn", "se", "sgps", "sl", "spa", "spolka", "srl", "the", "ultd",
    "unlimited", "zao", "zrt",
}  # fmt: skip
CYRILLIC = dict(
    zip(
        "абвгдежзийклмнопрстуфхцчшщъыьэюяёєіїґ",
        "a b v g d e zh z i y k l m n o p r s t u f kh ts ch sh shch _ y _ e yu ya e ye i yi g".replace("_", "").split(" "),
        strict=True,
    )
)
OTHERS = {"ß": "ss", "ø": "o", "ł": "l", "æ": "ae", "œ": "oe", "đ": "d", "ð": "d", "þ": "th", "ı": "i", "&": " and ", "+": " and "}
LATIN = str.maketrans(CYRILLIC | OTHERS)


class Party(NamedTuple):
    """
    Somebody on a sanctions list.

    :param uid: the list's own number; :param kind: ``individual``, ``vessel``, ``aircraft``, or empty for an entity
    """

    uid: int
    name: str
    kind: str = ""
    programs: str = ""
    remarks: str = ""
    aliases: tuple[str, ...] = ()
    countries: tuple[str, ...] = ()

    @property
    def fingerprint(self) -> str:
        """Another where it is called otherwise than before."""
        return sha256("\x1f".join([self.name, *sorted(self.aliases)]).encode()).hexdigest()[:32]


class Match(NamedTuple):
    """
    A name that is, or is nearly, that of somebody on the list.

    :param how: ``EXACT``, ``ALIAS`` or ``NEAR``; :param called: the name on the list that it is like
    """

    party: Party
    how: str
    called: str
    score: float


@lru_cache(maxsize=100_000)
def normalised(name: str) -> str:
    """What counts of a name: its words in alphabetical order."""
    return " ".join(sorted(_words(name)))


@lru_cache(maxsize=100_000)
def run_together(name: str) -> str:
    """What counts of a name, in its own order and without its spaces."""
    return "".join(_words(name))


def _words(name: str) -> list[str]:
    text = name.casefold().translate(LATIN)
    text = "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c)).translate(LATIN)
    text = re.sub(r"(?<=\b\w)[./](?=\w\b)", "", text)  # S.A.B. is a word, S. DE R.L. is three.
    text = re.sub(r"[’'`]", "", text)
    words = re.findall(r"\w+", text.replace("_", " "))
    kept = list(words)
    while len(kept) > 1 and kept[-1] in FORMS:
        kept.pop()
    while len(kept) > 1 and kept[0] in FORMS:
        kept.pop(0)
    return kept

SPELLINGS = (normalised, run_together)
"""Names are near where they are in either: the words of one may be split, or in another order."""


class List:
    """A sanctions list, ready to hold names against."""

    def __init__(self, parties: Sequence[Party]):
        self.parties = parties
        self._same: dict[str, list[tuple[int, str, bool]]] = defaultdict(list)
        self._likes: list[tuple[int, str]] = []
        for place, party in enumerate(parties):
            for n, called in enumerate((party.name, *party.aliases)):
                key = normalised(called)
                if not key:
                    continue
                self._same[key].append((place, called, n > 0))
                if party.kind not in PEOPLE_AND_THINGS and len(key) >= NEAR_LENGTH:
                    self._likes.append((place, called))
        self._keys = {spelt: [spelt(called) for _, called in self._likes] for spelt in SPELLINGS}

    def matches(self, names: Iterable[str]) -> dict[str, list[Match]]:
        """Of each name that matches, whom it does: the same before the nearest, each party once."""
        wanted = list(dict.fromkeys(names))
        found: dict[str, dict[int, Match]] = {}
        for name in wanted:
            for place, called, is_alias in self._same.get(normalised(name), ()):
                match = Match(self.parties[place], ALIAS if is_alias else EXACT, called, 100.0)
                found.setdefault(name, {}).setdefault(place, match)
        for start in range(0, len(wanted), AT_ONCE):
            self._near(wanted[start : start + AT_ONCE], found)
        return {name: sorted(hits.values(), key=_nearest) for name, hits in found.items()}

    def _near(self, names: Sequence[str], found: dict[str, dict[int, Match]]) -> None:
        names = [name for name in names if len(normalised(name)) >= NEAR_LENGTH]
        if not names or not self._likes:
            return
        scores = np.zeros((len(names), len(self._likes)), np.float32)
        for spelt, keys in self._keys.items():
            mine = [spelt(name) for name in names]
            given = process.cdist(mine, keys, scorer=fuzz.ratio, score_cutoff=NEAR_FROM, dtype=np.float32)
            np.maximum(scores, given, out=scores)
        for row, column in np.argwhere(scores):
            place, called = self._likes[column]
            score = round(float(scores[row, column]), 2)
            hits = found.setdefault(names[row], {})
            if place not in hits or (hits[place].how == NEAR and hits[place].score < score):
                hits[place] = Match(self.parties[place], NEAR, called, score)


def _nearest(match: Match) -> tuple:
    return match.how == NEAR, -match.score, match.party.uid


def pair(name: str, party: Party) -> str:
    """What is decided about: this name and this entry of the list, as long as neither is called otherwise."""
    return sha256(f"{normalised(name)}\x1f{party.fingerprint}".encode()).hexdigest()[:32]
