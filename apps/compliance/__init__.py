"""
Owns   rules and their versions, checks, reviews, overrides, restricted lists.
Calls  orders, portfolios, marketdata, reference.
Tells  ReviewOpened, ReviewApproved, ReviewSentBack, ReviewRejected, …
Never  sets an order's status itself: it tells orders what it found.
"""
