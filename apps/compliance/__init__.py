"""
Owns   rules and their versions, checks, reviews, overrides, restricted lists, close-outs of failed sales.
Calls  orders, portfolios, marketdata, reference.
Tells  ReviewOpened, ReviewApproved, ReviewSentBack, ReviewRejected, …
Never  sets an order's status itself: it tells orders what it found.
"""
