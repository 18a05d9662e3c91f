"""What every request is given: a system prompt in front of the client's, and a rule of thinking."""

from typing import Annotated

from pydantic import Field

from omniroute.dialects.thinking_rule import EffortLevel, ThinkingMode, ThinkingRule
from omniroute.errors import InvalidRequest
from omniroute.management.router import ManagementRouter
from omniroute.management.shapes import Body, CallerOf, Reply, ServicesOf
from omniroute.snapshot.prompting import prompt_of, thinking_of

prompts = ManagementRouter(auth="manage", prefix="/api/settings/system-prompt", tag="settings")
thinking = ManagementRouter(auth="manage", prefix="/api/settings/thinking-budget", tag="settings")

_Prompt = Annotated[str, Field(max_length=50_000)]
_Budget = Annotated[int, Field(ge=0, le=131_072)]


class SystemPromptChange(Body):
    """What is left out stays as it is."""

    enabled: bool | None = None
    prompt: _Prompt | None = None


class SystemPromptShape(Reply):
    enabled: bool
    prompt: str


class ThinkingChange(Body):
    """What is left out stays as it is."""

    mode: ThinkingMode | None = None
    custom_budget: _Budget | None = None
    effort_level: EffortLevel | None = None


class ThinkingShape(Reply):
    """`customBudget` is in tokens, of mode `custom`; `effortLevel` is what `adaptive` starts from."""

    mode: ThinkingMode
    custom_budget: int
    effort_level: EffortLevel


@prompts.get("")
def system_prompt(services: ServicesOf) -> SystemPromptShape:
    """The prompt that stands in front of the instructions of every request to generate."""
    found = prompt_of(services.snapshot().settings)
    return SystemPromptShape(enabled=found.enabled, prompt=found.prompt)


@prompts.put("")
@prompts.patch("")
def change_system_prompt(body: SystemPromptChange, services: ServicesOf, caller: CallerOf) -> SystemPromptShape:
    """Holds from the next request on."""
    if body.enabled is None and body.prompt is None:
        raise InvalidRequest("Send enabled, prompt, or both.", code="empty_change")
    found = services.prompting.prompt(body.enabled, body.prompt, caller.actor, now=services.now_ms())
    return SystemPromptShape(enabled=found.enabled, prompt=found.prompt)


@thinking.get("")
def thinking_budget(services: ServicesOf) -> ThinkingShape:
    """How much models may think, whatever clients ask for."""
    return _shape(thinking_of(services.snapshot().settings))


@thinking.put("")
@thinking.patch("")
def change_thinking_budget(body: ThinkingChange, services: ServicesOf, caller: CallerOf) -> ThinkingShape:
    """Holds from the next request on."""
    changes = body.model_dump(exclude_none=True)
    if not changes:
        raise InvalidRequest("Send mode, customBudget, effortLevel, or some of them.", code="empty_change")
    return _shape(services.prompting.thinking(changes, caller.actor, now=services.now_ms()))


def _shape(found: ThinkingRule) -> ThinkingShape:
    return ThinkingShape(mode=found.mode, custom_budget=found.custom_budget, effort_level=found.effort_level)
