"""What a Chat Completions request says to its server."""

from tests.golden.facts import Fact, canonical


def understood(body: dict) -> list[Fact]:
    found: list[Fact] = []
    calls: dict[str, int] = {}
    for message in body["messages"]:
        role, content = message["role"], message.get("content")
        parts = [{"type": "text", "text": content}] if isinstance(content, str) else content or []
        if "reasoning_content" in message:
            found.append(("thought", message["reasoning_content"]))
        if role == "tool":
            words = " ".join(part["text"] for part in parts if part["type"] == "text")
            found.append(("result", str(calls[message["tool_call_id"]]), words))
            parts = [part for part in parts if part["type"] != "text"]
        found += [_part(part, role) for part in parts]
        for call in message.get("tool_calls") or []:
            calls[call["id"]] = len(calls)
            function = call["function"]
            found.append(("call", str(calls[call["id"]]), function["name"], canonical(function["arguments"])))
    return found + _controls(body)


def _part(part: dict, role: str) -> Fact:
    match part["type"]:
        case "text" if role in ("system", "developer"):
            return ("system", part["text"])
        case "text":
            return ("text", role, part["text"])
        case "file":
            return ("document", part["file"]["file_data"].removeprefix("data:application/pdf;base64,"))
    url = part["image_url"]["url"]
    if url.startswith("data:"):
        return ("image", url.removeprefix("data:image/png;base64,"))
    return ("image by URL", url)


def _controls(body: dict) -> list[Fact]:
    found: list[Fact] = []
    for tool in body.get("tools", []):
        function = tool["function"]
        found.append(("tool", function["name"], function["description"], canonical(function["parameters"])))
    match body.get("tool_choice"):
        case {"function": {"name": name}}:
            found.append(("choice of one", name))
        case str(mode):
            found.append(("choice", mode))
    if body.get("reasoning_effort") not in (None, "none"):
        found.append(("thinking",))
    if body.get("response_format", {}).get("type") == "json_schema":
        found.append(("schema", canonical(body["response_format"]["json_schema"]["schema"])))
    limit = body.get("max_completion_tokens", body.get("max_tokens"))
    named = {"limit": limit, "temperature": body.get("temperature"), "top_p": body.get("top_p")}
    found += [(kind, str(value)) for kind, value in named.items() if value is not None]
    stop = body.get("stop") or []
    return found + [("stop", word) for word in ([stop] if isinstance(stop, str) else stop)]
