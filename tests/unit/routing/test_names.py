"""Where a model name goes, and why some go nowhere."""

from omniroute.catalog.provider import Auth, Operation, Provider
from omniroute.routing.names import AmbiguousModel, Destination, Mismatch, Names, NotOffered, UnknownModel


def provider(provider_id: str, alias: str | None = None, *, node: bool = False) -> Provider:
    return Provider(
        id=provider_id,
        alias=alias or provider_id,
        name=provider_id,
        base_url="https://example.test/v1",
        auth=Auth(),
        operations={"chat": Operation(codec="openai_chat")},
        node=node,
    )


OPENAI, ANTHROPIC, GROQ = provider("openai"), provider("anthropic", "ant"), provider("groq")
NODE = provider("openai-compatible-chat-ab12", "vl", node=True)
PROVIDERS = {
    "openai": OPENAI,
    "anthropic": ANTHROPIC,
    "ant": ANTHROPIC,
    "cc": ANTHROPIC,
    "groq": GROQ,
    "openai-compatible-chat-ab12": NODE,
    "vl": NODE,
}
MODELS = {
    "openai": {"gpt-5", "gpt-4o"},
    "anthropic": {"claude-sonnet-4-5"},
    "groq": {"openai/gpt-oss-120b", "llama-3.3-70b", "gpt-4o"},
}


class Table:
    def known(self, provider: str) -> set[str]:
        return MODELS.get(provider, set())

    def providers_of(self, model: str) -> tuple[str, ...]:
        return tuple(sorted(owner for owner, models in MODELS.items() if model in models))

    def family(self, model: str) -> str | None:
        return "anthropic" if model.startswith("claude-") else "openai" if model.startswith("gpt-") else None


def names(*connected: str) -> Names:
    return Names(PROVIDERS, connected, Table(), {"kiro": "it needs another vendor's client identity"}.get)


def test_a_prefix_names_the_provider_and_is_not_sent_upstream() -> None:
    assert names("openai").resolve("openai/gpt-5") == Destination(provider=OPENAI, model="gpt-5")


def test_an_alias_and_a_nodes_prefix_are_prefixes_too() -> None:
    assert names("anthropic").resolve("cc/claude-x") == Destination(provider=ANTHROPIC, model="claude-x")
    assert names(NODE.id).resolve("vl/my/model") == Destination(provider=NODE, model="my/model")


def test_a_model_id_with_a_slash_goes_to_the_connected_provider_that_knows_it() -> None:
    assert names("groq").resolve("openai/gpt-oss-120b") == Destination(provider=GROQ, model="openai/gpt-oss-120b")


def test_a_whole_name_that_only_another_connected_provider_knows_goes_there() -> None:
    assert names("openai", "groq").resolve("openai/gpt-oss-120b") == Destination(
        provider=GROQ, model="openai/gpt-oss-120b"
    )


def test_a_connected_provider_gets_a_model_that_nobody_knows_yet() -> None:
    assert names("openai", "groq").resolve("openai/gpt-9") == Destination(provider=OPENAI, model="gpt-9")


def test_a_bare_name_goes_to_the_only_connected_provider_that_knows_it() -> None:
    assert names("groq", "openai").resolve("llama-3.3-70b") == Destination(provider=GROQ, model="llama-3.3-70b")


def test_of_several_the_vendor_of_the_family_gets_its_own_model() -> None:
    assert names("groq", "openai").resolve("gpt-4o") == Destination(provider=OPENAI, model="gpt-4o")


def test_a_bare_name_that_several_strangers_know_is_ambiguous_and_says_so() -> None:
    table = Table()
    MODELS["vl-like"] = {"llama-3.3-70b"}
    try:
        both = Names({**PROVIDERS, "vl-like": provider("vl-like")}, ("groq", "vl-like"), table, {}.get)
        choices = ("groq/llama-3.3-70b", "vl-like/llama-3.3-70b")
        assert both.resolve("llama-3.3-70b") == AmbiguousModel(choices=choices)
    finally:
        del MODELS["vl-like"]


def test_a_new_model_of_a_family_goes_to_its_connected_vendor() -> None:
    assert names("anthropic").resolve("claude-haiku-9") == Destination(provider=ANTHROPIC, model="claude-haiku-9")


def test_a_claude_model_is_never_sent_to_openai() -> None:
    assert names("openai").resolve("claude-haiku-9") == UnknownModel(message="no model 'claude-haiku-9'")


def test_a_known_model_without_any_connection_names_its_provider() -> None:
    assert names().resolve("claude-sonnet-4-5") == Destination(provider=ANTHROPIC, model="claude-sonnet-4-5")


def test_an_unknown_model_comes_with_near_matches() -> None:
    found = names("openai").resolve("gpt-4")
    assert found == Destination(provider=OPENAI, model="gpt-4")
    assert names("groq").resolve("lama-3.3-70b") == UnknownModel(
        message="no model 'lama-3.3-70b'", near=("llama-3.3-70b", "groq/llama-3.3-70b")
    )


def test_a_refused_prefix_says_why() -> None:
    assert names().resolve("kiro/claude") == NotOffered(
        prefix="kiro", reason="it needs another vendor's client identity"
    )


def test_an_unknown_prefix_is_named() -> None:
    message = "no provider 'nowhere', so no model 'nowhere/model'"
    assert names().resolve("nowhere/model") == UnknownModel(message=message)


def test_a_provider_route_adds_the_missing_prefix() -> None:
    assert names("openai").resolve_at("openai", "gpt-5") == Destination(provider=OPENAI, model="gpt-5")
    assert names("openai").resolve_at("openai", "openai/gpt-5") == Destination(provider=OPENAI, model="gpt-5")


def test_a_provider_route_keeps_a_models_own_slash() -> None:
    assert names("groq").resolve_at("groq", "openai/gpt-oss-120b") == Destination(
        provider=GROQ, model="openai/gpt-oss-120b"
    )
    assert names("groq").resolve_at("groq", "meta/llama") == Destination(provider=GROQ, model="meta/llama")


def test_another_providers_prefix_on_a_provider_route_is_a_mismatch() -> None:
    assert names("openai").resolve_at("openai", "anthropic/claude-x") == Mismatch(expected="openai")


def test_an_unknown_provider_route_is_named_with_what_is_near() -> None:
    assert names().resolve_at("grog", "m") == UnknownModel(message="no provider 'grog'", near=("groq",))
