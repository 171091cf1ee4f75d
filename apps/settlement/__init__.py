"""
Owns   confirmations, settlement instructions, exchanges of currencies, standing instructions (SSI), feed files.
Calls  allocations, routing (to send confirmations), compliance (to close out what failed), portfolios, reference.
Tells  ConfirmationSent, ConfirmationAffirmed, InstructionWritten, InstructionMatched, InstructionSettled, …
Never  invents a date.
"""
