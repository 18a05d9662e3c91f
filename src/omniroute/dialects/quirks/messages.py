"""How quirks walk the messages of an OpenAI chat body without touching those that stay as they are."""

from collections.abc import Callable
from typing import TypeAlias

from omniroute.dialects.base import Loss
from omniroute.dialects.look import as_array, as_object
from omniroute.dialects.quirks.quirk import Rewritten
from omniroute.ir.json import JsonObject, JsonValue

MessageRewrite: TypeAlias = Callable[[JsonObject], JsonObject]
"""One message to its replacement; the same object means that nothing changed."""


def rewrite_messages(body: JsonObject, rewrite: MessageRewrite, loss: Callable[[int], Loss]) -> Rewritten:
    """`body` with every message passed through `rewrite`, and one loss for each message that changed."""
    messages = as_array(body.get("messages"))
    if messages is None:
        return Rewritten(body)
    rewritten: list[JsonValue] = []
    losses: list[Loss] = []
    for index, message in enumerate(messages):
        fields = as_object(message)
        after = message if fields is None else rewrite(fields)
        rewritten.append(after)
        if after is not message:
            losses.append(loss(index))
    return Rewritten({**body, "messages": rewritten}, tuple(losses)) if losses else Rewritten(body)
