"""What was said, and the forms in which OpenAI's clients ask for it: json, verbose_json, text, srt, vtt.

Source: platform.openai.com/docs/api-reference/audio/createTranscription. Numbers that no provider of ours gives
(`avg_logprob` and the like) are left out, not invented.
"""

from collections.abc import Sequence
from typing import Final

import msgspec

from omniroute.dialects.look import as_array, as_text
from omniroute.dialects.simple.base import Answer, Question
from omniroute.errors import InvalidRequest
from omniroute.ir.json import JsonObject

FORMATS: Final = ("json", "text", "srt", "verbose_json", "vtt")
SUBTITLES: Final = ("srt", "vtt")

_LONGEST_S: Final = 7.0
_LONGEST_CHARS: Final = 84
"""A subtitle is two lines of 42 characters for at most 7 s, as broadcasters have it."""

_SENTENCE_ENDS: Final = (".", "?", "!", "。", "?", "!")


class Word(msgspec.Struct, frozen=True, kw_only=True):
    """`start` and `end` are seconds from the beginning."""

    text: str
    start: float
    end: float


class Transcript(msgspec.Struct, frozen=True, kw_only=True):
    """`duration` is in seconds, `language` as the provider writes it; None where it did not say. `extra` are
    members of its own that go into JSON."""

    text: str
    language: str | None = None
    duration: float | None = None
    words: tuple[Word, ...] = ()
    extra: JsonObject = {}


def wanted_format(question: Question, offered: Sequence[str]) -> str:
    """The form that the client asked for. Raises `InvalidRequest` when it is not `offered`."""
    wanted = question.fields.get("response_format") or "json"
    if wanted not in offered:
        why = ": this provider gives no times of words" if wanted in SUBTITLES else ""
        raise InvalidRequest(
            f"response_format {wanted!r} cannot be used for transcription model {question.shown_model!r}{why};"
            f" use one of {', '.join(offered)}"
        )
    return str(wanted)


def shown(transcript: Transcript, question: Question) -> Answer:
    """The answer in the form that the client asked for, which `wanted_format` has checked."""
    match question.fields.get("response_format") or "json":
        case "text":
            return _text(transcript.text + "\n")
        case "srt":
            return _text(_srt(cues(transcript.words)), "application/x-subrip")
        case "vtt":
            return _text(_vtt(cues(transcript.words)), "text/vtt")
        case "verbose_json":
            return Answer(body=msgspec.json.encode(_plain(transcript) | _details(transcript, question)))
        case _:
            return Answer(body=msgspec.json.encode(_plain(transcript)))


def cues(words: Sequence[Word]) -> list[Word]:
    """Words put together to what fits on a screen, and to sentences where those are short enough."""
    found: list[Word] = []
    for word in words:
        last = found[-1] if found else None
        if (
            last is None
            or last.text.endswith(_SENTENCE_ENDS)
            or word.end - last.start > _LONGEST_S
            or len(last.text) + 1 + len(word.text) > _LONGEST_CHARS
        ):
            found.append(word)
        else:
            found[-1] = Word(text=f"{last.text} {word.text}", start=last.start, end=word.end)
    return found


def _plain(transcript: Transcript) -> JsonObject:
    return {
        "text": transcript.text,
        "task": "transcribe",
        **({} if transcript.language is None else {"language": transcript.language}),
        **({} if transcript.duration is None else {"duration": transcript.duration}),
        **transcript.extra,
    }


def _details(transcript: Transcript, question: Question) -> JsonObject:
    """Times of segments, words or both, as `timestamp_granularities` says; of segments when it says nothing."""
    if not transcript.words:
        return {}
    granularities = _granularities(question)
    details: JsonObject = {}
    if "word" in granularities:
        details["words"] = [{"word": word.text, "start": word.start, "end": word.end} for word in transcript.words]
    if "segment" in granularities or "word" not in granularities:
        details["segments"] = [
            {"id": number, "start": cue.start, "end": cue.end, "text": cue.text}
            for number, cue in enumerate(cues(transcript.words))
        ]
    return details


def _granularities(question: Question) -> set[str]:
    given = question.fields.get("timestamp_granularities[]", question.fields.get("timestamp_granularities"))
    listed = as_array(given)
    return {text for item in ((given,) if listed is None else listed) if (text := as_text(item))}


def _srt(shown_cues: Sequence[Word]) -> str:
    return "".join(
        f"{number}\n{_clock(cue.start, ',')} --> {_clock(cue.end, ',')}\n{cue.text}\n\n"
        for number, cue in enumerate(shown_cues, 1)
    )


def _vtt(shown_cues: Sequence[Word]) -> str:
    return "WEBVTT\n\n" + "".join(
        f"{_clock(cue.start, '.')} --> {_clock(cue.end, '.')}\n{cue.text}\n\n" for cue in shown_cues
    )


def _clock(seconds: float, point: str) -> str:
    milliseconds = round(max(0.0, seconds) * 1000)
    minutes, milliseconds = divmod(milliseconds, 60_000)
    return f"{minutes // 60:02}:{minutes % 60:02}:{milliseconds // 1000:02}{point}{milliseconds % 1000:03}"


def _text(text: str, kind: str = "text/plain") -> Answer:
    return Answer(body=text.encode(), content_type=f"{kind}; charset=utf-8")
