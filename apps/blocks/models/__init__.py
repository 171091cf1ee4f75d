"""Blocks, what was said of them, who trades in turn, and what orders must share to be one."""

from .blocks import (
    Block,
    CrossConsent,
    CrossMember,
    Member,
    Note,
    NoteRead,
    Opposition,
    Rotation,
    RotationUse,
    Seat,
    Statement,
)
from .merging import MergeRule

__all__ = [
    "Block",
    "CrossConsent",
    "CrossMember",
    "Member",
    "MergeRule",
    "Note",
    "NoteRead",
    "Opposition",
    "Rotation",
    "RotationUse",
    "Seat",
    "Statement",
]
