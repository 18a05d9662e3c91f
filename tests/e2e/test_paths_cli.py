"""Paths that real clients ask for and that no vendor documents."""

from pathlib import Path

import pytest

from tests.support.asking import ask
from tests.support.stage import stage
from tests.support.upstream.server import ScriptedUpstream

BODY = {"contents": [{"role": "user", "parts": [{"text": "hello there"}]}]}


@pytest.mark.parametrize("base", ["/v1beta/", "/api/v1beta/"])
def test_a_gemini_path_without_models_as_opencodes_ai_sdk_writes_it_for_names_with_a_slash(
    tmp_path: Path, base: str
) -> None:
    with ScriptedUpstream() as upstream, stage(upstream, tmp_path) as on:
        model = on.model("openai")
        reply = ask(on.url, f"{base}{model}:generateContent", BODY, headers={"x-goog-api-key": on.key})
        assert reply.status == 200, reply.body
        assert reply.json["candidates"][0]["content"]["parts"][0]["text"] == "echo: hello there"
