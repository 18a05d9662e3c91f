"""What a provider of pictures or transcripts says: the object that its reply is, or why it is no answer.

They have no error shape in common. Beyond those that `dialects.openai_failures` knows: `err_msg` with `err_code`
(developers.deepgram.com/docs/errors) and a list of texts under `error` (huggingface.co/docs/inference-providers).
"""

import msgspec

from omniroute.dialects.failures import one_line
from omniroute.dialects.look import as_array, as_text
from omniroute.dialects.objects import read_object
from omniroute.dialects.openai_failures import decode_failure, failure_in_answer
from omniroute.dialects.simple.base import Got
from omniroute.ir.failure import Failure
from omniroute.ir.json import JsonObject


def succeeded(got: Got) -> bool:
    return 200 <= got.status < 300


def answered(got: Got) -> JsonObject | Failure:
    """The object of a 2xx reply that does not hold an error; else what went wrong."""
    if not succeeded(got):
        return refused(got)
    said = read_object(got.body)
    if said is None:
        return garbled("it is not a JSON object")
    return failure_in_answer(said) or said


def refused(got: Got) -> Failure:
    """A reply that is not 2xx, in the provider's own words and with the status that it gave."""
    failure = decode_failure(got.status, got.body)
    said = read_object(got.body) or {}
    words = one_line(said.get("err_msg")) or one_line(_listed(said))
    if words:
        their_code = as_text(said.get("err_code")) or failure.code
        failure = msgspec.structs.replace(failure, message=words, code=their_code)
    if 400 <= got.status <= 599:
        return failure
    return msgspec.structs.replace(failure, kind="protocol", status=502, code="upstream_protocol")


def garbled(why: str) -> Failure:
    """A success that cannot be understood. `why` is a short sentence about "it", the answer."""
    return Failure(
        kind="protocol",
        status=502,
        message=f"the provider's answer cannot be used: {why}",
        code="upstream_protocol",
    )


def given_up(words: object, *, otherwise: str, status: int = 502) -> Failure:
    """A job that the provider took and did not finish, in its own words where it has some. Mostly it is about what
    was asked (an unsafe prompt, no speech in the file), and another account would only be billed for the same."""
    message = one_line(words) or otherwise
    return Failure(kind="invalid_request", status=status, message=message, code="job_failed")


def _listed(said: JsonObject) -> str:
    return "; ".join(text for item in as_array(said.get("error")) or () if (text := as_text(item)))
