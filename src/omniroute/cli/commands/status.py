"""`omniroute status` and `omniroute version`: what runs, and of which version."""

from importlib.metadata import version as installed_version

import msgspec

from omniroute.cli.command import Call
from omniroute.ir.json import JsonObject


class _Providers(msgspec.Struct, rename="camel"):
    catalog_count: int = 0
    configured_count: int = 0
    active_count: int = 0


class _Health(msgspec.Struct, rename="camel"):
    status: str
    version: str = ""
    uptime: float = 0.0
    provider_summary: _Providers = msgspec.field(default_factory=_Providers)


def status(call: Call) -> None:
    """Say whether the gateway runs, and how it is.

    The exit code is 3 when nothing answers.

    \b
    Examples:
      omniroute status
      omniroute status --url http://10.0.0.5:20128 --json
    """
    gateway = call.place.gateway(timeout_s=10)
    answer = gateway.get("/api/monitoring/health", JsonObject)
    if call.output.json:
        call.output.value(answer)
        return
    health = msgspec.convert(answer, _Health)
    providers = health.provider_summary
    call.output.facts(
        {
            "status": health.status,
            "address": gateway.url,
            "version": health.version,
            "uptime": duration(health.uptime),
            "providers": f"{providers.active_count} active of {providers.configured_count} configured",
        }
    )


def version(call: Call) -> None:
    """Print the installed version.

    \b
    Examples:
      omniroute version
      omniroute version --json
    """
    import platform

    if call.output.json:
        call.output.value({"version": installed_version("omniroute"), "python": platform.python_version()})
    else:
        call.output.text(f"omniroute {installed_version('omniroute')}")


def duration(seconds: float) -> str:
    """Seconds as people say them: `42 s`, `5 min`, `3 h 20 min`, `2 d 4 h`."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    if days:
        return f"{days} d {hours} h"
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min" if minutes else f"{rest} s"
