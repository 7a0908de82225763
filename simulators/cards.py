"""The gateway's published test cards and what each is for. Any other number is declined."""

from dataclasses import dataclass


@dataclass(frozen=True)
class SampleCard:
    """A card number, its scheme, and the answer of its bank: response code "00" is an approval."""

    number: str
    company: str
    code: str
    message: str
    in_arabic: str

    @property
    def approves(self) -> bool:
        return self.code == "00"


CARDS = (
    SampleCard("4201320111111010", "mada", "00", "APPROVED", "تُقبل"),
    SampleCard("4111111111111111", "visa", "00", "APPROVED", "تُقبل"),
    SampleCard("5421080101000000", "master", "00", "APPROVED", "تُقبل"),
    SampleCard("4201320000311101", "mada", "51", "INSUFFICIENT FUNDS", "تُرفض: الرصيد لا يكفي"),
    SampleCard("4201321234411220", "mada", "05", "DECLINED", "تُرفض"),
    SampleCard("4201322267774310", "mada", "54", "EXPIRED CARD", "تُرفض: البطاقة منتهية"),
    SampleCard("4201326324640570", "mada", "61", "EXCEEDS WITHDRAWAL LIMIT", "تُرفض: تجاوزت الحد"),
    SampleCard("4201320131000508", "mada", "41", "LOST CARD", "تُرفض: البطاقة مفقودة"),
    SampleCard("4201321144311528", "mada", "43", "STOLEN CARD", "تُرفض: البطاقة مسروقة"),
    SampleCard("4201320000013020", "mada", "99", "UNSPECIFIED FAILURE", "تُرفض بلا سبب معلن"),
    SampleCard("4111118250252531", "visa", "91", "3-D SECURE NOT AVAILABLE", "لا تدعم التحقق الثلاثي"),
    SampleCard("5105105105105100", "master", "05", "DECLINED", "تُرفض"),
)


def card(number: str) -> SampleCard:
    """The test card of this number; an unlisted one is declined."""
    unlisted = SampleCard(number, "visa", "14", "INVALID CARD NUMBER", "رقم غير معروف")
    return next((one for one in CARDS if one.number == number), unlisted)
