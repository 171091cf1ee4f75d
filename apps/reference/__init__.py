"""
Owns   instruments, issuers, brokers, venues, custodians, currencies, calendars, settlement dates, ticks and lots.
Calls  core, audit, users.
Tells  nothing yet.
Never  holds a price.
"""
