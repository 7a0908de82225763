"""QR codes: every module where the standard puts it, in one light path."""

import re

import pytest
import segno

from mumaris.kit import qr


@pytest.mark.parametrize("text", ["https://portal.example/verify/K7Q4M2XD/", "فاتورة ضريبية"])
def test_the_path_covers_exactly_the_dark_modules(text):
    rows = segno.make_qr(text, error="m").matrix
    drawn = [[0] * len(rows) for _ in rows]
    for x, y, width, back in re.findall(r"M(\d+) (\d+)h(\d+)v1h-(\d+)z", str(qr.svg(text, "code"))):
        assert width == back
        for column in range(int(x), int(x) + int(width)):
            drawn[int(y)][column] += 1
    assert drawn == [list(row) for row in rows]


def test_the_drawing_is_one_filled_path_with_a_name():
    drawing = qr.svg("https://portal.example/", 'the "code" <here>')
    assert drawing.count("<path") == 1
    assert 'fill="#000"' in drawing
    assert "<title>the &quot;code&quot; &lt;here&gt;</title>" in drawing
