"""HTML and SVG, in which every text is escaped that was not made here.

Titles and notes of records come from anywhere: only `Markup` goes into a page as it is.
"""

import html
import re
from collections.abc import Iterable

# Neither XML nor a page may hold control characters and halves of surrogate pairs. The marks that
# turn the direction of text would let a title rearrange what stands around it.
_UNPRINTABLE = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069"
    "\ud800-\udfff\ufffe\uffff]"
)
_VOID = ("br", "img", "input", "link", "meta")


class Markup(str):
    """Text that is HTML or SVG already."""

    __slots__ = ()


def clean(text: str) -> str:
    """Replace the characters that no page may hold."""
    return _UNPRINTABLE.sub("\ufffd", text)


def escaped(text: str) -> Markup:
    """Return text as markup; what is markup already stays."""
    return text if isinstance(text, Markup) else Markup(html.escape(clean(text)))


def joined(parts: Iterable[str], between: str = "") -> Markup:
    """Put parts together, each escaped unless it is markup."""
    return Markup(escaped(between).join(escaped(part) for part in parts))


def element(name: str, /, *children: str, **attributes: object) -> Markup:
    """Return an element.

    Args:
        name: such as p.
        children: texts, and other elements.
        attributes: `class_` is class and `aria_label` aria-label; None leaves one out, True gives
            it no value.
    """
    pairs = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{_value(value)}"'
        for key, value in attributes.items()
        if value is not None and value is not False
    )
    if name in _VOID:
        return Markup(f"<{name}{pairs}>")
    return Markup(f"<{name}{pairs}>{joined(children)}</{name}>")


def _value(value: object) -> str:
    if value is True:
        return ""
    if isinstance(value, float):
        return short(value)
    return html.escape(clean(str(value)))


def short(value: float) -> str:
    """Return a coordinate with one decimal, and none where it is whole."""
    return f"{value:.1f}".removesuffix(".0")
