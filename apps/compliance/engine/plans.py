"""What the engine is told of a retirement plan: its employer, who stands too near it, and what allows a purchase all the same."""

from collections.abc import Sequence
from typing import NamedTuple

ERISA, IRA, OTHER = "ERISA", "IRA", "OTHER"
NEVER_BY_QPAM = ("ADVISER", "APPOINTS")
"""PTE 84-14, Part I(a) and (d): it helps neither who appoints the manager nor the manager's own affiliates."""
RELATIONS = {
    "ADVISER": "an affiliate of ours", "APPOINTS": "who appoints or removes the plan's manager", "SERVES": "who serves the plan",
    "OTHER": "a party in interest of the plan",
}  # fmt: skip


class Party(NamedTuple):
    """:param group: the issuer's group; :param relation: a key of ``RELATIONS``"""

    group: int
    name: str
    relation: str


class Exemption(NamedTuple):
    """The named fiduciary's consent to buy what a group issues, and the exemption it rests on."""

    group: int
    rests_on: str


class Dealer(NamedTuple):
    """A broker or dealer; ``group`` that of the body it is, None where that is not on file."""

    name: str
    group: int | None = None


class WhyNot(NamedTuple):
    """Why a plan does not deal with somebody; ``is_party`` False where it cannot be told. Empty and so false where it does."""

    text: str = ""
    is_party: bool = False

    def __bool__(self) -> bool:
        return bool(self.text)


class Plan(NamedTuple):
    """
    A plan as it is on a day.

    :param employer: the group whose securities are employer securities; None where it is not on file
    :param allows_employer: whether its documents free it from the tenth (29 USC 1107(b)(1))
    :param qpam: the agreement in force by which the firm is its QPAM; empty where there is none
    """

    kind: str
    employer: int | None = None
    employer_name: str = ""
    allows_employer: bool = False
    qpam: str = ""
    parties: Sequence[Party] = ()
    exemptions: Sequence[Exemption] = ()
    dealing: Sequence[Exemption] = ()
    """The same for dealing with them as brokers or dealers."""

    @property
    def barred(self) -> dict[int, Party]:
        """Groups whose securities it does not buy, each with the party it is of."""
        return self._barred({one.group for one in self.exemptions})

    def why_not(self, dealer: Dealer) -> WhyNot:
        """Why it does not deal with a broker or dealer."""
        barred = self._barred({one.group for one in self.dealing})
        if dealer.group is None:
            return WhyNot("may be a party in interest of it: the body that it is is not on file") if barred else WhyNot()
        if (party := barred.get(dealer.group)) is None:
            return WhyNot()
        return WhyNot(f"is of {party.name}, {RELATIONS[party.relation]}; no exemption for dealing with it is on file", True)

    def _barred(self, exempt: set[int]) -> dict[int, Party]:
        return {
            party.group: party
            for party in reversed(self.parties)
            if party.group not in exempt and not (self.qpam and party.relation not in NEVER_BY_QPAM)
        }
