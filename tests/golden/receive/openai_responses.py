"""What a Responses request says to its server."""

from tests.golden.facts import Fact, canonical


def understood(body: dict) -> list[Fact]:
    found: list[Fact] = [("system", body["instructions"])] if body.get("instructions") else []
    calls: dict[str, int] = {}
    given = body["input"]
    items = [{"role": "user", "content": given}] if isinstance(given, str) else given
    for item in items:
        match item.get("type", "message"):
            case "message":
                found += [_content(part, item["role"]) for part in _parts(item["content"])]
            case "function_call":
                calls[item["call_id"]] = len(calls)
                said = canonical(item["arguments"])
                found.append(("call", str(calls[item["call_id"]]), item["name"], said))
            case "function_call_output":
                parts = _parts(item["output"])
                words = " ".join(part["text"] for part in parts if part["type"] == "input_text")
                found.append(("result", str(calls[item["call_id"]]), words))
                found += [_content(part, "tool") for part in parts if part["type"] != "input_text"]
            case "reasoning":
                found.append(("thought", "".join(part["text"] for part in item["summary"])))
                if item.get("encrypted_content"):
                    found.append(("seal", item["encrypted_content"]))
            case kind:
                raise AssertionError(f"no scenario has a {kind}")
    return found + _controls(body)


def _parts(content: str | list[dict]) -> list[dict]:
    return [{"type": "input_text", "text": content}] if isinstance(content, str) else content


def _content(part: dict, role: str) -> Fact:
    match part["type"]:
        case "input_text" | "output_text":
            return ("system", part["text"]) if role in ("system", "developer") else ("text", role, part["text"])
        case "input_file":
            return ("document", part["file_data"].removeprefix("data:application/pdf;base64,"))
    url = part["image_url"]
    if url.startswith("data:"):
        return ("image", url.removeprefix("data:image/png;base64,"))
    return ("image by URL", url)


def _controls(body: dict) -> list[Fact]:
    found: list[Fact] = [
        ("tool", tool["name"], tool["description"], canonical(tool["parameters"]))
        for tool in body.get("tools", [])
    ]
    match body.get("tool_choice"):
        case {"name": name}:
            found.append(("choice of one", name))
        case str(mode):
            found.append(("choice", mode))
    if (body.get("reasoning") or {}).get("effort") not in (None, "none"):
        found.append(("thinking",))
    form = (body.get("text") or {}).get("format") or {}
    if form.get("type") == "json_schema":
        found.append(("schema", canonical(form["schema"])))
    named = {
        "limit": body.get("max_output_tokens"),
        "temperature": body.get("temperature"),
        "top_p": body.get("top_p"),
    }
    return found + [(kind, str(value)) for kind, value in named.items() if value is not None]
