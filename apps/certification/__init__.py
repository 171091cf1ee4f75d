"""
How orders are spoken of with a counterparty is tried here: the order state matrices of FIX, played with a broker of a simulation on real
routes, so that people see each race as it happens; and the report of them, for whoever lets a broker in.
"""
