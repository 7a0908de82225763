"""A lifecycle is a table of moves; everything that needs the rules reads the table."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from django.utils.translation import gettext as _


class NotAllowed(Exception):
    """The move is closed; `reasons` says why, in words fit for the person who tried."""

    def __init__(self, *reasons: Any) -> None:
        super().__init__("; ".join(map(str, reasons)))
        self.reasons = reasons


@dataclass(frozen=True)
class Move:
    """One verb with one end. `may(by, subject)` tells who; `before` yields reasons against; `after` does database work."""

    name: str
    sources: frozenset[str]
    target: str
    may: Callable[[Any, Any], bool]
    label: Any = ""
    before: list[Callable[..., Iterable[Any]]] = field(default_factory=list, compare=False)
    after: list[Callable[..., None]] = field(default_factory=list, compare=False)

    def obstacles(self, subject: Any, by: Any, **facts: Any) -> list[Any]:
        """Every reason why `by` cannot make this move now; an empty list means go."""
        if subject.state not in self.sources:
            return [
                _("This is not possible any more: the case is now “%(state)s”.")
                % {"state": subject.get_state_display()}
            ]
        if not self.may(by, subject):
            return [_("You may not do this.")]
        return [reason for guard in self.before for reason in guard(subject, by=by, **facts)]


class Lifecycle(dict[str, Move]):
    """The moves by name."""

    def __init__(self, *moves: Move) -> None:
        super().__init__((move.name, move) for move in moves)

    def edges(self) -> list[tuple[str, str]]:
        """Every permitted change of state, for the database trigger and the diagram."""
        return sorted({(str(source), str(move.target)) for move in self.values() for source in move.sources})

    def open_to(self, subject: Any, by: Any) -> Iterator[Move]:
        """The moves that `by` could make from the subject's state, obstacles of the case itself aside."""
        return (move for move in self.values() if subject.state in move.sources and move.may(by, subject))

    def diagram(self) -> str:
        """The table as a Mermaid state diagram, one arrow per source and move."""
        arrows = [
            f"    {source} --> {move.target}: {move.name}" for move in self.values() for source in sorted(move.sources)
        ]
        return "\n".join(["stateDiagram-v2", *arrows])

    def before(self, *names: str) -> Callable:
        """Decorator: a guard of these moves, a generator of reasons."""
        return self._hook(names, "before")

    def after(self, *names: str) -> Callable:
        """Decorator: an effect of these moves, inside their transaction."""
        return self._hook(names, "after")

    def _hook(self, names: tuple[str, ...], when: str) -> Callable:
        def attach(function: Callable) -> Callable:
            for name in names:
                getattr(self[name], when).append(function)
            return function

        return attach
