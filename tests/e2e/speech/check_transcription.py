"""A real voice becomes real words: recording, OpenAI's SDK, the gateway, and a recogniser that listens.

Not one of the tests of every run, because of its 57 MB: `make e2e-all` has it.
"""

import io
import wave
from collections.abc import Iterator
from pathlib import Path

import openai
import pytest

from tests.e2e.local_server import environment, listening
from tests.support.gateway import Gateway

HERE = Path(__file__).parent
CLIP = "lib/python3*/site-packages/moonshine_voice/assets/two_cities.wav"
SECONDS = 7


@pytest.fixture(scope="module")
def python() -> Path:
    return environment(HERE)


@pytest.fixture(scope="module")
def recogniser(python: Path) -> Iterator[str]:
    with listening(python, HERE / "recogniser.py") as address:
        yield f"{address}/v1"


@pytest.fixture(scope="module")
def recording(python: Path) -> bytes:
    """The beginning of a reading of A Tale of Two Cities."""
    whole = io.BytesIO()
    with wave.open(str(next(python.glob(CLIP)))) as clip, wave.open(whole, "wb") as cut:
        cut.setparams(clip.getparams())
        cut.writeframes(clip.readframes(SECONDS * clip.getframerate()))
    return whole.getvalue()


@pytest.mark.timeout(300)
def test_a_voice_is_understood_through_the_gateway(recogniser: str, recording: bytes, tmp_path: Path) -> None:
    with Gateway(tmp_path) as gateway:
        prefix = gateway.provider("openai-compatible", recogniser, api_type="audio-transcriptions")
        with openai.OpenAI(
            base_url=f"{gateway.url}/v1", api_key=gateway.client_key("ear"), max_retries=0, timeout=120
        ) as client:
            answer = client.audio.transcriptions.create(
                model=f"{prefix}/sphinx", file=("tale.wav", recording, "audio/wav")
            )
    assert "it was the best of times" in answer.text
