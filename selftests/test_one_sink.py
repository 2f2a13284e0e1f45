"""Files are written in one module, which redacts: a new output cannot forget it."""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator
from pathlib import Path

from postflight.redaction import Secrets
from postflight.writing import as_line, as_lines, redact_file, write_json, write_text
from selftests.proofs.harness import ROOT

# A client key and a CA for OpenSSL, in folders of this user only; and a file that is removed at once.
_OTHERS = {
    "postflight/probes/kubernetes/access.py",
    "postflight/probes/kubernetes/eks.py",
    "postflight/commands/init.py",
    # The null device, in the place of an output that is closed.
    "postflight/standard_streams.py",
}
_WRITES = {"write_text", "write_bytes", "writelines"}


def writes(file: Path) -> Iterator[int]:
    """Yield the lines on which a module writes a file."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if not isinstance(node, ast.Call):
            continue
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        modes = [
            one.value for one in node.args if isinstance(one, ast.Constant) and isinstance(one.value, str)
        ]
        opens = name == "open" and any(
            set(mode) & set("wax+") and set(mode) <= set("rwaxbt+") for mode in modes
        )
        is_ours = isinstance(node.func, ast.Name) and name == "write_text"
        if (name in _WRITES and not is_ours) or opens:
            yield node.lineno


def test_files_are_written_in_one_module() -> None:
    """Whatever is written there needs `redact`, or text that the type checker knows to be redacted."""
    found = {str(file.relative_to(ROOT)): list(writes(file)) for file in (ROOT / "postflight").rglob("*.py")}

    assert found["postflight/writing.py"]
    assert {file for file, lines in found.items() if lines} - _OTHERS == {"postflight/writing.py"}


def test_whatever_is_written_is_redacted(tmp_path: Path) -> None:
    """As text, as JSON, and what another program has written."""
    redact = Secrets(["hunter2-k9q"]).redact
    said = {"key": ["it is hunter2-k9q\x1b", 1, None], "other": {"deep": "hunter2-k9q"}}
    (tmp_path / "other.txt").write_text("log hunter2-k9q", encoding="utf-8")
    write_text(tmp_path / "a.txt", ["it is hunter2-k9q", "\n"], redact)
    write_json(tmp_path / "a.json", said, redact)
    redact_file(tmp_path / "other.txt", redact)
    clean = {"key": ["it is [redacted]\\x1b", 1, None], "other": {"deep": "[redacted]"}}

    assert (tmp_path / "a.txt").read_text(encoding="utf-8") == "it is [redacted]\n"
    assert (tmp_path / "other.txt").read_text(encoding="utf-8") == "log [redacted]"
    assert json.loads((tmp_path / "a.json").read_text(encoding="utf-8")) == clean
    assert json.loads(as_line(said, redact)) == clean
    assert [json.loads(line) for line in as_lines([said, {"a": 1}], redact)] == [clean, {"a": 1}]


def test_what_identifies_a_check_or_a_canary_stays(tmp_path: Path) -> None:
    """Waivers, comparisons and removals go by it; a host may be called like a value of the shell."""
    redact = Secrets(["shop-k9q"]).redact
    check = {
        "id": "tests/test_a.py::test_host[www.shop-k9q]",
        "check": "a",
        "subject": "www.shop-k9q",
        "message": "it is shop-k9q",
    }
    canary = {"account": "1", "bucket": "shop-k9q", "key": "canary/shop-k9q", "why": "shop-k9q"}
    write_json(tmp_path / "a.json", canary, redact)

    assert [json.loads(line) for line in as_lines([check, "shop-k9q"], redact)] == [
        {**check, "message": "it is [redacted]"}, "[redacted]",
    ]  # fmt: skip
    assert json.loads((tmp_path / "a.json").read_text(encoding="utf-8")) == {**canary, "why": "[redacted]"}
    assert list(json.loads(next(as_lines([check], redact)))) == list(check)


def test_a_file_that_is_no_text_stays(tmp_path: Path) -> None:
    """A screenshot that a check attaches is not to be broken."""
    picture = b"\x89PNG\r\n\x1a\n\x00\xff"
    (tmp_path / "a.png").write_bytes(picture)
    redact_file(tmp_path / "a.png", Secrets().redact)

    assert (tmp_path / "a.png").read_bytes() == picture


def test_the_values_of_confidential_conditions_are_hidden(tmp_path: Path) -> None:
    """`aws:Referer` and `sts:ExternalId` are passwords by another name; what lies beside them is not."""
    conditions = [
        {"operator": "StringEquals", "key": "aws:Referer", "values": ["a1", "b2"]},
        {"operator": "StringEquals", "key": "aws:SourceVpc", "values": ["vpc-1"]},
    ]
    write_json(tmp_path / "a.json", conditions, Secrets().redact)
    written = json.loads((tmp_path / "a.json").read_text(encoding="utf-8"))

    assert written[0]["values"] == ["[redacted]", "[redacted]"]
    assert written[1] == conditions[1]
