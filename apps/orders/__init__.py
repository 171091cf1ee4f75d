"""
Owns   orders (one portfolio, one instrument), order groups, imports.
Calls  portfolios, marketdata, reference.
Tells  OrderCreated, OrderCopied, OrderSubmitted, OrderCleared, OrderHeld, … (events.py).
Never  judges, routes or books.
"""
