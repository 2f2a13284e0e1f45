"""What the probes of Terraform's lock and of Secrets Manager promise."""

from __future__ import annotations

import json

import pytest

from postflight.environment import DatabaseLogin, DatabaseServer, SecretKey, TerraformState
from postflight.evidence import Evidence, Unverified
from postflight.probes.aws import terraform
from postflight.probes.connections import Connections
from postflight.probes.credentials import credential
from postflight.probes.reads import reads
from sandbox.aws.seed_stores import LOCK_TABLE
from selftests.aws_looks import connections, environment, look
from selftests.aws_server import Cloud
from tests_infra.test_terraform import test_state_is_not_left_locked as state_is_not_left_locked

pytest_plugins = ["selftests.aws_fixtures"]


def test_state_is_not_unlocked_for_want_of_a_lock_table(cloud: Cloud) -> None:
    """Where nothing can be locked, "not locked" says nothing: Terraform itself refuses to start."""
    reached = connections(cloud.aws.endpoint_url)
    declared = TerraformState(name="shop", bucket="b", key="k", lock_table="no-such-table")
    seen = look(reached, terraform.lock, declared.lock_table, declared.bucket, declared.key)
    assert (seen.found, seen.has_table) == (False, False)
    with pytest.raises(AssertionError, match="there is no DynamoDB table no-such-table"):
        state_is_not_left_locked(declared, seen)
    free = look(reached, terraform.lock, LOCK_TABLE, declared.bucket, declared.key)
    state_is_not_left_locked(declared, free)


def test_user_name_in_secrets_manager_may_be_told(cloud: Cloud) -> None:
    """A login that fails has to name the user, wherever its name lies."""
    manager = cloud.outsider("secretsmanager")
    text = json.dumps({"user": "keeper-of-shop", "password": "word-of-shop"})
    manager.create_secret(Name="shop-db", SecretString=text)
    keys = {key: SecretKey(secret="shop-db", key=key) for key in ("user", "password")}
    server = DatabaseServer(
        kind="instance", identifier="shop", user="keeper", login=DatabaseLogin(**keys), login_database="shop"
    )
    declared = environment().model_copy(update={"database_servers": {"shop": server}})
    reached = Connections(declared, "outside", connections(cloud.aws.endpoint_url).process)

    @reads("secretsmanager:GetSecretValue")
    def log_in(connections: Connections) -> Evidence:
        assert [credential(connections, key) for key in keys.values()] == ["keeper-of-shop", "word-of-shop"]
        return Evidence()

    look(reached, log_in)
    assert reached.secrets.redact("keeper-of-shop word-of-shop") == "keeper-of-shop [redacted]"


def test_unread_secret_names_the_permission_as_iam_does(cloud: Cloud) -> None:
    """What is printed has to fit into a policy, also where AWS itself names no permission."""
    reached = connections(cloud.aws.endpoint_url)

    @reads("secretsmanager:GetSecretValue")
    def log_in(connections: Connections) -> Evidence:
        credential(connections, SecretKey(secret="db", key="password"))
        return Evidence()

    cloud.aws.mode("500")
    try:
        with pytest.raises(Unverified, match="failed to answer secretsmanager:GetSecretValue"):
            look(reached, log_in)
    finally:
        cloud.aws.mode("")
