"""
Owns   groups of blocks that are worked together, their legs, and how far each group has heard its routes.
Calls  routing, blocks.
Tells  GroupComposed, GroupSent, GroupPaused, GroupEnded, LegMoved, …
Never  speaks to a broker itself: what it wants placed goes through routing, past every gate there.
"""
