"""The fields that requests about a connection share."""

from typing import Annotated, TypeAlias

from fastapi import Path
from pydantic import Field

ConnectionId: TypeAlias = Annotated[str, Path(max_length=128)]
ProviderName: TypeAlias = Annotated[str, Field(min_length=1, max_length=128)]
Key: TypeAlias = Annotated[str, Field(max_length=10_000)]
"""A credential as its owner types it; many characters because a cloud's is a JSON file."""
