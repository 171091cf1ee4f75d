"""Standing settlement instructions (SSI): where brokers deliver and receive, by country."""

from collections.abc import Sequence
from datetime import date
from typing import NamedTuple

from django.db import transaction
from simple_history.utils import bulk_create_with_history

from apps.core.acts import Act
from apps.core.refusals import Conflict, Invalid
from apps.reference.models import Broker, Depository
from apps.users.models import User
from apps.users.services import require

from ..models import Instruction, SettlementInstructionSet
from ..rules.instructions import ACCOUNT, BIC
from ..states import I
from .instructions import release

DEMO_FROM = date(2020, 1, 1)


class StandingTaken(Conflict):
    """A standing instruction of the broker for the country already starts on that date."""


class Standing(NamedTuple):
    """A standing instruction to add; ``effective_to`` is the last settlement date it holds for."""

    broker_id: int
    country: str
    agent_bic: str
    agent_account: str
    depository_bic: str
    effective_from: date
    effective_to: date | None = None


@transaction.atomic
def add_standing_instructions(act: Act, standings: Sequence[Standing]) -> int:
    """
    Will add standing instructions and make ready the blocked instructions that they cover.

    :returns: how many instructions became ready
    :raises NotAllowed: if the actor may not mend settlement
    :raises Invalid: if a BIC, account, country or period is not valid
    :raises StandingTaken: if one starts on a date on which another of the broker and country does
    """
    user = require(act, "settlement.mend")
    for one in standings:
        _refuse_bad(one)
    taken = SettlementInstructionSet.objects.filter(
        broker_id__in={one.broker_id for one in standings}, country__in={one.country for one in standings}
    ).values_list("broker_id", "country", "effective_from")
    if twice := {(one.broker_id, one.country, one.effective_from) for one in standings} & set(taken):
        raise StandingTaken(
            "A standing instruction of this broker and country starts on that date already. Choose a later date.",
            taken=sorted(map(str, twice)),
        )
    _create(standings, user, act)
    blocked = Instruction.objects.filter(
        status=I.BLOCKED, allocation__broker__in={one.broker_id for one in standings}
    ).order_by("pk")
    return release(act, list(blocked.select_for_update(no_key=True, of=("self",))))[0]


def _refuse_bad(one: Standing) -> None:
    for field, value, shape in (
        ("agent_bic", one.agent_bic, BIC),
        ("agent_account", one.agent_account, ACCOUNT),
        ("depository_bic", one.depository_bic, BIC),
    ):
        if not shape.fullmatch(value):
            raise Invalid(f"“{value}” is not a valid {field.replace('_', ' ')}.", field=field)
    if len(one.country) != 2 or not one.country.isalpha() or not one.country.isupper():
        raise Invalid(f"“{one.country}” is not a country code of two letters.", field="country")
    if one.effective_to is not None and one.effective_to < one.effective_from:
        raise Invalid("It ends before it starts.", field="effective_to")


def _create(standings: Sequence[Standing], user: User, act: Act) -> None:
    bulk_create_with_history(
        [SettlementInstructionSet(**one._asdict()) for one in standings],
        SettlementInstructionSet,
        default_user=user,
        default_change_reason=act.reason[:100] or None,
        default_date=act.at,
    )


@transaction.atomic
def install_default_ssis(act: Act) -> int:
    """
    Will add, where it is missing, a standing instruction for every broker and dealer and every country with a
    depository: the broker as its own agent there. For the demo firm's loader.

    :returns: how many were added
    """
    had = set(SettlementInstructionSet.objects.values_list("broker_id", "country"))
    places = dict(Depository.objects.filter(asset_class="*").values_list("country", "bic"))
    brokers = Broker.objects.exclude(kind__in=Broker.NOT_ROUTED).order_by("pk").values_list("pk", "code", "bic")
    missing = [
        Standing(pk, country, bic, f"{code[:20]}/{country}/1", place, DEMO_FROM)
        for pk, code, bic in brokers
        for country, place in sorted(places.items())
        if (pk, country) not in had
    ]
    _create(missing, User.objects.get(pk=act.by), act)
    return len(missing)
