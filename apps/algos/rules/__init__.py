"""Arithmetic of algorithms: schedules of child orders, and what is to be sent at a moment."""

from .impact import Impact, NoTrajectory, kappa, trajectory
from .schedules import Slice, at_the_close, by_volume, by_weights, evenly, hidden, moments, share
from .working import Standing, due, is_tighter, outside, quota, to_send

__all__ = [
    "Impact",
    "NoTrajectory",
    "Slice",
    "Standing",
    "at_the_close",
    "by_volume",
    "by_weights",
    "due",
    "evenly",
    "hidden",
    "is_tighter",
    "kappa",
    "moments",
    "outside",
    "quota",
    "share",
    "to_send",
    "trajectory",
]
