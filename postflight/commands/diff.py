"""`postflight diff`: in what two environments differ."""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from postflight.commands.paragraphs import CommandError, UnverifiedError, command
from postflight.environment import Environment, Vantage, find, load

if TYPE_CHECKING:
    from postflight.parity.facts import Difference
    from postflight.parity.naming import Names
    from postflight.parity.observed import Observed
    from postflight.redaction import Secrets

EPILOG = """\
Each environment's own names are taken for the same thing: its name, account, region, and its variables called
prefix, env, …_host and …_domain. With --observed, both are looked at (nothing but reads): image tags,
replicas, the names of variables, the names of the keys of Secrets, browser origins.

Exit status: 0 no difference · 1 a difference · 2 a file is wrong · 6 something could not be looked at

  postflight diff stage prod
  postflight diff stage prod --observed --profile stage=kyeol-stage --profile prod=kyeol-prod
"""


def add(commands: Any) -> None:
    """Add the command."""
    parser = command(
        commands,
        "diff",
        "say in what two environments differ",
        "Compare two environments: what they declare and, with --observed, what is there.",
        EPILOG,
    )
    parser.add_argument("left", help="an environment's name, or a path to its file")
    parser.add_argument("right", help="another")
    parser.add_argument("--observed", action="store_true", help="look at both, too")
    parser.add_argument(
        "--profile",
        action="append",
        default=[],
        metavar="NAME=PROFILE",
        help="AWS profile of one of the two (default: the credentials of this shell); may be repeated",
    )
    parser.add_argument("--json", action="store_true", help="print JSON, for scripts")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Compare, and print. Raises CommandError, UnverifiedError and EnvironmentFileError."""
    from postflight.parity import facts, naming

    files = [find(name, options.root / "environments", "") for name in (options.left, options.right)]
    left, right = (load(file, os.environ) for file in files)
    pair = left, right
    names = naming.shared(
        naming.names_of(files[0], left, os.environ), naming.names_of(files[1], right, os.environ)
    )
    declared = facts.differences(facts.declared(left), facts.declared(right), names)
    observed: tuple[Difference, ...] | None = None
    unverified: tuple[str, ...] = ()
    if options.observed:
        observed, unverified = _observed(pair, names, _profiles(options, pair), options.secrets)
    if options.json:
        print(_as_json(pair, declared, observed, unverified))
    else:
        print("\n".join(_as_text(pair, declared, observed, unverified)))
    if unverified:
        return UnverifiedError.status
    return 1 if declared or observed else 0


def _profiles(options: argparse.Namespace, pair: tuple[Environment, Environment]) -> dict[str, str]:
    profiles = {}
    for written in options.profile:
        name, found, profile = written.partition("=")
        if not found or name not in (pair[0].name, pair[1].name):
            raise CommandError(
                f"--profile {written}: write {pair[0].name}=PROFILE or {pair[1].name}=PROFILE."
            )
        profiles[name] = profile
    return profiles


def _process(profile: str | None) -> Mapping[str, str]:
    """Return the variables of this process; a profile goes before keys that the shell has."""
    if profile is None:
        return os.environ
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_SE")}
    kept.pop("AWS_ACCESS_KEY_ID", None)
    return {**kept, "AWS_PROFILE": profile}


def _observed(
    pair: tuple[Environment, Environment],
    names: tuple[Names, Names],
    profiles: Mapping[str, str],
    secrets: Secrets,
) -> tuple[tuple[Difference, ...], tuple[str, ...]]:
    from postflight.parity.facts import differences

    left, right = (_seen(one, profiles.get(one.name), secrets) for one in pair)
    # What could not be seen of one side tells nothing of a difference.
    hidden = left.hidden(names[0]) | right.hidden(names[1])
    found = differences(left.visible(names[0], hidden), right.visible(names[1], hidden), names)
    return found, (*left.complaints(pair[0].name), *right.complaints(pair[1].name))


def _seen(environment: Environment, profile: str | None, secrets: Secrets) -> Observed:
    from postflight.evidence import Unverified
    from postflight.identity import WrongPlaceError
    from postflight.parity.observed import observe

    vantage: Vantage = "inside" if "KUBERNETES_SERVICE_HOST" in os.environ else "outside"
    try:
        return observe(environment, vantage, _process(profile), secrets)
    except WrongPlaceError as error:
        said = str(error).replace("No check was run", "Nothing was compared")
        raise CommandError(f"{environment.name}: {said}") from None
    except Unverified as error:
        raise UnverifiedError(f"{environment.name} cannot be looked at: {error}") from None


def _as_json(
    pair: tuple[Environment, Environment],
    declared: tuple[Difference, ...],
    observed: tuple[Difference, ...] | None,
    unverified: tuple[str, ...],
) -> str:
    said = {
        "schema": 1,
        "left": pair[0].name,
        "right": pair[1].name,
        "declared": [one.as_json() for one in declared],
        "observed": None if observed is None else [one.as_json() for one in observed],
        "unverified": list(unverified),
    }
    return json.dumps(said, indent=2, ensure_ascii=False)


def _as_text(
    pair: tuple[Environment, Environment],
    declared: tuple[Difference, ...],
    observed: tuple[Difference, ...] | None,
    unverified: tuple[str, ...],
) -> Iterator[str]:
    from postflight.parity.table import table

    for title, found in (("Declared", declared), ("Observed", observed)):
        if found is None:
            continue
        count = f"{len(found)} difference{'s' if len(found) != 1 else ''}" if found else "no difference"
        yield f"{title}: {count} between {pair[0].name} and {pair[1].name} beyond their names."
        if found:
            yield ""
            yield from table(found, pair[0].name, pair[1].name)
            yield ""
    for trouble in unverified:
        yield f"Not looked at: {trouble}"
