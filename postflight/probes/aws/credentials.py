"""Who a run is in AWS: the standard credential chain, and the roles that it assumes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from postflight.evidence import Unverified
from postflight.probes.aws.refusals import garbage, translated

if TYPE_CHECKING:
    from collections.abc import Callable

    from botocore.credentials import AssumeRoleCredentialFetcher, CredentialResolver
    from botocore.session import Session

SESSION_NAME = "postflight"


class NotAssumed(Unverified):
    """A role could not be assumed, so what was to be done as that role was not even sent."""


def new_session(process: Mapping[str, str]) -> Session:
    """Return a botocore session that reads `process`, the variables of this run, before the shell's.

    TLS to AWS trusts botocore's own roots: AWS_CA_BUNDLE, REQUESTS_CA_BUNDLE and SSL_CERT_FILE are often
    set for something else, and must not decide here. Raises what botocore raises.
    """
    from botocore.session import Session

    from postflight.probes.aws.models import Models

    session = Session()
    session.set_config_variable("ca_bundle", True)
    session.set_config_variable("profile", process.get("AWS_PROFILE") or process.get("AWS_DEFAULT_PROFILE"))
    for variable, setting in (
        ("AWS_CONFIG_FILE", "config_file"),
        ("AWS_SHARED_CREDENTIALS_FILE", "credentials_file"),
    ):
        if process.get(variable):
            session.set_config_variable(setting, process[variable])
    session.register_component("data_loader", Models(session.get_config_variable("data_path")))
    if process.get("AWS_ACCESS_KEY_ID"):
        session.set_credentials(
            process["AWS_ACCESS_KEY_ID"],
            process.get("AWS_SECRET_ACCESS_KEY", ""),
            process.get("AWS_SESSION_TOKEN"),
        )
    else:
        _forget_keys_of_the_shell(session, process)
    return session


def _forget_keys_of_the_shell(session: Session, process: Mapping[str, str]) -> None:
    resolver = session.get_component("credential_provider")
    resolver.remove("env")
    if process.get("AWS_EC2_METADATA_DISABLED", "").lower() == "true":
        resolver.remove("iam-role")


def assumed(source: Session, role_arn: str, new_client: Callable[..., Any], region: str) -> Session:
    """Return a session that is `role_arn`, assumed by `source` when first needed and renewed in time.

    `new_client` makes the STS client that assumes it, with botocore's `create_client` arguments. What needs
    the session's credentials raises NotAssumed where they cannot be had.
    """
    from botocore.credentials import AssumeRoleCredentialFetcher
    from botocore.exceptions import NoCredentialsError
    from botocore.session import Session

    own = source.get_credentials()
    if own is None:
        raise NoCredentialsError
    fetcher = AssumeRoleCredentialFetcher(
        client_creator=new_client,
        source_credentials=own,
        role_arn=role_arn,
        extra_args={"RoleSessionName": SESSION_NAME},
    )
    session = Session()
    # What botocore knows of services has been read once already.
    session.register_component("data_loader", source.get_component("data_loader"))
    session.set_config_variable("ca_bundle", True)
    session.set_config_variable("profile", source.get_config_variable("profile"))
    session.set_config_variable("region", region)
    session.register_component("credential_provider", _provided(fetcher))
    return session


def _provided(fetcher: AssumeRoleCredentialFetcher) -> CredentialResolver:
    """Return where a session finds the credentials of a role: fetched when they are first needed."""
    from botocore.credentials import CredentialProvider, CredentialResolver, DeferredRefreshableCredentials

    def credentials() -> Any:
        # Whichever call needs them first: that they cannot be had is told of the assuming.
        try:
            with translated("sts:AssumeRole"):
                return fetcher.fetch_credentials()
        except Unverified as error:
            raise NotAssumed(str(error), error.permission) from None
        except LookupError as error:
            raise NotAssumed(str(garbage("sts:AssumeRole", f"it has no {error}"))) from None

    class RoleProvider(CredentialProvider):
        METHOD = "assume-role"

        def load(self) -> DeferredRefreshableCredentials:
            return DeferredRefreshableCredentials(method=self.METHOD, refresh_using=credentials)

    return CredentialResolver([RoleProvider()])
