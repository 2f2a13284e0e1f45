"""Faults of databases and caches, and of what is needed to log in to them."""

# ruff: noqa: D401  (a fault's docstring says what is so while it is in effect)

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any

from sandbox import names
from sandbox.faults import fault
from sandbox.servers import database_certificate

if TYPE_CHECKING:
    from collections.abc import Generator

    from sandbox.faults.site import Site

KYEOL, DOA = names.KYEOL_NAMESPACE, names.DOA_NAMESPACE


def _restart_services(site: Site) -> None:
    site.replace_pods(DOA, *names.SERVICES)


@fault("db-endpoint-moved")
def db_endpoint_moved(site: Site) -> Generator[None]:
    """KYEOL's database was made anew under another host name; the Secret still names the old one."""
    old = site.facts.kyeol_database
    domain = f"r3created1.{names.REGION}.rds.amazonaws.com"
    new = f"{names.KYEOL_DATABASE}.{domain}"
    site.wait_for(site.stores.kyeol.present(site.authorities.stores.issue(f"*.{domain}")))
    site.aws.set("db-instance", names.KYEOL_DATABASE, address=new)
    site.wait_for(site.stores.kyeol.cut_clients())
    yield
    before = database_certificate(site.authorities.stores, names.KYEOL_DATABASE)
    site.wait_for(site.stores.kyeol.present(before))
    site.aws.set("db-instance", names.KYEOL_DATABASE, address=old.host)


@fault("db-missing")
def db_missing(site: Site, database: str = "admin_service") -> Generator[None]:
    """One of the services' databases does not exist."""
    if database not in names.DATABASES:
        raise LookupError(f"{database} is none of the services' databases")
    server = site.stores.doa
    site.wait_for(server.execute(f'DROP DATABASE "{database}" WITH (FORCE)'))
    yield
    site.wait_for(server.execute(f'CREATE DATABASE "{database}" OWNER {names.DOA_DATABASE_USER}'))


@fault("db-user-wrong")
def db_user_wrong(site: Site, user: str = "doa_user") -> Generator[None]:
    """The Secret names a user that the database does not know."""
    undo = site.set_secret(DOA, "db-credentials-prod", username=user)
    _restart_services(site)
    yield
    undo()
    _restart_services(site)


@fault("db-password-wrong")
def db_password_wrong(site: Site) -> Generator[None]:
    """The Secret's password is not the database's."""
    undo = site.set_secret(DOA, "db-credentials-prod", password=secrets.token_urlsafe(18))
    _restart_services(site)
    yield
    undo()
    _restart_services(site)


@fault("ssl-forced")
def ssl_forced(site: Site) -> Generator[None]:
    """DOA Market's parameter group forces TLS, which its services do not speak."""
    rds: Any = site.aws.client("rds")

    def force(value: str) -> None:
        parameter = {"ParameterName": "rds.force_ssl", "ParameterValue": value, "ApplyMethod": "immediate"}
        rds.modify_db_cluster_parameter_group(
            DBClusterParameterGroupName="doa-market-postgres17", Parameters=[parameter]
        )

    force("1")
    yield
    force("0")


@fault("parameter-group-swapped")
def parameter_group_swapped(site: Site) -> Generator[None]:
    """KYEOL's database uses another parameter group than its own."""
    rds: Any = site.aws.client("rds")
    own, other = f"{names.PREFIX}-postgres17", f"{names.PREFIX}-restored"
    parameter = {"ParameterName": "rds.force_ssl", "ParameterValue": "1", "ApplyMethod": "immediate"}
    rds.create_db_parameter_group(
        DBParameterGroupName=other, DBParameterGroupFamily="postgres17", Description="made by a restore"
    )
    rds.modify_db_parameter_group(DBParameterGroupName=other, Parameters=[parameter])
    rds.modify_db_instance(DBInstanceIdentifier=names.KYEOL_DATABASE, DBParameterGroupName=other)
    yield
    rds.modify_db_instance(DBInstanceIdentifier=names.KYEOL_DATABASE, DBParameterGroupName=own)
    rds.delete_db_parameter_group(DBParameterGroupName=other)


@fault("parameters-pending")
def parameters_pending(site: Site) -> Generator[None]:
    """A static parameter of KYEOL's database was changed, and waits for a reboot."""
    site.aws.set("db-instance", names.KYEOL_DATABASE, parameters="pending-reboot")
    yield
    site.aws.set("db-instance", names.KYEOL_DATABASE, parameters="in-sync")


@fault("ssl-off")
def ssl_off(site: Site) -> Generator[None]:
    """KYEOL's database server refuses TLS, though KYEOL requires it."""
    site.wait_for(site.stores.kyeol.set_policy(tls=False))
    yield
    site.wait_for(site.stores.kyeol.set_policy(tls=True))


@fault("superuser-missing")
def superuser_missing(site: Site) -> Generator[None]:
    """No user of Saleor is a superuser."""
    server = site.stores.kyeol
    found = site.wait_for(
        server.execute("SELECT id FROM account_user WHERE is_superuser", names.KYEOL_DATABASE_NAME)
    )
    ids = [row[0] for row in found]
    statement = "UPDATE account_user SET is_superuser = %s WHERE id = ANY(%s)"
    site.wait_for(server.execute(statement, names.KYEOL_DATABASE_NAME, (False, ids)))
    yield
    site.wait_for(server.execute(statement, names.KYEOL_DATABASE_NAME, (True, ids)))


@fault("redis-hangs")
def redis_hangs(site: Site, cache: str = names.DOA_CACHE) -> Generator[None]:
    """The cache accepts connections and never answers."""
    gateway = site.stores.gateways[cache]
    site.wait_for(gateway.set_mode("silent"))
    yield
    site.wait_for(gateway.set_mode("relay"))


@fault("cache-unset")
def cache_unset(site: Site) -> Generator[None]:
    """The API has no REDIS_URL."""
    undo = site.set_secret(KYEOL, "saleor-cache-secret", REDIS_URL=None)
    site.replace_pods(KYEOL, "saleor-api")
    yield
    undo()
    site.replace_pods(KYEOL, "saleor-api")
