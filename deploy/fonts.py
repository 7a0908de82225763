"""IBM Plex Sans Arabic, from its package, as the web fonts var/fonts/plex-arabic-{400,500,600}.woff2."""

from concurrent.futures import ProcessPoolExecutor
from importlib.resources import files
from pathlib import Path

FOLDER = Path(__file__).resolve().parent.parent / "var" / "fonts"
WEIGHTS = {400: "Regular", 500: "Medium", 600: "SemiBold"}


def make(weight: int) -> None:
    """Write one weight unless it is there. It holds Arabic and Latin letters."""
    web_font = FOLDER / f"plex-arabic-{weight}.woff2"
    if web_font.exists():
        return
    from fontTools.ttLib import woff2

    new = web_font.with_suffix(".new")
    woff2.compress(files("fontpkg_ibm_plex_sans_arabic") / "files" / f"IBMPlexSansArabic-{WEIGHTS[weight]}.ttf", new)
    new.replace(web_font)


if __name__ == "__main__":
    FOLDER.mkdir(parents=True, exist_ok=True)
    with ProcessPoolExecutor() as processes:
        list(processes.map(make, WEIGHTS))
