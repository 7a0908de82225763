"""Every service over HTTP, from its public page to the paper that a stranger verifies: the ways of `./portal journey --service`.

What is walked here in one language is walked in a browser in the other:

    service               over HTTP   in a browser
    classification        English     Arabic (test_in_arabic, from abroad: test_from_abroad)
    re-classification     English     Arabic (test_career)
    registration          Arabic      English, without a mouse (test_by_keyboard)
    renewal               Arabic      English (test_career)
    qualification-study   English     Arabic (test_from_abroad)
    good-standing         Arabic      English, without a mouse (test_by_keyboard)
    training-letter       English     Arabic (test_career)
"""

from contextlib import closing

import pytest

from applications.catalogue import CATALOGUE
from simulators.persons import Officer
from simulators.scene import Portal, Timeline
from simulators.ways import WAYS
from tests.people import PASSWORD, make_staff

pytest_plugins = ["tests.servers"]


class Rehearsal(Portal):
    """The portal of a test, which can make officers without a command."""

    def make_officer(self, role: str) -> Officer:
        return Officer(self.home, self.language, make_staff(role).email, PASSWORD)


@pytest.mark.parametrize(
    ("service", "language"),
    [
        pytest.param(
            "classification",
            "en",
            marks=[
                pytest.mark.req("SRV-1"),
                pytest.mark.req("DOC-3"),
                pytest.mark.req("EXM-2"),
                pytest.mark.req("EXM-3"),
            ],
        ),
        pytest.param("re-classification", "en", marks=[pytest.mark.req("SRV-2"), pytest.mark.req("DOC-4")]),
        pytest.param("registration", "ar", marks=[pytest.mark.req("SRV-3"), pytest.mark.req("DOC-5")]),
        pytest.param("renewal", "ar", marks=[pytest.mark.req("SRV-4"), pytest.mark.req("CPD-5")]),
        pytest.param("qualification-study", "en", marks=[pytest.mark.req("SRV-5"), pytest.mark.req("APP-4")]),
        pytest.param("good-standing", "ar", marks=pytest.mark.req("SRV-6")),
        pytest.param("training-letter", "en", marks=pytest.mark.req("SRV-7")),
    ],
)
def test_from_its_public_page_to_its_paper(service, language, portal, busy_worker, surroundings):
    with closing(Rehearsal(portal, language)) as rehearsal:
        WAYS[service](rehearsal, Timeline())


@pytest.mark.req("SRV-0")
def test_every_service_has_its_way():
    assert list(WAYS) == list(CATALOGUE)
