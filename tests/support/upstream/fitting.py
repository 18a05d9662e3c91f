"""The answer that a request calls for when no script says otherwise: the same request, the same answer."""

from dataclasses import dataclass

import msgspec

from tests.support.upstream.answer import Answer, Call, Part, Say, Think

SHELL_COMMAND = "printf GW_TOOL_OK_%d 052"
SHELL_PROOF = "GW_TOOL_OK_42"
"""What only a shell that ran `SHELL_COMMAND` can have printed: `%d` reads 052 as an octal number."""
SHELL_DONE = "FINAL: tool-ok"

_SHELLS = frozenset(
    {"bash", "shell", "run_shell_command", "local_shell", "execute_command"}
    | {"exec_command", "execute", "run_commands"}  # Codex, Droid, Cline
)
_COMMANDS = ("command", "cmd", "commands")


@dataclass(frozen=True, kw_only=True)
class Tool:
    name: str
    schema: dict[str, object]


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What a dialect understood of a request. `attached` and `results` are of the last turn only."""

    model: str
    stream: bool
    text: str
    attached: tuple[str, ...] = ()
    results: tuple[str, ...] = ()
    tools: tuple[Tool, ...] = ()
    thinks: bool = False
    include_usage: bool = False
    array: bool = False
    """The stream is to be one JSON array (Gemini without `alt=sse`)."""
    vectors: tuple[tuple[float, ...], ...] = ()
    packed: bool = False
    """For embeddings: one vector for each input, and whether they are wanted in base64."""
    sealed: bool = True
    """Signatures are wanted (OpenAI's Responses send them on demand only)."""


def answer(asked: Asked) -> Answer:
    """Tool results are acknowledged, tools are called, attachments are described, text is echoed."""
    parts: list[Part] = []
    if asked.thinks:
        parts.append(Think("I think about it before I speak."))
    if asked.results:
        parts.append(Say(_acknowledgement(asked.results)))
    elif asked.tools:
        parts.append(_call(asked.tools))
    elif asked.attached:
        parts.append(Say("saw " + ", ".join(asked.attached)))
    else:
        parts.append(Say(f"echo: {asked.text}"))
    return Answer(parts=tuple(parts))


def _acknowledgement(results: tuple[str, ...]) -> str:
    if any(SHELL_PROOF in result for result in results):
        return SHELL_DONE
    return "FINAL: " + " / ".join(results)


def _call(tools: tuple[Tool, ...]) -> Call:
    shell = next((tool for tool in tools if tool.name.lower() in _SHELLS), None)
    if shell is not None:
        arguments = {name: _sample(shell.schema, name) for name in _required(shell.schema)}
        command = next((name for name in _COMMANDS if _property(shell.schema, name)), "command")
        several = _property(shell.schema, command).get("type") == "array"
        arguments[command] = [SHELL_COMMAND] if several else SHELL_COMMAND
        return Call(shell.name, msgspec.json.encode(arguments).decode())
    tool = tools[0]
    filled = {name: _sample(tool.schema, name) for name in _required(tool.schema)}
    return Call(tool.name, msgspec.json.encode(filled).decode())


def _required(schema: dict[str, object]) -> list[str]:
    required = schema.get("required")
    return [str(name) for name in required] if isinstance(required, list) else []


def _sample(schema: dict[str, object], name: str) -> object:
    described = _property(schema, name)
    choices, kind = described.get("enum"), described.get("type")
    if isinstance(choices, list) and choices:
        return choices[0]
    return {"integer": 7, "number": 1.5, "boolean": True, "array": [], "object": {}}.get(str(kind), f"some {name}")


def _property(schema: dict[str, object], name: str) -> dict[str, object]:
    properties = schema.get("properties")
    found = properties.get(name) if isinstance(properties, dict) else None
    return found if isinstance(found, dict) else {}
