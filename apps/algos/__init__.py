"""
Owns   algorithms of our own with their plans and child orders; algo wheels with their draws.
Calls  routing for every order, blocks, marketdata, reference.
Tells  AlgoStarted, AlgoPaused, AlgoFinished, SliceSent, …
Never  sends past routing's gates, nor more than a block has left; guesses a volume.
"""
