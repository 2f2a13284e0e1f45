"""The table of a bench: ratios first, for a terminal, for Markdown, or as JSON."""

import json
from collections.abc import Mapping, Sequence

from bench.measurement import Measurement

HEADINGS = ("section", "what", "ratio", "budget", "", "measured", "against", "note")

Results = Mapping[str, Sequence[Measurement]]


def ratio_in_words(ratio: float | None) -> str:
    """Return `1.32 x` a peer, or `1/9.4` of it."""
    if ratio is None:
        return "-"
    return f"{ratio:.2f} x" if ratio > 0.5 else f"1/{1 / ratio:.1f}"


def row(section: str, measured: Measurement) -> tuple[str, ...]:
    """Return one measurement in words."""
    against = measured.peer
    if measured.peer_value is not None:
        against = f"{measured.peer} {measured.peer_value:.4g} {measured.unit}".strip()
    return (
        section,
        measured.name,
        ratio_in_words(measured.ratio),
        ratio_in_words(measured.budget) if measured.budget is not None else "",
        measured.verdict,
        f"{measured.value:.4g} {measured.unit}",
        against,
        measured.note,
    )


def rows(results: Results) -> list[tuple[str, ...]]:
    """Return every measurement in words, section by section."""
    return [row(section, measured) for section, all_measured in results.items() for measured in all_measured]


def as_text(results: Results) -> str:
    """Return a table for a terminal."""
    lines = [HEADINGS, *rows(results)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(HEADINGS))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )


def as_markdown(results: Results) -> str:
    """Return the same table, to be pasted into docs/performance.md."""
    lines = [HEADINGS, ("---",) * len(HEADINGS), *rows(results)]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def as_json(results: Results) -> str:
    """Return every figure, for scripts."""
    told = [
        {
            "section": section,
            "name": measured.name,
            "value": measured.value,
            "unit": measured.unit,
            "peer": measured.peer,
            "peer_value": measured.peer_value,
            "ratio": measured.ratio,
            "budget": measured.budget,
            "verdict": measured.verdict,
            "missed": measured.is_missed,
            "note": measured.note,
        }
        for section, all_measured in results.items()
        for measured in all_measured
    ]
    return json.dumps({"measurements": told}, indent=2)
