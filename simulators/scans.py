"""Files as people attach them: papers from a scanner, and what a phone photographs."""

import io
from random import Random
from typing import Any

from PIL import Image, ImageDraw

TURN_RIGHT = 6  # EXIF: the picture lies on its side
CAMERA = (4032, 3024)  # 12 megapixels


def scan(title: str, pages: int) -> io.BytesIO:
    """A PDF as a scanner makes it: grey lines on white, a stamp on each page."""
    chance, sheets = Random(title), []
    for number in range(1, pages + 1):
        sheet = Image.new("L", (827, 1169), 250)
        pen = ImageDraw.Draw(sheet)
        pen.text((80, 90), f"{title.upper()}  {number}/{pages}", fill=40, font_size=28)
        for line in range(24):
            pen.rectangle((80, 180 + line * 36, chance.randint(420, 740), 190 + line * 36), fill=165)
        pen.ellipse((520, 1000, 680, 1120), outline=110, width=5)
        sheets.append(sheet)
    return _file(
        f"{title.replace(' ', '-')}.pdf", sheets[0], "PDF", save_all=True, append_images=sheets[1:], resolution=100
    )


def portrait() -> io.BytesIO:
    """A face on a light background, from a phone."""
    picture = Image.new("RGB", (900, 1200), (228, 232, 236))
    pen = ImageDraw.Draw(picture)
    pen.ellipse((180, 860, 720, 1500), fill=(46, 78, 92))
    pen.ellipse((290, 280, 610, 740), fill=(196, 148, 116))
    return _file("photo.jpg", picture, "JPEG", quality=88)


def photo(title: str) -> io.BytesIO:
    """A paper on a table, photographed by a phone: large, with the table's grain, lying on its side with a note to turn it."""
    wide, high = CAMERA
    grain = Image.effect_noise((wide // 4, high // 4), 24).resize(CAMERA, Image.Resampling.BILINEAR)
    picture = Image.merge(
        "RGB", (grain, grain.point(lambda light: light * 0.9), grain.point(lambda light: light * 0.75))
    )
    sheet = Image.new("RGB", (2400, 3400), (236, 234, 226))
    pen = ImageDraw.Draw(sheet)
    pen.text((220, 240), title.upper(), fill=(40, 40, 46), font_size=90)
    for line in range(22):
        pen.rectangle(
            (220, 520 + line * 120, Random(f"{title}{line}").randint(1300, 2200), 550 + line * 120),
            fill=(150, 150, 152),
        )
    picture.paste(sheet.rotate(90, expand=True), (300, 300))
    exif = Image.Exif()
    exif[0x0112], exif[0x010F] = TURN_RIGHT, "Phone"
    return _file(f"{title.replace(' ', '-')}.jpg", picture, "JPEG", quality=80, exif=exif)


def _file(name: str, picture: Image.Image, kind: str, **how: Any) -> io.BytesIO:
    file = io.BytesIO()
    picture.save(file, kind, **how)
    file.seek(0)
    file.name = name
    return file
