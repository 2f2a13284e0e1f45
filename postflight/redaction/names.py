"""What a name says of its value: whether it is a secret."""

from __future__ import annotations

import re
from typing import Final

_SECRET_NAME: Final = re.compile(
    r"(?i)(?<![a-z])pass(?:phrase|code)?(?![a-z])|passw|(?<![a-z])(?:pwd?|pat|pin|salt|dsn|sas)(?![a-z])|secret|token|"
    r"api_?key|(?<![a-z])key(?:s|_?data)?(?![a-z])|credential|private|cookie|web_?hook|(?<![a-z])hook(?![a-z])|"
    r"(?<![a-z])auth(?:orization)?(?![a-z])|signature|connection_?string"
)
# A name that goes on like this says where a secret lies, whose it is, or how long it is good, and is none.
_ABOUT_ONE: Final = re.compile(
    r"(?i)_(?:file|path|dir|id|names?|arn|host(?:name)?s?|ports?|sock|ttl|type|mode|regions?|algorithm|expir\w*|user|"
    r"domains?|urls?|uri|issuer|audience|prefix|suffix|zones?|roles?|version|provider|backend|endpoints?|subnets?|"
    r"server|authority|namespace|bucket|table|cluster)$|"
    r"^(?:old)?pwd$|^xauthority$|(?:^|_)(?:state|cache|partition|sort|object|primary|foreign)_key$"
)
_URL_NAME: Final = re.compile(r"(?i)_ur[li]s?$")
# Whatever such a variable holds is a secret, even where it looks like a host.
_THE_SECRET_ITSELF: Final = re.compile(r"(?i)(?:pass(?:w(?:or)?d|phrase|code)?|pwd?|secret|token|pin|pat)$")
_HOST: Final = re.compile(r"\.?(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)+[a-z]{2,}\.?(?::\d{1,5})?")
_REGION: Final = re.compile(
    r"(?:us|eu|ap|sa|ca|me|af|il|mx|cn|eusc)(?:-(?:gov|isob?|iso[ef]|de))?"
    r"-(?:north|south|east|west|central|northeast|northwest|southeast|southwest)-\d[a-z]?"
)
_ARN: Final = re.compile(r"arn:aws[a-z-]*:[a-z0-9-]+:\S*")


def is_secret_name(name: str) -> bool:
    """Whether a variable or an option of this name holds a secret: `DB_PW`, `SLACK_HOOK`, `client-secret`."""
    plain = _plain(name)
    return bool(_SECRET_NAME.search(plain)) and not _ABOUT_ONE.search(plain)


def is_secret_url_name(name: str) -> bool:
    """Whether a variable of this name holds a URL that is secret but for its host: `SLACK_WEBHOOK_URL`."""
    plain = _plain(name)
    return bool(_SECRET_NAME.search(plain)) and _URL_NAME.search(plain) is not None


def is_public(name: str, value: str) -> bool:
    """Whether a value is a host, a region or an ARN, and its name does not say that it is a secret itself."""
    plain = value.strip()
    if _REGION.fullmatch(plain) or _ARN.fullmatch(plain):
        return True
    return bool(_HOST.fullmatch(plain)) and not _THE_SECRET_ITSELF.search(_plain(name))


def _plain(name: str) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).replace("-", "_").replace(".", "_")
