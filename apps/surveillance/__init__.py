"""
Owns   compliance after the trade: how portfolios stand after fills and at a day's end, incidents until they are over, sign-off.
Calls  compliance (its rules, engine and snapshots), portfolios, users, audit.
Tells  DayReported, DaySigned, IncidentOpened, IncidentCured, …
Never  changes an order, a position or a rule.
"""
