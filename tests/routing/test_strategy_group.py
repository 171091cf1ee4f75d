"""The group of strategy parameters (957) leaves as it was written, whatever the version of the session."""

import pytest
import quickfix as fix

from apps.routing import rules
from apps.routing.gateway.settings import lenient_dictionaries

GROUP = [(957, "2"), (958, "Rate"), (959, "11"), (960, "0.2"), (958, "Mood"), (959, "12"), (960, "C")]


@pytest.mark.parametrize("begin_string", ["FIX.4.2", "FIX.4.4", "FIXT.1.1"])
@pytest.mark.parametrize("msg_type", ["D", "G"])
def test_parameters_of_a_strategy_keep_their_order(tmp_path, begin_string, msg_type):
    words = lenient_dictionaries(tmp_path, begin_string)
    order = [(11, "a"), (41, "b"), (55, "X"), (54, "1"), (60, "20261130-10:00:00"), (38, "1"), (40, "1"), (5001, "S")]
    raw = rules.frame(begin_string, msg_type, [*order, *GROUP])
    message = fix.Message(raw, *(fix.DataDictionary(str(path)) for path in words if path), False)
    sent = [tuple(part.split("=", 1)) for part in message.toString().split("\x01") if part]
    assert [(int(tag), value) for tag, value in sent if 957 <= int(tag) <= 960] == GROUP
