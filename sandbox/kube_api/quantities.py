"""Quantities of resources, as `resource.Quantity` of apimachinery reads them."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Final

PATTERN: Final = re.compile(r"([+-]?(?:\d+\.?\d*|\.\d+))([KMGTPE]i|[numkMGTPE]|[eE][+-]?\d{1,2})?")
_BINARY: Final = ("Ki", "Mi", "Gi", "Ti", "Pi", "Ei")
_DECIMAL: Final = {"n": -9, "u": -6, "m": -3, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}


def quantity(text: str) -> Decimal:
    """Read a quantity ("500m", "256Mi", "2", "1e3") as a number of cores or bytes; raises ValueError."""
    found = PATTERN.fullmatch(text)
    if found is None:
        raise ValueError(f"{text!r} is not a quantity")
    number, unit = Decimal(found[1]), found[2] or ""
    if unit in _BINARY:
        return number * Decimal(2) ** (10 * (_BINARY.index(unit) + 1))
    exponent = _DECIMAL[unit] if unit in _DECIMAL else int(unit[1:] or 0)
    return number.scaleb(exponent)
