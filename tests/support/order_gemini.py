"""The order of chunks that a Gemini client may rely on, and the framing that its SDK insists on."""

import msgspec

from tests.support.order import Told, ToldCall


def gemini(raw: bytes) -> Told:
    """A stream of server-sent events; raises AssertionError that names the chunk and the rule."""
    return _told([msgspec.json.decode(payload) for payload in payloads(raw)])


def gemini_array(raw: bytes) -> Told:
    """A stream that is one JSON array."""
    return _told(msgspec.json.decode(raw))


def payloads(raw: bytes) -> list[bytes]:
    """The payloads of a stream: `data: ` with the space, one line, CRLF CRLF, and not a byte else."""
    assert raw.endswith(b"\r\n\r\n"), f"the stream ends inside a frame: {raw[-80:]!r}"
    found = []
    for frame in raw.split(b"\r\n\r\n")[:-1]:
        assert frame.startswith(b"data: {"), f"the SDK gives up over anything but `data: `: {frame[:80]!r}"
        assert b"\n" not in frame, f"a payload is one line: {frame[:80]!r}"
        assert b"\r" not in frame, f"a payload is one line: {frame[:80]!r}"
        found.append(frame.removeprefix(b"data: "))
    return found


def _told(chunks: list[dict]) -> Told:
    told = Told()
    identity = None
    ended = blocked = False
    assert chunks, "a stream has at least one chunk"
    for position, chunk in enumerate(chunks):
        at = f"chunk {position} {str(chunk)[:200]}"
        assert not ended, f"{at}: nothing may follow the last chunk"
        told.events += 1
        if "error" in chunk:
            told.ended, told.error, ended = "failed", chunk["error"], True
            continue
        named = (chunk["responseId"], chunk["modelVersion"])
        assert identity in (None, named), f"{at}: the id or the model changed from {identity}"
        identity = named
        for candidate in chunk.get("candidates", []):
            _take(candidate, told, at)
        if "usageMetadata" in chunk:
            # Google's server counts in every chunk; what it says last counts.
            told.usage = chunk["usageMetadata"]
        blocked = blocked or "promptFeedback" in chunk
        ended = told.finish is not None or (blocked and told.usage is not None)
        assert not ended or told.usage is not None, f"{at}: the end counts the tokens"
    assert ended, "the stream ends without a finish reason and usage, or an error"
    return told


def _take(candidate: dict, told: Told, at: str) -> None:
    for part in (candidate.get("content") or {}).get("parts", []):
        if "thoughtSignature" in part:
            told.signatures.append(part["thoughtSignature"])
        if part.get("thought") and "text" in part:
            told.reasoning += part["text"]
        elif "text" in part:
            told.text += part["text"]
        elif "functionCall" in part:
            call = part["functionCall"]
            known = [one.call_id for one in told.calls]
            assert call.get("id") is None or call["id"] not in known, f"{at}: a call id used twice"
            arguments = msgspec.json.encode(call.get("args", {})).decode()
            told.calls.append(ToldCall(call.get("id", ""), call["name"], arguments))
    if candidate.get("finishReason") is not None:
        assert told.finish is None, f"{at}: a second finish reason"
        told.finish = candidate["finishReason"]
