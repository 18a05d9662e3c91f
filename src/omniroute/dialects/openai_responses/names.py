"""The names of tools: in this API a tool may stand in a namespace, in others a name is all it has.

A tool `spawn_agent` in the namespace `multi_agent_v1` is `multi_agent_v1__spawn_agent` in the representation. The
way back needs the declarations: a plain function may have two underscores in its name as well.
"""

import hashlib
from typing import NamedTuple

from omniroute.dialects.look import as_object, as_text
from omniroute.dialects.openai_responses import marks
from omniroute.dialects.openai_responses.wire import MAX_NAME, NAME
from omniroute.ir.request import Tool

_KEPT = 55


class Called(NamedTuple):
    """How a tool is called on this wire."""

    name: str
    namespace: str | None
    custom: bool


def qualified(namespace: str, name: str) -> str:
    joined = f"{namespace}__{name}"
    if len(joined) <= MAX_NAME:
        return joined
    return f"{joined[:_KEPT]}_{hashlib.sha256(joined.encode()).hexdigest()[:8]}"


def called_names(tools: tuple[Tool, ...]) -> dict[str, Called]:
    """By name in the representation, every tool of this dialect that is not a plain function."""
    found: dict[str, Called] = {}
    namespace: str | None = None
    for tool in tools:
        extra = tool.extra if tool.origin == NAME else None
        if not marks.has(extra, marks.NAMESPACE):
            namespace = None
        elif (frame := as_object((extra or {})[marks.NAMESPACE])) is not None:
            namespace = as_text(frame.get("name"))
        custom = marks.has(extra, marks.CUSTOM)
        if (namespace is not None or custom) and tool.hosted is None:
            found.setdefault(tool.name, Called(plain_name(tool, namespace), namespace, custom))
    return found


def plain_name(tool: Tool, namespace: str | None) -> str:
    """The name of a tool inside its namespace."""
    said = as_text((tool.extra or {}).get("name"))
    if namespace is None or said is not None:
        return said or tool.name
    return tool.name.removeprefix(f"{namespace}__")
