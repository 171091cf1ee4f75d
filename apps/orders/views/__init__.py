"""Pages of orders: the list and its drawer, the ticket, what is done to orders, imports."""

from .acts import amend, cancel, submit
from .bulk import change, clone, reverse_filled
from .imports import commit_import, discard_import, import_detail, imports
from .lists import detail, listed, rows
from .ticket import instruments, sketch, ticket

__all__ = [
    "amend",
    "cancel",
    "change",
    "clone",
    "commit_import",
    "detail",
    "discard_import",
    "import_detail",
    "imports",
    "instruments",
    "listed",
    "reverse_filled",
    "rows",
    "sketch",
    "submit",
    "ticket",
]
