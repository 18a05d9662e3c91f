"""A conversation of any dialect as the messages of Cohere's chat API.

Results of tools are messages of their own behind the assistant's; thinking goes back to models that think,
and to all others as the plan of the tool calls it led to.
"""

from collections.abc import Sequence
from typing import assert_never

from omniroute.dialects.cohere.wire import NAME, Message
from omniroute.dialects.losses import Losses
from omniroute.dialects.rounds import NO_RESPONSE, Called, Place, Placed, Round, rounds
from omniroute.ir.json import JsonObject
from omniroute.ir.parts import AnyPart, Media, Part, Reasoning, Refusal, Text, ToolCall, ToolResult, Unknown
from omniroute.ir.request import Turn


def messages_of(turns: tuple[Turn, ...], *, thinks: bool, losses: Losses) -> list[Message]:
    writer = _Writer(losses)
    arranged = rounds(turns, write=writer.write, fresh_id=CallIds().fresh, losses=losses)
    messages: list[Message] = []
    for placed in arranged.system:
        writer.unmarked(placed)
        messages.append({"role": "system", "content": [placed.block]})
    if not arranged.rounds:
        losses.added("turns", "first user turn", "quality")
        messages.append({"role": "user", "content": [{"type": "text", "text": "."}]})
    for one in arranged.rounds:
        for placed in one.parts:
            writer.unmarked(placed)
        if one.side == "assistant":
            messages.append(writer.assistant(one, thinks=thinks))
        else:
            messages += [writer.result(called) for called in one.answers]
            if one.parts:
                messages.append({"role": "user", "content": [placed.block for placed in one.parts]})
    return messages


class CallIds:
    """Hands out one unused id per call; what it gives depends only on the calls before."""

    def __init__(self) -> None:
        self._used: set[str] = set()

    def fresh(self, call_id: str) -> str:
        base = call_id or f"call_{len(self._used)}"
        name, n = base, 1
        while name in self._used:
            n += 1
            name = f"{base}_{n}"
        self._used.add(name)
        return name


class _Writer:
    def __init__(self, losses: Losses) -> None:
        self._losses = losses

    def write(self, part: AnyPart, path: str, place: Place) -> JsonObject | None:
        """The block for a part that is no call and no result; `rounds.Write`."""
        match part:
            case Text():
                if part.citations and place != "assistant":
                    self._losses.dropped(f"{path}.citations", "citations", "quality")
                elif part.citations:
                    self._losses.dropped(f"{path}.citations", "citations of an earlier answer", "quality")
                return self._plain(part, part.text, path)
            case Refusal():
                return self._plain(part, part.text, path) if part.text.strip() else None
            case Reasoning():
                return self._thought(part, path)
            case Media():
                return self._media(part, path, place)
            case Unknown():
                if part.origin == NAME and place == "assistant":
                    return part.data
                kind = part.data.get("type", "unknown")
                self._losses.dropped(path, f"{kind} block of {part.origin or 'an unknown dialect'}", "meaning")
                return None
            case ToolCall() | ToolResult():
                raise AssertionError("calls and results have messages of their own")
            case _:
                assert_never(part)

    def unmarked(self, placed: Placed) -> None:
        if placed.mark is not None:
            self._losses.dropped(f"{placed.path}.cache", "cache mark", "cost")

    def assistant(self, one: Round, *, thinks: bool) -> Message:
        thoughts = [placed for placed in one.parts if isinstance(placed.part, Reasoning)]
        message: Message = {"role": "assistant"}
        content = one.parts
        if not thinks:
            content = [placed for placed in one.parts if not isinstance(placed.part, Reasoning)]
            if one.calls and thoughts:
                message["tool_plan"] = "\n".join(str(placed.block["thinking"]) for placed in thoughts)
            else:
                self._forget(thoughts)
        if content or not one.calls:
            # A turn of nothing but thoughts that cannot go back still stands between two turns of the user.
            message["content"] = [placed.block for placed in content] or [{"type": "text", "text": "."}]
            if not content:
                self._losses.added("turns", "text of a turn that only thought", "quality")
        if one.calls:
            message["tool_calls"] = [self._call(called) for called in one.calls]
        return message

    def result(self, called: Called) -> Message:
        result, path = called.result, called.result_path
        if result is None:
            return {
                "role": "tool",
                "tool_call_id": called.id,
                "content": [{"type": "text", "text": NO_RESPONSE}],
            }
        self._own(result, path)
        if called.result_mark is not None:
            self._losses.dropped(f"{path}.cache", "cache mark", "cost")
        if result.name and result.name != called.call.name:
            self._losses.dropped(f"{path}.name", "name of a tool result", "cost")
        if result.is_error:
            self._losses.dropped(f"{path}.is_error", "failure of a tool", "quality")
        content: list[JsonObject] = []
        for i, piece in enumerate(result.content):
            place = f"{path}.content[{i}]"
            if piece.cache is not None:
                self._losses.dropped(f"{place}.cache", "cache mark", "cost")
            if isinstance(piece, Media):
                self._losses.dropped(place, f"{piece.mime} content in a tool result", "meaning")
                continue
            if isinstance(piece, Text) and not piece.text.strip():
                continue
            block = self.write(piece, place, "user")
            if block is not None:
                content.append(block)
        return {
            "role": "tool",
            "tool_call_id": called.id,
            "content": content or [{"type": "text", "text": ""}],
        }

    def _call(self, called: Called) -> JsonObject:
        call = called.call
        self._own(call, called.path)
        if not call.call_id:
            self._losses.added(f"{called.path}.call_id", "id of a tool call", "quality")
        if called.mark is not None:
            self._losses.dropped(f"{called.path}.cache", "cache mark", "cost")
        function: JsonObject = {"name": call.name, "arguments": call.arguments or "{}"}
        return {"id": called.id, "type": "function", "function": function}

    def _forget(self, thoughts: Sequence[Placed]) -> None:
        for placed in thoughts:
            self._losses.dropped(placed.path, "thinking of an earlier turn", "quality")

    def _plain(self, part: Part, text: str, path: str) -> JsonObject:
        self._own(part, path)
        return {"type": "text", "text": text}

    def _thought(self, part: Reasoning, path: str) -> JsonObject | None:
        text = part.text or "\n\n".join(part.summary)
        if part.redacted or not text.strip():
            self._losses.dropped(path, "thinking without words", "quality")
            return None
        self._own(part, path)
        return {"type": "thinking", "thinking": text}

    def _media(self, part: Media, path: str, place: Place) -> JsonObject | None:
        if place != "user" or not part.mime.startswith("image/") or part.file_id is not None:
            where = " in an assistant turn" if place == "assistant" else ""
            self._losses.dropped(path, f"{part.mime} content{where}", "meaning")
            return None
        self._own(part, path)
        image: JsonObject = {"url": part.url or f"data:{part.mime};base64,{part.data or ''}"}
        if part.detail is not None:
            image["detail"] = part.detail
        if part.name is not None:
            self._losses.dropped(f"{path}.name", "file name", "quality")
        return {"type": "image_url", "image_url": image}

    def _own(self, part: Part, path: str) -> None:
        """What every part may carry and no block of this dialect does."""
        if part.seal is not None:
            self._losses.dropped(f"{path}.seal", "seal", "quality")
        if part.origin != NAME:
            self._losses.foreign(path, part.extra)
