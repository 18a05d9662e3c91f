"""What a request of the Gemini API says to its server."""

from tests.golden.facts import Fact, canonical


def understood(body: dict) -> list[Fact]:
    found: list[Fact] = [("system", part["text"]) for part in body.get("systemInstruction", {}).get("parts", [])]
    calls: dict[str, int] = {}
    for content in body["contents"]:
        role = {"model": "assistant"}.get(content["role"], content["role"])
        for part in content["parts"]:
            if "thoughtSignature" in part:
                found.append(("seal", part["thoughtSignature"]))
            match part:
                case {"functionCall": call}:
                    calls[call["id"]] = len(calls)
                    found.append(("call", str(calls[call["id"]]), call["name"], canonical(call.get("args", {}))))
                case {"functionResponse": response}:
                    found.append(("result", str(calls[response["id"]]), response["response"]["output"]))
                    found += [_media(one) for one in response.get("parts", [])]
                case {"text": text, "thought": True}:
                    found.append(("thought", text))
                case {"text": text}:
                    found.append(("text", role, text))
                case _:
                    found.append(_media(part))
    return found + _controls(body)


def _media(part: dict) -> Fact:
    if "fileData" in part:
        return ("image by URL", part["fileData"]["fileUri"])
    blob = part["inlineData"]
    return ("image" if blob["mimeType"].startswith("image/") else "document", blob["data"])


def _controls(body: dict) -> list[Fact]:
    found: list[Fact] = []
    for tool in body.get("tools", []):
        for declared in tool["functionDeclarations"]:
            schema = declared.get("parametersJsonSchema", declared.get("parameters"))
            found.append(("tool", declared["name"], declared["description"], canonical(schema)))
    match body.get("toolConfig", {}).get("functionCallingConfig", {}):
        case {"mode": "ANY", "allowedFunctionNames": [name]}:
            found.append(("choice of one", name))
        case {"mode": "ANY"}:
            found.append(("choice", "required"))
    config = body.get("generationConfig", {})
    if config.get("thinkingConfig", {}).get("includeThoughts"):
        found.append(("thinking",))
    schema = config.get("responseJsonSchema", config.get("responseSchema"))
    if schema is not None and config.get("responseMimeType") == "application/json":
        found.append(("schema", canonical(schema)))
    named = {
        "limit": config.get("maxOutputTokens"),
        "temperature": config.get("temperature"),
        "top_p": config.get("topP"),
    }
    found += [(kind, str(value)) for kind, value in named.items() if value is not None]
    return found + [("stop", word) for word in config.get("stopSequences", [])]
