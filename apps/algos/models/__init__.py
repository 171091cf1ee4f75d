"""Algorithms of our own with what they sent, and algo wheels with what was drawn."""

from .algos import Algo, Slice
from .wheels import Draw, Season, Sequence, Wheel, WheelChange

__all__ = ["Algo", "Draw", "Season", "Sequence", "Slice", "Wheel", "WheelChange"]
