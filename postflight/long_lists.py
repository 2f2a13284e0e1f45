"""Reads the list in a JSON object item by item, so that a long one is never in memory as a whole."""

from __future__ import annotations

import codecs
import json
from collections.abc import Iterator
from typing import Any

_WHITESPACE = " \t\r\n"


class NotAListError(Exception):
    """The text is no JSON object, or has no such list of objects in it."""


class ListReader:
    """Yields the items of the list called `name`, and keeps what stands `beside` it, or is null in its place.

    An API server answers `resourceVersion=0` from its cache in one piece, however many objects there are; and
    the results of a large environment are tens of megabytes.
    """

    def __init__(self, chunks: Iterator[bytes], name: str = "items") -> None:
        self._chunks = chunks
        self._name = name
        self._decoder = codecs.getincrementaldecoder("utf-8")()
        self._json = json.JSONDecoder()
        self._text = ""
        self._at = 0
        self.beside: dict[str, Any] = {}

    def items(self) -> Iterator[dict[str, Any]]:
        """Yield each item. Raises NotAListError."""
        has_items = False
        self._expect("{")
        while (mark := self._peek()) != "}":
            if mark == ",":
                self._at += 1
            key = self._value()
            if not isinstance(key, str):
                raise NotAListError
            self._expect(":")
            if key == self._name and self._peek() != "n":
                yield from self._elements()
            else:
                self.beside[key] = self._value()
            has_items |= key == self._name
        self._at += 1
        for _ in self._chunks:  # read to the end, so that the connection can be used again
            self._text = ""
        if not has_items:
            raise NotAListError

    def _elements(self) -> Iterator[dict[str, Any]]:
        self._expect("[")
        while (mark := self._peek()) != "]":
            if mark == ",":
                self._at += 1
            item = self._value()
            if not isinstance(item, dict):
                raise NotAListError
            yield item
        self._at += 1

    def _more(self) -> None:
        try:
            chunk = next(self._chunks)
            self._text = self._text[self._at :] + self._decoder.decode(chunk)
        except (StopIteration, UnicodeDecodeError):
            raise NotAListError from None
        self._at = 0

    def _peek(self) -> str:
        while True:
            while self._at < len(self._text):
                if self._text[self._at] not in _WHITESPACE:
                    return self._text[self._at]
                self._at += 1
            self._more()

    def _expect(self, mark: str) -> None:
        if self._peek() != mark:
            raise NotAListError
        self._at += 1

    def _value(self) -> Any:
        if self._peek() not in '{["0123456789-tfn':
            raise NotAListError
        while True:
            try:
                value, end = self._json.raw_decode(self._text, self._at)
            except json.JSONDecodeError:
                self._more()
                continue
            except RecursionError:
                raise NotAListError from None
            if end == len(self._text) and isinstance(value, int | float):
                # It may go on in what has not arrived yet; an object never ends with a number.
                self._more()
                continue
            self._at = end
            return value
