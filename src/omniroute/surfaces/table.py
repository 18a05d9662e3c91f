"""The routes of the data plane: which handler answers a method of a path, and who may call it."""

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
    """

    route: Route
    handler: Handler
    dialect: Dialect
    more_for_managers: bool = False


class Table:
    """Exact paths by dictionary; paths with one `{parameter}` segment by prefix and suffix. Case-sensitive."""

    def __init__(self, endpoints: Iterable[Endpoint]) -> None:
        self.endpoints = tuple(endpoints)
        self._exact: dict[str, dict[str, Endpoint]] = {}
        self._patterns: list[tuple[str, str, dict[str, Endpoint]]] = []
        for endpoint in self.endpoints:
            self._add(endpoint)

    def find(self, path: str) -> "tuple[dict[str, Endpoint], str] | None":
        """The endpoints of `path` by method, and the parameter."""
        exact = self._exact.get(path)
        if exact is not None:
            return exact, ""
        for prefix, suffix, methods in self._patterns:
            if path.startswith(prefix) and path.endswith(suffix):
                parameter = path[len(prefix) : len(path) - len(suffix)]
                if parameter and "/" not in parameter:
                    return methods, parameter
        return None

    def _add(self, endpoint: Endpoint) -> None:
        route = endpoint.route
        if "{" not in route.path:
            methods = self._exact.setdefault(route.path, {})
        else:
            prefix, _, rest = route.path.partition("{")
            suffix = rest.partition("}")[2]
            known = next((m for p, s, m in self._patterns if (p, s) == (prefix, suffix)), None)
            methods = {} if known is None else known
            if known is None:
                self._patterns.append((prefix, suffix, methods))
        assert route.method not in methods, f"two handlers for {route.method} {route.path}"
        methods[route.method] = endpoint
        if route.method == "GET":
            methods.setdefault("HEAD", endpoint)
