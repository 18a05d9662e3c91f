"""Combos: named lists of models with a strategy."""

from typing import Annotated, Any, Literal, assert_never

import msgspec
from fastapi import Path
from pydantic import Field

from omniroute.errors import GatewayError, InvalidRequest
from omniroute.management.combo_config import ConfigBody, config_of, config_shape
from omniroute.management.combo_names import combo_name, step_account, step_model
from omniroute.management.router import ManagementRouter
from omniroute.management.services import Services
from omniroute.management.shapes import Body, CallerOf, Reply, ServicesOf, iso
from omniroute.routing.combo import (
    STRATEGY_NAMES,
    Agent,
    ComboStep,
    ModelStep,
    Step,
    StrategyName,
    strategy_named,
)
from omniroute.snapshot.combos import ComboDraft, combo_of
from omniroute.storage.repos import combos as repo
from omniroute.storage.repos.combos import ComboRow

router = ManagementRouter(auth="manage", prefix="/api/combos", tag="combos")

_Id = Annotated[str, Path(max_length=128)]
_Name = Annotated[str, Field(min_length=1, max_length=100)]
_Text = Annotated[str, Field(min_length=1, max_length=200)]
_Weight = Annotated[int, Field(ge=0, le=100)]

_SystemMessage = Annotated[str, Field(min_length=1, max_length=50_000)]
_ToolFilter = Annotated[str, Field(min_length=1, max_length=1_000)]


class StepBody(Body):
    """A model step has `model`, a reference to another combo `comboName`. A `providerId` stands in front of the
    model, if it does not already."""

    id: _Text | None = None
    kind: Literal["model", "combo-ref"] | None = None
    model: Annotated[str, Field(min_length=1, max_length=500)] | None = None
    combo_name: _Name | None = None
    provider_id: Annotated[str, Field(max_length=128)] | None = None
    connection_id: Annotated[str, Field(max_length=128)] | None = None
    weight: _Weight = 0
    label: Annotated[str, Field(max_length=200)] | None = None
    tags: Annotated[list[_Text], Field(max_length=20)] = []


class AgentBody(Body):
    """What the combo makes of its requests; these members are not in camelCase, as they never were."""

    system_message: Annotated[_SystemMessage | None, Field(alias="system_message")] = None
    tool_filter_regex: Annotated[_ToolFilter | None, Field(alias="tool_filter_regex")] = None
    context_cache_protection: Annotated[bool | None, Field(alias="context_cache_protection")] = None


class NewCombo(AgentBody):
    """A step may be a plain string: the name of another combo, or a model."""

    name: _Name
    strategy: _Text = "priority"
    models: Annotated[list[_Text | StepBody], Field(max_length=200)] = []
    config: ConfigBody | None = None
    is_active: bool = True
    is_hidden: bool = False


class ComboUpdate(AgentBody):
    """What is absent stays; null goes back to the default."""

    name: _Name | None = None
    strategy: _Text | None = None
    models: Annotated[list[_Text | StepBody], Field(max_length=200)] | None = None
    config: ConfigBody | None = None
    is_active: bool | None = None
    is_hidden: bool | None = None


class Order(Body):
    combo_ids: Annotated[list[_Text], Field(max_length=1000)]


class StepShape(Reply):
    id: str
    kind: Literal["model", "combo-ref"]
    model: str | None = None
    combo_name: str | None = None
    connection_id: str | None = None
    weight: int
    label: str | None
    tags: list[str]


class ComboShape(Reply):
    id: str
    name: str
    strategy: StrategyName
    models: list[StepShape]
    config: dict[str, Any]  # the members of `ConfigBody` that were set
    is_active: bool
    is_hidden: bool
    system_message: Annotated[str | None, Field(alias="system_message")]
    tool_filter_regex: Annotated[str | None, Field(alias="tool_filter_regex")]
    context_cache_protection: Annotated[bool, Field(alias="context_cache_protection")]
    sort_order: int
    created_at: str
    updated_at: str


class ComboList(Reply):
    combos: list[ComboShape]


class Success(Reply):
    success: bool = True


@router.get("")
def combos(services: ServicesOf) -> ComboList:
    return ComboList(combos=[_shape(row) for row in services.database.read(repo.every)])


@router.post("", status_code=201)
def create_combo(body: NewCombo, services: ServicesOf, caller: CallerOf) -> ComboShape:
    known = {row.name for row in services.database.read(repo.every)}
    draft = ComboDraft(
        name=combo_name(services, body.name),
        strategy=_strategy(body.strategy),
        steps=_steps(services, body.name, body.models, known),
        config=msgspec.structs.replace(config_of(services, body.config), agent=_agent(body, None)),
        active=body.is_active,
        hidden=body.is_hidden,
    )
    return _shape(services.combos.create(draft, caller.actor, now=services.now_ms()))


@router.post("/reorder")
def reorder_combos(body: Order, services: ServicesOf, caller: CallerOf) -> Success:
    """Unknown ids are ignored; combos that are not named keep their order behind the others."""
    services.combos.reorder(body.combo_ids, caller.actor, now=services.now_ms())
    return Success()


@router.get("/{combo_id}")
def combo(combo_id: _Id, services: ServicesOf) -> ComboShape:
    row = services.database.read(lambda connection: repo.get(connection, combo_id))
    if row is None:
        raise GatewayError(404, f"There is no combo with the id {combo_id[:80]!r}.", code="combo_not_found")
    return _shape(row)


@router.put("/{combo_id}")
def change_combo(combo_id: _Id, body: ComboUpdate, services: ServicesOf, caller: CallerOf) -> ComboShape:
    """A new name is followed by every combo that refers to this one."""
    known = {row.name for row in services.database.read(repo.every)}

    def revise(row: ComboRow) -> ComboDraft:
        before = combo_of(row)
        name = before.name if body.name in (None, before.name) else combo_name(services, body.name)
        config = config_of(services, body.config) if "config" in body.model_fields_set else before.config
        return ComboDraft(
            name=name,
            strategy=before.strategy if body.strategy is None else _strategy(body.strategy),
            steps=before.steps
            if body.models is None
            else _steps(services, name, body.models, known - {before.name}),
            config=msgspec.structs.replace(config, agent=_agent(body, before.config.agent)),
            active=before.active if body.is_active is None else body.is_active,
            hidden=before.hidden if body.is_hidden is None else body.is_hidden,
        )

    return _shape(services.combos.update(combo_id, revise, caller.actor, now=services.now_ms()))


@router.delete("/{combo_id}", responses={409: {"description": "Another combo refers to it."}})
def delete_combo(combo_id: _Id, services: ServicesOf, caller: CallerOf) -> Success:
    services.combos.delete(combo_id, caller.actor, now=services.now_ms())
    return Success()


def _strategy(name: str) -> StrategyName:
    found = strategy_named(name)
    if found is None:
        raise InvalidRequest(
            f"There is no strategy {name!r}; there are {', '.join(STRATEGY_NAMES)}.", code="bad_strategy"
        )
    return found


def _steps(services: Services, name: str, given: list[str | StepBody], known: set[str]) -> tuple[Step, ...]:
    return tuple(_step(services, name, place, one, known) for place, one in enumerate(given, start=1))


def _step(services: Services, name: str, place: int, given: str | StepBody, known: set[str]) -> Step:
    if isinstance(given, str):
        given = StepBody(comboName=given) if given in known else StepBody(model=given)  # type: ignore[call-arg]  # mypy knows fields, not aliases
    target = given.combo_name if given.kind == "combo-ref" or given.model is None else given.model
    if target is None:
        raise InvalidRequest(f"Step {place} names neither a model nor a comboName.", code="bad_step")
    refers = given.kind == "combo-ref" or given.model is None or (given.kind is None and target in known)
    step_id = given.id or f"{name}-{'combo' if refers else 'model'}-{place}-{target}"[:200].replace(">", "-")
    if ">" in step_id:
        raise InvalidRequest(f"The step id {step_id!r} has a '>', which joins ids to paths.", code="bad_step")
    if refers:
        return ComboStep(id=step_id, combo=target, weight=given.weight, label=given.label)
    return ModelStep(
        id=step_id,
        model=step_model(services, place, target, given.provider_id),
        connection_id=step_account(services, place, given.connection_id),
        weight=given.weight,
        label=given.label,
        tags=tuple(given.tags),
    )


def _agent(body: AgentBody, before: Agent | None) -> Agent | None:
    """What is left out stays as it was; None when nothing is asked for."""
    usual = before or Agent()
    named = body.model_fields_set
    agent = Agent(
        system_message=body.system_message if "system_message" in named else usual.system_message,
        tool_filter=body.tool_filter_regex if "tool_filter_regex" in named else usual.tool_filter,
        keeps_target=bool(body.context_cache_protection)
        if "context_cache_protection" in named
        else usual.keeps_target,
    )
    return None if agent == Agent() else agent


def _shape(row: ComboRow) -> ComboShape:
    found = combo_of(row)
    agent = found.config.agent or Agent()
    return ComboShape(
        id=found.id,
        name=found.name,
        strategy=found.strategy,
        models=[_step_shape(step) for step in found.steps],
        config=config_shape(found.config),
        is_active=found.active,
        is_hidden=found.hidden,
        system_message=agent.system_message,
        tool_filter_regex=agent.tool_filter,
        context_cache_protection=agent.keeps_target,
        sort_order=row.sort_order,
        created_at=iso(row.created_at) or "",
        updated_at=iso(row.updated_at) or "",
    )


def _step_shape(step: Step) -> StepShape:
    match step:
        case ModelStep():
            return StepShape(
                id=step.id,
                kind="model",
                model=step.model,
                connection_id=step.connection_id,
                weight=step.weight,
                label=step.label,
                tags=list(step.tags),
            )
        case ComboStep():
            return StepShape(
                id=step.id, kind="combo-ref", combo_name=step.combo, weight=step.weight, label=step.label, tags=[]
            )
        case _:
            assert_never(step)
