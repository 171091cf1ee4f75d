"""The life of a thing is a table: (status, event) to status."""

from collections.abc import Iterable, Mapping
from typing import Any

from .events import Event
from .refusals import IllegalMove

LIVES: dict[str, "Lifecycle"] = {}


class Lifecycle:
    """
    :param subject: the kind of thing, as in its events' codes
    :param born: the event that creates it to the status it is created in
    :param moves: (status, event) to the status after it
    :param stays: event to the statuses in which it may happen without moving the status
    """

    def __init__(
        self,
        subject: str,
        *,
        born: Mapping[type[Event], Any],
        moves: Mapping[tuple[Any, type[Event]], Any],
        stays: Mapping[type[Event], Iterable[Any]] | None = None,
    ):
        self.subject = subject
        self.born = dict(born)
        self.moves = dict(moves)
        for event, statuses in (stays or {}).items():
            for status in statuses:
                if (status, event) in self.moves:
                    raise TypeError(f"{event.__name__} both moves and stays in {status}")
                self.moves[status, event] = status
        LIVES[subject] = self

    def after(self, status: Any, event: type[Event]) -> Any:
        """The status after the event. :raises IllegalMove: if the table has no such move"""
        try:
            return self.moves[status, event]
        except KeyError:
            raise IllegalMove(
                f"This {self.subject} is {str(status).lower().replace('_', ' ')}; "
                f"{_words(event)} cannot happen to it now. Reload to see where it stands.",
                subject=self.subject,
                status=str(status),
                event=event.code,
            ) from None

    def allows(self, status: Any, event: type[Event]) -> bool:
        return (status, event) in self.moves

    def replay(self, events: Iterable[type[Event]]) -> Any:
        """The status that a life of these events ends in. :raises IllegalMove: at the first that does not follow"""
        status = None
        for event in events:
            if status is None:
                if event not in self.born:
                    raise IllegalMove(f"a {self.subject} cannot begin with {event.code}", subject=self.subject)
                status = self.born[event]
            else:
                status = self.after(status, event)
        return status


def _words(event: type[Event]) -> str:
    return "“" + event.code.split(".")[1].replace("_", " ") + "”"
