"""What botocore knows of AWS's services: read once a run, however many threads want it."""

from __future__ import annotations

import gzip
import json
import threading
from collections.abc import Callable, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, Final

from botocore.loaders import JSONFileLoader, Loader

from postflight import garbage

_OPENED: Final[Mapping[str, Callable[..., Any]]] = {".json": open, ".json.gz": gzip.open}


class Models(Loader):
    """botocore's loader, for threads and in a third of the time.

    With botocore's own, every thread that wants a model before the first has read it reads it too, and each
    looks into the folders of all 400 services first, for files of that kind (descriptions, pages, endpoints).
    """

    def __init__(self) -> None:
        super().__init__(file_loader=PlainFiles())
        self._reading = threading.RLock()

    @cached_property
    def _services(self) -> list[str]:
        folders = [Path(path) for path in self.search_paths]
        return sorted({one.name for folder in folders if folder.is_dir() for one in folder.iterdir()})

    def list_available_services(self, type_name: str) -> list[str]:
        """Return the services that have a folder: whether such a file is in it is seen when it is read."""
        del type_name
        return self._services

    def load_service_model(self, service_name: str, type_name: str, api_version: str | None = None) -> Any:
        """Return a model of a service. Raises botocore's DataNotFoundError."""
        with self._reading:
            return super().load_service_model(service_name, type_name, api_version)


class PlainFiles(JSONFileLoader):
    """botocore's files as plain dictionaries: they keep their order too, and are made in C."""

    def load_file(self, file_path: str) -> Any:
        """Return what is in a file, whose ending is not given; None where there is no such file."""
        for ending, opened in _OPENED.items():
            path = Path(file_path + ending)
            if path.is_file():
                with opened(path, "rb") as file, garbage.no_search():
                    return json.loads(file.read())
        return None
