"""The names in a combo that somebody describes: models, providers, accounts, and the combo's own."""

from collections.abc import Iterable

from omniroute.errors import InvalidRequest
from omniroute.management.services import Services


def combo_name(services: Services, name: str) -> str:
    """`name`, unless it would hide the models of a provider. Raises `InvalidRequest`."""
    prefix, slash, _ = name.partition("/")
    if slash and prefix in services.snapshot().providers:
        raise InvalidRequest(
            f"The name {name!r} would hide a model of {prefix!r}; choose another one.", code="bad_name"
        )
    return name


def step_model(services: Services, place: int, model: str, provider: str | None) -> str:
    """The model of the step at `place`, with the `provider` in front where one is named. Raises `InvalidRequest`
    for what is no model."""
    if provider is not None:
        providers = services.snapshot().providers
        row = providers.get(provider)
        if row is None:
            raise InvalidRequest(f"Step {place}: there is no provider {provider!r}.", code="bad_step")
        prefix, slash, _ = model.partition("/")
        if not slash or providers.get(prefix) is not row:
            model = f"{provider}/{model}"
    why = services.unknown_model(model)
    if why is not None:
        raise InvalidRequest(f"Step {place}: {why}.", code="bad_step")
    return model


def step_account(services: Services, place: int, connection_id: str | None) -> str | None:
    """The account that the step at `place` is pinned to. Raises `InvalidRequest` when there is none."""
    if connection_id is not None and connection_id not in services.snapshot().by_id:
        raise InvalidRequest(
            f"Step {place}: there is no connection {connection_id!r}; `omniroute providers ls` lists them.",
            code="bad_step",
        )
    return connection_id


def provider_ids(services: Services, member: str, names: Iterable[str]) -> tuple[str, ...]:
    """The ids of the providers that `member` of a configuration names. Raises `InvalidRequest`."""
    providers = services.snapshot().providers
    found: list[str] = []
    for name in names:
        row = providers.get(name)
        if row is None:
            raise InvalidRequest(f"{member}: there is no provider {name!r}.", code="unknown_provider")
        found.append(row.id)
    return tuple(dict.fromkeys(found))


def summary_model(services: Services, name: str | None) -> str | None:
    """The model, or combo, that writes summaries. Raises `InvalidRequest` for what is neither."""
    if not name:
        return None
    why = None if name.removeprefix("combo/") in services.snapshot().combos else services.unknown_model(name)
    if why is not None:
        raise InvalidRequest(f"handoffModel: {why}.", code="bad_combo")
    return name
