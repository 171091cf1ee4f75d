"""
Owns   the end of a day's compliance: a report of every portfolio as it stands, incidents until they are over, sign-off.
Calls  compliance (its rules, engine and snapshots), portfolios, users, audit.
Tells  DayReported, DaySigned, IncidentOpened, IncidentCured, …
Never  changes an order, a position or a rule.
"""
