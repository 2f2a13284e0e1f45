"""Control characters as visible escapes: what a server sends must not steer a terminal or reorder a line."""

from __future__ import annotations

import re

# C0 but for tab and line feed, DEL, C1, soft hyphen, bidi and zero-width marks, line and paragraph
# separators, surrogates, tags: Unicode's categories Cc, Cf, Cs, Zl, Zp. A carriage return may end a line.
_CONTROL = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\xad\u0600-\u0605\u061c\u06dd\u070f\u180e\u200b-\u200f\u2028-\u202e"
    "\u2060-\u206f\ud800-\udfff\ufeff\ufff9-\ufffb\U000e0000-\U000e007f]|\r(?!\n)"
)
_SHORT = 0xFF
_LONG = 0xFFFF


def visible(text: str) -> str:
    r"""Return `text` with control characters as escapes: `\x1b`, `\u202e`; line ends and tabs stay."""
    return text if text.isprintable() else _CONTROL.sub(_escape, text)


def _escape(found: re.Match[str]) -> str:
    code = ord(found[0])
    if code > _LONG:
        return f"\\U{code:08x}"
    return f"\\u{code:04x}" if code > _SHORT else f"\\x{code:02x}"
