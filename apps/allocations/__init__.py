"""
Owns   allocations: the shares of a block's executions; what brokers charge for them, step-outs, soft dollars.
Calls  routing, blocks, surveillance, orders, portfolios, reference.
Tells  AllocationBooked, AllocationReversed, ChargeDiffered, StepOutAgreed, CsaPaid, …
Never  changes an execution.
"""
