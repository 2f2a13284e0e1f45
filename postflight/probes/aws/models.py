"""What botocore knows of AWS's services: read once a run, however many threads want it."""

from __future__ import annotations

import gzip
import json
import os
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import cached_property
from typing import Any, Final

from botocore.exceptions import DataNotFoundError, UnknownServiceError
from botocore.loaders import JSONFileLoader, Loader, create_loader

from postflight import garbage

_OPENED: Final[Mapping[str, Callable[..., Any]]] = {".json": open, ".json.gz": gzip.open}


class Models(Loader):
    """botocore's loader, for threads and in a third of the time.

    With botocore's own, every thread that wants a model before the first has read it reads it too, and each
    looks into the folders of all 400 services first, for files of that kind (descriptions, pages, endpoints).
    """

    def __init__(self, data_path: str | None = None) -> None:
        """`data_path`: further folders to read from, as AWS_DATA_PATH names them."""
        super().__init__(
            extra_search_paths=create_loader(data_path).search_paths,
            file_loader=PlainFiles(),
            include_default_search_paths=False,
        )
        self._reading = threading.RLock()

    @cached_property
    def _services(self) -> list[str]:
        found: set[str] = set()
        for path in self.search_paths:
            # To botocore, a folder that cannot be entered has nothing in it.
            with suppress(OSError), os.scandir(path) as entries:
                found.update(entry.name for entry in entries if entry.is_dir())
        return sorted(found)

    def list_available_services(self, type_name: str) -> list[str]:
        """Return the services that have a folder: whether such a file is in it is seen when it is read."""
        del type_name
        return self._services

    def load_service_model(self, service_name: str, type_name: str, api_version: str | None = None) -> Any:
        """Return a model of a service. Raises botocore's UnknownServiceError where there is none."""
        with self._reading:
            try:
                return super().load_service_model(service_name, type_name, api_version)
            except UnknownServiceError:
                raise
            except DataNotFoundError:
                known = ", ".join(self._services)
                raise UnknownServiceError(service_name=service_name, known_service_names=known) from None

    def load_data_with_path(self, name: str) -> Any:
        """Return the data of a file, and where it was found. Raises botocore's DataNotFoundError."""
        with self._reading:
            return super().load_data_with_path(name)


class PlainFiles(JSONFileLoader):
    """botocore's files as plain dictionaries: they keep their order too, and are made in C."""

    def load_file(self, file_path: str) -> Any:
        """Return what is in a file, whose ending is not given; None where there is none to be read."""
        for ending, opened in _OPENED.items():
            with (
                suppress(FileNotFoundError, NotADirectoryError, PermissionError),
                opened(file_path + ending, "rb") as file,
                garbage.no_search(),
            ):
                return json.loads(file.read())
        return None
