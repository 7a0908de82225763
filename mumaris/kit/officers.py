"""Who decides for the authority."""

from typing import Any


def is_officer(user: Any, permission: str) -> bool:
    """Staff with the permission; a superuser is no officer: all rights are no reason to decide. None, the system, is none either."""
    return bool(user and user.is_staff and not user.is_superuser and user.has_perm(permission))
