"""
Owns   the record: acts, entries, promises to listeners, seals.
Calls  core.
Tells  nothing; it is what the others tell.
Never  imports what it records: its subject is text.
"""
