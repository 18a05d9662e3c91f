"""`POST /v1/audio/transcriptions`: a file in a form, the words in it back."""

from collections.abc import Iterator
from typing import Final

import msgspec

from omniroute.dialects.base import Dialect
from omniroute.errors import InvalidRequest
from omniroute.pipeline.inquiry import Asked
from omniroute.pipeline.relay import Relay
from omniroute.surfaces.forms import in_form
from omniroute.surfaces.simple import Simple, endpoints
from omniroute.surfaces.table import Endpoint

_BODY_LIMIT: Final = 100 * 1024 * 1024
"""Recordings are long: this much is taken whatever the setting says."""


def transcription(relay: Relay, dialect: Dialect) -> Iterator[Endpoint]:
    handler = Simple(relay, "transcription", _recording)
    for endpoint in endpoints("audio/transcriptions", "transcription", handler, dialect):
        yield msgspec.structs.replace(endpoint, least_body_limit=_BODY_LIMIT)


def _recording(body: bytes, content_type: str) -> Asked:
    asked = in_form(body, content_type)
    if not any(upload.field == "file" for upload in asked.uploads):
        raise InvalidRequest("file is required")
    return asked
