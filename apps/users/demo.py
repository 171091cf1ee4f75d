"""The people of the demo firm. Their passwords are for a simulation on one machine and are refused in production."""

from typing import NamedTuple


class Person(NamedTuple):
    username: str
    first_name: str
    last_name: str
    role: str
    desks: tuple[str, ...] = ()
    teams: tuple[str, ...] = ()
    also: tuple[str, ...] = ()

    @property
    def password(self) -> str:
        return f"{self.username}-demo-2bn"


PEOPLE = (
    Person("mira", "Mira", "Mehta", "portfolio manager", teams=("A", "B")),
    Person("paul", "Paul", "Petit", "portfolio manager", teams=("B",)),
    Person("tom", "Tom", "Tran", "trader", desks=("MAIN",)),
    Person("tess", "Tess", "Tully", "trader", desks=("MAIN",)),
    Person("theo", "Theo", "Thorn", "trading supervisor", desks=("MAIN",)),
    Person("omar", "Omar", "Osei", "compliance officer"),
    Person("odile", "Odile", "Olsen", "compliance officer", also=("control room",)),
    Person("olga", "Olga", "Orlova", "operations"),
    Person("ada", "Ada", "Adeyemi", "auditor"),
    Person("alan", "Alan", "Archer", "administrator"),
)
AUTOMATED = ("worker", "gateway", "feed", "custodian", "scheduler", "loader")
