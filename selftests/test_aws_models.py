"""What botocore knows of AWS's services, read our way: the same, and once."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from botocore.exceptions import UnknownServiceError
from botocore.loaders import Loader

from postflight.probes.aws.credentials import new_session
from postflight.probes.aws.models import Models
from selftests.proofs.harness import ROOT

READERS = 8
# Everything a client and its pages are made of.
KINDS = ("service-2", "endpoint-rule-set-1", "paginators-1")


@pytest.mark.parametrize("service", ["ec2", "s3", "route53", "elbv2", "sts"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_model_is_what_botocore_itself_reads(service: str, kind: str) -> None:
    """A client that is made of something else would sign, page or parse something else."""
    model = Models().load_service_model(service, kind)

    assert model
    # As text, since the order of a request's parts matters too.
    assert json.dumps(model) == json.dumps(Loader().load_service_model(service, kind))


@pytest.mark.parametrize(("service", "kind"), [("nosuch", "service-2"), ("sts", "waiters-2")])
def test_what_is_not_there_is_said_as_botocore_says_it(service: str, kind: str) -> None:
    """Botocore goes on without pages and rules where there are none, and tells so by this exception alone."""
    for loader in (Models(), Loader()):
        with pytest.raises(UnknownServiceError):
            loader.load_service_model(service, kind)


def test_a_folder_of_ones_own_comes_before_botocores(tmp_path: Path) -> None:
    """AWS_DATA_PATH, or `data_path` in the AWS configuration, is how private partitions are told."""
    own = tmp_path / "models" / "sts" / "2011-06-15"
    own.mkdir(parents=True)
    (own / "service-2.json").write_text('{"metadata": {"serviceId": "our own"}}', encoding="utf-8")
    configuration = tmp_path / "config"
    configuration.write_text(f"[default]\ndata_path = {tmp_path / 'models'}\n", encoding="utf-8")

    models = new_session({"AWS_CONFIG_FILE": str(configuration)}).get_component("data_loader")

    assert isinstance(models, Models)
    assert models.load_service_model("sts", "service-2")["metadata"]["serviceId"] == "our own"
    assert models.load_service_model("ec2", "service-2")["metadata"]["serviceId"] == "EC2"


@pytest.mark.skipif(os.getuid() == 0 and shutil.which("setpriv") is None, reason="root enters every folder")
def test_a_home_that_may_not_be_entered_holds_no_models(tmp_path: Path) -> None:
    """`sudo -E -u`, cron and pods run as somebody whose HOME is another's."""
    home = tmp_path / "home"
    home.mkdir(mode=0)
    code = "from postflight.probes.aws.models import Models; Models().load_service_model('sts', 'service-2')"
    without_power = ["setpriv", "--bounding-set=-all", "--inh-caps=-all"] if os.getuid() == 0 else []

    done = subprocess.run(
        [*without_power, sys.executable, "-c", code],
        cwd=ROOT,
        env={**os.environ, "HOME": str(home)},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )

    assert done.returncode == 0, done.stderr


def test_many_threads_read_a_model_once() -> None:
    """Dozens of looks want the same service at the same moment, and its file takes a tenth of a second."""
    models = Models()
    together = threading.Barrier(READERS)

    def read() -> object:
        together.wait()
        return models.load_service_model("ec2", "service-2")

    with ThreadPoolExecutor(READERS) as threads:
        read_by_each = [one.result() for one in [threads.submit(read) for _ in range(READERS)]]

    assert all(one is read_by_each[0] for one in read_by_each)
