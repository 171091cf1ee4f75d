"""
The life of a group.

What its legs do is the rule's (``rules``) and their brokers'; the group's own life is what people say of it, and its end.
"""

from enum import StrEnum

from apps.core.lifecycles import Lifecycle

from . import events as e


class Gr(StrEnum):
    PLANNED = "PLANNED"
    WORKING = "WORKING"
    PAUSED = "PAUSED"
    ENDING = "ENDING"
    DONE = "DONE"
    CANCELLED = "CANCELLED"


LIVE = (Gr.PLANNED, Gr.WORKING, Gr.PAUSED, Gr.ENDING)
FOLLOWED = (Gr.WORKING, Gr.PAUSED, Gr.ENDING)

LIFE = Lifecycle(
    "linked_group",
    born={e.GroupComposed: Gr.PLANNED},
    moves={
        (Gr.PLANNED, e.GroupSent): Gr.WORKING,
        (Gr.PLANNED, e.GroupDropped): Gr.CANCELLED,
        (Gr.WORKING, e.GroupPaused): Gr.PAUSED,
        (Gr.PAUSED, e.GroupResumed): Gr.WORKING,
        (Gr.WORKING, e.GroupGivenUp): Gr.ENDING,
        (Gr.PAUSED, e.GroupGivenUp): Gr.ENDING,
        (Gr.WORKING, e.GroupDone): Gr.DONE,
        (Gr.PAUSED, e.GroupDone): Gr.DONE,
        (Gr.ENDING, e.GroupCancelled): Gr.CANCELLED,
    },
    stays={e.WaveSent: [Gr.WORKING], e.PackagesAsked: [Gr.WORKING, Gr.PAUSED], e.PackagesPutBack: FOLLOWED},
)
