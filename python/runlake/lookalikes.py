"""Look-alikes: names that differ and cannot be told apart by eye.

A skeleton is a text with each letter that looks like one of ASCII replaced by that one; texts with the same skeleton
look alike. ASCII is its own skeleton. The table has letters that are the same in most fonts, not all that are similar.

Source: the idea is that of Unicode Technical Standard 39, section 4; the table is a small part of what it lists.
"""

from __future__ import annotations

import re
from typing import Final

_ALIKE: Final = {
    # Cyrillic
    "А": "A", "В": "B", "Е": "E", "К": "K", "М": "M", "Н": "H", "О": "O", "Р": "P", "С": "C", "Т": "T", "У": "Y",
    "Х": "X", "І": "I", "Ј": "J", "Ѕ": "S", "Ԍ": "G", "Ԛ": "Q", "Ԝ": "W", "Ү": "Y", "Ѵ": "V", "З": "3", "Ь": "b",
    "а": "a", "е": "e", "о": "o", "р": "p", "с": "c", "у": "y", "х": "x", "і": "i", "ј": "j", "ѕ": "s", "ԁ": "d",
    "ԛ": "q", "ԝ": "w", "һ": "h", "ӏ": "l", "ѵ": "v", "ү": "y", "з": "3", "Ӏ": "l", "ʙ": "B",
    # Greek
    "Α": "A", "Β": "B", "Ε": "E", "Ζ": "Z", "Η": "H", "Ι": "I", "Κ": "K", "Μ": "M", "Ν": "N", "Ο": "O", "Ρ": "P",
    "Τ": "T", "Υ": "Y", "Χ": "X", "Ϻ": "M", "Ϳ": "J", "α": "a", "ο": "o", "ρ": "p", "ν": "v", "ι": "i", "κ": "k",
    "υ": "u", "χ": "x", "ϳ": "j",
    # Armenian
    "Օ": "O", "Ս": "U", "օ": "o", "ո": "n", "ս": "u", "հ": "h", "ց": "g", "զ": "q", "յ": "j",
    # Cherokee
    "Ꭰ": "D", "Ꭱ": "R", "Ꭲ": "T", "Ꭺ": "A", "Ꭻ": "J", "Ꭼ": "E", "Ꮃ": "W", "Ꮇ": "M", "Ꮋ": "H", "Ꮐ": "G", "Ꮓ": "Z",
    "Ꮞ": "4", "Ꮪ": "S", "Ꮩ": "V", "Ꮮ": "L", "Ꮯ": "C", "Ꮲ": "P", "Ꮶ": "K", "Ᏼ": "B",
    # Latin
    "ı": "i", "ɑ": "a", "ɡ": "g", "ɩ": "i", "ɪ": "i", "ǀ": "l", "ᴄ": "c", "ᴏ": "o", "ᴜ": "u", "ᴠ": "v", "ᴡ": "w",
    # signs
    "‐": "-", "‒": "-", "–": "-", "—": "-", "―": "-", "−": "-", "˗": "-", "‘": "'", "’": "'", "′": "'", "ʹ": "'",
    "ʼ": "'", "ʻ": "'", "∕": "/", "⁄": "/", "꞉": ":", "∶": ":", "\u1680": " ",
}  # fmt: skip
_TABLE: Final = str.maketrans(_ALIKE)

INVISIBLE: Final = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]"
)
"""Characters that take no ink and that Unicode does not count among controls and formats."""


def skeleton(text: str) -> str:
    """Return what a text has in common with those that look like it."""
    return text.translate(_TABLE)
