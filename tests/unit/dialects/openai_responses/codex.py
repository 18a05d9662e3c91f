"""A request as the Codex CLI sends it in the middle of a task: its shape by what was captured, its words ours."""

from typing import Any

Json = dict[str, Any]

SHELL: Json = {
    "type": "function",
    "name": "shell",
    "description": "Runs a shell command and returns its output.",
    "strict": False,
    "parameters": {
        "type": "object",
        "properties": {
            "command": {"type": "array", "items": {"type": "string"}},
            "timeout_ms": {"type": "number", "description": "in milliseconds"},
        },
        "required": ["command"],
        "additionalProperties": False,
    },
}
APPLY_PATCH: Json = {
    "type": "custom",
    "name": "apply_patch",
    "description": "Edits files. The input is a patch, not JSON.",
    "format": {"type": "grammar", "syntax": "lark", "definition": 'start: "*** Begin Patch"'},
}
AGENTS: Json = {
    "type": "namespace",
    "name": "multi_agent_v1",
    "description": "Tools for working with other agents.",
    "tools": [
        {
            "type": "function",
            "name": "spawn_agent",
            "description": "Starts an agent.",
            "strict": False,
            "parameters": {"type": "object", "properties": {"task": {"type": "string"}}, "required": ["task"]},
        },
        {
            "type": "function",
            "name": "wait",
            "strict": False,
            "parameters": {"type": "object", "properties": {}},
        },
    ],
}
WEB_SEARCH: Json = {"type": "web_search", "external_web_access": False}

PATCH = '*** Begin Patch\n*** Update File: a.py\n-print("a")\n+print("b")\n*** End Patch'

ITEMS: list[Json] = [
    {
        "type": "message",
        "role": "developer",
        "content": [{"type": "input_text", "text": "<permissions>full access</permissions>"}],
    },
    {
        "type": "message",
        "role": "user",
        "content": [{"type": "input_text", "text": "<environment_context>cwd /tmp</environment_context>"}],
    },
    {
        "type": "message",
        "role": "user",
        "content": [
            {"type": "input_text", "text": "Fix a.py like in the picture."},
            {"type": "input_image", "image_url": "data:image/png;base64,iVBORw0KGgo=", "detail": "high"},
        ],
    },
    {
        "type": "reasoning",
        "summary": [{"type": "summary_text", "text": "**Looking**"}, {"type": "summary_text", "text": "more"}],
        "content": None,
        "encrypted_content": "gAAAAABsealed",
    },
    {
        "type": "message",
        "id": "msg_1",
        "role": "assistant",
        "content": [{"type": "output_text", "text": "I look first."}],
        "phase": "commentary",
    },
    {
        "type": "function_call",
        "id": "fc_1",
        "name": "shell",
        "arguments": '{"command":["cat","a.py"]}',
        "call_id": "call_shell",
    },
    {
        "type": "function_call",
        "name": "spawn_agent",
        "namespace": "multi_agent_v1",
        "arguments": '{"task":"look"}',
        "call_id": "call_agent",
    },
    {"type": "function_call_output", "call_id": "call_shell", "output": 'print("a")'},
    {
        "type": "function_call_output",
        "call_id": "call_agent",
        "output": [
            {"type": "input_text", "text": "seen"},
            {"type": "input_image", "image_url": "data:image/png;base64,iVBORw0KGgo="},
        ],
    },
    {
        "type": "custom_tool_call",
        "status": "completed",
        "call_id": "call_patch",
        "name": "apply_patch",
        "input": PATCH,
    },
    {"type": "custom_tool_call_output", "call_id": "call_patch", "output": "Done!"},
    {
        "type": "web_search_call",
        "id": "ws_1",
        "status": "completed",
        "action": {"type": "search", "query": "python print"},
    },
    {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "And now?"}]},
]


def body(**fields: Any) -> Json:
    return {
        "model": "gpt-5-codex",
        "instructions": "You are a coding agent running in a terminal.",
        "input": ITEMS,
        "tools": [SHELL, AGENTS, APPLY_PATCH, WEB_SEARCH],
        "tool_choice": "auto",
        "parallel_tool_calls": False,
        "reasoning": {"effort": "medium", "summary": "auto"},
        "store": False,
        "stream": True,
        "include": ["reasoning.encrypted_content"],
        "prompt_cache_key": "0199a213-81c0-7800-8aa1-bbab2a035a53",
        "text": {"verbosity": "low"},
        "client_metadata": {"x-codex-installation-id": "7e6f"},
        **fields,
    }
