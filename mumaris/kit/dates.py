"""The dates that bind a person, asked of every room: what runs out when. Rooms add their source; mumaris/pages composes them."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any


@dataclass(frozen=True)
class BindingDate:
    """One Riyadh day on which something ends, in the active language. `key` stays the same when the day moves; `path` is its page."""

    key: str
    day: date
    title: str
    text: str = ""
    path: str = ""


# Each takes a practitioner, and says its dates in a fixed number of queries.
SOURCES: list[Callable[[Any], Iterable[BindingDate]]] = []


def dates_of(person: Any) -> Iterator[BindingDate]:
    for source in SOURCES:
        yield from source(person)
