"""What should exist: environment files, their model, and what is said when one of them is wrong."""

from postflight.environment.loading import available, find, load
from postflight.environment.model import Environment, Subject, Vantage
from postflight.environment.references import SECTION_OF, kind_of, scopes, subjects
from postflight.environment.source import EnvironmentFileError

__all__ = [
    "SECTION_OF",
    "Environment",
    "EnvironmentFileError",
    "Subject",
    "Vantage",
    "available",
    "find",
    "kind_of",
    "load",
    "scopes",
    "subjects",
]
