"""What a Messages request says to its server."""

from tests.golden.facts import Fact, canonical


def understood(body: dict) -> list[Fact]:
    system = body.get("system") or []
    found: list[Fact] = [("system", block["text"]) for block in _blocks(system)]
    calls: dict[str, int] = {}
    for message in body["messages"]:
        for block in _blocks(message["content"]):
            match block["type"]:
                case "tool_use":
                    calls[block["id"]] = len(calls)
                    found.append(("call", str(calls[block["id"]]), block["name"], canonical(block["input"])))
                case "tool_result":
                    inside = _blocks(block.get("content") or [])
                    words = " ".join(piece["text"] for piece in inside if piece["type"] == "text")
                    found.append(("result", str(calls[block["tool_use_id"]]), words))
                    found += [_source(piece) for piece in inside if piece["type"] != "text"]
                case "thinking":
                    found.append(("thought", block["thinking"]))
                    found.append(("seal", block["signature"]))
                case "text":
                    found.append(("text", message["role"], block["text"]))
                case _:
                    found.append(_source(block))
    return found + _controls(body)


def _blocks(content: str | list[dict]) -> list[dict]:
    return [{"type": "text", "text": content}] if isinstance(content, str) else content


def _source(block: dict) -> Fact:
    source = block["source"]
    if source["type"] == "url":
        return ("image by URL", source["url"])
    return (block["type"], source["data"])


def _controls(body: dict) -> list[Fact]:
    found: list[Fact] = [
        ("tool", tool["name"], tool["description"], canonical(tool["input_schema"]))
        for tool in body.get("tools", [])
    ]
    match body.get("tool_choice"):
        case {"type": "tool", "name": name}:
            found.append(("choice of one", name))
        case {"type": mode}:
            found.append(("choice", {"any": "required"}.get(mode, mode)))
    if (body.get("thinking") or {}).get("type") in ("enabled", "adaptive"):
        found.append(("thinking",))
    form = (body.get("output_config") or {}).get("format") or {}
    if form.get("type") == "json_schema":
        found.append(("schema", canonical(form["schema"])))
    named = {"limit": body["max_tokens"], "temperature": body.get("temperature"), "top_p": body.get("top_p")}
    found += [(kind, str(value)) for kind, value in named.items() if value is not None]
    return found + [("stop", word) for word in body.get("stop_sequences", [])]
