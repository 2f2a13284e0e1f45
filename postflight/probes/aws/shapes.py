"""What is in an answer of AWS, held against botocore's model, the account that was asked, and itself."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any, Final

from postflight.evidence import Unverified
from postflight.probes.aws.arns import parsed
from postflight.probes.aws.refusals import garbage

# What a listing says that it holds, and where. ListObjectsV2 counts no common prefixes without a delimiter.
_COUNTS: Final = (("Quantity", "Items"), ("KeyCount", "Contents"))
# As long as a probe may take. A server that has more to give does not send that many empty pages in a row.
_LONGEST_LISTING_S: Final = 20.0
_EMPTY_PAGES: Final = 50
_TYPES: Final[Mapping[str, Any]] = {
    "structure": Mapping,
    "map": Mapping,
    "list": list,
    "string": str,
    "character": str,
    "integer": int,
    "long": int,
    "float": (int, float),
    "double": (int, float),
    "boolean": bool,
    "timestamp": datetime,
    "blob": (bytes, str),
}
# IAM's documents: botocore has made dictionaries of their JSON already.
_DOCUMENT: Final = "policyDocumentType"


class Answer(dict[str, Any]):
    """A structure of an answer. To ask it for what it lacks raises Unverified: AWS would have sent it."""

    def __init__(self, members: Mapping[str, Any], permission: str, place: str) -> None:
        super().__init__(members)
        self._permission = permission
        self._place = place

    def __missing__(self, key: str) -> Any:
        raise garbage(self._permission, f"{self._place} has no {key}")


def checked(shape: Any, answer: Mapping[str, Any], permission: str) -> Answer:
    """Return an answer that botocore has parsed, where each part is what its model says. Raises Unverified.

    botocore passes on what JSON holds: a number where a name should be, or a text in place of a list.
    """
    found = _checked(shape, answer, permission, "it") if shape is not None else answer
    return Answer(found, permission, "it")


def _checked(shape: Any, value: Any, permission: str, place: str) -> Any:
    if shape.name == _DOCUMENT or shape.serialization.get("streaming"):
        return value
    kind = shape.type_name
    if not isinstance(value, _TYPES.get(kind, object)) or (isinstance(value, bool) and kind != "boolean"):
        raise garbage(permission, f"{place} is no {kind}")
    if kind == "structure":
        members = shape.members
        if "IsTruncated" in members and not _is_counted(value):
            raise garbage(permission, f"{place} does not say what it lists")
        return Answer(
            {
                name: _checked(members[name], one, permission, name) if name in members else one
                for name, one in value.items()
            },
            permission,
            place,
        )
    if kind == "list":
        return [_checked(shape.member, one, permission, f"an item of {place}") for one in value]
    if kind == "map":
        return {
            name: _checked(shape.value, one, permission, f"{place}.{name}") for name, one in value.items()
        }
    return value


def _is_counted(listing: Mapping[str, Any]) -> bool:
    """Whether a listing says if it is all, and holds as much as it says, where it does."""
    counts = (
        listing.get(said, len(listing.get(items, ()))) == len(listing.get(items, ()))
        for said, items in _COUNTS
    )
    return "IsTruncated" in listing and all(counts)


def require_own(item: Answer, owner: str, account: str, region: str, permission: str) -> None:
    """Require that what is described is of this account and region, as far as it says so. Raises Unverified.

    `owner` names the member that says it: an ARN, or an account id. AWS's own policies are of account `aws`.
    """
    said = str(item.get(owner, ""))
    arn = parsed(said)
    whose, where = (arn.account, arn.region) if arn is not None else (said, "")
    if whose not in ("", "aws", account) or where not in ("", region):
        raise Unverified(
            f"The answer to {permission} is about another account or region: it names {said}, and account "
            f"{account}, region {region}, was asked. Does another endpoint or proxy answer in its place?"
        )


def whole_listing(pages: Iterable[Mapping[str, Any]], shape: Any, permission: str) -> Iterator[Answer]:
    """Yield the pages of a listing, checked. Raises Unverified, also where it does not come to its end."""
    ends = time.monotonic() + _LONGEST_LISTING_S
    empty, last = 0, Answer({}, permission, "it")
    for page in pages:
        last = checked(shape, page, permission)
        yield last
        empty = 0 if any(_lists(last)) else empty + 1
        if empty > _EMPTY_PAGES or time.monotonic() > ends:
            raise garbage(permission, "it gives one page after the other and does not end")
    if any(one.get("IsTruncated") for one in (last, *last.values()) if isinstance(one, Answer)):
        raise garbage(permission, "it is cut off and does not say how to go on")


def _lists(page: Answer) -> Iterator[bool]:
    """Yield of each list of a page, or of a structure in it, whether it has items."""
    for value in page.values():
        yield bool(value) if isinstance(value, list) else isinstance(value, Answer) and any(_lists(value))
