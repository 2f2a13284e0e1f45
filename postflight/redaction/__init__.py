"""Keeps secrets and control characters out of everything that leaves the process."""

from postflight.redaction.control import visible
from postflight.redaction.known import Secrets
from postflight.redaction.patterns import REDACTED, cut_short, masked, redacted

__all__ = ["REDACTED", "Secrets", "cut_short", "masked", "redacted", "visible"]
