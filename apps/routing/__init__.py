"""
Owns   routes, executions as the broker sent them, halts, routing rules, inquiries, quotes, axes, rate cards, FIX sessions and messages.
Calls  blocks, marketdata, reference.
Tells  RouteRequested, RouteReported, ExecutionHeard, ExecutionBusted, InquirySent, QuoteHeard, …
Never  decides what may trade.
"""
