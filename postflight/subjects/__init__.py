"""Fixture name -> section of the environment, probes, arguments."""

from postflight.subjects.registry import Ask, Row, rows

__all__ = ["Ask", "Row", "rows"]
