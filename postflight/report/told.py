"""What a person is told of a failure: alike failures together, in words."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from postflight.report.text import counted
from postflight.verdicts import Outcome

_SENTENCE_END = re.compile(r"(?<=[.!?])\s+(?=[A-Z가-힣`])")

# Half a command can be a whole one that does more: a long one is shown on a line of its own.
_PROGRAMS = "argocd|aws|curl|dig|helm|kubectl|nc|openssl|postflight|psql|python|terraform|time"
_COMMAND = re.compile(rf"\(`(?:{_PROGRAMS}) [^`]+`\)[.,;]?|`(?:{_PROGRAMS}) [^`]+`[.,;]?")
_SHORT = 40

_DIFFERS = re.compile(r"[#\d]")
_ITEM = re.compile(r"\s*([-*]|\d+\.)\s")
_NAMES = {
    **{
        word: word.upper() for word in ("acm", "alb", "api", "aws", "cdn", "cors", "dns", "ecr", "eks", "iam")
    },
    **{word: word.upper() for word in ("irsa", "nat", "rds", "s3", "sql", "tls", "url", "vpc")},
    "argocd": "Argo CD",
    "cloudfront": "CloudFront",
    "externaldns": "ExternalDNS",
    "graphql": "GraphQL",
    "ingress": "Ingress",
    "kubernetes": "Kubernetes",
    "rabbitmq": "RabbitMQ",
    "redis": "Redis",
    "saleor": "Saleor",
    "terraform": "Terraform",
    "valkey": "Valkey",
}


@dataclass(frozen=True)
class Cause:
    """One thing that broke, in one place or in several alike, and what it explains.

    `also_earlier`: how many of its consequences follow from a cause that is told before it, too.
    """

    places: tuple[Outcome, ...]
    consequences: tuple[Outcome, ...]
    also_earlier: int = 0

    @property
    def first(self) -> Outcome:
        """The place that stands for all."""
        return self.places[0]

    @property
    def others(self) -> tuple[Outcome, ...]:
        """The places that are like the first."""
        return self.places[1:]

    @property
    def is_all_told(self) -> bool:
        """Whether causes that are told before it have all of its consequences."""
        return self.also_earlier == len(self.consequences)

    @property
    def count(self) -> str:
        """`8 consequences`, or `8 consequences, 3 of them of an earlier cause too`."""
        counted_all = counted(len(self.consequences), "consequence")
        if not self.also_earlier:
            return counted_all
        share = "" if self.is_all_told else f"{self.also_earlier} of them "
        return f"{counted_all}, {share}of an earlier cause too"


@dataclass(frozen=True)
class Alike:
    """Outcomes of one check."""

    check: str
    outcomes: tuple[Outcome, ...]

    @property
    def fact(self) -> str:
        """The fact that does not hold."""
        return fact_of(self.check)

    @property
    def subjects(self) -> list[str]:
        """The subjects it does not hold for."""
        return [one.subject for one in self.outcomes if one.subject is not None]


def fact_of(check: str) -> str:
    """Return the fact that a check states: `NAT gateway is available`."""
    return in_words(check.rpartition("::")[2])


def in_words(name: str) -> str:
    """Return the name of a test or of a module of tests in words, proper names as they are written."""
    words = name.removeprefix("test_").split("_")
    return " ".join(_NAMES.get(word, word) for word in words)


def title_of(one: Outcome) -> str:
    """Return the title of a result: the fact, and of which subject."""
    fact = fact_of(one.check)
    return f"{fact}: {one.subject}" if one.subject is not None else fact


def causes(found: Iterable[tuple[Outcome, Sequence[Outcome]]]) -> list[Cause]:
    """Put causes together that are alike: of one check, in the same words, with the same consequences."""
    alike: dict[tuple[str, str, frozenset[str]], list[tuple[Outcome, Sequence[Outcome]]]] = {}
    for cause, consequences in found:
        key = (cause.check, _gist(cause), frozenset(one.id for one in consequences))
        alike.setdefault(key, []).append((cause, consequences))
    return [Cause(tuple(cause for cause, _ in same), tuple(same[0][1])) for same in alike.values()]


def in_turn(found: Iterable[Cause]) -> list[Cause]:
    """Return causes in the order in which they are told, with what has been told before each."""
    known: set[str] = set()
    ordered: list[Cause] = []
    for cause in sorted(found, key=lambda one: -len(one.consequences)):
        ids = {one.id for one in cause.consequences}
        ordered.append(replace(cause, also_earlier=len(ids & known)))
        known |= ids
    return ordered


def by_check(outcomes: Iterable[Outcome]) -> list[Alike]:
    """Return outcomes check by check, in the order they ran."""
    checks: dict[str, list[Outcome]] = {}
    for one in outcomes:
        checks.setdefault(one.check, []).append(one)
    return [Alike(check, tuple(same)) for check, same in checks.items()]


def first_step(text: str) -> str:
    """Return the first thing to do of a fix: its first sentence, with the command that it introduces."""
    sentence, command = _first(text)
    one_line = " ".join(line.removesuffix("\\").strip() for line in command)
    return f"{sentence} `{one_line}`" if sentence and command else sentence or one_line


def _first(text: str) -> tuple[str, list[str]]:
    """Return the first sentence of a fix, and the lines of the command that it introduces or begins with."""
    found = list(steps(text))
    if not found:
        return "", []
    if found[0][1]:
        return "", _command(found)
    sentence = _SENTENCE_END.split(found[0][0])[0]
    return sentence, _command(found[1:]) if sentence.endswith(":") else []


def _command(found: Sequence[tuple[str, bool]]) -> list[str]:
    """Return the lines of the command with which steps begin: a backslash says that it goes on."""
    lines: list[str] = []
    for line, is_command in found:
        if not is_command or (lines and not lines[-1].endswith("\\")):
            break
        lines.append(line)
    return lines


def commands(text: str) -> list[str]:
    """Return the command lines of a runbook field, in order."""
    return [line for line, is_command in pieces(steps(text)) if is_command]


def first_pieces(text: str) -> list[tuple[str, bool]]:
    """Return the first step of a fix as sentences and command lines, in order."""
    sentence, command = _first(text)
    return [*pieces([(sentence, False)] if sentence else []), *((line, True) for line in command)]


def pieces(found: Iterable[tuple[str, bool]]) -> Iterator[tuple[str, bool]]:
    """Yield steps with the long commands of their sentences apart, without their backticks."""
    for step, is_command in found:
        if is_command:
            yield step, True
        else:
            yield from _pieces(step)


def _pieces(sentences: str) -> Iterator[tuple[str, bool]]:
    done = 0
    for match in _COMMAND.finditer(sentences):
        command = match[0].strip("().,;").strip("`")
        if len(command) <= _SHORT:
            continue
        yield from _said(sentences[done : match.start()])
        yield command, True
        done = match.end()
    yield from _said(sentences[done:])


def _said(sentences: str) -> Iterator[tuple[str, bool]]:
    if re.search(r"\w", sentences):
        yield sentences.strip(), False


def steps(text: str) -> Iterator[tuple[str, bool]]:
    """Yield paragraphs, list items and command lines of a runbook field, and whether each is a command."""
    is_command = False
    prose: list[str] = []
    for line in [*text.splitlines(), ""]:
        is_fence = line.startswith("```")
        if prose and (is_fence or not line.strip() or _ITEM.match(line)):
            yield " ".join(prose), False
            prose = []
        if is_fence:
            is_command = not is_command
        elif is_command:
            yield line, True
        elif line.strip():
            prose.append(line.strip())


def _gist(one: Outcome) -> str:
    """Return a message without what differs from subject to subject: names and numbers."""
    message = one.message
    if one.subject is not None:
        message = re.sub(rf"(?<!\w){re.escape(one.subject)}(?!\w)", "#", message)
    return " ".join("#" if _DIFFERS.search(word) else word for word in message.split())
