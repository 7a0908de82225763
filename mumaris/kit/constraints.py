"""Conditions for CHECK constraints that Django has no words for."""

from django.db.models import F, Func, IntegerField
from django.db.models.lookups import Exact


def is_sha256(field: str) -> Exact:
    """The binary `field` holds exactly 32 bytes, or nothing."""
    return Exact(Func(F(field), function="octet_length", output_field=IntegerField()), 32)
