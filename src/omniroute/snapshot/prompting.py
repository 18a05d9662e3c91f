"""What the operator gives every request: a system prompt in front of the client's, and a rule of thinking."""

from typing import Final

import msgspec
from sqlalchemy import Connection

from omniroute.access.actor import Actor, record
from omniroute.dialects.thinking_rule import ThinkingRule
from omniroute.ir.json import JsonObject
from omniroute.storage.repos import settings
from omniroute.storage.writer import Writer

PROMPT: Final = "systemPrompt"
THINKING: Final = "thinkingBudget"


class SystemPrompt(msgspec.Struct, frozen=True, kw_only=True):
    enabled: bool = False
    prompt: str = ""


class Prompting:
    """Writes the two settings. Methods block until the change is live."""

    def __init__(self, writer: Writer) -> None:
        self._writer = writer

    def prompt(self, enabled: bool | None, prompt: str | None, actor: Actor, *, now: int) -> SystemPrompt:
        """What is None stays as it is."""

        def write(connection: Connection) -> SystemPrompt:
            before = prompt_of({PROMPT: settings.get(connection, PROMPT)})
            after = SystemPrompt(
                enabled=before.enabled if enabled is None else enabled,
                prompt=before.prompt if prompt is None else prompt,
            )
            settings.put(connection, {PROMPT: msgspec.to_builtins(after)})
            detail: JsonObject = {"enabled": after.enabled, "characters": len(after.prompt)}
            record(connection, actor, at=now, action="settings.system_prompt", detail=detail)
            return after

        return self._writer.write(write)

    def thinking(self, changes: JsonObject, actor: Actor, *, now: int) -> ThinkingRule:
        """`changes` are members of a `ThinkingRule`."""

        def write(connection: Connection) -> ThinkingRule:
            before = thinking_of({THINKING: settings.get(connection, THINKING)})
            after = msgspec.convert({**msgspec.to_builtins(before), **changes}, ThinkingRule)
            plain: JsonObject = msgspec.to_builtins(after)
            settings.put(connection, {THINKING: plain})
            record(connection, actor, at=now, action="settings.thinking_budget", detail=plain)
            return after

        return self._writer.write(write)


def prompt_of(stored: JsonObject) -> SystemPrompt:
    """The prompt among the settings; none for one that is not understood (any more)."""
    try:
        return msgspec.convert(stored.get(PROMPT) or {}, SystemPrompt)
    except msgspec.ValidationError:
        return SystemPrompt()


def thinking_of(stored: JsonObject) -> ThinkingRule:
    """The rule among the settings; that of no change for one that is not understood (any more)."""
    try:
        return msgspec.convert(stored.get(THINKING) or {}, ThinkingRule)
    except msgspec.ValidationError:
        return ThinkingRule()


def active_prompt(stored: JsonObject) -> str | None:
    """What is to be put in front of instructions now."""
    found = prompt_of(stored)
    return found.prompt if found.enabled and found.prompt.strip() else None


def active_rule(stored: JsonObject) -> ThinkingRule | None:
    """The rule of thinking that holds now."""
    found = thinking_of(stored)
    return None if found.mode == "passthrough" else found
