"""Reading a page as its readers' programs do: headings, ids, what points to what."""

from html.parser import HTMLParser

VOID = {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}


class Page(HTMLParser):
    """The elements of a page, each as (tag, attributes), and its faults in words."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.faults: list[str] = []
        self._open: list[str] = []
        self.feed(html)
        self.faults += [f"<{tag}> is never closed" for tag in self._open]
        self._look()

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, {name: value or "" for name, value in attrs}))
        if len(dict(attrs)) < len(attrs):
            self.faults.append(f"<{tag}> says an attribute twice")
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.elements.append((tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag):
        if not self._open or self._open.pop() != tag:
            self.faults.append(f"</{tag}> closes something else")

    def all(self, tag: str, **wanted: str) -> list[dict[str, str]]:
        """Attributes of every such element; `class_="btn"` asks for one of its classes."""
        classes = {wanted.pop("class_")} if "class_" in wanted else set()
        return [
            attrs
            for name, attrs in self.elements
            if name == tag and wanted.items() <= attrs.items() and classes <= set(attrs.get("class", "").split())
        ]

    def _look(self) -> None:
        ids = [attrs["id"] for _tag, attrs in self.elements if "id" in attrs]
        self.faults += [f"the id {one!r} stands twice" for one in {one for one in ids if ids.count(one) > 1}]
        for tag, attrs in self.elements:
            pointed = " ".join(
                attrs.get(name, "") for name in ("for", "aria-describedby", "aria-labelledby", "popovertarget")
            )
            if attrs.get("href", "").startswith("#"):
                pointed += " " + attrs["href"][1:]
            self.faults += [
                f"<{tag}> points to {one!r}, which is not there" for one in pointed.split() if one not in ids
            ]
            if "style" in attrs or tag == "style" or any(name.startswith("on") for name in attrs):
                self.faults.append(f"<{tag}> carries a style or a script, which the CSP refuses")
            if tag == "script" and "src" not in attrs:
                self.faults.append("a script stands in the page, which the CSP refuses")
