"""`postflight init`: write an environment file of what is there."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from postflight.commands.paragraphs import CommandError, UnverifiedError, command

EPILOG = """\
Everything is read: no call that changes anything is ever sent, and no secret is written. Of Secrets only the
names, keys, hosts and users are taken. In AWS, the managed policy ReadOnlyAccess is enough; in Kubernetes,
whoever may list what is there and get its Secrets. What could not be looked at is named, with the permission
it needs, and the rest is written.

Exit status: 0 written · 1 nothing there, or nowhere to write · 6 something could not be looked at

  postflight init --name stage --region ap-northeast-2 --context stage
  pytest --env stage
"""


def add(commands: Any) -> None:
    """Add the command."""
    parser = command(
        commands,
        "init",
        "look at an account and a cluster, and write an environment file",
        "Look at a live AWS account and EKS cluster, and write an environment file with what is there.",
        EPILOG,
    )
    parser.add_argument("--name", required=True, help="name of the environment, and of its file")
    parser.add_argument("--region", help="AWS region (default: AWS_REGION, or the profile's)")
    parser.add_argument(
        "--context", help="kubeconfig context (default: the cluster is reached by its EKS name)"
    )
    parser.add_argument("--cluster", help="EKS cluster (default: the context's, or the only one)")
    parser.add_argument(
        "--namespace",
        action="append",
        default=[],
        help="look here only; may be repeated (default: all but system ones)",
    )
    parser.add_argument(
        "--output", type=Path, metavar="FILE", help="default: environments/NAME.yaml; - prints it"
    )
    parser.add_argument("--force", action="store_true", help="overwrite the file")
    _add_private(parser)
    parser.set_defaults(run=run)


def _add_private(parser: argparse.ArgumentParser) -> None:
    private = parser.add_argument_group(
        "how names and certificates are looked up", "to be given where they are private"
    )
    private.add_argument("--resolver", metavar="HOST:PORT", help="DNS resolver (default: the system's)")
    private.add_argument(
        "--authoritative", metavar="HOST:PORT", help="stands for the zones' own name servers"
    )
    private.add_argument("--ca", metavar="FILE", help="CA of hosts and APIs (default: the public roots)")
    private.add_argument(
        "--database-ca",
        metavar="FILE",
        help="CA bundle of Amazon RDS; without it no database's TLS is verified",
    )
    private.add_argument("--cache-ca", metavar="FILE", help="CA of caches (default: the public roots)")
    private.add_argument(
        "--https-port", type=int, default=443, metavar="PORT", help="of hosts (default: 443)"
    )


def run(options: argparse.Namespace) -> int:
    """Look, and write the file. Raises CommandError and UnverifiedError."""
    from postflight.discovery.place import NotFoundError, arrive
    from postflight.discovery.survey import survey
    from postflight.discovery.writing import text_of
    from postflight.evidence import Unverified
    from postflight.redaction import Secrets
    from postflight.writing import Clean, write_whole

    file = _file(options)
    # Values of Secrets: among them names of users, which belong into the file. Messages need none.
    met = Secrets()
    try:
        found = survey(arrive(_wanted(options), os.environ, met))
    except NotFoundError as error:
        raise CommandError(met.redact(str(error))) from None
    except Unverified as error:
        raise UnverifiedError(f"{met.redact(str(error)).rstrip('.')}. Nothing was written.") from None
    # The text itself is not redacted: an entry that is called like a secret of the shell stays an entry.
    found = found.redacted(options.secrets.redact)
    text = text_of(found, datetime.now(UTC).date())
    _require_loadable(text, options.name)
    if file is None:
        print(text, end="")
    else:
        file.parent.mkdir(parents=True, exist_ok=True)
        write_whole(file, [Clean(text)])
        print(_summary(found, file))
    for trouble in found.troubles:
        print(f"postflight: not looked at: {met.redact(str(trouble))}", file=sys.stderr)
    return UnverifiedError.status if found.troubles else 0


def _file(options: argparse.Namespace) -> Path | None:
    if str(options.output) == "-":
        return None
    file: Path = options.output or options.root / "environments" / f"{options.name}.yaml"
    if file.exists() and not options.force:
        raise CommandError(f"{file} is there already; --force overwrites it, --output writes elsewhere.")
    return file


def _region_of_the_profile() -> str | None:
    """Return the region of AWS_DEFAULT_REGION, or of the AWS profile. Raises CommandError."""
    from botocore.exceptions import BotoCoreError
    from botocore.session import Session

    try:
        region: str | None = Session().get_config_variable("region")
    except BotoCoreError as error:
        raise CommandError(f"which region? {error}. Say --region ap-northeast-2.") from None
    return region


def _wanted(options: argparse.Namespace) -> Any:
    from postflight.discovery.place import Wanted

    region = options.region or os.environ.get("AWS_REGION") or _region_of_the_profile()
    if not region:
        raise CommandError("which region? Say --region ap-northeast-2, or set AWS_REGION.")
    return Wanted(
        name=options.name,
        region=region,
        cluster=options.cluster,
        context=options.context,
        namespaces=tuple(options.namespace),
        resolver=options.resolver,
        authoritative=options.authoritative,
        ca=_absolute(options.ca),
        database_ca=_absolute(options.database_ca),
        cache_ca=_absolute(options.cache_ca),
        https_port=options.https_port,
        vantage="inside" if "KUBERNETES_SERVICE_HOST" in os.environ else "outside",
    )


def _absolute(file: str | None) -> str | None:
    if file is not None and not Path(file).is_file():
        raise CommandError(f"there is no file {file}.")
    return str(Path(file).resolve()) if file is not None else None


def _require_loadable(text: str, name: str) -> None:
    """Load the text as a run would, so that no file is ever written that does not load."""
    from postflight.environment import EnvironmentFileError, load

    with tempfile.TemporaryDirectory(prefix="postflight-init-") as folder:
        file = Path(folder) / f"{name}.yaml"
        file.write_text(text, encoding="utf-8")
        try:
            load(file, {})
        except EnvironmentFileError as error:
            said = str(error).removeprefix(f"{file}:")
            raise CommandError(
                f"What was found makes no right environment (line {said}). This is a defect of postflight "
                "init; nothing was written."
            ) from None


def _summary(found: Any, file: Path) -> str:
    counts = ", ".join(
        f"{section.key.replace('_', ' ')} {len(section.declared)}"
        for section in found.sections
        if section.declared
    )
    guesses = sum(bool(entry.guess) for section in found.sections for entry in section.declared)
    left_out = sum(bool(entry.left_out) for section in found.sections for entry in section.entries)
    return (
        f"{file}: {counts or 'no entries'}.\n"
        f"Guesses that are marked: {guesses}; entries that are commented out: {left_out}. "
        f"Read it, then: pytest --env={file}"
    )
