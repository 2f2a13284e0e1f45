"""The `postflight` command: what can be said without a run."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from postflight import runbook
from postflight.environment import EnvironmentFileError, Vantage, available, find, load


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit status."""
    parser = _parser()
    options = parser.parse_args(arguments)
    if options.run is None:
        parser.print_help()
        return 0
    try:
        status: int = options.run(options)
    except (EnvironmentFileError, runbook.RunbookError) as error:
        print(f"postflight: {error}", file=sys.stderr)
        return 2
    return status


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="postflight",
        description="Verify a live environment after a deployment. The verification itself is a pytest run: "
        "pytest --env NAME.",
    )
    parser.set_defaults(run=None)
    parser.add_argument("--root", type=Path, default=Path(), help="the checkout (default: this folder)")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")

    explain = commands.add_parser("explain", help="print the runbook entry of a check, or of all that match")
    explain.add_argument("word", help="a check's name, or a word to look for in the runbook")
    explain.add_argument("--lang", choices=runbook.LANGUAGES, help="language (default: the locale's)")
    explain.set_defaults(run=_explain)

    check = commands.add_parser("check-environment", help="say whether an environment file is right")
    check.add_argument("name", help="an environment's name, or a path to its file")
    check.set_defaults(run=_check_environment)

    _add_permissions(commands.add_parser("permissions", help="print what a run has to be allowed"))

    publishing = commands.add_parser("publish", help="put the results of runs into an S3 bucket")
    publishing.add_argument("reports", type=Path, help="the folder of the runs")
    publishing.add_argument("address", metavar="s3://BUCKET/PREFIX", help="where to")
    publishing.set_defaults(run=_publish)

    schema = commands.add_parser("schema", help="print the JSON Schema of environment files, for editors")
    schema.set_defaults(run=_schema)
    return parser


def _explain(options: argparse.Namespace) -> int:
    language = runbook.language_of(options.lang, os.environ)
    entries = runbook.load(options.root / "runbook", language)
    word = options.word.lower()
    exact = [entry for entry in entries.values() if entry.check.split("::")[1] == word or entry.check == word]
    found = exact or [
        entry
        for entry in entries.values()
        if word.replace("-", " ") in f"{entry.check} {entry.symptom} {entry.cause}".lower().replace("_", " ")
    ]
    if not found:
        print(f"postflight: the runbook has nothing about {options.word!r}.", file=sys.stderr)
        return 1
    print("\n\n".join(entry.as_text(language) for entry in found))
    return 0


def _check_environment(options: argparse.Namespace) -> int:
    folder = options.root / "environments"
    environment = load(find(options.name, folder), os.environ)
    print(f"{environment.name} is a right environment. Environments here: {', '.join(available(folder))}.")
    return 0


def _add_permissions(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Print what a run over one environment has to be allowed, and no more: an IAM policy (JSON) and "
        "Kubernetes Roles with their bindings (YAML). It is worked out from the checks that pytest collects; "
        "nothing is asked of AWS or of the cluster."
    )
    parser.add_argument("--env", required=True, metavar="NAME|PATH", help="the environment")
    one = parser.add_mutually_exclusive_group()
    one.add_argument("--iam", action="store_true", help="the IAM policy alone")
    one.add_argument("--kubernetes", action="store_true", help="the Kubernetes Roles alone")
    parser.add_argument(
        "--vantage", choices=("inside", "outside"), help="for runs from there only (default: from either)"
    )
    parser.add_argument(
        "--service-account",
        metavar="NAMESPACE/NAME",
        default="postflight/postflight",
        help="whom the Roles are bound to (default: %(default)s)",
    )
    parser.add_argument("--group", metavar="NAME", help="bind the Roles to this group instead")
    parser.set_defaults(run=_permissions)


def _permissions(options: argparse.Namespace) -> int:
    import yaml

    from postflight import permissions

    environment = load(find(options.env, options.root / "environments"), os.environ)
    vantages: tuple[Vantage, ...] = (options.vantage,) if options.vantage else ("inside", "outside")
    namespace, _, name = options.service_account.partition("/")
    grantee = permissions.Grantee("ServiceAccount", name, namespace)
    if options.group:
        grantee = permissions.Grantee("Group", options.group)
    try:
        needs = permissions.needs(options.env, environment, options.root, vantages)
        policy = permissions.iam_policy(environment, needs)
    except (permissions.NothingCollectedError, permissions.UnknownPermissionError) as error:
        print(f"postflight: {error}", file=sys.stderr)
        return 1
    if not options.kubernetes:
        print(json.dumps(policy, indent=2))
    if not options.iam:
        roles = permissions.rbac_objects(environment, needs, [grantee])
        # JSON is YAML: what is printed without --iam or --kubernetes is one stream of documents.
        print(yaml.safe_dump_all(roles, sort_keys=False, explicit_start=not options.kubernetes), end="")
    return 0


def _publish(options: argparse.Namespace) -> int:
    from postflight import publishing

    try:
        count = publishing.publish(options.reports, options.address)
    except publishing.PublishingError as error:
        print(f"postflight: {error}", file=sys.stderr)
        return 1
    print(f"{count} files put into {options.address}")
    return 0


def _schema(options: argparse.Namespace) -> int:
    from postflight.environment.schema import schema

    del options
    print(json.dumps(schema(), indent=2, ensure_ascii=False))
    return 0
