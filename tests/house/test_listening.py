"""A worker that no longer hears the queue notices, and only then."""

import itertools

from oms_portal.celery import Listening


def looks(listening: Listening, times: int, **so) -> list[bool]:
    return [listening.is_deaf(**{"busy": False, "answers": True} | so) for _ in range(times)]


def test_silence_while_redis_answers_is_deafness():
    listening = Listening()

    assert looks(listening, 1 + Listening.LOOKS) == [False] * Listening.LOOKS + [True]


def test_what_is_heard_or_in_hand_ends_the_silence():
    for end in ("heard", "busy"):
        listening = Listening()
        for _ in range(3):
            assert not any(looks(listening, Listening.LOOKS - 1))
            listening.heard = end == "heard"
            looks(listening, 1, busy=end == "busy")


def test_while_redis_is_away_nothing_is_known_and_nothing_forgotten():
    listening = Listening()
    looks(listening, 1)
    up = 0
    for answers in itertools.chain.from_iterable(itertools.repeat((True, False, False, False), 20)):
        up += answers
        if listening.is_deaf(busy=False, answers=answers):
            break

    assert up == Listening.LOOKS
