"""
Owns   orders (one portfolio, one instrument), order groups, imports, what orders get by default; approvals: compliance
       says whether an order may be, the people of an approval rule whether it should be, which is a step of its life.
Calls  portfolios, marketdata, reference.
Tells  OrderCreated, OrderCopied, OrderSubmitted, OrderCleared, OrderHeld, … (events.py).
Never  judges, routes or books.
"""
