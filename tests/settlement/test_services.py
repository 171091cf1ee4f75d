"""From a booked share to what the counterparty and the custodian say about it."""

from decimal import Decimal

import pytest

from apps.allocations.models import Allocation
from apps.routing.models import Message
from apps.settlement import services as settlement
from apps.settlement.models import Confirmation, FeedFile, Instruction
from tests.allocations.filling import keep_promises

from .conftest import new_act

D = Decimal


def test_every_share_is_confirmed_instructed_and_written(street, standing, home):
    street.allocated("AAA", "SELL", {"P1": 5000, "P2": 3000, "P3": 2000}, [(10_000, "50.00", "20")])
    keep_promises("settlement.")

    assert Confirmation.objects.count() == Instruction.objects.count() == 3
    assert Message.objects.filter(msg_type="AK").count() == 3
    assert settlement.write_instructions(new_act) == 1
    assert [f.name for f in (home / "STATESIDE" / "in").iterdir()] == ["0000000001-instruct.xml"]
    assert set(Instruction.objects.values_list("status", "version")) == {("SENT", 2)}
