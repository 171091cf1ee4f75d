"""
Owns   figures derived from the others.
Calls  everything below it.
Tells  nothing.
Never  is a source of truth.
"""
