"""Commands in the sandbox's containers, and uploads, as `kubectl exec` and browsers use them."""

from __future__ import annotations

from collections.abc import Iterator

import boto3
import pytest
from moto.server import ThreadedMotoServer

from sandbox.apps.container import Container
from sandbox.apps.containers import program_of
from selftests.data_plane import DataPlane, ask, data_plane
from selftests.event_loop import EventLoop, event_loop

COUNT_SUPERUSERS = (
    "from django.contrib.auth import get_user_model;"
    "print(get_user_model().objects.filter(is_superuser=True).count())"
)


@pytest.fixture(scope="module")
def loop() -> Iterator[EventLoop]:
    """Give an event loop in a thread."""
    with event_loop() as running:
        yield running


@pytest.fixture(scope="module")
def plane(loop: EventLoop, tmp_path_factory: pytest.TempPathFactory) -> Iterator[DataPlane]:
    """Give databases, a network and a container runtime."""
    context = data_plane(tmp_path_factory.mktemp("plane"))
    yield loop.run(context.__aenter__())
    loop.run(context.__aexit__(None, None, None))


@pytest.fixture(scope="module")
def api(loop: EventLoop, plane: DataPlane) -> Container:
    """Give a running Saleor API."""
    return loop.run(plane.start("saleor-api", plane.api()))


def _execute(
    loop: EventLoop, plane: DataPlane, api: Container, *command: str, stdin: bytes = b"", **changes: str
) -> tuple[str, str, int]:
    work = plane.containers.execute("saleor-api", api, plane.api(**changes), command, stdin)
    output, errors, code = loop.run(work)
    return output.decode(), errors.decode(), code


def test_shell_command_prints_only_its_output(loop: EventLoop, plane: DataPlane, api: Container) -> None:
    """The superuser check reads this output, so nothing else may be in it."""
    for words in (("python", "manage.py"), ("python3", "manage.py")):
        result = _execute(loop, plane, api, *words, "shell", "-c", COUNT_SUPERUSERS)
        assert result == ("1\n", "", 0)


def test_shell_reads_standard_input(loop: EventLoop, plane: DataPlane, api: Container) -> None:
    """The guide's session in the Django shell can be piped in."""
    script = b"from django.contrib.auth import get_user_model\nprint(get_user_model().objects.count())\n"
    assert _execute(loop, plane, api, "python", "manage.py", "shell", stdin=script) == ("6\n", "", 0)


def test_database_check_passes(loop: EventLoop, plane: DataPlane, api: Container) -> None:
    """`manage.py check --database default` is what the guide asks for."""
    output, _, code = _execute(loop, plane, api, "python", "manage.py", "check", "--database", "default")
    assert (output, code) == ("System check identified no issues (0 silenced).\n", 0)


def test_superuser_can_be_made(loop: EventLoop, plane: DataPlane, api: Container) -> None:
    """The guide's fix for a missing superuser works in the sandbox."""
    loop.run(plane.kyeol.execute("UPDATE account_user SET is_superuser = false", "saleordb"))
    count = ("python", "manage.py", "shell", "-c", COUNT_SUPERUSERS)
    assert _execute(loop, plane, api, *count) == ("0\n", "", 0)
    create = ("python", "manage.py", "createsuperuser", "--noinput", "--email", "second@kyeol.click")
    assert _execute(loop, plane, api, *create, DJANGO_SUPERUSER_PASSWORD="sandbox-only")[2] == 0
    assert _execute(loop, plane, api, *count) == ("1\n", "", 0)


@pytest.mark.parametrize(
    ("command", "result"),
    [
        (("printenv", "ALLOWED_HOSTS"), ("*\n", "", 0)),
        (("printenv", "REDIS_URL"), ("", "", 1)),
        (("sh", "-c", "echo 'a b'"), ("a b\n", "", 0)),
        (("cat",), ("given", "", 0)),
        (("psql",), ("", 'exec: "psql": executable file not found in $PATH\n', 127)),
        (("curl", "-s", "http://localhost:8000/health/"), ('{"status": "ok", "database": "ok"}', "", 0)),
    ],
)
def test_small_tools_work(
    loop: EventLoop, plane: DataPlane, api: Container, command: tuple[str, ...], result: tuple[str, str, int]
) -> None:
    """What the guides run in a pod gives what it gives there."""
    assert _execute(loop, plane, api, *command, stdin=b"given") == result


def test_failing_command_has_its_code_and_traceback(
    loop: EventLoop, plane: DataPlane, api: Container
) -> None:
    """A failed command is data: code and standard error must come through."""
    _, errors, code = _execute(loop, plane, api, "python", "manage.py", "shell", "-c", "1 / 0")
    assert code == 1
    assert "ZeroDivisionError" in errors
    assert _execute(loop, plane, api, "python", "manage.py", "shell", "-c", "raise SystemExit(7)")[2] == 7


def test_upload_lands_in_the_bucket(loop: EventLoop, plane: DataPlane) -> None:
    """An image goes through the API to S3, and S3's refusal is the API's 500."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    endpoint = "http://{}:{}".format(*server.get_host_and_port())
    bucket = boto3.client(
        "s3",
        endpoint_url=endpoint,
        aws_access_key_id="test",
        aws_secret_access_key="test",
        region_name="us-east-1",
    )
    bucket.create_bucket(Bucket="media")
    environment = plane.api(
        AWS_ENDPOINT_URL=endpoint,
        AWS_ACCESS_KEY_ID="test",
        AWS_SECRET_ACCESS_KEY="test",
        AWS_DEFAULT_REGION="us-east-1",
    )
    container = loop.run(plane.start("saleor-api", environment))
    answer = ask(container, "/media/upload/", "POST", files={"image": ("a.png", b"pixels", "image/png")})
    assert answer.status_code == 201
    stored = bucket.get_object(Bucket="media", Key=answer.json()["key"])
    assert (stored["Body"].read(), stored["ContentType"]) == (b"pixels", "image/png")
    bucket.delete_object(Bucket="media", Key=answer.json()["key"])
    bucket.delete_bucket(Bucket="media")
    refused = ask(container, "/media/upload/", "POST", data=b"pixels")
    assert refused.status_code == 500
    assert "NoSuchBucket" in refused.text
    loop.run(container.stop())
    server.stop()


@pytest.mark.parametrize(
    ("image", "program"),
    [
        ("1.dkr.ecr.ap-northeast-2.amazonaws.com/min-kyeol-sandbox-saleor-api:7114918", "saleor-api"),
        ("1.dkr.ecr.ap-northeast-2.amazonaws.com/min-kyeol-sandbox-saleor-dashboard", "saleor-dashboard"),
        ("1.dkr.ecr.ap-northeast-2.amazonaws.com/doa-market-cart-service:7114918", "cart-service"),
        ("1.dkr.ecr.ap-northeast-2.amazonaws.com/doa-market-api-gateway@sha256:ab", "api-gateway"),
        ("registry:5000/external-dns:v0.15", "external-dns"),
    ],
)
def test_image_names_its_program(image: str, program: str) -> None:
    """The kubelet knows images, not programs."""
    assert program_of(image) == program
