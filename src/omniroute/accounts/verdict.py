"""What a provider's reply to a trial says about a connection."""

from typing import Final, Literal, TypeAlias

import msgspec

from omniroute.dialects.look import as_array, as_object
from omniroute.dialects.objects import read_json, read_object
from omniroute.ir.failure import Failure
from omniroute.ir.json import JsonObject, JsonValue
from omniroute.upstream.transport import UpstreamError

DiagnosisType: TypeAlias = Literal[
    "ok",
    "upstream_auth_error",
    "upstream_rate_limited",
    "upstream_unavailable",
    "upstream_error",
    "network_error",
    "unsupported",
]
Method: TypeAlias = Literal["models_endpoint", "chat_completion", "embedding"]

_MODEL_LIMIT: Final = 10_000


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """What was found out. `message` is one line of our own, never the provider's text.

    `valid` with a `warning` means that the credential was accepted, or at least not refused, but the answer was
    not a success. `transport` is set when no answer came at all.
    """

    valid: bool
    type: DiagnosisType
    message: str | None = None
    warning: str | None = None
    status: int | None = None
    method: Method | None = None
    transport: Literal["blocked", "timeout", "network"] | None = None


class TrialReply(msgspec.Struct, frozen=True):
    """What came back, whole."""

    status: int
    body: bytes


def of_models(answer: TrialReply) -> Verdict | None:
    """The verdict that a model list allows; None where only a chat can tell."""
    if entries(answer) is not None:
        return Verdict(valid=True, type="ok", status=answer.status, method="models_endpoint")
    if answer.status in (401, 403):
        return _refused(answer.status, "models_endpoint")
    if answer.status == 429:
        return _limited("models_endpoint")
    if 300 <= answer.status < 400:
        return _redirected(answer.status, "models_endpoint")
    return None


def of_trial(answer: TrialReply, method: Method) -> Verdict:
    """The verdict on a short chat or one embedding."""
    status = answer.status
    if 200 <= status < 300:
        if read_json(answer.body) is None:
            return _gibberish(status, method)
        return Verdict(valid=True, type="ok", status=status, method=method)
    if status in (401, 403):
        return _refused(status, method)
    if status == 429:
        return _limited(method)
    if status < 400:
        return _redirected(status, method)
    if status >= 500:
        return _unavailable(status, method)
    if status in (404, 405) and not _is_about_a_model(answer.body):
        return Verdict(
            valid=False,
            type="unsupported",
            message=f"There is no such endpoint at this address (HTTP {status}); check the base URL.",
            status=status,
            method=method,
        )
    return Verdict(
        valid=True,
        type="ok",
        warning=f"The credential was accepted, but the test request was not (HTTP {status}).",
        status=status,
        method=method,
    )


def unanswered(why: UpstreamError | Failure) -> Verdict:
    """The verdict where nothing came back, or nothing could be sent."""
    if isinstance(why, UpstreamError):
        return _unreachable(why)
    kind: DiagnosisType = "upstream_auth_error" if why.kind == "authentication" else "network_error"
    return Verdict(valid=False, type=kind, message=why.message)


def undecided(answer: TrialReply, *, can_chat: bool) -> Verdict:
    """The verdict on a model list that cannot be used, where nothing else can be asked."""
    if answer.status >= 500:
        return _unavailable(answer.status, "models_endpoint")
    if 200 <= answer.status < 300:
        return _gibberish(answer.status, "models_endpoint")
    hint = "; name a model with `validationModelId` to test with a chat" if can_chat else ""
    return Verdict(
        valid=False,
        type="unsupported",
        message=f"The provider has no readable model list (HTTP {answer.status}){hint}.",
        status=answer.status,
        method="models_endpoint",
    )


def _refused(status: int, method: Method) -> Verdict:
    return Verdict(
        valid=False,
        type="upstream_auth_error",
        message="The provider refuses the credential.",
        status=status,
        method=method,
    )


def _limited(method: Method) -> Verdict:
    return Verdict(
        valid=True,
        type="upstream_rate_limited",
        warning="The provider is limiting requests just now (HTTP 429).",
        status=429,
        method=method,
    )


def _redirected(status: int, method: Method) -> Verdict:
    return Verdict(
        valid=False,
        type="upstream_error",
        message=f"The address redirects elsewhere (HTTP {status}); enter the final address.",
        status=status,
        method=method,
    )


def _unavailable(status: int, method: Method) -> Verdict:
    return Verdict(
        valid=False,
        type="upstream_unavailable",
        message=f"The provider is unavailable (HTTP {status}).",
        status=status,
        method=method,
    )


def _gibberish(status: int, method: Method) -> Verdict:
    return Verdict(
        valid=False,
        type="upstream_error",
        message="Something answers at this address, but not as this kind of API; check the base URL.",
        status=status,
        method=method,
    )


def _unreachable(error: UpstreamError) -> Verdict:
    match error.kind:
        case "timeout":
            return Verdict(
                valid=False,
                type="network_error",
                message="The provider did not answer in time.",
                transport="timeout",
            )
        case "blocked":
            return Verdict(valid=False, type="network_error", message=error.message, transport="blocked")
        case "protocol":
            return Verdict(
                valid=False, type="upstream_error", message="The answer is not readable HTTP or too long."
            )
        case "connect" | "proxy" | "closed":
            return Verdict(valid=False, type="network_error", message=error.message, transport="network")


def entries(answer: TrialReply) -> tuple[JsonObject, ...] | None:
    """The models of a 2xx answer: `{"data": [...]}` or `{"models": [...]}` or a bare list, else None."""
    if not 200 <= answer.status < 300:
        return None
    found = read_json(answer.body)
    fields = as_object(found)
    listed = as_array(found if fields is None else fields.get("data", fields.get("models")))
    if listed is None:
        return None
    return tuple(entry for entry in map(_entry, listed[:_MODEL_LIMIT]) if entry is not None)


def _entry(value: JsonValue) -> JsonObject | None:
    if isinstance(value, str):
        return {"id": value}
    fields = as_object(value)
    if fields is None:
        return None
    identifier = fields.get("id") or fields.get("name")
    if not isinstance(identifier, str) or not identifier:
        return None
    # Google lists resource names, `models/gemini-2.5-pro`.
    return {**fields, "id": identifier if "id" in fields else identifier.removeprefix("models/")}


def _is_about_a_model(body: bytes) -> bool:
    """Whether an error is the provider's own word on an unknown model, not a web server's 404."""
    found = read_object(body)
    return found is not None and "error" in found and b"model" in body.lower()
