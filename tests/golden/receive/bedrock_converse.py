"""What a Converse request says to Bedrock."""

from tests.golden.facts import Fact, canonical


def understood(body: dict) -> list[Fact]:
    found: list[Fact] = [("system", block["text"]) for block in body.get("system", [])]
    calls: dict[str, int] = {}
    for message in body["messages"]:
        for block in message["content"]:
            match block:
                case {"toolUse": use}:
                    calls[use["toolUseId"]] = len(calls)
                    found.append(("call", str(calls[use["toolUseId"]]), use["name"], canonical(use["input"])))
                case {"toolResult": result}:
                    words = " ".join(piece["text"] for piece in result["content"] if "text" in piece)
                    found.append(("result", str(calls[result["toolUseId"]]), words))
                    found += [_media(piece) for piece in result["content"] if "text" not in piece]
                case {"reasoningContent": {"reasoningText": thought}}:
                    found.append(("thought", thought["text"]))
                    found.append(("seal", thought["signature"]))
                case {"text": text}:
                    found.append(("text", message["role"], text))
                case _:
                    found.append(_media(block))
    return found + _controls(body)


def _media(block: dict) -> Fact:
    (kind,) = block
    return (kind, block[kind]["source"]["bytes"])


def _controls(body: dict) -> list[Fact]:
    config = body.get("toolConfig", {})
    declared = [tool["toolSpec"] for tool in config.get("tools", [])]
    found: list[Fact] = [
        ("tool", tool["name"], tool["description"], canonical(tool["inputSchema"]["json"])) for tool in declared
    ]
    match config.get("toolChoice"):
        case {"tool": {"name": name}}:
            found.append(("choice of one", name))
        case {"any": _}:
            found.append(("choice", "required"))
    fields = body.get("additionalModelRequestFields", {})
    if fields.get("thinking", {}).get("type") in ("enabled", "adaptive"):
        found.append(("thinking",))
    match body.get("outputConfig"):
        case {"textFormat": {"type": "json_schema", "structure": {"jsonSchema": {"schema": schema}}}}:
            found.append(("schema", canonical(schema)))
    inference = body.get("inferenceConfig", {})
    named = {
        "limit": inference.get("maxTokens"),
        "temperature": inference.get("temperature"),
        "top_p": inference.get("topP"),
    }
    found += [(kind, str(value)) for kind, value in named.items() if value is not None]
    return found + [("stop", word) for word in inference.get("stopSequences", [])]
