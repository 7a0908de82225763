"""How long a service usually takes, from the cases that were decided lately (APP-5)."""

from collections.abc import Collection
from dataclasses import dataclass

from django.db import connection

from applications.lifecycle import State
from mumaris.kit.policy import Policies

FEWEST = 20  # decided cases; fewer say too little, and the target is shown instead
LATEST = 200  # decided cases; older ones tell of another office

# The first decision of a case is its first approval or rejection; an appeal or a second approval later does not count anew.
DECIDED = [State.PRELIMINARILY_APPROVED.value, State.REJECTED.value]

# Working days are Sunday to Thursday, after the day of submission up to that of the decision, in Riyadh; none
# counts as one. How many there are up to a day: five for each whole week since Saturday 1 January 2000, and the rest.
# The order is that of the index: by the approval, or by the closing of a case that was never approved.
SQL = """
    SELECT service, count(*), percentile_disc(0.5) WITHIN GROUP (ORDER BY days), percentile_disc(0.9) WITHIN GROUP (ORDER BY days)
    FROM unnest(%(services)s::text[]) AS asked(service)
    CROSS JOIN LATERAL (
        SELECT a.id, a.submitted_at FROM applications_application a
        WHERE a.service = asked.service AND (a.approved_at IS NOT NULL OR a.state = 'rejected')
        ORDER BY coalesce(a.approved_at, a.closed_at) DESC LIMIT %(latest)s
    ) recent
    CROSS JOIN LATERAL (
        SELECT min(e.at) AS at FROM applications_entry e WHERE e.application_id = recent.id AND e.to_state = ANY(%(decided)s)
    ) decision
    CROSS JOIN LATERAL (
        SELECT (submitted_at AT TIME ZONE 'Asia/Riyadh')::date - date '2000-01-01' AS begun,
               (at AT TIME ZONE 'Asia/Riyadh')::date - date '2000-01-01' AS ended
    ) day
    CROSS JOIN LATERAL (
        SELECT greatest(1, ended / 7 * 5 + least(mod(ended, 7), 5) - begun / 7 * 5 - least(mod(begun, 7), 5))::int AS days
    ) taken
    GROUP BY service
"""


@dataclass(frozen=True)
class UsualTime:
    """Working days from submission to decision: half of the recent cases took at most `half`, nine of ten at most `most`.

    Where there are too few of them `half` is the target of the service, and `most` is None.
    """

    half: int
    most: int | None = None


def usual_times(services: Collection[str], policies: Policies) -> dict[str, UsualTime]:
    """The usual time of each of these services, in one query."""
    with connection.cursor() as cursor:
        cursor.execute(SQL, {"services": list(services), "latest": LATEST, "decided": DECIDED})
        found = {service: UsualTime(half, most) for service, count, half, most in cursor.fetchall() if count >= FEWEST}
    return {service: found.get(service) or UsualTime(policies[f"{service}.target_days"]) for service in services}
