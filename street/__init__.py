"""
The simulated street: a venue, brokers, dealers and custodians, to trade against without risk.

Owns   its market, its order books, its own log of orders and executions.
Speaks FIX 4.4 (one acceptor, one session per counterparty) and files (custodians); nothing else.
Never  imports the portal, and never admits a session that does not declare itself a test (464=Y).
"""
