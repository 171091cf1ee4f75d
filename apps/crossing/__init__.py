"""
Owns   crosses: orders of two clients met with each other inside the firm, at an independent price (17 CFR 270.17a-7).
Calls  allocations, routing, blocks, compliance, orders, portfolios, marketdata, reference.
Tells  CrossProposed, CrossAccepted, CrossApproved, CrossExecuted, …
Never  invents a price.
"""
