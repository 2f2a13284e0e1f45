"""Causes and consequences as a Mermaid graph, small enough to be read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from postflight.report import told
from postflight.report.findings import Findings
from postflight.report.text import cut
from postflight.verdicts import Outcome

_NODES = 30
_LABEL = 80
_SUBJECTS = 2
_STYLES = (
    "classDef cause fill:#b42318,stroke:#7a271a,color:#ffffff",
    "classDef consequence fill:#fef0c7,stroke:#b54708,color:#4e1d09",
    "classDef waived fill:#eaecf0,stroke:#667085,color:#344054",
)
_ENTITIES = str.maketrans(
    {
        "#": "#35;",
        '"': "#quot;",
        "<": "#lt;",
        ">": "#gt;",
        "&": "#amp;",
        "`": "'",
        "\\": "#92;",
        "\n": " ",
        "\r": " ",
    }
)


def mermaid(findings: Findings) -> str | None:
    """Return the graph, None where no cause has consequences.

    A node is a cause, or the consequences of one check; an arrow is a `Leads to` of the runbook that held in
    this run. Arrows that others imply are left out, and so are nodes beyond thirty (the last one says so).
    """
    groups = _groups(findings)
    of_id = {one.id: number for number, (_, alike) in enumerate(groups) for one in alike}
    causes = [number for number, (kind, _) in enumerate(groups) if kind == "cause"]
    arrows = _reduced(_arrows(findings.links, of_id, len(groups)))
    order = _breadth_first(causes, arrows)
    if len(order) <= len(causes):
        return None
    return "\n".join(_drawn(groups, arrows, order)) + "\n"


def label(text: str) -> str:
    """Return a text as a Mermaid label: in quotes, with everything escaped that could end it."""
    return f'"{cut(text, _LABEL).translate(_ENTITIES)}"'


def _groups(findings: Findings) -> list[tuple[str, tuple[Outcome, ...]]]:
    causes = findings.causes()
    told_of = {one.id for cause in causes for one in cause.places}
    rest = told.by_check(
        one for one in findings.outcomes if one.verdict in {"failed", "waived"} and one.id not in told_of
    )
    return [
        *(("cause", cause.places) for cause in causes),
        *(
            (
                "waived" if all(one.verdict == "waived" for one in alike.outcomes) else "consequence",
                alike.outcomes,
            )
            for alike in rest
        ),
    ]


def _arrows(links: Mapping[str, Sequence[str]], of_id: Mapping[str, int], count: int) -> dict[int, list[int]]:
    arrows: dict[int, dict[int, None]] = {number: {} for number in range(count)}
    for one, led_to in links.items():
        for other in led_to:
            if one in of_id and other in of_id and of_id[one] != of_id[other]:
                arrows[of_id[one]][of_id[other]] = None
    return {number: list(ends) for number, ends in arrows.items()}


def _reduced(arrows: Mapping[int, Sequence[int]]) -> dict[int, list[int]]:
    """Leave out an arrow where a longer way leads to the same end; ways that lead in a circle stay."""
    reached = {number: set(_breadth_first(ends, arrows)) for number, ends in arrows.items()}

    def is_implied(start: int, end: int) -> bool:
        return any(
            end in reached[other] and other not in reached[end] for other in arrows[start] if other != end
        )

    return {start: [end for end in ends if not is_implied(start, end)] for start, ends in arrows.items()}


def _breadth_first(starts: Sequence[int], arrows: Mapping[int, Sequence[int]]) -> list[int]:
    seen = dict.fromkeys(starts)
    waiting = list(starts)
    while waiting:
        for end in arrows[waiting.pop(0)]:
            if end not in seen:
                seen[end] = None
                waiting.append(end)
    return list(seen)


def _drawn(
    groups: Sequence[tuple[str, tuple[Outcome, ...]]],
    arrows: Mapping[int, Sequence[int]],
    order: Sequence[int],
) -> Iterator[str]:
    yield "flowchart TD"
    shown = order[:_NODES]
    for number in shown:
        kind, alike = groups[number]
        yield f"  n{number}[{label(_text(kind, alike))}]:::{kind}"
    for start in shown:
        yield from (f"  n{start} --> n{end}" for end in arrows[start] if end in shown)
    if len(order) > len(shown):
        yield f"  more[{label(f'and {len(order) - len(shown)} more checks')}]:::consequence"
        yield f"  n{shown[-1]} -.-> more"
    yield from (f"  {style}" for style in _STYLES)


def _text(kind: str, alike: Sequence[Outcome]) -> str:
    subjects = [one.subject for one in alike if one.subject is not None]
    names = ", ".join(subjects[:_SUBJECTS])
    if len(subjects) > _SUBJECTS:
        names += f" and {len(subjects) - _SUBJECTS} more"
    fact = told.fact_of(alike[0].check)
    broken = f"not: {fact}" if kind == "cause" else fact
    return f"{broken} ({names})" if names else broken
