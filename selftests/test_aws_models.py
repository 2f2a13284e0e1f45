"""What botocore knows of AWS's services, read our way: the same, and once."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from botocore.exceptions import DataNotFoundError
from botocore.loaders import Loader

from postflight.probes.aws.models import Models

READERS = 8
# Everything a client and its pages are made of.
KINDS = ("service-2", "endpoint-rule-set-1", "paginators-1")


@pytest.mark.parametrize("service", ["ec2", "s3", "route53", "elbv2", "sts"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_model_is_what_botocore_itself_reads(service: str, kind: str) -> None:
    """A client that is made of something else would sign, page or parse something else."""
    model = Models().load_service_model(service, kind)

    assert model
    assert model == Loader().load_service_model(service, kind)


@pytest.mark.parametrize(("service", "kind"), [("nosuch", "service-2"), ("sts", "waiters-2")])
def test_what_is_not_there_is_said_as_botocore_says_it(service: str, kind: str) -> None:
    """Botocore goes on without pages where there are none, and tells so by this exception alone."""
    for loader in (Models(), Loader()):
        with pytest.raises(DataNotFoundError):
            loader.load_service_model(service, kind)


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
