"""Limits and sampling: the `options` of a request, and the two members about log probabilities beside them."""

from omniroute.dialects.look import as_array, as_count, as_object, as_text, kind_of
from omniroute.dialects.losses import Losses
from omniroute.dialects.objects import said
from omniroute.errors import InvalidRequest
from omniroute.ir.json import JsonObject, JsonValue
from omniroute.ir.request import Sampling


def decode_sampling(rest: JsonObject) -> Sampling:
    """Takes what has a word of its own; options that only Ollama knows (`num_ctx`, `mirostat` ...) stay in
    `rest`, and so does a `num_predict` below 1, which means no limit."""
    options = rest.pop("options", None)
    fields = {} if options is None else as_object(options)
    if fields is None:
        raise InvalidRequest(f"options: expected an object, got {kind_of(options)}")
    left = said(fields) or {}
    limit = _count(left, "num_predict")
    if limit is not None and limit > 0:
        del left["num_predict"]
    sampling = Sampling(
        max_output_tokens=limit if limit is not None and limit > 0 else None,
        temperature=_number(left, "temperature"),
        top_p=_number(left, "top_p"),
        top_k=_taken(left, "top_k"),
        stop=_stop(left),
        seed=_taken(left, "seed"),
        presence_penalty=_number(left, "presence_penalty"),
        frequency_penalty=_number(left, "frequency_penalty"),
        logprobs=_boolean(rest, "logprobs"),
        top_logprobs=_count_beside(rest, "top_logprobs"),
    )
    if left:
        rest["options"] = left
    return sampling


def encode_sampling(sampling: Sampling, body: JsonObject, *, native: bool, losses: Losses) -> None:
    options: JsonObject = {
        "num_predict": sampling.max_output_tokens,
        "temperature": sampling.temperature,
        "top_p": sampling.top_p,
        "top_k": sampling.top_k,
        "stop": list(sampling.stop) or None,
        "seed": sampling.seed,
        "presence_penalty": sampling.presence_penalty,
        "frequency_penalty": sampling.frequency_penalty,
    }
    known = said(options)
    if known is not None:
        body["options"] = known
    if native:
        body.update(said({"logprobs": sampling.logprobs, "top_logprobs": sampling.top_logprobs}) or {})
    else:
        # Ollama could be asked for them, but its answer has them in a shape that no other dialect's client reads.
        for name in ("logprobs", "top_logprobs"):
            if getattr(sampling, name):
                losses.dropped(f"sampling.{name}", name, "meaning")
    if sampling.n is not None and sampling.n > 1:
        losses.dropped("sampling.n", "number of answers", "meaning")
    if sampling.logit_bias:
        losses.dropped("sampling.logit_bias", "logit_bias", "quality")


def _count(options: JsonObject, name: str) -> int | None:
    value = options.get(name)
    count = as_count(value)
    if value is not None and count is None:
        raise InvalidRequest(f"options.{name}: expected a whole number, got {kind_of(value)}")
    return count


def _taken(options: JsonObject, name: str) -> int | None:
    count = _count(options, name)
    options.pop(name, None)
    return count


def _number(options: JsonObject, name: str) -> float | int | None:
    value: JsonValue = options.pop(name, None)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InvalidRequest(f"options.{name}: expected a number, got {kind_of(value)}")
    return value


def _stop(options: JsonObject) -> tuple[str, ...]:
    value: JsonValue = options.pop("stop", None)
    if value is None:
        return ()
    if isinstance(value, str):
        return (value,)
    items = as_array(value)
    strings = tuple(text for item in items or () if (text := as_text(item)) is not None)
    if items is None or len(strings) != len(items):
        raise InvalidRequest(f"options.stop: expected an array of strings, got {kind_of(value)}")
    return strings


def _boolean(rest: JsonObject, name: str) -> bool | None:
    value = rest.pop(name, None)
    if value is None or isinstance(value, bool):
        return value
    raise InvalidRequest(f"{name}: expected true or false, got {kind_of(value)}")


def _count_beside(rest: JsonObject, name: str) -> int | None:
    value = rest.pop(name, None)
    count = as_count(value)
    if value is not None and count is None:
        raise InvalidRequest(f"{name}: expected a whole number, got {kind_of(value)}")
    return count
