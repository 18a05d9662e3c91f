"""`omniroute models` and `omniroute ask`: which models there are, and what one of them says."""

import sys
from collections.abc import Iterable, Iterator
from typing import Annotated

import msgspec
import typer

from omniroute.cli.command import Call
from omniroute.cli.problem import USAGE, Problem
from omniroute.ir.json import JsonObject


class _Model(msgspec.Struct):
    id: str
    owned_by: str = ""


class _Models(msgspec.Struct):
    data: list[JsonObject]


class _Delta(msgspec.Struct):
    content: str | None = None
    refusal: str | None = None


class _Choice(msgspec.Struct):
    delta: _Delta = msgspec.field(default_factory=_Delta)


class _Failure(msgspec.Struct):
    message: str = "the provider failed"


class _Chunk(msgspec.Struct):
    choices: list[_Choice] = []
    error: _Failure | None = None


def ls(
    call: Call,
    search: Annotated[str, typer.Option("--search", metavar="TEXT", help="Only ids that hold this text.")] = "",
) -> None:
    """List the models that can be called now.

    \b
    Examples:
      omniroute models ls
      omniroute models ls --search claude
    """
    found = [
        model
        for model in call.place.client().get("/v1/models", _Models).data
        if search.lower() in str(model.get("id", "")).lower()
    ]
    if call.output.json:
        call.output.value(found)
        return
    rows = msgspec.convert(found, list[_Model])
    call.output.table(("ID", "OWNER"), [(model.id, model.owned_by) for model in rows])


def ask(
    call: Call,
    model: Annotated[str, typer.Argument(metavar="MODEL", help="As in `omniroute models ls`.")],
    text: Annotated[str | None, typer.Argument(metavar="[TEXT]", help="The question; stdin without it.")] = None,
) -> None:
    """Ask a model and print the answer as it comes. With both TEXT and stdin, stdin is put below TEXT.

    OMNIROUTE_API_KEY is used as the client key when it is set.

    \b
    Examples:
      omniroute ask demo/hello "Hi there"
      git diff | omniroute ask openai/gpt-5-mini "Write a commit message"
    """
    piped = "" if sys.stdin.isatty() else sys.stdin.read().strip()
    question = "\n\n".join(part for part in (text, piped) if part)
    if not question:
        raise Problem("there is nothing to ask", hint='omniroute ask demo/hello "Hi there"', code=USAGE)
    body: JsonObject = {"model": model, "messages": [{"role": "user", "content": question}], "stream": True}
    chunks = _chunks(call.place.client().lines("POST", "/v1/chat/completions", body))
    if call.output.json:
        call.output.value({"model": model, "text": "".join(_texts(chunks))})
        return
    for piece in _texts(chunks):
        call.output.text(piece, end="")
    call.output.text("")


def _chunks(lines: Iterable[bytes]) -> Iterator[_Chunk]:
    """The chunks of an event stream up to its end. A stream without an end is a failure, however much it said."""
    for line in lines:
        if not line.startswith(b"data:"):
            continue
        data = line[5:].strip()
        if data == b"[DONE]":
            return
        yield msgspec.json.decode(data, type=_Chunk)
    raise Problem("the answer broke off before its end", hint="`omniroute logs` shows what happened")


def _texts(chunks: Iterable[_Chunk]) -> Iterator[str]:
    for chunk in chunks:
        if chunk.error is not None:
            raise Problem(chunk.error.message)
        for choice in chunk.choices:
            if piece := choice.delta.content or choice.delta.refusal:
                yield piece
