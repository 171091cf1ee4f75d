"""
Fact to what follows: the whole desk on one page.

``now`` runs in the transaction of the fact, ``later`` by a worker after commit (see apps/audit). Apps call down and
tell up; who listens is said here and nowhere else.
"""

from apps.core.events import Flow

FLOW: Flow = {}
