"""
Owns   refusals, events and lifecycles, acts, money and quantity arithmetic, set-wise SQL.
Calls  nobody.
Tells  nothing.
Never  imports Django (except in `edges`), knows a domain word.
"""
