"""Every change to groups of legs."""

from .changing import NotAPackage, change_package
from .composing import (
    GroupedAlready,
    StaleGroup,
    UnfitLeg,
    compose_group,
    drop_group,
    end_group,
    pause_group,
    place_again,
    resume_group,
    send_group,
)
from .following import InGroup, follow_behind, follow_routes, keep_to_groups
from .listing import hear_lists
from .waves import NotAProgram, NothingInWave, send_wave

__all__ = [
    "GroupedAlready",
    "InGroup",
    "NotAPackage",
    "NotAProgram",
    "NothingInWave",
    "StaleGroup",
    "UnfitLeg",
    "change_package",
    "compose_group",
    "drop_group",
    "end_group",
    "follow_behind",
    "follow_routes",
    "hear_lists",
    "keep_to_groups",
    "pause_group",
    "place_again",
    "resume_group",
    "send_group",
    "send_wave",
]
