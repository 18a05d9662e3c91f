"""What a chat request says to Cohere."""

from tests.golden.facts import Fact, canonical


def understood(body: dict) -> list[Fact]:
    found: list[Fact] = []
    calls: dict[str, int] = {}
    for message in body["messages"]:
        role, content = message["role"], message.get("content", [])
        if "tool_plan" in message:
            found.append(("thought", message["tool_plan"]))
        if role == "tool":
            words = " ".join(block["text"] for block in content)
            found.append(("result", str(calls[message["tool_call_id"]]), words))
            continue
        found += [_content(block, role) for block in content]
        for call in message.get("tool_calls", []):
            calls[call["id"]] = len(calls)
            function = call["function"]
            found.append(("call", str(calls[call["id"]]), function["name"], canonical(function["arguments"])))
    return found + _controls(body)


def _content(block: dict, role: str) -> Fact:
    match block["type"]:
        case "thinking":
            return ("thought", block["thinking"])
        case "text":
            return ("system", block["text"]) if role == "system" else ("text", role, block["text"])
    url = block["image_url"]["url"]
    if url.startswith("data:"):
        return ("image", url.removeprefix("data:image/png;base64,"))
    return ("image by URL", url)


def _controls(body: dict) -> list[Fact]:
    found: list[Fact] = []
    for tool in body.get("tools", []):
        function = tool["function"]
        found.append(("tool", function["name"], function["description"], canonical(function["parameters"])))
    if body.get("tool_choice") == "REQUIRED":
        found.append(("choice", "required"))
    if body.get("thinking", {}).get("type") == "enabled":
        found.append(("thinking",))
    if "json_schema" in body.get("response_format", {}):
        found.append(("schema", canonical(body["response_format"]["json_schema"])))
    named = {"limit": body.get("max_tokens"), "temperature": body.get("temperature"), "top_p": body.get("p")}
    found += [(kind, str(value)) for kind, value in named.items() if value is not None]
    return found + [("stop", word) for word in body.get("stop_sequences", [])]
