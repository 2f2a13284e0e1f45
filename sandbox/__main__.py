"""A pretend cloud made of real servers: `python -m sandbox up | down | status | env | break | mend | …`."""

from __future__ import annotations

import argparse
import os
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sandbox.launcher import attach, bring_up
from sandbox.run_folder import ControlError, RunFolder, call

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

DEFAULT_FOLDER = Path(__file__).resolve().parent / "run"
FOLDER_VARIABLE = "SANDBOX_RUN_DIR"


def main(words: Sequence[str]) -> int:
    """Do what the words say; returns the exit status."""
    options = _parser().parse_args(words)
    folder = RunFolder(options.run_dir)
    try:
        status = int(options.action(folder, options))
        sys.stdout.flush()
    except BrokenPipeError:
        # `| head` has read enough; what is left of the output must not complain when Python ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except ControlError as error:
        return _complain(str(error))
    return status


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m sandbox", description=__doc__)
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument(
        "--run-dir",
        type=Path,
        default=Path(os.environ.get(FOLDER_VARIABLE) or DEFAULT_FOLDER),
        help=f"where the sandbox keeps its state (default: ${FOLDER_VARIABLE}, else sandbox/run)",
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def command(name: str, text: str) -> argparse.ArgumentParser:
        return commands.add_parser(name, help=text, description=text, parents=[common])

    up = command("up", "start a sandbox and print where everything is")
    up.add_argument("--attach", action="store_true", help="print one JSON line, and stop with standard input")
    up.add_argument("--latency", type=_seconds, default=0.0, help="delay every answer, e.g. 100ms")
    up.add_argument(
        "--fault",
        action="append",
        default=[],
        metavar='"FAULT key=value…"',
        help="with --attach: break it in this way once it is up, and mend it at the end",
    )
    up.set_defaults(action=_up)
    command("down", "stop the sandbox").set_defaults(action=_down)
    command(
        "status", "say where everything is, what is broken, and what fails (then the exit status is 1)"
    ).set_defaults(action=_status)
    command("env", 'print the variables to export: eval "$(python -m sandbox env)"').set_defaults(action=_env)
    command("settle", "wait until the sandbox is quiet, after a change by hand").set_defaults(action=_settle)
    breaking = command("break", "break one thing")
    breaking.add_argument("fault", help="`python -m sandbox faults` lists them")
    breaking.add_argument("parameters", nargs="*", type=_pair, default=[], metavar="key=value")
    breaking.set_defaults(action=_break)
    mending = command("mend", "take a fault back")
    chosen = mending.add_mutually_exclusive_group(required=True)
    chosen.add_argument("fault", nargs="?")
    chosen.add_argument("--all", action="store_true", help="mend everything that is broken")
    mending.set_defaults(action=_mend)
    command("faults", "list the faults").set_defaults(action=_faults)
    return parser


def _seconds(text: str) -> float:
    if text.endswith("ms"):
        return float(text[:-2]) / 1000
    return float(text.removesuffix("s"))


def _pair(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not equals:
        raise argparse.ArgumentTypeError(f"{text!r} is not key=value")
    return key, value


def _complain(text: str) -> int:
    sys.stderr.write(f"sandbox: {text}\n")
    return 1


def _up(folder: RunFolder, options: argparse.Namespace) -> int:
    if options.attach:
        return attach(folder, options.latency, options.fault)
    state = folder.read()
    if state is None:
        state = bring_up(folder, options.latency)
    if state is None:
        return _complain(f"it did not start; see {folder.log}")
    _print_table(state["where"])
    sys.stdout.write(f"\nAll of it, and the variables to export: {folder.state}\n")
    return 0


def _down(folder: RunFolder, _: argparse.Namespace) -> int:
    state = folder.read()
    if state is None:
        return _complain("no sandbox runs here")
    call(state, "down")
    folder.wait_for_end(state["pid"])
    return 0


def _status(folder: RunFolder, _: argparse.Namespace) -> int:
    state = _running(folder)
    _print_table(state["where"])
    status = call(state, "status")
    for name, parameters in status["broken"].items():
        chosen = " ".join(f"{key}={value}" for key, value in parameters.items())
        sys.stdout.write(f"broken: {name} {chosen}\n")
    _print_failing(status["failing"])
    return 1 if status["failing"] else 0


def _print_failing(failing: Sequence[Mapping[str, Any]]) -> None:
    for failure in failing:
        tries = f"{failure['attempts']} attempt{'' if failure['attempts'] == 1 else 's'}"
        what = (
            f"{failure['controller']} on {failure['object']}" if failure["object"] else failure["controller"]
        )
        sys.stdout.write(f"failing: {what} since {failure['since']}, {tries}: {failure['message']}\n")


def _env(folder: RunFolder, _: argparse.Namespace) -> int:
    for name, value in _running(folder)["variables"].items():
        sys.stdout.write(f"export {name}={_quoted(value)}\n")
    return 0


def _quoted(value: str) -> str:
    """Quote a value for a shell, also where the shell would not ask for it."""
    return "'" + value.replace("'", "'\"'\"'") + "'"


def _settle(folder: RunFolder, _: argparse.Namespace) -> int:
    return _ask(folder, "settle")


def _break(folder: RunFolder, options: argparse.Namespace) -> int:
    chosen = " ".join((options.fault, *(f"{key}={value}" for key, value in options.parameters)))
    with _told(f"breaking {chosen}"):
        return _ask(folder, "break", fault=options.fault, parameters=dict(options.parameters))


def _mend(folder: RunFolder, options: argparse.Namespace) -> int:
    with _told(f"mending {options.fault or 'everything'}"):
        return _ask(folder, "mend", fault=None if options.all else options.fault)


@contextmanager
def _told(doing: str) -> Iterator[None]:
    """Say what is being done before it is, for some of it takes half a minute; and that it is done."""
    sys.stderr.write(f"sandbox: {doing} … ")
    sys.stderr.flush()
    end = "\n"
    try:
        yield
        end = "done\n"
    finally:
        sys.stderr.write(end)


def _ask(folder: RunFolder, action: str, **arguments: Any) -> int:
    _print_failing(call(_running(folder), action, **arguments).get("failing", ()))
    return 0


def _running(folder: RunFolder) -> dict[str, Any]:
    """Return the state of the sandbox that runs here. Raises ControlError."""
    state = folder.read()
    if state is None:
        raise ControlError("no sandbox runs here; start one with `python -m sandbox up`")
    return state


def _faults(_: RunFolder, __: argparse.Namespace) -> int:
    from sandbox.faults import catalogue

    for fault in catalogue().values():
        sys.stdout.write(f"{fault.name:22} {fault.summary}\n")
        if fault.parameters:
            parameters = " ".join(f"{key}={value}" for key, value in fault.parameters.items())
            sys.stdout.write(f"{'':22} {parameters}\n")
    return 0


def _print_table(rows: dict[str, str]) -> None:
    width = max(map(len, rows))
    for name, value in rows.items():
        sys.stdout.write(f"{name:{width}}  {value}\n")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
