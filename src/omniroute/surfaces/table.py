"""The routes of the data plane: which handler answers a method of a path, and who may call it.

A path may hold one parameter: `{provider}` stands for one segment, `{model...}` for one or more with the slashes
between them. Of several paths that fit, the one with the most letters of its own counts.
"""

from collections.abc import Awaitable, Callable, Iterable
from typing import TypeAlias

import msgspec

from omniroute.access.routes import Route
from omniroute.dialects.base import Dialect
from omniroute.pipeline.exchange import Exchange

Handler: TypeAlias = Callable[[Exchange, str], Awaitable[None]]
"""The second argument is what stood in the place of the path's `{parameter}`, or an empty string."""


class Endpoint(msgspec.Struct, frozen=True, kw_only=True):
    """A route with its handler and the dialect in which its caller wants to hear about errors.

    `more_for_managers`: the management application has the same path and answers callers who show a credential.
    `least_body_limit`: bytes that a request may have at least, whatever the setting for all endpoints says.
    """

    route: Route
    handler: Handler
    dialect: Dialect
    more_for_managers: bool = False
    least_body_limit: int = 0


class _Pattern(msgspec.Struct, frozen=True):
    prefix: str
    suffix: str
    slashes: bool
    methods: dict[str, Endpoint]

    def parameter(self, path: str) -> str:
        """What stands in the parameter's place; nothing when `path` does not fit."""
        if not path.startswith(self.prefix) or not path.endswith(self.suffix):
            return ""
        found = path[len(self.prefix) : len(path) - len(self.suffix)]
        fits = not found.endswith("/") if self.slashes else "/" not in found
        return found if fits else ""


class Table:
    """Exact paths by dictionary; paths with a parameter by prefix and suffix. Case-sensitive."""

    def __init__(self, endpoints: Iterable[Endpoint]) -> None:
        self.endpoints = tuple(endpoints)
        self._exact: dict[str, dict[str, Endpoint]] = {}
        self._patterns: list[_Pattern] = []
        for endpoint in self.endpoints:
            self._add(endpoint)
        self._patterns.sort(key=lambda pattern: len(pattern.prefix) + len(pattern.suffix), reverse=True)

    def find(self, path: str) -> "tuple[dict[str, Endpoint], str] | None":
        """The endpoints of `path` by method, and the parameter."""
        exact = self._exact.get(path)
        if exact is not None:
            return exact, ""
        for pattern in self._patterns:
            parameter = pattern.parameter(path)
            if parameter:
                return pattern.methods, parameter
        return None

    def _add(self, endpoint: Endpoint) -> None:
        route = endpoint.route
        exact = "{" not in route.path
        methods = self._exact.setdefault(route.path, {}) if exact else self._methods_of(route.path)
        assert route.method not in methods, f"two handlers for {route.method} {route.path}"
        methods[route.method] = endpoint
        if route.method == "GET":
            methods.setdefault("HEAD", endpoint)

    def _methods_of(self, path: str) -> dict[str, Endpoint]:
        prefix, _, rest = path.partition("{")
        name, _, suffix = rest.partition("}")
        for pattern in self._patterns:
            if (pattern.prefix, pattern.suffix, pattern.slashes) == (prefix, suffix, name.endswith("...")):
                return pattern.methods
        pattern = _Pattern(prefix, suffix, name.endswith("..."), {})
        self._patterns.append(pattern)
        return pattern.methods
