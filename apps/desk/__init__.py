"""
Owns   role homes, joined blotters, the live stream, saved workspaces.
Calls  everything below it.
Tells  nothing.
Never  owns a business fact.
"""
