"""The free part of a connection, `providerSpecificData`: which members may be seen, and which are sealed.

Nobody can list every credential that some provider wants, so it is the other way round: a text is kept in the
open only under a name that is known to be harmless or that stands in the provider's address. All other text is
sealed; its name may be shown, its value never leaves.
"""

from typing import Final, NamedTuple, TypeGuard

import msgspec

from omniroute.catalog.provider import Provider
from omniroute.dialects.look import as_object
from omniroute.errors import InvalidRequest
from omniroute.ir.json import JsonObject, JsonValue
from omniroute.ir.timeouts import Timeouts, timeouts_of
from omniroute.routing.bounds import Unit

_OPEN: Final = frozenset(
    {
        "accountId", "apiType", "apiVersion", "codexLimitPolicy", "customUserAgent", "deployment",
        "excludedModels", "location", "minTimeBetweenRequestsMs", "nodeName", "organization", "prefix", "project",
        "projectId", "rateLimitProtection", "region", "requestDefaults", "requestsPerMinute", "resource", "tag",
        "tags", "timeouts", "tokensPerMinute", "workspaceId",
    }
)  # fmt: skip
_LENGTHS: Final = {"customUserAgent": 500, "consoleApiKey": 10_000, "tag": 100}
_LIMITS: Final = ("requestsPerMinute", "tokensPerMinute")
_GAP: Final = "minTimeBetweenRequestsMs"
MOST_PER_MINUTE: Final = 1_000_000_000
LONGEST_GAP_MS: Final = 3_600_000
USUAL_REQUESTS: Final = 100
"""A minute, where protection is asked for without a number (routing specification 11.1)."""
_MEMBERS: Final = 100
_TEXT_LENGTH: Final = 20_000


class Parts(NamedTuple):
    """`open` is stored and shown as it is; `secrets` is sealed."""

    open: JsonObject
    secrets: dict[str, str]


def parts(provider: Provider, data: JsonObject) -> Parts:
    """Raises InvalidRequest for data that is too large or of a shape that no provider uses."""
    if len(data) > _MEMBERS:
        raise InvalidRequest(f"providerSpecificData holds at most {_MEMBERS} members.", code="bad_provider_data")
    parameters = provider.asks_for
    found = Parts({}, {})
    for name, value in data.items():
        if not 0 < len(name) <= 64:
            raise _bad(name[:64], "needs a name of 1 to 64 characters")
        if name in _OPEN or name in parameters or value is None or isinstance(value, bool | int | float):
            _check(name, value)
            found.open[name] = value
        else:
            found.secrets[name] = _text(name, value)
    return found


def excluded_models(data: JsonObject) -> tuple[str, ...]:
    """The globs of models that a connection is not used for, given as a list or as text with commas."""
    given = data.get("excludedModels")
    if isinstance(given, str):
        return tuple(name.strip() for name in given.split(",") if name.strip())
    return tuple(given) if _is_texts(given) else ()


def per_minute(data: JsonObject) -> tuple[tuple[Unit, int], ...]:
    """What a connection may take in a minute by its operator's word; nothing while its protection is off."""
    if data.get("rateLimitProtection") is False:
        return ()
    requests, tokens = (data.get(name) for name in _LIMITS)
    if requests is None and tokens is None and data.get("rateLimitProtection") is True:
        requests = USUAL_REQUESTS
    found: list[tuple[Unit, int]] = []
    if _is_count(requests):
        found.append(("requests", requests))
    if _is_count(tokens):
        found.append(("tokens", tokens))
    return tuple(found)


def gap_s(data: JsonObject) -> float:
    """The least time between two requests to a connection by its operator's word, 0 while its protection is
    off."""
    gap = data.get(_GAP)
    if data.get("rateLimitProtection") is False or not _is_count(gap):
        return 0.0
    return gap / 1000


def timeouts(data: JsonObject) -> Timeouts | None:
    """How long the phases of a connection's attempts may take, by its operator's word."""
    given = as_object(data.get("timeouts"))
    try:
        return None if given is None else timeouts_of(given)
    except ValueError:  # stored by another version
        return None


def _check(name: str, value: JsonValue) -> None:
    if isinstance(value, str) and len(value) > _LENGTHS.get(name, 500 if name != "excludedModels" else 5000):
        raise _bad(name, "is too long")
    if name == "excludedModels":
        globs = excluded_models({name: value})
        if value is not None and not isinstance(value, str) and not _is_texts(value):
            raise _bad(name, "is a list of model names, which may hold `*`")
        if len(globs) > 100 or any(len(glob) > 200 or "**" in glob for glob in globs):
            raise _bad(name, "holds at most 100 patterns of 200 characters, without `**`")
    elif name in _LIMITS:
        if value is not None and not (_is_count(value) and value <= MOST_PER_MINUTE):
            raise _bad(name, f"is a whole number from 1 to {MOST_PER_MINUTE}")
    elif name == _GAP:
        if value is not None and not (_is_count(value) and value <= LONGEST_GAP_MS):
            raise _bad(name, f"is a whole number of milliseconds from 1 to {LONGEST_GAP_MS}")
    elif name == "rateLimitProtection":
        if value is not None and not isinstance(value, bool):
            raise _bad(name, "is true or false")
    elif name == "tags":
        if value is not None and not (
            _is_texts(value) and len(value) <= 50 and all(len(tag) <= 64 for tag in value)
        ):
            raise _bad(name, "is a list of at most 50 texts of 64 characters")
    elif name == "timeouts":
        _check_timeouts(value)
    elif name not in ("requestDefaults", "codexLimitPolicy") and isinstance(value, list | dict):
        raise _bad(name, "is a text")


def _check_timeouts(value: JsonValue) -> None:
    if value is None:
        return
    given = as_object(value)
    if given is None:
        raise _bad("timeouts", 'is an object of milliseconds, like {"firstEventMs": 60000}')
    try:
        timeouts_of(given)
    except ValueError as error:
        raise _bad("timeouts", str(error)) from None


def _text(name: str, value: JsonValue) -> str:
    text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
    if len(text) > _LENGTHS.get(name, _TEXT_LENGTH):
        raise _bad(name, "is too long")
    return text


def _is_count(value: JsonValue) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool) and value > 0


def _is_texts(value: JsonValue) -> TypeGuard[list[str]]:
    return _is_list(value) and all(isinstance(member, str) for member in value)


def _is_list(value: JsonValue) -> TypeGuard[list[JsonValue]]:
    return isinstance(value, list)


def _bad(name: str, why: str) -> InvalidRequest:
    return InvalidRequest(f"providerSpecificData.{name} {why}.", code="bad_provider_data")
