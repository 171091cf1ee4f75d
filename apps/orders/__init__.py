"""
Owns   orders (one portfolio, one instrument), order groups, imports, what orders get by default.
Calls  portfolios, marketdata, reference.
Tells  OrderCreated, OrderCopied, OrderSubmitted, OrderCleared, OrderHeld, … (events.py).
Never  judges, routes or books.
"""
