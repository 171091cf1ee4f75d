"""Every change of algorithms and wheels."""

from .lives import SpokenFor, StaleAlgo, change_algo, pause_algo, plan_algo, resume_algo, start_algo, stop_algo
from .planning import Ask, BadAlgo, NotKnown, Sketch, ask_of, sketch_algo
from .working import work_algos

__all__ = [
    "Ask",
    "BadAlgo",
    "NotKnown",
    "Sketch",
    "SpokenFor",
    "StaleAlgo",
    "ask_of",
    "change_algo",
    "pause_algo",
    "plan_algo",
    "resume_algo",
    "sketch_algo",
    "start_algo",
    "stop_algo",
    "work_algos",
]
