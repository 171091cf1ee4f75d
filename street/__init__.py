"""
The simulated street: a venue, brokers, dealers and custodians, to trade against without risk.

Owns   its market, its order books, its own log of orders and executions.
Speaks FIX 4.2, 4.4 and 5.0 SP2 as it is spoken to (one acceptor, a session per counterparty and version) and files (custodians);
       nothing else.
Never  imports the portal, and never admits a session that does not declare itself a test (464=Y).
"""
