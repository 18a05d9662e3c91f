"""What a chat request says to Ollama."""

from tests.golden.facts import Fact, canonical


def understood(body: dict) -> list[Fact]:
    found: list[Fact] = []
    calls: list[str] = []
    answered: list[int] = []
    for message in body["messages"]:
        role, content = message["role"], message.get("content", "")
        if message.get("thinking"):
            found.append(("thought", message["thinking"]))
        if role == "tool":
            # Results have a name and no id: the first call of that name that is not answered yet is meant.
            number = next(
                place for place, name in enumerate(calls) if name == message["tool_name"] and place not in answered
            )
            answered.append(number)
            found.append(("result", str(number), content))
        elif content:
            found.append(("system", content) if role == "system" else ("text", role, content))
        found += [("image", image) for image in message.get("images") or []]
        for call in message.get("tool_calls") or []:
            function = call["function"]
            found.append(("call", str(len(calls)), function["name"], canonical(function["arguments"])))
            calls.append(function["name"])
    return found + _controls(body)


def _controls(body: dict) -> list[Fact]:
    found: list[Fact] = []
    for tool in body.get("tools", []):
        function = tool["function"]
        found.append(("tool", function["name"], function["description"], canonical(function["parameters"])))
    if body.get("think"):
        found.append(("thinking",))
    if isinstance(body.get("format"), dict):
        found.append(("schema", canonical(body["format"])))
    options = body.get("options") or {}
    named = {
        "limit": options.get("num_predict"),
        "temperature": options.get("temperature"),
        "top_p": options.get("top_p"),
    }
    found += [(kind, str(value)) for kind, value in named.items() if value is not None]
    return found + [("stop", word) for word in options.get("stop") or []]
