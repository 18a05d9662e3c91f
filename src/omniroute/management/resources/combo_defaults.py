"""What holds for every combo that does not say otherwise."""

from typing import Annotated, Any, Final

from pydantic import Field

from omniroute.errors import InvalidRequest
from omniroute.management.combo_config import ConfigBody, config_of, config_shape
from omniroute.management.router import ManagementRouter
from omniroute.management.shapes import Body, CallerOf, Reply, ServicesOf
from omniroute.routing.combo import ComboConfig
from omniroute.snapshot.combo_defaults import defaults_of, stored_config

router = ManagementRouter(auth="manage", prefix="/api/settings/combo-defaults", tag="settings")

_MEMBERS: Final = {
    "max_attempts": "max_attempts",
    "nested_combo_mode": "nested",
    "context_mode": "context_mode",
    "mode_pack": "mode_pack",
    "weights": "weights",
    "exploration_rate": "exploration",
    "budget_cap": "budget_cap_usd",
    "candidate_pool": "candidate_pool",
    "on": "on",
    "timeouts": "timeouts",
    "handoff_threshold": "handoff.threshold",
    "handoff_model": "handoff.model",
    "handoff_providers": "handoff.providers",
    "max_messages_for_summary": "handoff.max_messages",
}
"""Members of a combo's configuration, in the API and as they are stored."""


class DefaultsChange(Body):
    """Members that are left out stay; null, or what is usual anyway, takes one back. There is nothing to override
    by provider: what a combo can set is not about a single one."""

    combo_defaults: ConfigBody = ConfigBody()
    provider_overrides: Annotated[dict[str, Any], Field(max_length=0)] = {}


class DefaultsShape(Reply):
    combo_defaults: dict[str, Any]  # the members of `ConfigBody` that are set
    provider_overrides: dict[str, Any]


@router.get("")
def combo_defaults(services: ServicesOf) -> DefaultsShape:
    return _shape(stored_config(defaults_of(services.snapshot().settings)))


@router.patch("")
@router.put("")
def change_combo_defaults(body: DefaultsChange, services: ServicesOf, caller: CallerOf) -> DefaultsShape:
    """Holds from the next request on, for combos that are there already, too. A combo's own settings go before."""
    given = body.combo_defaults
    if given.composite_tiers is not None:
        raise InvalidRequest("compositeTiers are about the steps of one combo; set them there.", code="bad_combo")
    named = [_MEMBERS[name] for name in given.model_fields_set if name in _MEMBERS]
    change = services.combo_defaults.change
    return _shape(change(config_of(services, given), named, caller.actor, now=services.now_ms()))


def _shape(config: ComboConfig) -> DefaultsShape:
    return DefaultsShape(combo_defaults=config_shape(config), provider_overrides={})
