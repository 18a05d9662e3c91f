"""The file of a transcription request: is it there, and what kind of audio is it."""

from typing import Final

from omniroute.dialects.simple.base import Question, Upload
from omniroute.errors import InvalidRequest

_TYPES: Final = {
    "aac": "audio/aac",
    "flac": "audio/flac",
    "m4a": "audio/mp4",
    "mp3": "audio/mpeg",
    "mp4": "audio/mp4",
    "mpeg": "audio/mpeg",
    "mpga": "audio/mpeg",
    "oga": "audio/ogg",
    "ogg": "audio/ogg",
    "opus": "audio/opus",
    "wav": "audio/wav",
    "webm": "audio/webm",
    "wma": "audio/x-ms-wma",
}
_UNKNOWN: Final = "application/octet-stream"


def audio(question: Question) -> Upload:
    """The file. Raises `InvalidRequest` when there is none."""
    found = next((upload for upload in question.uploads if upload.field == "file"), None)
    if found is None:
        raise InvalidRequest("file is required")
    if not found.data:
        raise InvalidRequest(f"file {found.filename[:200]!r} is empty")
    return found


def content_type(upload: Upload) -> str:
    """What to call the file when its bytes are the body: the client's word where it says audio, else what its name
    says. Never `video/*`: Deepgram answers that with an empty transcript."""
    said = upload.content_type.partition(";")[0].strip().lower()
    if said.startswith("audio/") and said.isprintable() and " " not in said:
        return said
    return _TYPES.get(upload.filename.rpartition(".")[2].lower(), _UNKNOWN)
