"""The OpenAI SDK for Python, over real sockets, for pictures and transcripts: straight at the scripted upstream,
through the gateway, and servers of pictures that speak another wire."""

import base64
import http.client
import io
from collections.abc import Iterator

import openai
import pytest
from openai.types.audio import TranscriptionVerbose

from tests.support.asking import ask
from tests.support.stage import Site, Stage, direct, stage
from tests.support.upstream import media
from tests.support.upstream.media import HEARD, PICTURE
from tests.support.upstream.server import ScriptedUpstream

SOUND = b"ID3 la la la"


@pytest.fixture(scope="module")
def upstream() -> Iterator[ScriptedUpstream]:
    with ScriptedUpstream() as running:
        yield running


@pytest.fixture(scope="module")
def behind(upstream: ScriptedUpstream, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with stage(upstream, tmp_path_factory.mktemp("gateway")) as running:
        yield running


@pytest.fixture(params=["direct", "gateway"])
def site(request: pytest.FixtureRequest, upstream: ScriptedUpstream) -> Site:
    if request.param == "direct":
        return direct(upstream, "openai")
    return request.getfixturevalue("behind").site("openai")


@pytest.fixture
def client(site: Site) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{site.url}/v1", api_key=site.key, max_retries=0, timeout=20) as made:
        yield made


def sound(name: str = "talk.mp3") -> io.BytesIO:
    file = io.BytesIO(SOUND)
    file.name = name
    return file


def test_pictures_come_by_address(site: Site, client: openai.OpenAI) -> None:
    answer = client.images.generate(model=site.model, prompt="a red fox", n=2, size="1024x1024")
    assert answer.data is not None
    assert [picture.url for picture in answer.data] == [f"{site.upstream.url}/files/fox.png"] * 2
    assert answer.data[0].revised_prompt == "a red fox"
    sent = site.upstream.received[-1].json
    assert sent == {"model": "scripted-small", "prompt": "a red fox", "n": 2, "size": "1024x1024"}


def test_bytes_that_are_wanted_are_brought(behind: Stage) -> None:
    model = behind.model("openai")
    with openai.OpenAI(base_url=f"{behind.url}/v1", api_key=behind.key, max_retries=0) as client:
        answer = client.images.generate(model=model, prompt="a red fox", response_format="b64_json")
    assert answer.data is not None
    assert answer.data[0].url is None
    assert base64.b64decode(answer.data[0].b64_json or "") == PICTURE
    fetched = behind.upstream.received[-1].request
    assert (fetched.path, fetched.header("authorization")) == ("/files/fox.png", None)


def test_a_picture_streams(site: Site, client: openai.OpenAI) -> None:
    events = list(client.images.generate(model=site.model, prompt="a red fox", stream=True))
    assert [event.type for event in events] == ["image_generation.partial_image", "image_generation.completed"]
    assert base64.b64decode(events[-1].b64_json) == PICTURE


def test_a_prompt_that_is_refused_is_refused_in_the_providers_words(site: Site, client: openai.OpenAI) -> None:
    with pytest.raises(openai.BadRequestError, match="rejected by our safety system") as raised:
        client.images.generate(model=site.model, prompt="forbidden")
    assert raised.value.code == "content_policy_violation"


@pytest.mark.parametrize("ending", ["mp3", "wav", "m4a", "flac", "ogg", "webm"])
def test_a_recording_of_any_kind_becomes_text(site: Site, client: openai.OpenAI, ending: str) -> None:
    answer = client.audio.transcriptions.create(model=site.model, file=sound(f"talk.{ending}"), language="en")
    assert answer.text == HEARD
    parts = media.form(site.upstream.received[-1].request)
    assert parts == {"model": [b"scripted-small"], "language": [b"en"], "file": [SOUND]}


def test_a_transcript_has_the_form_that_was_asked_for(site: Site, client: openai.OpenAI) -> None:
    verbose = client.audio.transcriptions.create(
        model=site.model,
        file=sound(),
        response_format="verbose_json",
        timestamp_granularities=["word", "segment"],
    )
    assert isinstance(verbose, TranscriptionVerbose)
    assert (verbose.text, verbose.duration) == (HEARD, 2.0)
    assert media.form(site.upstream.received[-1].request)["timestamp_granularities[]"] == [b"word", b"segment"]
    plain = client.audio.transcriptions.create(model=site.model, file=sound(), response_format="text")
    assert plain == f"{HEARD}\n"


def test_a_transcript_streams(site: Site, client: openai.OpenAI) -> None:
    events = list(client.audio.transcriptions.create(model=site.model, file=sound(), stream=True))
    assert [event.type for event in events] == ["transcript.text.delta"] * 5 + ["transcript.text.done"]


def test_a_recording_may_be_longer_than_any_other_body(behind: Stage) -> None:
    """The head is enough to see it: a body that is too long is refused before it is sent."""
    heads = {}
    for path in ("/v1/audio/transcriptions", "/v1/embeddings"):
        connection = http.client.HTTPConnection("127.0.0.1", behind.gateway.port, timeout=20)
        try:
            connection.putrequest("POST", path)
            connection.putheader("Content-Length", str(101 * 1024 * 1024))
            connection.putheader("Authorization", f"Bearer {behind.key}")
            connection.endheaders()
            with connection.getresponse() as answer:
                heads[path] = (answer.status, answer.read())
        finally:
            connection.close()
    assert [status for status, _ in heads.values()] == [413, 413]
    assert b"the limit is 100 MB" in heads["/v1/audio/transcriptions"][1]
    assert b"the limit is 64 MB" in heads["/v1/embeddings"][1]


@pytest.mark.parametrize(
    ("provider", "asked"),
    [
        ("sdwebui", ["/sdapi/v1/txt2img"]),
        ("comfyui", ["/prompt", "/history/job-1", "/view"]),
    ],
)
def test_a_server_of_ones_own_paints(behind: Stage, provider: str, asked: list[str]) -> None:
    behind.upstream.reset()
    here = {"baseUrl": behind.upstream.url}
    behind.gateway.admin(
        "POST", "/api/providers", {"provider": provider, "name": provider, "providerSpecificData": here}
    )
    with openai.OpenAI(base_url=f"{behind.url}/v1", api_key=behind.key, max_retries=0) as client:
        answer = client.images.generate(model=f"{provider}/sdxl", prompt="a red fox", size="512x512")
    assert answer.data is not None
    assert base64.b64decode(answer.data[0].b64_json or "") == PICTURE
    assert [one.request.path for one in behind.upstream.received] == asked
    listed = ask(behind.url, "/v1/images/generations", headers=behind.headers("openai")).json["data"]
    found = next(model for model in listed if model["owned_by"] == provider)
    assert (found["type"], found["supported_sizes"][0]) == ("image", "512x512")


def test_the_route_of_a_provider_adds_its_prefix(behind: Stage) -> None:
    prefix, _, model = behind.model("openai").partition("/")
    path = f"/v1/providers/{prefix}/images/generations"
    told = ask(behind.url, path, {"model": model, "prompt": "a red fox"}, headers=behind.headers("openai"))
    assert (told.status, len(told.json["data"])) == (200, 1)
    assert behind.upstream.received[-1].json["model"] == "scripted-small"


def test_the_route_of_a_provider_refuses_the_model_of_another_one(behind: Stage) -> None:
    body = {"model": "openai/dall-e-3", "prompt": "a red fox"}
    told = ask(behind.url, "/v1/providers/sdwebui/images/generations", body, headers=behind.headers("openai"))
    assert (told.status, told.json["error"]["code"]) == (400, "model_provider_mismatch")


@pytest.mark.parametrize(
    ("body", "content_type", "message"),
    [
        (b"{}", "application/json", "Invalid multipart form data: the content type must be"),
        (b"--x\r\n", "multipart/form-data; boundary=x", "Invalid multipart form data: "),
        (
            b'--x\r\nContent-Disposition: form-data; name="model"\r\n\r\nup/m\r\n--x--\r\n',
            "multipart/form-data; boundary=x",
            "file is required",
        ),
    ],
)
def test_a_bad_form_is_a_clear_400(behind: Stage, body: bytes, content_type: str, message: str) -> None:
    headers = behind.headers("openai") | {"Content-Type": content_type}
    told = ask(behind.url, "/v1/audio/transcriptions", body, headers=headers)
    assert told.status == 400
    assert message in told.json["error"]["message"]


def test_a_prompt_is_required(behind: Stage) -> None:
    model = behind.model("openai")
    told = ask(behind.url, "/v1/images/generations", {"model": model}, headers=behind.headers("openai"))
    assert (told.status, told.json["error"]["message"]) == (400, f"Prompt is required for image model: {model}")


def test_no_prompt_is_ever_logged(behind: Stage) -> None:
    model = behind.model("openai")
    for prompt in ("a secret unicorn", "forbidden secret unicorn"):
        body = {"model": model, "prompt": prompt}
        ask(behind.url, "/v1/images/generations", body, headers=behind.headers("openai"))
    assert "unicorn" not in behind.gateway.log()
