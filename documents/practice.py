"""How long and when somebody practised, reckoned from the experience in their file. Pure functions; days are Riyadh days."""

from collections.abc import Iterable
from datetime import date, timedelta

from documents.models import Experience
from mumaris.kit.clock import add_months

Span = tuple[date, date]  # the first day, the day after the last


def spans(experience: Iterable[Experience], on: date) -> list[Span]:
    """The times of practice up to `on`, in order, overlaps joined, the future cut off."""
    merged: list[Span] = []
    for one in sorted(experience, key=lambda one: one.started_on):
        begins, ends = one.started_on, min(one.ended_on or on, on) + timedelta(days=1)
        if begins >= ends:
            continue
        if merged and begins <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], ends))
        else:
            merged.append((begins, ends))
    return merged


def months(experience: Iterable[Experience], on: date, since: date = date.min) -> int:
    """Whole months of practice from `since` up to `on`, each time by itself; times that overlap count once."""
    return sum(whole_months(max(begins, since), ends) for begins, ends in spans(experience, on))


def whole_months(begins: date, ends: date) -> int:
    """How many months fit between the first day and the day after the last."""
    count = 0
    while add_months(begins, count + 1) <= ends:
        count += 1
    return count


def gaps(experience: Iterable[Experience], since: date, on: date) -> list[Span]:
    """Every time without practice from `since` up to `on`."""
    cursor, found = since, []
    for begins, ends in spans(experience, on):
        if begins > cursor:
            found.append((cursor, begins))
        cursor = max(cursor, ends)
    if cursor < on:
        found.append((cursor, on))
    return found
