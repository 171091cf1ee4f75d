"""
Owns   portfolios, their groups, mandates, positions, cash, movements, models, retirement plans.
Calls  reference, marketdata.
Tells  nothing; movements carry the act that made them.
Never  asks why a movement came.
"""
