"""The order of events of a Responses stream that a client may rely on, as a state machine.

`responses` reads one whole recorded stream, raises AssertionError that names the event and the rule, and gives
back what was said.
"""

import msgspec

from tests.support.frames import Frame, frames
from tests.support.order import Told, ToldCall

_ENDS = ("response.completed", "response.incomplete", "response.failed")
_FIXED = ("id", "object", "created_at", "model")
_DETAILS = {"input_tokens_details": "cached_tokens", "output_tokens_details": "reasoning_tokens"}


def responses(raw: bytes) -> Told:
    """A stream as the gateway writes it: numbers from 0, thinking and text closed before anything else opens."""
    machine = _Responses()
    for position, frame in enumerate(frames(raw)):
        try:
            machine.take(frame)
        except AssertionError as broken:
            raise AssertionError(f"event {position} {frame.data[:200]!r}: {broken}") from None
    machine.end()
    return machine.told


def _rule(holds: object, rule: str) -> None:
    if not holds:
        raise AssertionError(rule)


class _Item:
    """An item that is open, and what was said of it."""

    def __init__(self, item: dict) -> None:
        self.item = item
        self.content: list[dict] = []
        self.part: dict | None = None
        self.pieces: list[str] = []
        self.text: str | None = None
        self.annotations: list[dict] = []
        self.summary: list[dict] = []

    @property
    def kind(self) -> str:
        return self.item["type"]


class _Responses:
    def __init__(self) -> None:
        self.told = Told()
        self._numbers = 0
        self._response: dict | None = None
        self._running = False
        self._ended = False
        self._open: dict[int, _Item] = {}
        self._done: dict[int, dict] = {}
        self._ids: set[str] = set()

    def take(self, frame: Frame) -> None:
        _rule(not self._ended, "nothing may follow the last event")
        event = msgspec.json.decode(frame.data)
        kind = event["type"]
        _rule(frame.event == kind, f"the event line says {frame.event!r}")
        _rule(event["sequence_number"] == self._numbers, f"expected number {self._numbers}")
        self._numbers += 1
        self.told.events += 1
        if kind == "error":
            _rule(self._response is None, "a response that was created fails by response.failed")
            _rule(isinstance(event["message"], str) and event["message"], "an error has a message")
            self.told.ended, self.told.error, self._ended = "failed", event, True
        elif kind == "response.created":
            self._created(event["response"])
        elif kind == "response.in_progress":
            _rule(self._response is not None and not self._running, "in_progress comes once, after created")
            self._same(event["response"], "in_progress")
            self._running = True
        elif kind in _ENDS:
            self._end(kind.removeprefix("response."), event["response"])
        else:
            _rule(self._running, "an item before response.in_progress")
            self._about_items(kind, event)

    def end(self) -> None:
        _rule(self._ended, "the stream ends without its last event")

    def _created(self, response: dict) -> None:
        _rule(self._response is None, "response.created comes once")
        _rule(response["id"].startswith("resp_"), "the id of a response starts with resp_")
        _rule(response["output"] == [], "a new response has no output")
        _rule(response["status"] == "in_progress", "a new response is in progress")
        self._response = response

    def _same(self, response: dict, status: str) -> None:
        assert self._response is not None
        for name in _FIXED:
            _rule(response[name] == self._response[name], f"{name} changed")
        _rule(response["status"] == status, f"the status is {response['status']!r}")
        _rule(not response["instructions"] and not response["tools"], "instructions and tools are not repeated")

    def _end(self, status: str, response: dict) -> None:
        _rule(self._running, f"{status} before in_progress")
        self._same(response, status)
        done = [self._done[index] for index in sorted(self._done)]
        _rule(response["output"] == done, "the output is not what the items said")
        self._ended = True
        if status == "failed":
            _rule(response["error"]["code"] and response["error"]["message"], "a failure has a code and a message")
            self.told.ended, self.told.error = "failed", response["error"]
            return
        _rule(response["error"] is None, "an error in an answer that did not fail")
        _rule(not self._open, "the response ends while an item is open")
        _rule(sorted(self._done) == list(range(len(self._done))), "numbers of items have a gap")
        details = response["incomplete_details"]
        _rule((status == "incomplete") == (details is not None), "incomplete_details belong to incomplete")
        usage = response["usage"]
        _rule(usage is not None, "the end counts the tokens")
        for name, count in _DETAILS.items():
            _rule(isinstance(usage[name][count], int), f"usage needs {name}.{count}")
        _rule(usage["total_tokens"] == usage["input_tokens"] + usage["output_tokens"], "the total is not the sum")
        self.told.usage = usage
        self.told.finish = status if details is None else details["reason"]

    def _about_items(self, kind: str, event: dict) -> None:
        index = event["output_index"]
        if kind == "response.output_item.added":
            self._added(index, event["item"])
            return
        _rule(index in self._open, f"item {index} is not open")
        item = self._open[index]
        if kind == "response.output_item.done":
            self._item_done(index, item, event["item"])
            return
        _rule(event["item_id"] == item.item["id"], "the id is not the item's")
        name = kind.removeprefix("response.")
        handler = getattr(self, "_" + name.replace(".", "_"), None)
        _rule(handler is not None, f"unknown event {kind!r}")
        assert handler is not None
        handler(item, event)

    def _added(self, index: int, item: dict) -> None:
        _rule(index == len(self._open) + len(self._done), f"item {index} is not the next one")
        quiet = [one for one in self._open.values() if one.kind in ("message", "reasoning")]
        _rule(not quiet, "thinking or text is still open")
        _rule(item["id"] not in self._ids, "an id used twice")
        self._ids.add(item["id"])
        match item["type"]:
            case "message":
                _rule(item["content"] == [] and item["status"] == "in_progress", "a message opens empty")
            case "reasoning":
                _rule(item["summary"] == [], "thinking opens empty")
            case "function_call":
                _rule(item["arguments"] == "" and item["status"] == "in_progress", "a call opens empty")
            case "custom_tool_call":
                _rule(item["input"] == "", "a call opens empty")
        if item["type"] in ("function_call", "custom_tool_call"):
            _rule(item["call_id"] and item["name"], "a call has an id and a name")
        self._open[index] = _Item(item)

    def _item_done(self, index: int, item: _Item, done: dict) -> None:
        for name in ("id", "type", "call_id", "name", "role"):
            _rule(done.get(name) == item.item.get(name), f"{name} of the item changed")
        match item.kind:
            case "message":
                _rule(item.part is None, "the item ends while its content is open")
                _rule(done["content"] == item.content, "the content is not what was said")
                _rule(done["status"] in ("completed", "incomplete"), "an item that is done is not in progress")
            case "reasoning":
                _rule(item.part is None, "the item ends while its summary is open")
                _rule(done["summary"] == item.summary, "the summary is not what was said")
                if done.get("encrypted_content"):
                    self.told.signatures.append(done["encrypted_content"])
            case "function_call":
                _rule(
                    item.text is not None and done["arguments"] == item.text, "the arguments are not what was said"
                )
                self.told.calls.append(ToldCall(done["call_id"], done["name"], done["arguments"]))
            case "custom_tool_call":
                _rule(item.text is not None and done["input"] == item.text, "the input is not what was said")
                self.told.calls.append(ToldCall(done["call_id"], done["name"], done["input"]))
            case _:
                _rule(done == item.item, "an item without events of its own changed")
        del self._open[index]
        self._done[index] = done

    def _content_part_added(self, item: _Item, event: dict) -> None:
        _rule(item.kind == "message" and item.part is None, "content opens in a message, one at a time")
        _rule(event["content_index"] == len(item.content), "the content has a gap")
        item.part, item.pieces, item.text, item.annotations = event["part"], [], None, []

    def _output_text_delta(self, item: _Item, event: dict) -> None:
        self._fits(item, event, "output_text")
        _rule(event["delta"], "an empty delta")
        item.pieces.append(event["delta"])

    def _output_text_annotation_added(self, item: _Item, event: dict) -> None:
        self._fits(item, event, "output_text")
        _rule(event["annotation_index"] == len(item.annotations), "the annotations have a gap")
        item.annotations.append(event["annotation"])

    def _output_text_done(self, item: _Item, event: dict) -> None:
        self._fits(item, event, "output_text")
        item.text = event["text"]
        _rule(item.text == "".join(item.pieces), "the text is not what the deltas said")

    def _refusal_delta(self, item: _Item, event: dict) -> None:
        self._fits(item, event, "refusal")
        item.pieces.append(event["delta"])

    def _refusal_done(self, item: _Item, event: dict) -> None:
        self._fits(item, event, "refusal")
        item.text = event["refusal"]
        _rule(item.text == "".join(item.pieces), "the refusal is not what the deltas said")

    def _content_part_done(self, item: _Item, event: dict) -> None:
        part = event["part"]
        assert item.part is not None
        _rule(part["type"] == item.part["type"], "the content changed its type")
        _rule(event["content_index"] == len(item.content), "the content has a gap")
        match part["type"]:
            case "output_text":
                _rule(item.text is not None and part["text"] == item.text, "the text is not what was said")
                _rule(part["annotations"] == item.annotations, "the annotations are not what was said")
                self.told.text += part["text"]
            case "refusal":
                _rule(item.text is not None and part["refusal"] == item.text, "the refusal is not what was said")
        item.content.append(part)
        item.part = None

    def _fits(self, item: _Item, event: dict, kind: str) -> None:
        _rule(item.part is not None and item.part["type"] == kind, f"no {kind} is open")
        _rule(event["content_index"] == len(item.content), "the content is not the open one")
        _rule(item.text is None, "the content is done already")

    def _reasoning_summary_part_added(self, item: _Item, event: dict) -> None:
        _rule(item.kind == "reasoning" and item.part is None, "a summary opens in thinking, one at a time")
        _rule(event["summary_index"] == len(item.summary), "the summary has a gap")
        item.part, item.pieces, item.text = event["part"], [], None

    def _reasoning_summary_text_delta(self, item: _Item, event: dict) -> None:
        _rule(item.part is not None and item.text is None, "no summary is open")
        item.pieces.append(event["delta"])

    def _reasoning_summary_text_done(self, item: _Item, event: dict) -> None:
        _rule(item.part is not None and item.text is None, "no summary is open")
        item.text = event["text"]
        _rule(item.text == "".join(item.pieces), "the summary is not what the deltas said")

    def _reasoning_summary_part_done(self, item: _Item, event: dict) -> None:
        _rule(event["part"] == {"type": "summary_text", "text": item.text}, "the summary is not what was said")
        self.told.reasoning += item.text or ""
        item.summary.append(event["part"])
        item.part = None

    def _function_call_arguments_delta(self, item: _Item, event: dict) -> None:
        _rule(item.kind == "function_call" and item.text is None, "no call is open")
        item.pieces.append(event["delta"])

    def _function_call_arguments_done(self, item: _Item, event: dict) -> None:
        _rule(item.kind == "function_call" and item.text is None, "no call is open")
        item.text = event["arguments"]
        _rule(item.text == "".join(item.pieces), "the arguments are not what the deltas said")

    def _custom_tool_call_input_delta(self, item: _Item, event: dict) -> None:
        _rule(item.kind == "custom_tool_call" and item.text is None, "no custom call is open")
        item.pieces.append(event["delta"])

    def _custom_tool_call_input_done(self, item: _Item, event: dict) -> None:
        _rule(item.kind == "custom_tool_call" and item.text is None, "no custom call is open")
        item.text = event["input"]
        _rule(item.text == "".join(item.pieces), "the input is not what the deltas said")
