"""`postflight permissions`: print what a run has to be allowed."""

from __future__ import annotations

import argparse
import json
import os
from typing import Any

from postflight.commands.paragraphs import CommandError, command
from postflight.environment import Vantage, find, load

DESCRIPTION = (
    "Print what a run over one environment has to be allowed, and no more: an IAM policy (JSON) and "
    "Kubernetes Roles\nwith their bindings (YAML). It is worked out from the checks that pytest collects; "
    "nothing is asked of AWS or of the\ncluster."
)
EPILOG = """\
  postflight permissions --env stage --iam > policy.json
  postflight permissions --env stage --kubernetes | kubectl apply -f -
"""


def add(commands: Any) -> None:
    """Add the command."""
    parser = command(commands, "permissions", "print what a run has to be allowed", DESCRIPTION, EPILOG)
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
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Print them. Raises CommandError where nothing is collected."""
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
        raise CommandError(str(error)) from None
    if not options.kubernetes:
        print(json.dumps(policy, indent=2))
    if not options.iam:
        roles = permissions.rbac_objects(environment, needs, [grantee])
        # JSON is YAML: what is printed without --iam or --kubernetes is one stream of documents.
        print(yaml.safe_dump_all(roles, sort_keys=False, explicit_start=not options.kubernetes), end="")
    return 0
