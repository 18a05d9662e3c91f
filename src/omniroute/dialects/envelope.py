"""A request body, opened only as far as routing needs: the top-level members, with the bytes of their values.

The client's bytes stay what they are. Values are decoded one by one when somebody asks for them, and a patched
body differs from the original in the named members only (white space between top-level members is normalised,
and of a repeated key the last one counts).
"""

import re
from collections.abc import Mapping
from typing import NamedTuple

import msgspec

from omniroute.dialects.look import as_object
from omniroute.dialects.repair import with_paired_surrogates
from omniroute.errors import InvalidRequest
from omniroute.ir.json import JsonObject, JsonValue

Fields = Mapping[str, msgspec.Raw]
"""Top-level members of a body by name, values undecoded, in the order of the wire."""

_OPENER: msgspec.json.Decoder[dict[str, msgspec.Raw]] = msgspec.json.Decoder(dict[str, msgspec.Raw])
_WHOLE: msgspec.json.Decoder[JsonObject] = msgspec.json.Decoder(JsonObject)
_VALUE: msgspec.json.Decoder[JsonValue] = msgspec.json.Decoder()
_STRICTLY_NO_NUMBER = re.compile(rb"[:\[,]\s*-?(?:NaN|Infinity)")
_BYTE_ORDER_MARKS = (b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")
_UNFIT_FOR_MODEL = re.compile(r"[\x00-\x1f]|\.\.[/\\]")

_STREAM_SWITCHES = {"streaming": True, "non_stream": False, "disable_stream": False, "disable_streaming": False}
"""Non-standard members that some clients send for `stream`, and what `true` means in each."""


class Address(NamedTuple):
    """What the path of a request says, in dialects that name the model and the wish for a stream there."""

    model: str
    stream: bool


class Envelope:
    """An opened body.

    `body` is what the client sent, `repaired` says that it had to be mended first. `stream` is what the body says
    (None: nothing), also through the non-standard switches; `corrections` are the edits that turn these switches
    into `stream`, to be made on every body that goes upstream. Where an `address` names the model and the stream,
    the body has neither.
    """

    __slots__ = ("address", "body", "corrections", "fields", "model", "repaired", "stream")

    def __init__(
        self,
        *,
        body: bytes,
        fields: dict[str, msgspec.Raw],
        model: str,
        stream: bool | None,
        corrections: dict[str, bytes | None],
        repaired: bool,
        address: Address | None = None,
    ) -> None:
        self.address = address
        self.body = body
        self.fields = fields
        self.model = model
        self.stream = stream
        self.corrections = corrections
        self.repaired = repaired

    def value(self, name: str) -> JsonValue:
        """One top-level member, decoded; None when it is absent or null."""
        raw = self.fields.get(name)
        return None if raw is None else _VALUE.decode(raw)

    @property
    def include_usage(self) -> bool:
        """Whether an OpenAI client asked for usage in its stream."""
        options = as_object(self.value("stream_options"))
        return options is not None and options.get("include_usage") is True

    def decoded(self) -> JsonObject:
        """The whole body, and what the address says as its `model` and `stream`. Costs what a full decode costs; a
        verbatim request never pays it."""
        try:
            body = _WHOLE.decode(self.body)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise _malformed(self.body, error) from None
        except RecursionError:
            raise _too_deep() from None
        return body if self.address is None else {**body, **self.address._asdict()}

    def edited(self, edits: Mapping[str, bytes | None]) -> "Envelope":
        """The same envelope around another body: `patched`. The edits are not of `model` or `stream`."""
        body = self.patched(edits)
        return Envelope(
            body=body,
            fields=_OPENER.decode(body),
            model=self.model,
            stream=self.stream,
            corrections=self.corrections,
            repaired=self.repaired,
            address=self.address,
        )

    def patched(self, edits: Mapping[str, bytes | None]) -> bytes:
        """The body with the named members set to these JSON bytes, or removed where the bytes are None.

        A member keeps its place; a new one goes to the end. Without edits these are the client's own bytes.
        """
        if not edits:
            return self.body
        fields = dict(self.fields)
        for name, value in edits.items():
            if value is None:
                fields.pop(name, None)
            else:
                fields[name] = msgspec.Raw(value)
        return msgspec.json.encode(fields)


def open_envelope(body: bytes, address: Address | None = None) -> Envelope:
    """Opens a client's body. Raises `InvalidRequest` with a message that says what is wrong with it."""
    try:
        return _envelope(body, _OPENER.decode(body), address, repaired=False)
    except msgspec.ValidationError:
        member = "model" if address is None else "contents"
        raise InvalidRequest(
            f'Invalid JSON body: it must be an object, such as {{"{member}": "...", ...}}'
        ) from None
    except UnicodeDecodeError as error:  # in the name of a member
        raise _malformed(body, error) from None
    except msgspec.DecodeError as error:
        mended = with_paired_surrogates(body)
        if mended == body:
            raise _malformed(body, error) from None
        return _open_mended(mended, address)
    except RecursionError:
        raise _too_deep() from None


def _open_mended(body: bytes, address: Address | None) -> Envelope:
    try:
        return _envelope(body, _OPENER.decode(body), address, repaired=True)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise _malformed(body, error) from None


def _envelope(body: bytes, fields: dict[str, msgspec.Raw], address: Address | None, *, repaired: bool) -> Envelope:
    if not body.isascii():
        _check_encoding(body)
    if address is not None:
        return _addressed(body, fields, address, repaired=repaired)
    stream = _boolean(fields, "stream")
    corrections: dict[str, bytes | None] = {}
    if not fields.keys().isdisjoint(_STREAM_SWITCHES):
        stream = _switched(fields, stream, corrections)
    return Envelope(
        body=body,
        fields=fields,
        model=_model(fields),
        stream=stream,
        corrections=corrections,
        repaired=repaired,
    )


def _addressed(body: bytes, fields: dict[str, msgspec.Raw], address: Address, *, repaired: bool) -> Envelope:
    """Members that repeat the address are taken out: they speak of the model by the name it has here."""
    check_model(address.model)
    return Envelope(
        body=body,
        fields=fields,
        model=address.model,
        stream=address.stream,
        corrections={name: None for name in Address._fields if name in fields},
        repaired=repaired,
        address=address,
    )


def _model(fields: Fields) -> str:
    raw = fields.get("model")
    model = None if raw is None else _VALUE.decode(raw)
    if model is None:
        raise InvalidRequest('Missing model: the body needs "model", such as "openai/gpt-4o"')
    if not isinstance(model, str):
        raise InvalidRequest(f'Invalid model: "model" must be a string, not {_shown(model)}')
    model = model.strip()
    if not model:
        raise InvalidRequest('Missing model: "model" is blank, name one such as "openai/gpt-4o"')
    check_model(model)
    return model


def check_model(model: str) -> None:
    """Raises `InvalidRequest` for a name that could lead somewhere else as part of an address."""
    if (".." in model or not model.isprintable()) and _UNFIT_FOR_MODEL.search(model):
        raise InvalidRequest(f"Invalid model format: {model[:80]!r} has a control character or a path in it")


def _boolean(fields: Fields, name: str) -> bool | None:
    raw = fields.get(name)
    if raw is None:
        return None
    value = _VALUE.decode(raw)
    if value is None or isinstance(value, bool):
        return value
    raise InvalidRequest(f'Invalid value: "{name}" must be true or false, not {_shown(value)}')


def _shown(value: JsonValue) -> str:
    return repr(value)[:40]


def _switched(fields: Fields, stream: bool | None, corrections: dict[str, bytes | None]) -> bool | None:
    """`stream` itself wins over every switch; of the switches, one that turns streaming off wins."""
    said: list[bool] = []
    for name, meaning in _STREAM_SWITCHES.items():
        if name in fields:
            corrections[name] = None
            value = _boolean(fields, name)
            if value is True or (value is False and name == "streaming"):
                said.append(meaning is value)
    if stream is None and said:
        stream = all(said)
        corrections["stream"] = b"true" if stream else b"false"
    return stream


def _check_encoding(body: bytes) -> None:
    try:
        body.decode()
    except UnicodeDecodeError as error:
        raise _malformed(body, error) from None


def _malformed(body: bytes, error: Exception) -> InvalidRequest:
    if body.startswith(_BYTE_ORDER_MARKS):
        reason = "it starts with a byte order mark; send plain UTF-8"
    elif isinstance(error, UnicodeDecodeError):
        reason = f"it is not UTF-8 (byte {error.start})"
    elif isinstance(error, RecursionError):
        return _too_deep()
    elif not body.strip():
        reason = "it is empty"
    elif _STRICTLY_NO_NUMBER.search(body):
        reason = "NaN and Infinity are not JSON; send null or leave the member out"
    else:
        reason = str(error)
    return InvalidRequest(f"Invalid JSON body: {reason}")


def _too_deep() -> InvalidRequest:
    return InvalidRequest("Invalid JSON body: it is nested too deeply")
