"""The kinds of paper that the register issues: a declaration each, and a template called templates/papers/<slug>.html."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.utils.translation import get_language

KINDS: dict[str, "PaperKind"] = {}


@dataclass(frozen=True)
class Stands:
    """How what a paper is about stands now: whether it still holds, and the badge that says so (tone, words, icon)."""

    holds: bool
    badge: tuple[str, Any, str]


@dataclass(frozen=True)
class PaperKind:
    """One kind of paper; its numbers begin with `prefix`. Declaring it is all: it enters KINDS by its slug (SRV-0).

    A paper that certifies nothing but tells of something that changes, such as an invoice, says in `stands` how that is
    asked of the room that knows.
    Raises ValueError when another kind has the slug or the prefix.
    """

    slug: str
    prefix: str
    name_ar: str
    name_en: str
    stands: Callable[[Any], Stands] | None = None

    def __post_init__(self) -> None:
        if any(kind != self and (kind.slug == self.slug or kind.prefix == self.prefix) for kind in KINDS.values()):
            raise ValueError(f"paper kind {self.slug!r} ({self.prefix}): the slug or the prefix is another's")
        KINDS[self.slug] = self

    def __str__(self) -> str:
        return self.name_ar if get_language() == "ar" else self.name_en


CLASSIFICATION_CERTIFICATE = PaperKind(
    "classification_certificate", "CT", "شهادة تصنيف مهني", "Classification certificate"
)
REGISTRATION_CERTIFICATE = PaperKind("registration_certificate", "RT", "شهادة تسجيل مهني", "Registration certificate")
REGISTRATION_CARD = PaperKind("registration_card", "RC", "بطاقة تسجيل مهني", "Registration card")
STUDY_DECISION = PaperKind("study_decision", "SD", "قرار دراسة مؤهل", "Qualification study decision")
GOOD_STANDING = PaperKind("good_standing", "GS", "شهادة براءة مهنية", "Certificate of good standing")
TRAINING_LETTER = PaperKind("training_letter", "TL", "خطاب تدريب", "Training letter")
