"""
Owns   blocks, their member orders, the allocation statement fixed before the first route.
Calls  orders, reference.
Tells  BlockOpened, BlockFrozen, BlockDone, …
Never  sends anything outside.
"""
