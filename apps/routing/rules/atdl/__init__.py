"""
Strategies of brokers as FIXatdl describes them (versions 1.1 and 1.2): read from a broker's XML, shown as a form that minds its
rules, checked, and said in tags. Pure: a file in, a description out; what was typed and the order in, tags or problems out.

Elements are known by their local name, whatever the namespace's prefix or version; attributes and elements that vendors add
are passed over. A file that cannot mean one thing is refused whole, each fault with its line.
"""

from .described import Control, Panel, Strategy, StrategyFile
from .reach import Market, why_not
from .reading import BadStrategyFile, Fault, read_strategies
from .ticket import Shown, Ticket, filled

__all__ = [
    "BadStrategyFile",
    "Control",
    "Fault",
    "Market",
    "Panel",
    "Shown",
    "Strategy",
    "StrategyFile",
    "Ticket",
    "filled",
    "read_strategies",
    "why_not",
]
