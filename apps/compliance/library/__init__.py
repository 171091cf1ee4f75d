"""
Rules that come with the portal: each with its source, its words, and fixtures that it passes at its exact edges.

A firm takes what binds it and changes it as it sees fit; what is here is never in force by itself. A rule is only here if
everything it asks for is in the data; what is not known of an instrument, an issuer or a dealer leaves a rule that hangs on
it undecided. Some stand in place of others, as their words say: of 2009/65/EC the 20% of a group (Art. 52(5)) with the 10% of
each body for the 10% of a group, and up to 100% in a named state (Art. 54) for the 35% of a state. Of what a fund of ours may sell
to other funds (15 U.S.C. 80a-12(d)(1)(B)) here is what our own portfolios buy of it: who else holds it, its transfer agent knows.
"""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import orjson

from ..engine import fixtures, rules
from ..engine import sentence as words
from ..engine.judgement import RuleVersion
from ..engine.scope import Said, sentence

HOME = Path(__file__).parent


class Shipped(NamedTuple):
    """
    A rule of the library.

    :param params: as a rule's version keeps them; :param clause: what the source asks, in our words
    :param fixtures: as ``engine.fixtures`` reads them; :param scope: whose it is proposed to be, as a rule's version keeps it
    :param moments: when it is asked (``states.Stage``), where that is not as of most rules
    :param when_unsure: how severe it is where it cannot tell, as a rule's version keeps it
    :param since: the first day on which the source applied as it is read here (ISO 8601); empty where that is not said
    """

    code: str
    name: str
    kind: str
    severity: str
    params: Mapping[str, Any]
    citation: str
    clause: str
    jurisdiction: str
    collection: str
    fixtures: tuple[Mapping[str, Any], ...]
    scope: Said = {}
    since: str = ""
    moments: tuple[str, ...] = ()
    when_unsure: str = ""

    @property
    def text(self) -> str:
        """The rule as a sentence, made from what it is."""
        return words.of(self.kind, rules.read(self.kind, self.params)) + sentence(self.scope) + words.WHEN_UNSURE[self.when_unsure]

    @property
    def version(self) -> RuleVersion:
        """It as the engine judges it."""
        return RuleVersion(0, self.code, self.name, self.kind, 0, self.severity, rules.read(self.kind, self.params), self.citation)

    def misses(self) -> list[fixtures.Miss]:
        """What it says otherwise than its fixtures expect."""
        return fixtures.tried(self.version, [fixtures.read(told) for told in self.fixtures])


@cache
def shipped() -> dict[str, Shipped]:
    """The rules by code, a collection after the other."""
    found: dict[str, Shipped] = {}
    for path in sorted(HOME.glob("*.json")):
        told = orjson.loads(path.read_bytes())
        for one in told["rules"]:
            given = {"scope": told.get("scope", {}), "since": told.get("since", ""), **one, "fixtures": tuple(one["fixtures"])}
            found[one["code"]] = Shipped(**given, jurisdiction=told["jurisdiction"], collection=told["title"])
    return found
