"""Database servers, as their applications meet them: reached, encrypted, logged in to."""

from __future__ import annotations

from typing import Any

import pytest


def test_database_server_is_reachable(declared_database_server: Any, database_connection: Any) -> None:
    """A closed security group or a moved endpoint shows as a connection that is never accepted."""
    assert database_connection.is_open, f"{declared_database_server.name}: {database_connection.problem}"


def test_database_server_answers_in_time(declared_database_server: Any, database_tls: Any) -> None:
    """A server that accepts and says nothing hangs every application that connects."""
    assert database_tls.answered, f"{declared_database_server.name}: {database_tls.problem}"


def test_database_server_speaks_tls_as_declared(declared_database_server: Any, database_tls: Any) -> None:
    """Where TLS is declared it must be there; where it is declared away nobody may rely on it."""
    wanted = declared_database_server.tls
    assert database_tls.answered, f"{declared_database_server.name}: {database_tls.problem}"
    is_so = database_tls.is_declined if wanted == "refused" else database_tls.is_spoken
    assert is_so, f"{declared_database_server.name} is declared `tls: {wanted}`, but " + (
        database_tls.problem or f"{database_tls.host}:{database_tls.port} offers TLS"
    )


@pytest.mark.where(tls="required")
def test_certificate_of_the_database_server_verifies(
    declared_database_server: Any, database_certificate: Any
) -> None:
    """Encryption to somebody who cannot be told from the server protects nothing."""
    assert database_certificate.is_verified, (
        f"{declared_database_server.name}: {database_certificate.problem}"
    )


def test_secret_names_the_declared_user(declared_database_server: Any, application_login: Any) -> None:
    """A Secret with a user that the server does not have looks like a wrong password in every log."""
    login = declared_database_server.login
    source = login.url or login.user
    secret = f"{source.title} (key {source.key})" if source else "the login"
    assert application_login.user == declared_database_server.user, (
        f"{secret} names the user {application_login.user or 'nobody'}, but the user of "
        f"{declared_database_server.name} is {declared_database_server.user}"
    )


def test_password_is_accepted(declared_database_server: Any, database_login: Any) -> None:
    """The applications log in with what the Secret holds; so does this check."""
    source = declared_database_server.password_source
    secret = source.title if source else "the declared login"
    assert database_login.ok, (
        f"user {database_login.user} cannot log in to {declared_database_server.name} with the password of "
        f"{secret}: {database_login.problem}"
    )


@pytest.mark.where("engine_version")
def test_server_version_is_the_declared_one(declared_database_server: Any, database_login: Any) -> None:
    """A restored or upgraded server may run another major version than the schema was made for."""
    wanted = declared_database_server.engine_version.split(".")[0]
    assert database_login.version is not None, (
        f"{declared_database_server.name} told no version: {database_login.problem}"
    )
    assert database_login.version.split(".")[0] == wanted, (
        f"{declared_database_server.name} runs PostgreSQL {database_login.version}, declared is "
        f"{declared_database_server.engine_version}"
    )
