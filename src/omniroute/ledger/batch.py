"""Folds journal records into table rows. Pure: any way to cut a journal into batches leaves the same tables."""

from collections.abc import Iterable
from operator import itemgetter
from typing import Any, Final, NamedTuple, TypeAlias, assert_never

from msgspec.structs import asdict

from omniroute.ledger.budgets import Charge
from omniroute.ledger.records import Attempted, Opened, Progress, Record, Settled

Columns: TypeAlias = dict[str, Any]
"""Column values, which differ in type."""

_MOST: Final = 2**63 - 1

_COUNTS: Final = (
    "input_tokens",
    "output_tokens",
    "cache_read_tokens",
    "cache_write_tokens",
    "reasoning_tokens",
    "audio_input_tokens",
    "audio_output_tokens",
    "image_input_tokens",
    "image_output_tokens",
    "cost_micro_usd",
)

_MOST_SMALL: Final = 2**31 - 1
_SMALL: Final = ("status", "first_event_ms", "duration_ms", "attempts", "losses")

_numbers: Final = itemgetter(*[name for name in (*_COUNTS, *_SMALL) if name != "cost_micro_usd"])
"""All of a settled row that are never None."""

_LONGEST: Final = {"model": 400, "model_asked": 400, "provider": 128, "connection_id": 128, "combo": 100}
"""Characters of what is looked up by an index: PostgreSQL refuses a row that takes more than 2,704 bytes there."""

_NO_MEDIA: Final = (0, 0, 0, 0, 0, 0)

_UNSETTLED: Final[Columns] = {
    "outcome": "open",
    "status": 0,
    "provider": "",
    "connection_id": "",
    "input_tokens": 0,
    "output_tokens": 0,
    "cache_read_tokens": 0,
    "cache_write_tokens": 0,
    "reasoning_tokens": 0,
    "audio_input_tokens": 0,
    "audio_output_tokens": 0,
    "image_input_tokens": 0,
    "image_output_tokens": 0,
    "usage_source": "none",
    "cost_micro_usd": None,
    "first_event_ms": 0,
    "duration_ms": 0,
    "attempts": 0,
    "losses": 0,
    "message": "",
    "settled_at": None,
    "price_source": None,
}


class Batch(NamedTuple):
    """Rows to write, in this order. A request that opened in the batch appears in `requests` only, with all that
    happened to it since; `settled` and `progressed` change requests that opened before. Of two reports of the
    same attempt the first counts. `charges` are sums, one for each window of a budget; `used` says when keys were
    last used, unix ms."""

    requests: list[Columns]
    progressed: list[Columns]
    settled: list[Columns]
    attempts: list[Columns]
    charges: list[Charge]
    used: dict[str, int]


def fold(records: Iterable[Record]) -> Batch:
    opened: dict[str, Columns] = {}
    progressed: dict[str, Columns] = {}
    settled: dict[str, Columns] = {}
    attempts: dict[tuple[str, int], Columns] = {}
    charges: dict[tuple[str, int], Charge] = {}
    used: dict[str, int] = {}
    for record in records:
        match record:
            case Opened():
                opened[record.request_id] = _opened(record)
                used[record.key_id] = max(milliseconds(record.at), used.get(record.key_id, 0))
            case Attempted():
                _add(charges, record.charges)
                attempts.setdefault((record.request_id, record.number), _attempted(record))
            case Progress():
                _add(charges, record.charges)
                columns = opened.get(record.request_id)
                if columns is None:
                    progressed[record.request_id] = {"id": record.request_id, **_progress(record)}
                elif columns["settled_at"] is None:
                    columns.update(_progress(record))
            case Settled():
                _add(charges, record.charges)
                said = _settled(record)
                if record.attempts == 1 and record.connection_id:
                    attempts.setdefault((record.request_id, 1), _implied(said))
                columns = opened.get(record.request_id)
                if columns is None:
                    settled[record.request_id] = said
                else:
                    columns.update(said)
            case _:
                assert_never(record)
    return Batch(
        list(opened.values()),
        list(progressed.values()),
        list(settled.values()),
        list(attempts.values()),
        list(charges.values()),
        used,
    )


def orphan(settled: Columns) -> Columns:
    """A whole row for a request whose opening was lost (the disk was full): its usage still counts."""
    return {
        **settled,
        "at": settled["settled_at"],
        "key_id": "",
        "dialect": "",
        "operation": "",
        "model_asked": "",
        "stream": False,
        "session_id": None,
        "client_request_id": None,
        "combo": "",
    }


def milliseconds(at: float) -> int:
    """Unix seconds as the tables keep them."""
    return round(at * 1000)


def _opened(record: Opened) -> Columns:
    columns = {**_UNSETTLED, **asdict(record)}
    columns["id"] = columns.pop("request_id")
    columns["at"] = milliseconds(record.at)
    columns["model_asked"] = record.model[: _LONGEST["model_asked"]]
    columns["model"] = ""
    columns["combo"] = record.combo[: _LONGEST["combo"]]
    return columns


def _add(charges: dict[tuple[str, int], Charge], more: tuple[Charge, ...]) -> None:
    for charge in more:
        budget_id, window, micro_usd, guessed = charge
        before = charges.get((budget_id, window))
        if before is not None:
            charge = Charge(budget_id, window, before.micro_usd + micro_usd, before.guessed + guessed)
        charges[budget_id, window] = charge


def _progress(record: Progress) -> Columns:
    # Nobody has said so yet that this is final.
    return _bounded(
        {
            "input_tokens": record.input_tokens,
            "output_tokens": record.output_tokens,
            "cache_read_tokens": record.cache_read_tokens,
            "cache_write_tokens": record.cache_write_tokens,
            "usage_source": "estimated",
            "provider": record.provider,
            "connection_id": record.connection_id,
            "model": record.model,
            "cost_micro_usd": record.cost_micro_usd,
            "price_source": record.price_source,
        }
    )


def _settled(record: Settled) -> Columns:
    columns = asdict(record)
    columns["id"] = columns.pop("request_id")
    columns["settled_at"] = milliseconds(columns.pop("at"))
    del columns["charges"], columns["media"], columns["cache_write_hour_tokens"], columns["tier"]
    audio_input, audio_cached, audio_output, image_input, image_cached, image_output = record.media or _NO_MEDIA
    columns["audio_input_tokens"] = audio_input + audio_cached
    columns["audio_output_tokens"] = audio_output
    columns["image_input_tokens"] = image_input + image_cached
    columns["image_output_tokens"] = image_output
    return columns if _is_usual(columns) else _bounded(columns)


def _attempted(record: Attempted) -> Columns:
    columns = asdict(record)
    columns["at"] = milliseconds(record.at)
    del columns["charges"]
    return _bounded(columns)


def _implied(settled: Columns) -> Columns:
    """The only attempt of a request: when it began well, whoever writes the journal need not report it apart."""
    return {
        "request_id": settled["id"],
        "number": 1,
        "at": settled["settled_at"],
        "provider": settled["provider"],
        "connection_id": settled["connection_id"],
        "model": settled["model"],
        "outcome": settled["outcome"],
        "status": settled["status"],
        "duration_ms": settled["duration_ms"],
        "message": settled["message"],
        "input_tokens": 0,
        "output_tokens": 0,
        "cache_read_tokens": 0,
        "cache_write_tokens": 0,
        "cost_micro_usd": None,
        "price_source": None,
    }


def _is_usual(settled: Columns) -> bool:
    """Whether nothing is as large as it may be: one look at nearly every request, where `_bounded` takes many."""
    return (
        max(_numbers(settled)) <= _MOST_SMALL
        and (settled["cost_micro_usd"] or 0) <= _MOST
        and len(settled["model"]) <= _LONGEST["model"]
        and len(settled["provider"]) <= _LONGEST["provider"]
        and len(settled["connection_id"]) <= _LONGEST["connection_id"]
    )


def _bounded(columns: Columns) -> Columns:
    """Values that fit their columns, whatever a provider claims."""
    for name in _COUNTS:
        if (columns.get(name) or 0) > _MOST:
            columns[name] = _MOST
    for name in _SMALL:
        if columns.get(name, 0) > _MOST_SMALL:
            columns[name] = _MOST_SMALL
    for name, most in _LONGEST.items():
        if len(columns.get(name, "")) > most:
            columns[name] = columns[name][:most]
    return columns
