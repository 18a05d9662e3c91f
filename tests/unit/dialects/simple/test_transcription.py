"""Recordings to words, on every provider's wire."""

import msgspec
import pytest

from omniroute.dialects.base import Loss
from omniroute.dialects.simple.base import Codec, Got, Send, Upload, Wait
from omniroute.dialects.simple.transcription import BareTranscription, Transcription
from omniroute.dialects.simple.transcription_assemblyai import AssemblyAiTranscription
from omniroute.dialects.simple.transcription_deepgram import DeepgramTranscription
from omniroute.dialects.simple.transcription_raw import RawTranscription
from omniroute.errors import InvalidRequest
from omniroute.surfaces.forms import in_form
from tests.support.conversing import asked, audio_question, said

OPENAI = Transcription()
BARE = BareTranscription()
DEEPGRAM = DeepgramTranscription()
ASSEMBLY = AssemblyAiTranscription()
RAW = RawTranscription()

HEARD = said(
    {
        "metadata": {"duration": 2.5},
        "results": {
            "channels": [
                {
                    "detected_language": "en",
                    "alternatives": [
                        {
                            "transcript": "Hello there. General Kenobi!",
                            "words": [
                                {"word": "hello", "punctuated_word": "Hello", "start": 0.1, "end": 0.5},
                                {"word": "there", "punctuated_word": "there.", "start": 0.5, "end": 0.9},
                                {"word": "general", "punctuated_word": "General", "start": 1.0, "end": 1.5},
                                {"word": "kenobi", "punctuated_word": "Kenobi!", "start": 1.5, "end": 2.1},
                            ],
                        }
                    ],
                }
            ]
        },
    }
)
UPLOADED = said({"upload_url": "https://cdn.example/upload/1"})
ORDERED = said({"id": "job/1", "status": "queued", "error": None})
WORKING = said({"id": "job/1", "status": "processing"})
WRITTEN = said(
    {
        "id": "job/1",
        "status": "completed",
        "text": "Hello there.",
        "language_code": "en_us",
        "audio_duration": 3,
        "words": [{"text": "Hello", "start": 100, "end": 500}, {"text": "there.", "start": 500, "end": 900}],
    }
)


def test_openais_form_is_sent_on_with_the_providers_model() -> None:
    question = audio_question(
        content_type="audio/mpeg",
        language="en",
        **{"timestamp_granularities[]": ["word", "segment"], "response_format": "verbose_json"},
    )
    (sent,) = asked(OPENAI, question, said({"text": "hi"})).sends
    form = in_form(sent.body, sent.content_type)
    assert sent.path == "/audio/transcriptions"
    assert form.fields == {
        "model": "hear-1",
        "language": "en",
        "timestamp_granularities[]": ["word", "segment"],
        "response_format": "verbose_json",
    }
    assert form.uploads == question.uploads


@pytest.mark.parametrize("name", ['a"b.mp3', "a\r\nx: y.mp3", "ü.mp3", "%22.mp3", "100%.wav"])
def test_no_file_name_can_break_the_form(name: str) -> None:
    (sent,) = asked(OPENAI, audio_question(filename=name), said({"text": "hi"})).sends
    (file,) = in_form(sent.body, sent.content_type).uploads
    assert (file.field, file.data) == ("file", b"ID3 sound")


@pytest.mark.parametrize(
    ("wanted", "body", "kind"),
    [
        ("json", b'{"text": "hi", "usage": {"type": "duration", "seconds": 1}}', "application/json"),
        ("srt", b"1\n00:00:00,000 --> 00:00:01,000\nhi\n", "text/plain; charset=utf-8"),
        ("text", b"hi\n", "text/plain"),
    ],
)
def test_what_comes_back_is_passed_on_in_its_own_type(wanted: str, body: bytes, kind: str) -> None:
    reply = Got(status=200, headers={"content-type": kind}, body=body)
    answer = asked(OPENAI, audio_question(response_format=wanted), reply).answer
    assert (answer.body, answer.content_type) == (body, kind)


def test_a_stream_of_a_transcript_is_relayed() -> None:
    step = next(OPENAI.ask(audio_question(stream="true")))
    assert isinstance(step, Send)
    assert (step.relay, step.meter is not None) == (True, True)


def test_json_that_is_none_is_a_failure() -> None:
    assert asked(OPENAI, audio_question(), Got(status=200, body=b"<html>")).failure.kind == "protocol"


def test_deepgram_gets_the_bytes_and_its_wishes_in_the_query() -> None:
    held = asked(DEEPGRAM, audio_question(prompt="names", temperature="0"), HEARD)
    assert held.sends == [
        Send(
            path="/listen",
            query="model=hear-1&smart_format=true&punctuate=true&detect_language=true",
            body=b"ID3 sound",
            content_type="audio/mpeg",
        )
    ]
    assert held.json == {
        "text": "Hello there. General Kenobi!",
        "task": "transcribe",
        "language": "en",
        "duration": 2.5,
    }
    assert held.answer.losses == (
        Loss(path="prompt", what="prompt", how="dropped", weight="quality"),
        Loss(path="temperature", what="temperature", how="dropped", weight="quality"),
    )


def test_a_language_that_is_named_is_not_detected() -> None:
    (sent,) = asked(DEEPGRAM, audio_question(language="de"), HEARD).sends
    assert sent.query == "model=hear-1&smart_format=true&punctuate=true&language=de"


@pytest.mark.parametrize(
    ("filename", "said_type", "sent_type"),
    [
        ("a.mp3", "", "audio/mpeg"),
        ("a.WAV", "application/octet-stream", "audio/wav"),
        ("a.m4a", "", "audio/mp4"),
        ("a.mp4", "video/mp4", "audio/mp4"),
        ("a.flac", "", "audio/flac"),
        ("a.ogg", "", "audio/ogg"),
        ("a.webm", "video/webm", "audio/webm"),
        ("a.wma", "", "audio/x-ms-wma"),
        ("a.bin", "audio/x-wav; rate=8000", "audio/x-wav"),
        ("clip.mkv", "video/x-matroska", "application/octet-stream"),
        ("noname", "", "application/octet-stream"),
    ],
)
def test_the_type_of_a_recording_is_never_video(filename: str, said_type: str, sent_type: str) -> None:
    (sent,) = asked(DEEPGRAM, audio_question(filename=filename, content_type=said_type), HEARD).sends
    assert sent.content_type == sent_type


def test_silence_is_an_empty_text_that_says_so() -> None:
    quiet = said({"results": {"channels": [{"alternatives": [{"transcript": None}]}]}})
    assert asked(DEEPGRAM, audio_question(), quiet).json == {
        "text": "",
        "task": "transcribe",
        "noSpeechDetected": True,
    }


def test_deepgrams_errors_are_told_in_its_own_words() -> None:
    refusal = said({"err_code": "INVALID_AUTH", "err_msg": "Invalid credentials.", "request_id": "r"}, 401)
    failure = asked(DEEPGRAM, audio_question(), refusal).failure
    assert (failure.kind, failure.message, failure.code) == (
        "authentication",
        "Invalid credentials.",
        "INVALID_AUTH",
    )


def test_a_verbose_answer_has_times() -> None:
    held = asked(DEEPGRAM, audio_question(response_format="verbose_json"), HEARD)
    assert held.json["segments"] == [
        {"id": 0, "start": 0.1, "end": 0.9, "text": "Hello there."},
        {"id": 1, "start": 1.0, "end": 2.1, "text": "General Kenobi!"},
    ]
    assert "words" not in held.json


def test_times_of_words_are_given_when_they_are_wanted() -> None:
    question = audio_question(response_format="verbose_json", **{"timestamp_granularities[]": "word"})
    told = asked(DEEPGRAM, question, HEARD).json
    assert told["words"][0] == {"word": "Hello", "start": 0.1, "end": 0.5}
    assert "segments" not in told


@pytest.mark.parametrize(
    ("wanted", "kind", "text"),
    [
        ("text", "text/plain; charset=utf-8", "Hello there. General Kenobi!\n"),
        (
            "srt",
            "application/x-subrip; charset=utf-8",
            "1\n00:00:00,100 --> 00:00:00,900\nHello there.\n\n"
            "2\n00:00:01,000 --> 00:00:02,100\nGeneral Kenobi!\n\n",
        ),
        (
            "vtt",
            "text/vtt; charset=utf-8",
            "WEBVTT\n\n00:00:00.100 --> 00:00:00.900\nHello there.\n\n"
            "00:00:01.000 --> 00:00:02.100\nGeneral Kenobi!\n\n",
        ),
    ],
)
def test_words_become_every_form_of_text(wanted: str, kind: str, text: str) -> None:
    answer = asked(DEEPGRAM, audio_question(response_format=wanted), HEARD).answer
    assert (answer.content_type, answer.body.decode()) == (kind, text)


def test_assemblyai_is_given_the_file_an_order_and_time() -> None:
    held = asked(ASSEMBLY, audio_question("universal-2", language="en"), UPLOADED, ORDERED, WORKING, WRITTEN)
    look = Send(method="GET", path="/transcript/job%2F1")
    assert held.steps == [
        Send(path="/upload", body=b"ID3 sound", content_type="application/octet-stream"),
        Send(
            path="/transcript",
            body=b'{"audio_url":"https://cdn.example/upload/1","speech_models":["universal-2"],'
            b'"language_code":"en"}',
        ),
        Wait(2.0),
        look,
        Wait(2.0),
        look,
    ]
    assert held.json == {"text": "Hello there.", "task": "transcribe", "language": "en_us", "duration": 3.0}


def test_best_is_assemblyais_older_word() -> None:
    held = asked(ASSEMBLY, audio_question("best"), UPLOADED, ORDERED, WRITTEN)
    assert msgspec.json.decode(held.sends[1].body) == {
        "audio_url": "https://cdn.example/upload/1",
        "speech_model": "best",
        "language_detection": True,
    }


def test_milliseconds_become_seconds() -> None:
    held = asked(ASSEMBLY, audio_question(response_format="srt"), UPLOADED, ORDERED, WRITTEN)
    assert held.answer.body == b"1\n00:00:00,100 --> 00:00:00,900\nHello there.\n\n"


def test_a_transcript_that_never_comes_is_given_up_after_two_minutes() -> None:
    held = asked(ASSEMBLY, audio_question(), UPLOADED, ORDERED, WORKING)
    assert (held.waited_s, held.failure.status, held.failure.kind) == (120.0, 504, "timeout")


def test_a_file_that_cannot_be_heard_is_told_and_tried_nowhere_else() -> None:
    held = asked(
        ASSEMBLY, audio_question(), UPLOADED, ORDERED, said({"status": "error", "error": "no speech in it"})
    )
    assert (held.failure.status, held.failure.kind) == (500, "invalid_request")
    assert held.failure.message == "no speech in it"


@pytest.mark.parametrize("replies", [[said({})], [UPLOADED, said({})], [UPLOADED, ORDERED, said([])]])
def test_half_an_order_is_a_failure(replies: list[Got]) -> None:
    assert asked(ASSEMBLY, audio_question(), *replies).failure.kind == "protocol"


@pytest.mark.parametrize("answer", [{"text": "hi"}, {"transcript": "hi"}])
def test_a_bare_provider_gets_file_and_model_only(answer: dict[str, str]) -> None:
    held = asked(BARE, audio_question(language="en", response_format="json"), said(answer))
    form = in_form(held.sends[0].body, held.sends[0].content_type)
    assert (form.fields, len(form.uploads)) == ({"model": "hear-1"}, 1)
    assert held.json == {"text": "hi", "task": "transcribe"}
    assert [loss.path for loss in held.answer.losses] == ["language"]


def test_a_raw_provider_has_the_model_in_the_path() -> None:
    held = asked(RAW, audio_question("openai/whisper-large-v3", filename="a.flac"), said({"text": "hi"}))
    assert held.sends == [
        Send(path="/models/openai/whisper-large-v3", body=b"ID3 sound", content_type="audio/flac")
    ]
    assert held.json["text"] == "hi"


@pytest.mark.parametrize("model", ["../secret", "a//b", "a/..", "/a", "a/", "a?b", "a b", "a#b", ""])
def test_a_model_that_is_no_path_is_refused(model: str) -> None:
    with pytest.raises(InvalidRequest, match="Invalid model ID"):
        RAW.check(audio_question(model))


@pytest.mark.parametrize("codec", [OPENAI, BARE, DEEPGRAM, ASSEMBLY, RAW])
def test_a_file_is_required_and_must_not_be_empty(codec: Codec) -> None:
    elsewhere = Upload(field="image", filename="a", content_type="", data=b"x")
    with pytest.raises(InvalidRequest, match="file is required"):
        codec.check(audio_question(uploads=[elsewhere]))
    with pytest.raises(InvalidRequest, match=r"file 'talk\.mp3' is empty"):
        codec.check(audio_question(data=b""))


@pytest.mark.parametrize("codec", [BARE, RAW])
@pytest.mark.parametrize("wanted", ["srt", "vtt"])
def test_subtitles_need_times_of_words(codec: Codec, wanted: str) -> None:
    with pytest.raises(InvalidRequest, match="gives no times of words; use one of json, text, verbose_json"):
        codec.check(audio_question("a/b", response_format=wanted))


@pytest.mark.parametrize("codec", [DEEPGRAM, ASSEMBLY])
def test_a_form_of_answer_that_does_not_exist_is_refused(codec: Codec) -> None:
    with pytest.raises(InvalidRequest, match="'docx' cannot be used"):
        codec.check(audio_question(response_format="docx"))
