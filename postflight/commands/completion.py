"""`postflight completion`: a script by which a shell completes this command, made from its parser."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from postflight.commands.paragraphs import command

SHELLS = ("bash", "zsh", "fish")
EPILOG = """\
  postflight completion bash > ~/.local/share/bash-completion/completions/postflight
  echo 'eval "$(postflight completion zsh)"' >> ~/.zshrc
  postflight completion fish > ~/.config/fish/completions/postflight.fish
"""
# What stands behind these options and arguments is the name of an environment.
_ENVIRONMENTS = frozenset({"--env", "name", "left", "right"})
_LIST_ENVIRONMENTS = (
    "for file in environments/*.yaml; do file=${file##*/}; file=${file%.yaml}; "
    'case $file in *.*|"*") ;; *) echo "$file" ;; esac; done'
)


@dataclass(frozen=True)
class _Command:
    name: str
    summary: str
    options: tuple[tuple[str, str], ...]
    words: tuple[str, ...]
    takes_environment: bool


def add(commands: Any) -> None:
    """Add the command."""
    parser = command(
        commands,
        "completion",
        "print a completion script for a shell",
        "Print a script by which a shell completes commands, options and the names of environments.",
        EPILOG,
    )
    parser.add_argument("shell", choices=SHELLS)
    parser.set_defaults(run=run, commands=commands)


def run(options: argparse.Namespace) -> int:
    """Print the script."""
    known = tuple(_read(name, one, options.commands) for name, one in options.commands.choices.items())
    print({"bash": _bash, "zsh": _zsh, "fish": _fish}[options.shell](known), end="")
    return 0


def _read(name: str, parser: argparse.ArgumentParser, commands: Any) -> _Command:
    summaries: Mapping[str, str] = {one.dest: one.help or "" for one in commands._choices_actions}  # noqa: SLF001
    actions = parser._actions  # noqa: SLF001 - argparse has no public way to walk a parser
    options = tuple(
        (option, _plain(one)) for one in actions for option in one.option_strings if option.startswith("--")
    )
    positional = [one for one in actions if not one.option_strings]
    return _Command(
        name,
        summaries.get(name, ""),
        options,
        tuple(str(choice) for one in positional for choice in one.choices or ()),
        any(one.dest in _ENVIRONMENTS for one in positional) or "--env" in dict(options),
    )


def _plain(action: argparse.Action) -> str:
    return str(action.help or "").replace("%(default)s", str(action.default))


def _bash(commands: tuple[_Command, ...]) -> str:
    cases = "\n".join(
        f'    {one.name}) words="{" ".join((*dict(one.options), *one.words))}"; '
        f"environments={'yes' if one.takes_environment else ''} ;;"
        for one in commands
    )
    names = " ".join(one.name for one in commands)
    return f"""\
# Made by `postflight completion bash`.
_postflight_environments() {{
  {_LIST_ENVIRONMENTS}
}}
_postflight() {{
  local word=${{COMP_WORDS[COMP_CWORD]}} words="{names} --root --help" environments= part
  for part in "${{COMP_WORDS[@]:1:$((COMP_CWORD-1))}}"; do
    case $part in
{cases}
    esac
  done
  if [ -n "$environments" ]; then words="$words $(_postflight_environments)"; fi
  COMPREPLY=($(compgen -W "$words" -- "$word"))
}}
complete -o default -F _postflight postflight
"""


def _zsh(commands: tuple[_Command, ...]) -> str:
    """Return bash's script, which zsh understands once it is told to."""
    script = _bash(commands).replace("completion bash", "completion zsh", 1)
    return f"autoload -U +X compinit && compinit\nautoload -U +X bashcompinit && bashcompinit\n{script}"


def _fish(commands: tuple[_Command, ...]) -> str:
    lines = ["# Made by `postflight completion fish`.", "complete -c postflight -f"]
    for one in commands:
        lines.append(
            f"complete -c postflight -n __fish_use_subcommand -a {one.name} -d {_quoted(one.summary)}"
        )
        seen = f"complete -c postflight -n '__fish_seen_subcommand_from {one.name}'"
        lines += [f"{seen} -l {option.removeprefix('--')} -d {_quoted(text)}" for option, text in one.options]
        if one.words:
            lines.append(f"{seen} -a {_quoted(' '.join(one.words))}")
        if one.takes_environment:
            listing = f"(sh -c {_quoted(_LIST_ENVIRONMENTS)})".replace('"', '\\"').replace("$", "\\$")
            lines.append(f'{seen} -a "{listing}"')
    return "\n".join(lines) + "\n"


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"
