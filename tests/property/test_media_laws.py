"""Laws of conversations about pictures and recordings: whatever a provider answers at whatever step, each ends in
an answer or a failure, within its bounds; and a form survives the way there and back."""

import itertools

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from omniroute.dialects.simple.base import Codec, Fetch, Got, Question, Upload
from omniroute.dialects.simple.event_meter import EventMeter
from omniroute.dialects.simple.form_body import form
from omniroute.dialects.simple.registry import CODECS
from omniroute.dialects.simple.transcript import Word, cues
from omniroute.ir.failure import Failure
from omniroute.surfaces.forms import in_form
from tests.support.conversing import asked, audio_question, image_question, said

PAINTERS = [codec for name, codec in CODECS.items() if name.startswith("images")]
HEARERS = [codec for name, codec in CODECS.items() if name.startswith("transcription")]
LONGEST_S = 120.0
MAX_FETCHES = 10

NAMES = [
    "data",
    "images",
    "image",
    "url",
    "b64_json",
    "created",
    "error",
    "message",
    "detail",
    "err_msg",
    "code",
    "msg",
    "taskId",
    "successFlag",
    "response",
    "errorMessage",
    "resultImageUrl",
    "resultImageUrls",
    "resultImageBase64",
    "prompt_id",
    "outputs",
    "status",
    "status_str",
    "messages",
    "completed",
    "exception_message",
    "filename",
    "subfolder",
    "type",
    "results",
    "channels",
    "alternatives",
    "transcript",
    "words",
    "word",
    "punctuated_word",
    "start",
    "end",
    "detected_language",
    "metadata",
    "duration",
    "upload_url",
    "id",
    "text",
    "language_code",
    "audio_duration",
    "usage",
    "input_tokens",
    "estimated_time",
    "node_errors",
    "errors",
    "details",
    "job",
]
LEAVES = (
    st.none()
    | st.booleans()
    | st.integers(-(10**20), 10**20)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from(["job", "completed", "error", "https://files.example/a", "data:image/png;base64,QQ==", ""])
    | st.text(max_size=5)
)
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=4),
    max_leaves=12,
)
GOOD = st.sampled_from(
    [
        {"data": [{"url": "https://files.example/a"}]},
        {"images": [{"image": "QQ=="}]},
        {"data": {"taskId": "job"}},
        {"data": {"successFlag": 1, "response": {"resultImageUrl": "https://files.example/a"}}},
        {"data": {"successFlag": 0}},
        {"prompt_id": "job"},
        {"job": {"outputs": {"9": {"images": [{"filename": "a"}]}}}},
        {"upload_url": "https://files.example/u"},
        {"id": "job"},
        {"status": "completed", "text": "hi", "words": [{"text": "hi", "start": 1, "end": 2}]},
        {"results": {"channels": [{"alternatives": [{"transcript": "hi"}]}]}},
        {"text": "hi"},
    ]
).map(said)
STATUSES = st.sampled_from([0, 100, 200, 200, 200, 204, 301, 400, 401, 404, 429, 500, 503, 529, 599, 999])
HEADERS = st.dictionaries(
    st.sampled_from(["retry-after", "date", "content-type"]), st.text(max_size=8), max_size=2
)
ANY = st.builds(
    lambda status, body, headers: Got(status=status, body=body, headers=headers),
    STATUSES,
    VALUES.map(msgspec.json.encode) | st.binary(max_size=30),
    HEADERS,
)
REPLIES = st.lists(GOOD | ANY, min_size=1, max_size=6)

WISHES = st.fixed_dictionaries(
    {},
    optional={
        "n": st.integers(1, 10),
        "size": st.sampled_from(["512x512", "1024x1792", "auto"]),
        "response_format": st.sampled_from(["url", "b64_json"]),
        "quality": VALUES,
        "image_url": VALUES,
        "anything": VALUES,
    },
)
FORM_WISHES = st.fixed_dictionaries(
    {},
    optional={
        "language": st.text(max_size=5),
        "prompt": st.text(max_size=5),
        "response_format": st.sampled_from(["json", "text", "verbose_json"]),
        "timestamp_granularities[]": st.sampled_from(["word", "segment", ["word", "segment"]]),
    },
)


def check_ending(codec: Codec, question: Question, replies: list[Got]) -> None:
    held = asked(codec, question, *replies)
    assert held.waited_s <= LONGEST_S
    assert sum(isinstance(step, Fetch) for step in held.steps) <= MAX_FETCHES
    if isinstance(held.result, Failure):
        assert 400 <= held.result.status <= 599
        assert held.result.message.strip()
        assert len(held.result.message.splitlines()) == 1
        assert held.result.retry_after is None or held.result.retry_after >= 0
        msgspec.json.encode(held.result)
    elif held.answer.content_type == "application/json":
        msgspec.json.decode(held.answer.body)


@given(codec=st.sampled_from(PAINTERS), replies=REPLIES, wishes=WISHES)
def test_a_conversation_about_a_picture_ends_well_whatever_it_meets(
    codec: Codec, replies: list[Got], wishes: dict[str, object]
) -> None:
    check_ending(codec, image_question(**wishes), replies)


@given(codec=st.sampled_from(HEARERS), replies=REPLIES, wishes=FORM_WISHES)
def test_a_conversation_about_a_recording_ends_well_whatever_it_meets(
    codec: Codec, replies: list[Got], wishes: dict[str, object]
) -> None:
    check_ending(codec, audio_question("openai/whisper", **wishes), replies)


@given(
    fields=st.lists(st.tuples(st.sampled_from(["a", "b", "ü[]", 'q"q']), st.text()), max_size=5),
    data=st.binary() | st.sampled_from([b"\r\n--", b"--", b"\r\n"]),
    filename=st.text(st.characters(exclude_characters="\\%", exclude_categories=("Cs", "Cc")), min_size=1),
)
def test_a_form_that_is_written_is_read_as_it_was(
    fields: list[tuple[str, str]], data: bytes, filename: str
) -> None:
    upload = Upload(field="file", filename=filename, content_type="audio/wav", data=data)
    written = form([("model", "m"), *fields], [upload], "token")
    read = in_form(written.body, written.content_type)
    expected: dict[str, object] = {"model": "m"}
    for name in dict.fromkeys(name for name, _ in fields):
        values = [value for given_name, value in fields if given_name == name]
        expected[name] = values if len(values) > 1 else values[0]
    assert (read.fields, read.uploads) == (expected, (upload,))


EVENTS = (
    b'event: transcript.text.delta\ndata: {"type":"transcript.text.delta","delta":"hi"}\n\n'
    b'data: {"type":"transcript.text.done","text":"hi","usage":{"type":"tokens","input_tokens":7,'
    b'"output_tokens":3}}\n\n'
)


@given(cuts=st.sets(st.integers(1, len(EVENTS) - 1), max_size=8))
def test_a_meter_reads_the_same_however_a_stream_is_cut(cuts: set[int]) -> None:
    meter = EventMeter()
    marks = [0, *sorted(cuts), len(EVENTS)]
    for start, end in itertools.pairwise(marks):
        assert meter.ended is False
        meter.feed(EVENTS[start:end])
    assert meter.usage is not None
    assert (meter.usage.input, meter.usage.output, meter.ended, meter.failure) == (7, 3, True, None)


@given(chunks=st.lists(st.binary(max_size=20)))
def test_a_meter_never_stumbles(chunks: list[bytes]) -> None:
    meter = EventMeter()
    for chunk in chunks:
        meter.feed(chunk)
    assert meter.usage is None


@given(
    words=st.lists(
        st.builds(Word, text=st.text("ab.", min_size=1, max_size=9), start=st.floats(0, 99), end=st.floats(0, 99))
    )
)
def test_subtitles_hold_every_word_once_and_in_order(words: list[Word]) -> None:
    assert " ".join(cue.text for cue in cues(words)) == " ".join(word.text for word in words)
