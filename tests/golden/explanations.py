"""Named situations of routing, and how the gateway explains each: over HTTP, with several providers on ports of
their own and several accounts.

    python -m tests.golden.explanations

writes the files of `tests/golden/explain` again. Each holds what was asked, how it ended, what
`GET /api/explain/{id}` says, and what `omniroute logs show` prints; names stand for ids, # for measured numbers.
"""

import re
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import msgspec

from omniroute.cli.commands import explanation
from omniroute.ir.json import JsonObject, JsonValue
from tests.support.asking import Answered, ask
from tests.support.gateway import Gateway
from tests.support.upstream.script import Script, refused
from tests.support.upstream.server import ScriptedUpstream
from tests.support.waiting import soon

HOME = Path(__file__).parent / "explain"
_CHAT = "/v1/chat/completions"
_MODEL = "scripted-small"
_LONG = "word " * 9_000
_TOOL: JsonObject = {"type": "function", "function": {"name": "look", "parameters": {"type": "object"}}}
_MEASURED = re.compile(r"\b\d+(?:\.\d+)? ?(?=(?:s|ms|USD|per second|tokens)\b)")
_MASKED = (
    "durationMs",
    "firstEventMs",
    "restS",
    "duration",
    "firstEvent",
    "configVersion",
    "seed",
    "costMicroUsd",
)


class Scene:
    """One situation: providers that nobody has asked yet, named by their order."""

    def __init__(self, gateway: Gateway, upstreams: tuple[ScriptedUpstream, ...], name: str) -> None:
        self.gateway = gateway
        self.name = name
        self._upstreams = upstreams
        self._names: dict[str, str] = {}
        self._prefixes: list[str] = []
        self.answer: Answered | None = None
        for upstream in upstreams:
            upstream.reset()

    def provider(self, kind: str = "openai", *, accounts: int = 1, tags: str = "") -> str:
        """A provider on the next port; gives its model."""
        number = len(self._prefixes)
        name = ("first", "second", "third")[number]
        keys = tuple(f"sk-{name}-{account}" for account in range(1, accounts + 1))
        prefix = self.gateway.provider(f"{kind}-compatible", f"{self._upstreams[number].url}/v1", keys=keys)
        self._prefixes.append(prefix)
        self._names[prefix] = name
        node = next(
            one for one in self.gateway.admin("GET", "/api/provider-nodes")["nodes"] if one["prefix"] == prefix
        )
        self._names[node["id"]] = name
        for connection in self.gateway.admin("GET", "/api/providers")["connections"]:
            if connection["provider"] == node["id"]:
                self._names[connection["id"]] = connection["name"].replace(prefix, name)
                if tags:
                    change = {"providerSpecificData": {"tags": [tags]}}
                    self.gateway.admin("PUT", f"/api/providers/{connection['id']}", change)
        return f"{prefix}/{_MODEL}"

    def known(self, provider: str) -> None:
        """A connection for a provider of the catalog, whose models are known; it is never asked."""
        made = self.gateway.admin(
            "POST", "/api/providers", {"provider": provider, "name": provider, "apiKey": "sk-never-used"}
        )
        found = made.get("connection", made)
        self._names[found["id"]] = f"{provider}-1"

    def id_of(self, name: str) -> str:
        """The id behind the name of a provider or an account."""
        return next(found for found, known in self._names.items() if known == name and len(found) > 8)

    def scripts(self, number: int, *scripts: Script) -> None:
        self._upstreams[number].script(*scripts)

    def combo(self, *models: str | JsonObject, name: str = "", **more: object) -> str:
        name = name or f"combo-{self.name.replace(' ', '-')}"
        steps: list[JsonObject] = []
        for number, model in enumerate(models, start=1):
            step: JsonObject = {"model": model} if isinstance(model, str) else dict(model)
            steps.append({"id": f"step-{number}", **step})
        self.gateway.admin("POST", "/api/combos", {"name": name, "models": steps, **more})
        return name

    def ask(self, model: str, *, key: str = "", headers: dict[str, str] | None = None, **more: object) -> Answered:
        """The last one is the one that is explained."""
        body = {"model": model, "messages": [{"role": "user", "content": "hello"}], **more}
        given = {"Authorization": f"Bearer {key or self.gateway.client_key('tests')}", **(headers or {})}
        self.answer = ask(self.gateway.url, _CHAT, body, headers=given)
        return self.answer

    def told(self) -> JsonObject:
        """Everything about the last request, without what no two runs have in common."""
        assert self.answer is not None
        request_id = self.answer.headers["x-request-id"]
        refusal = self.answer.json.get("error", {}).get("message") if self.answer.status >= 400 else None
        found: JsonObject = {"situation": self.name, "status": self.answer.status, "refusal": refusal}
        trace = self.gateway.try_admin("GET", f"/api/explain/{request_id}")
        if trace.status == 404:
            found["explanation"] = None
            return _masked(found, self._names)
        row = self._row(request_id)
        cleaned = _masked(trace.json, {**self._names, request_id: "req"})
        lines = explanation.lines(
            msgspec.convert(_masked(row, {**self._names, request_id: "req"}), explanation.Row),
            msgspec.convert(cleaned, explanation.Trace),
        )
        found["explanation"] = cleaned
        found["logs show"] = [_without_numbers(line) for line in lines]
        return _masked(found, self._names)

    def _row(self, request_id: str) -> JsonObject:
        """The log is written behind; it comes within a moment."""
        answer = soon(
            lambda: self.gateway.try_admin("GET", f"/api/usage/request-logs/{request_id}"),
            lambda answer: answer.status == 200 and answer.json["outcome"] != "open",
        )
        return {**answer.json, "timestamp": "then", "keyId": "key"}


def _masked(value: JsonObject, names: dict[str, str]) -> JsonObject:
    """`value` with names for ids and # for numbers that are measured."""
    text = msgspec.json.encode(value).decode()
    for found in sorted(names, key=len, reverse=True):
        text = re.sub(rf"(?<![\w-]){re.escape(found)}(?![\w-])", names[found], text)
    cleaned = _unmeasured(msgspec.json.decode(text))
    assert isinstance(cleaned, dict)
    return cleaned


def _unmeasured(value: JsonValue) -> JsonValue:
    if isinstance(value, dict):
        return {
            name: (0 if isinstance(inner, int | float) else "#" if inner is not None else None)
            if name in _MASKED
            else _unmeasured(inner)
            for name, inner in value.items()
        }
    if isinstance(value, list):
        return [_unmeasured(inner) for inner in value]
    return _without_numbers(value) if isinstance(value, str) else value


def _without_numbers(text: str) -> str:
    return _MEASURED.sub("# ", text)


def plain_order(on: Scene) -> None:
    on.ask(on.combo(on.provider(), on.provider("anthropic")))


def weighted_draw(on: Scene) -> None:
    drawn: JsonObject = {"model": on.provider(), "weight": 0}
    on.ask(on.combo(drawn, {"model": on.provider(), "weight": 100}, strategy="weighted"))


def cheapest(on: Scene) -> None:
    dear, cheap = on.provider(), on.provider()
    prices = {
        on.id_of("first"): {_MODEL: {"input": 9, "output": 9}},
        on.id_of("second"): {_MODEL: {"input": 1, "output": 1}},
    }
    on.gateway.admin("PATCH", "/api/pricing", prices)
    on.ask(on.combo(dear, cheap, strategy="cost-optimized"))


def all_resting(on: Scene) -> None:
    combo = on.combo(on.provider(accounts=2), on.provider())
    for number in (0, 0, 1):
        on.scripts(number, refused(429, "slow down", ("retry-after", "60")))
    on.ask(combo)
    on.ask(combo)


def one_account_resting(on: Scene) -> None:
    model = on.provider(accounts=2)
    on.scripts(0, refused(429, "slow down", ("retry-after", "60")))
    on.ask(model)
    on.ask(model)


def model_locked(on: Scene) -> None:
    combo = on.combo(on.provider(), on.provider())
    on.scripts(0, refused(404, "the model `scripted-small` does not exist"))
    on.ask(combo)
    on.ask(combo)


def failing_then_answered(on: Scene) -> None:
    combo = on.combo(on.provider(accounts=2), on.provider())
    on.scripts(0, refused(500, "broken"), refused(500, "broken"))
    on.ask(combo)


def breaker_open(on: Scene) -> None:
    combo = on.combo(on.provider(accounts=2), on.provider(), on.provider())
    on.scripts(0, refused(500, "broken"), refused(500, "broken"))
    on.ask(combo)
    on.ask(combo)


def context_too_small(on: Scene) -> None:
    on.known("groq")
    combo = on.combo("groq/llama3-8b-8192", on.provider())
    on.ask(combo, messages=[{"role": "user", "content": _LONG}])


def tools_unsupported(on: Scene) -> None:
    on.known("openai")
    on.ask(on.combo("openai/gpt-3.5-turbo", on.provider()), tools=[_TOOL])


def key_not_allowed(on: Scene) -> None:
    first, second = on.provider(), on.provider()
    made = on.gateway.admin("POST", "/api/keys", {"name": "narrow", "allowedModels": [second]})
    on.ask(on.combo(first, second), key=made["key"])


def strict_tags_exclude_all(on: Scene) -> None:
    combo = on.combo(on.provider(), on.provider(tags="us"))
    on.gateway.admin("PATCH", "/api/settings/routing", {"tagRoutingStrict": True})
    on.ask(combo, metadata={"tags": "eu"})
    on.gateway.admin("PATCH", "/api/settings/routing", {"tagRoutingStrict": False})


def tags_leave_one(on: Scene) -> None:
    on.ask(on.combo(on.provider(), on.provider(tags="eu")), metadata={"tags": "eu"})


def nested_combo(on: Scene) -> None:
    inner = on.combo(on.provider(), on.provider(), name="inner", strategy="round-robin")
    on.ask(on.combo({"comboName": inner}, on.provider()))


def affinity_kept(on: Scene) -> None:
    model = on.provider("anthropic", accounts=2)
    rule = {on.id_of("first"): {"fallbackStrategy": "round-robin", "stickyRoundRobinLimit": 1}}
    on.gateway.admin("PATCH", "/api/settings/routing", {"providers": rule})
    key = on.gateway.client_key("tests")
    on.ask(model, key=key, headers={"X-Session-Id": "one"})
    on.ask(model, key=key, headers={"X-Session-Id": "one"})


def target_kept(on: Scene) -> None:
    models = (on.provider(), on.provider())
    combo = on.combo(*models, strategy="round-robin", context_cache_protection=True)
    key = on.gateway.client_key("tests")
    on.ask(combo, key=key, headers={"X-Session-Id": "one"})
    on.ask(combo, key=key, headers={"X-Session-Id": "one"})


def instructions_replaced(on: Scene) -> None:
    agent = {"system_message": "Be brief.", "tool_filter_regex": "^read_"}
    on.ask(on.combo(on.provider(), **agent), tools=[_TOOL])


SITUATIONS: dict[str, Callable[[Scene], None]] = {
    one.__name__.replace("_", " "): one
    for one in (
        plain_order,
        weighted_draw,
        cheapest,
        all_resting,
        one_account_resting,
        model_locked,
        failing_then_answered,
        breaker_open,
        context_too_small,
        tools_unsupported,
        key_not_allowed,
        strict_tags_exclude_all,
        tags_leave_one,
        nested_combo,
        affinity_kept,
        target_kept,
        instructions_replaced,
    )
}


def file_of(name: str) -> Path:
    return HOME / f"{name.replace(' ', '_')}.json"


@contextmanager
def stage(home: Path) -> Iterator[Callable[[str], JsonObject]]:
    """Plays situations by name."""
    with ExitStack() as stack:
        upstreams = tuple(stack.enter_context(ScriptedUpstream()) for _ in range(3))
        gateway = stack.enter_context(Gateway(home))

        def play(name: str) -> JsonObject:
            scene = Scene(gateway, upstreams, name)
            SITUATIONS[name](scene)
            return scene.told()

        yield play


def main() -> None:
    """Writes the files again, and says which changed."""
    with tempfile.TemporaryDirectory() as home, stage(Path(home)) as play:
        for name in SITUATIONS:
            content = msgspec.json.format(msgspec.json.encode(play(name)), indent=2) + b"\n"
            path = file_of(name)
            if not path.exists() or path.read_bytes() != content:
                path.write_bytes(content)
                print(f"wrote {path.name}", file=sys.stderr)


if __name__ == "__main__":
    main()
