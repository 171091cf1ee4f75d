"""
Owns   allocations: the shares of a block's executions.
Calls  routing, blocks, surveillance, orders, portfolios, reference.
Tells  AllocationBooked, AllocationReversed.
Never  changes an execution.
"""
