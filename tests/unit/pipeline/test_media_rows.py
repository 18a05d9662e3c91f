"""The rows of providers of pictures and transcripts, as requests: the address, the credential, the way there."""

import base64

import msgspec
import pytest

from omniroute.catalog.loader import load
from omniroute.dialects.simple.base import Upload
from omniroute.dialects.simple.form_body import form
from omniroute.surfaces.forms import in_form
from omniroute.upstream.scripted import Answer, Fault
from tests.unit.pipeline.relay_stage import RelayStage
from tests.unit.pipeline.stage import Exchange

ROWS = load().providers
AT = "https://files.example/fox.png"
TASK = {"data": {"successFlag": 1, "response": {"resultImageUrl": AT}}}
HEARD = {"results": {"channels": [{"alternatives": [{"transcript": "hello"}]}]}}


def told(body: object, status: int = 200) -> Answer:
    packed = body if isinstance(body, bytes) else msgspec.json.encode(body)
    return Answer(status=status, headers={"content-type": "application/json"}, chunks=(packed,))


async def paint(on: RelayStage, model: str, **more: object) -> Exchange:
    return await on.ask(msgspec.json.encode({"model": model, "prompt": "a fox"} | more), "images")


async def hear(on: RelayStage, model: str) -> Exchange:
    file = Upload(field="file", filename="a.wav", content_type="audio/wav", data=b"RIFF")
    sent = form([("model", model)], [file], "t")
    return await on.ask(sent.body, "transcription", in_form, headers={"content-type": sent.content_type})


def asked(on: RelayStage) -> list[tuple[str, str]]:
    return [(request.method, request.url) for request in on.transport.requests]


@pytest.mark.parametrize(
    ("model", "url"),
    [
        ("openai/dall-e-3", "https://api.openai.com/v1/images/generations"),
        ("xai/grok-2-image-1212", "https://api.x.ai/v1/images/generations"),
        ("together/black-forest-labs/FLUX.1.1-pro", "https://api.together.xyz/v1/images/generations"),
        ("fireworks/flux-1-dev-fp8", "https://api.fireworks.ai/inference/v1/images/generations"),
        ("openrouter/openai/dall-e-3", "https://openrouter.ai/api/v1/images/generations"),
        ("nebius/flux-dev", "https://api.tokenfactory.nebius.com/v1/images/generations"),
    ],
)
async def test_openais_wire_is_spoken_at_many_places(model: str, url: str) -> None:
    on = RelayStage(told({"created": 1, "data": [{"url": AT}]}), row=ROWS[model.partition("/")[0]])
    exchange = await paint(on, model)
    assert exchange.json == {"created": 1, "data": [{"url": AT}]}
    assert asked(on) == [("POST", url)]
    assert dict(on.transport.requests[0].headers)["authorization"] == "Bearer sk-0"


async def test_what_a_provider_ignores_is_told_in_a_header() -> None:
    on = RelayStage(told({"created": 1, "data": [{"url": AT}]}), row=ROWS["xai"])
    exchange = await paint(on, "xai/grok-2-image-1212", size="1024x1024")
    assert b"size" not in on.transport.requests[0].body
    assert exchange.reply_headers[b"x-omniroute-losses"].startswith(b"1")


async def test_hyperbolics_pictures_have_their_own_path() -> None:
    on = RelayStage(told({"images": [{"image": "QQ=="}]}), row=ROWS["hyperbolic"])
    await paint(on, "hyperbolic/SD2")
    assert asked(on) == [("POST", "https://api.hyperbolic.xyz/v1/image/generation")]


async def test_a_task_is_waited_for_and_its_picture_brought_without_the_key() -> None:
    on = RelayStage(told({"data": {"taskId": "t 1"}}), told(TASK), told(b"fox"), row=ROWS["nanobanana"])
    exchange = await paint(on, "nb/nanobanana-pro", response_format="b64_json")
    base = "https://api.nanobananaapi.ai/api/v1/nanobanana"
    assert asked(on) == [("POST", f"{base}/generate-pro"), ("GET", f"{base}/record-info?taskId=t+1"), ("GET", AT)]
    assert [("authorization" in dict(request.headers)) for request in on.transport.requests] == [True, True, False]
    assert exchange.json["data"] == [{"b64_json": base64.b64encode(b"fox").decode()}]
    assert on.waited == [2.5]


async def test_a_task_that_never_ends_is_a_504() -> None:
    running = told({"data": {"successFlag": 0}})
    on = RelayStage(told({"data": {"taskId": "t"}}), *[running] * 100, row=ROWS["nanobanana"])
    exchange = await paint(on, "nb/nanobanana-flash")
    assert (exchange.status, sum(on.waited)) == (504, 120.0)
    assert "has not finished the picture within 120 s" in exchange.json["error"]["message"]


async def test_deepgram_takes_its_key_as_a_token() -> None:
    on = RelayStage(told(HEARD), row=ROWS["deepgram"])
    exchange = await hear(on, "deepgram/nova-3")
    query = "model=nova-3&smart_format=true&punctuate=true&detect_language=true"
    assert asked(on) == [("POST", f"https://api.deepgram.com/v1/listen?{query}")]
    headers = dict(on.transport.requests[0].headers)
    assert (headers["authorization"], headers["content-type"]) == ("Token sk-0", "audio/wav")
    assert exchange.json == {"text": "hello", "task": "transcribe"}


async def test_assemblyai_takes_its_key_as_it_is() -> None:
    on = RelayStage(
        told({"upload_url": "https://cdn.example/1"}),
        told({"id": "j"}),
        told({"status": "completed", "text": "hello"}),
        row=ROWS["assemblyai"],
    )
    exchange = await hear(on, "aai/best")
    base = "https://api.assemblyai.com/v2"
    assert asked(on) == [
        ("POST", f"{base}/upload"),
        ("POST", f"{base}/transcript"),
        ("GET", f"{base}/transcript/j"),
    ]
    assert {dict(request.headers)["authorization"] for request in on.transport.requests} == {"sk-0"}
    assert exchange.json == {"text": "hello", "task": "transcribe"}


@pytest.mark.parametrize(
    ("model", "url"),
    [
        ("openai/whisper-1", "https://api.openai.com/v1/audio/transcriptions"),
        ("groq/whisper-large-v3", "https://api.groq.com/openai/v1/audio/transcriptions"),
        ("nvidia/parakeet", "https://integrate.api.nvidia.com/v1/audio/transcriptions"),
        (
            "huggingface/openai/whisper-large-v3",
            "https://router.huggingface.co/hf-inference/models/openai/whisper-large-v3",
        ),
    ],
)
async def test_a_recording_goes_where_its_provider_hears(model: str, url: str) -> None:
    on = RelayStage(told({"text": "hello"}), row=ROWS[model.partition("/")[0]])
    exchange = await hear(on, model)
    assert (exchange.status, exchange.json["text"], asked(on)) == (200, "hello", [("POST", url)])


async def test_an_account_that_is_tired_is_followed_by_the_next_one() -> None:
    on = RelayStage(told({"err_msg": "slow down"}, 429), told(HEARD), row=ROWS["deepgram"], accounts=2)
    exchange = await hear(on, "deepgram/nova-3")
    assert exchange.json["text"] == "hello"
    assert [dict(r.headers)["authorization"] for r in on.transport.requests] == ["Token sk-0", "Token sk-1"]


async def test_a_picture_that_cannot_be_had_is_neither_made_again_nor_held_against_the_account() -> None:
    made = told({"created": 1, "data": [{"url": AT}]})
    lost = Fault("blocked", "the address 10.0.0.1 of files.example is private")
    on = RelayStage(made, lost, made, told(b"fox"), row=ROWS["openai"], accounts=2)
    exchange = await paint(on, "openai/dall-e-3", response_format="b64_json")
    assert (exchange.status, exchange.json["error"]["code"]) == (502, "picture_unreachable")
    assert (
        "cannot be fetched: the address 10.0.0.1 of files.example is private" in exchange.json["error"]["message"]
    )
    again = await paint(on, "openai/dall-e-3", response_format="b64_json")
    assert again.status == 200
    assert dict(on.transport.requests[2].headers)["authorization"] == "Bearer sk-0"
