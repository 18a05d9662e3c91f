"""Servers of pictures and of transcripts: OpenAI's own, Stable Diffusion WebUI and ComfyUI.

They need no script: a prompt that holds `forbidden` is refused, everything else is answered at once.
"""

import base64
from email import policy
from email.parser import BytesParser

import msgspec

from tests.support.pictures import png
from tests.support.upstream import sse
from tests.support.upstream.openai_chat import CREATED, error
from tests.support.upstream.reply import Plan, Send, plain
from tests.support.upstream.wire import Request

PICTURE = png(3)
HEARD = "hello from the other side"
USAGE = {"type": "tokens", "input_tokens": 14, "output_tokens": 45, "total_tokens": 59}
JOB = "job-1"
SAVED = {"filename": "fox 1.png", "subfolder": "", "type": "output"}


def reply(request: Request) -> Plan | None:
    """What the server does with a request; None when it is about neither pictures nor recordings."""
    try:
        match request.method, request.path.rpartition("/v1")[2]:
            case "POST", "/images/generations":
                return _picture(request)
            case "POST", "/audio/transcriptions":
                return _transcript(request)
            case "GET", "/files/fox.png":
                return _bytes("image/png", PICTURE)
        match request.method, request.path:
            case "POST", "/sdapi/v1/txt2img" | "/prompt":
                return _local(request)
            case "GET", "/history/job-1":
                return plain(200, {JOB: {"outputs": {"9": {"images": [SAVED]}}}})
            case "GET", "/view":
                return _bytes("image/png", PICTURE)
    except (msgspec.DecodeError, KeyError, ValueError) as problem:
        return plain(400, error(400, f"cannot read the request: {problem!r}"))
    return None


def form(request: Request) -> dict[str, list[bytes]]:
    """The parts of a form by name, read by the standard library."""
    kind = request.header("content-type") or ""
    message = BytesParser(policy=policy.HTTP).parsebytes(f"content-type: {kind}\r\n\r\n".encode() + request.body)
    found: dict[str, list[bytes]] = {}
    for part in message.iter_parts():
        name = part.get_param("name", header="content-disposition")
        payload = part.get_payload(decode=True)
        assert isinstance(payload, bytes)
        found.setdefault(str(name), []).append(payload)
    return found


def _picture(request: Request) -> Plan:
    body = msgspec.json.decode(request.body)
    if "forbidden" in body["prompt"]:
        refusal = error(400, "Your request was rejected by our safety system.")
        refusal["error"]["code"] = "content_policy_violation"
        return plain(400, refusal)
    inline = base64.b64encode(PICTURE).decode()
    if body.get("stream"):
        kinds = ("image_generation.partial_image", "image_generation.completed")
        events = [{"type": kind, "b64_json": inline} for kind in kinds]
        events[-1]["usage"] = USAGE
        return _events(events)
    url = f"http://{request.header('host')}/files/fox.png"
    pictures = [{"url": url, "revised_prompt": body["prompt"]} for _ in range(body.get("n", 1))]
    return plain(200, {"created": CREATED, "data": pictures})


def _transcript(request: Request) -> Plan:
    parts = form(request)
    if not parts["file"][0] or parts["model"] != [b"scripted-small"]:
        return plain(400, error(400, f"bad form: {sorted(parts)}"))
    if parts.get("stream") == [b"true"]:
        pieces = [{"type": "transcript.text.delta", "delta": word} for word in HEARD.split()]
        return _events([*pieces, {"type": "transcript.text.done", "text": HEARD, "usage": USAGE}])
    match parts.get("response_format", [b"json"])[0]:
        case b"json":
            return plain(200, {"text": HEARD, "usage": USAGE})
        case b"verbose_json":
            whole = {"task": "transcribe", "language": "english", "duration": 2.0, "text": HEARD, "segments": []}
            return plain(200, whole)
        case _:
            return _bytes("text/plain; charset=utf-8", f"{HEARD}\n".encode())


def _local(request: Request) -> Plan:
    body = msgspec.json.decode(request.body)
    if request.path == "/prompt":
        assert body["prompt"]["9"]["class_type"] == "SaveImage"
        return plain(200, {"prompt_id": JOB, "number": 1, "node_errors": {}})
    inline = base64.b64encode(PICTURE).decode()
    return plain(200, {"images": [inline] * body["batch_size"], "parameters": {}, "info": "{}"})


def _events(events: list[dict]) -> Plan:
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
    frames = [Send(sse.event(event), event=True) for event in events]
    return Plan(steps=(Send(head), *frames, Send(b"0\r\n\r\n")))


def _bytes(kind: str, body: bytes) -> Plan:
    head = f"HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n"
    return Plan(steps=(Send(head.encode() + body),))
