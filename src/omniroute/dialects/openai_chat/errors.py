"""Failures as bodies for clients of the chat dialect; `dialects.openai_failures` reads those of providers."""

import msgspec

from omniroute.dialects.base import ErrorReply
from omniroute.dialects.failures import WORDLESS, error_status, one_line
from omniroute.dialects.look import as_text
from omniroute.dialects.openai_chat.wire import ErrorBody
from omniroute.dialects.openai_failures import type_and_code
from omniroute.dialects.sse import DONE, data_frame
from omniroute.ir.failure import Failure


def encode_failure(failure: Failure) -> ErrorReply:
    return ErrorReply(error_status(failure), msgspec.json.encode(_body(failure)))


def encode_stream_failure(failure: Failure) -> bytes:
    """The error chunk and the end of the stream."""
    return data_frame(msgspec.json.encode(_body(failure))) + data_frame(DONE)


def _body(failure: Failure) -> ErrorBody:
    kind, code = type_and_code(error_status(failure))
    param = as_text((failure.raw or {}).get("param"))
    return {
        "error": {
            "message": one_line(failure.message) or WORDLESS,
            "type": kind,
            "code": failure.code or code,
            "param": param,
        }
    }
