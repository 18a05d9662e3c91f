"""A request as the claude CLI sends it: 24 tools, three system blocks, a tool round, adaptive thinking."""

from typing import Any

import msgspec

Json = dict[str, Any]

TOOLS = [
    "Task",
    "Bash",
    "Glob",
    "Grep",
    "ExitPlanMode",
    "Read",
    "Edit",
    "Write",
    "NotebookEdit",
    "WebFetch",
    "TodoWrite",
    "WebSearch",
    "BashOutput",
    "KillShell",
    "Skill",
    "SlashCommand",
    "AskUserQuestion",
    "EnterPlanMode",
    "LSP",
    "ListMcpResources",
    "ReadMcpResource",
    "Monitor",
    "Cron",
    "Worktree",
]

SESSION = {"device_id": "d" * 64, "account_uuid": "", "session_id": "5d2e7c1a-3b54-4e0b-9d3e-1f1f2f3f4f5f"}


def body(*, model: str = "claude-opus-4-6", stream: bool | None = True) -> Json:
    request: Json = {
        "model": model,
        "messages": [
            {
                "role": "user",
                "content": [
                    {"type": "text", "text": "<system-reminder>\nToday is Sunday.\n</system-reminder>\n"},
                    {"type": "text", "text": "Run printf.", "cache_control": {"type": "ephemeral"}},
                ],
            },
            {
                "role": "assistant",
                "content": [
                    {
                        "type": "thinking",
                        "thinking": "A shell call will do.",
                        "signature": "EqQBCkYIBxgCKkD+/sig==",
                    },
                    {"type": "redacted_thinking", "data": "EmwKAhgBEgy3va3pzix/LafPsn4a"},
                    {"type": "text", "text": "I will run it."},
                    {
                        "type": "tool_use",
                        "id": "toolu_01A09q90qw90lq917835lq9",
                        "name": "Bash",
                        "input": {
                            "command": "printf GW_TOOL_OK_%d 052",
                            "timeout": 1e3,
                            "nested": {"b": 1, "a": []},
                        },
                        "caller": {"type": "direct"},
                    },
                ],
            },
            {
                "role": "user",
                "content": [
                    {
                        "type": "tool_result",
                        "tool_use_id": "toolu_01A09q90qw90lq917835lq9",
                        "content": "GW_TOOL_OK_42",
                        "is_error": False,
                        "cache_control": {"type": "ephemeral", "ttl": "1h"},
                    },
                    {"type": "text", "text": "<system-reminder>Be brief.</system-reminder>"},
                ],
            },
        ],
        "system": [
            {"type": "text", "text": "x-anthropic-billing-header: cc_version=2.1.197"},
            {"type": "text", "text": "You are Claude Code.", "cache_control": {"type": "ephemeral", "ttl": "1h"}},
            {
                "type": "text",
                "text": "You are an interactive agent.",
                "cache_control": {"type": "ephemeral", "ttl": "1h", "scope": "global"},
            },
        ],
        "tools": [tool(name) for name in TOOLS],
        "metadata": {"user_id": msgspec.json.encode(SESSION).decode()},
        "max_tokens": 64000,
        "thinking": {"type": "adaptive"},
        "context_management": {"edits": [{"type": "clear_thinking_20251015", "keep": "all"}]},
        "output_config": {"effort": "medium"},
    }
    if stream is not None:
        request["stream"] = stream
    return request


def tool(name: str) -> Json:
    return {
        "name": name,
        "description": f"The tool {name}.\n\nUsage:\n- Use it well.",
        "input_schema": {
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "type": "object",
            "properties": {
                "command": {"description": "What to do", "type": "string"},
                "timeout": {"type": "number", "default": 120000},
            },
            "required": ["command"],
            "additionalProperties": False,
        },
        "eager_input_streaming": True,
    }
