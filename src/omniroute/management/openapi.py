"""The OpenAPI description of the management API, generated from its routes."""

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from omniroute.access.sessions import COOKIE
from omniroute.ir.json import JsonObject


def document(app: FastAPI) -> JsonObject:
    """Validation errors are 400 here and described with the others, so FastAPI's own 422 is left out."""
    found: JsonObject = get_openapi(title=app.title, version=app.version, routes=app.routes)
    for path in found["paths"].values():
        for operation in path.values():
            operation["responses"].pop("422", None)
    for name in ("HTTPValidationError", "ValidationError"):
        found["components"]["schemas"].pop(name, None)
    found["components"]["securitySchemes"] = {
        "session": {"type": "apiKey", "in": "cookie", "name": COOKIE},
        "key": {"type": "http", "scheme": "bearer"},
    }
    found["security"] = [{"session": []}, {"key": []}]
    return found
