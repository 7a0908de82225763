"""What counts as a missing translation."""

import gettext

import polib
import pytest

from deploy import messages


def faults(tmp_path, **entry):
    file = polib.POFile()
    file.append(polib.POEntry(**entry))
    file.save(str(tmp_path / "django.po"))
    return list(messages.faults(tmp_path / "django.po"))


@pytest.mark.parametrize(
    ("entry", "fault"),
    [
        ({"msgid": "Pay", "msgstr": ""}, "not translated"),
        ({"msgid": "Pay", "msgstr": "ادفع", "flags": ["fuzzy"]}, "unsure"),
        ({"msgid": "Pay %(sum)s", "msgstr": "ادفع"}, "placeholder lost"),
        ({"msgid": "Pay %(sum)s", "msgstr": "ادفع %(amount)s"}, "unknown placeholder"),
        ({"msgid": "day", "msgid_plural": "%(n)d days", "msgstr_plural": {0: "يوم", 1: ""}}, "not translated"),
    ],
)
def test_faults(tmp_path, entry, fault):
    (said,) = faults(tmp_path, **entry)
    assert said.startswith(fault)


@pytest.mark.parametrize(
    "entry",
    [
        {"msgid": "Pay %(sum)s by %(day)s", "msgstr": "ادفع قبل %(day)s مبلغ %(sum)s"},
        {
            "msgid": "%(n)d day",
            "msgid_plural": "%(n)d days",
            "msgstr_plural": {0: "لا أيام", 1: "يوم واحد", 2: "%(n)d"},
        },
    ],
)
def test_good_translations(tmp_path, entry):
    assert faults(tmp_path, **entry) == []


def test_compiled_when_missing_or_older(tmp_path):
    folder = tmp_path / "locale" / "ar" / "LC_MESSAGES"
    folder.mkdir(parents=True)
    file = polib.POFile()
    file.metadata = {"Content-Type": "text/plain; charset=utf-8"}
    file.append(polib.POEntry(msgid="Pay", msgstr="ادفع"))
    file.save(str(folder / "django.po"))
    messages.compile_all(tmp_path)
    messages.compile_all(tmp_path)
    assert gettext.translation("django", tmp_path / "locale", ["ar"]).gettext("Pay") == "ادفع"
    assert [path.name for path in folder.iterdir() if path.suffix not in (".po", ".mo")] == []
