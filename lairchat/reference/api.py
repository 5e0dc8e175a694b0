"""The description of the REST API (OpenAPI 3.1), made once a process."""

import contextlib
import io
from functools import cache
from typing import Any

import msgspec
from drf_spectacular.drainage import GENERATOR_STATS
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.renderers import OpenApiYamlRenderer


class Undescribed(Exception):
    """The description has gaps: drf-spectacular's warnings."""


@cache
def description() -> dict[str, Any]:
    """The whole document. Raises Undescribed on any warning."""
    said = io.StringIO()
    with contextlib.redirect_stderr(said):
        document = SchemaGenerator().get_schema(request=None, public=True)
    if GENERATOR_STATS:
        raise Undescribed(said.getvalue())
    return document


@cache
def as_json() -> bytes:
    return msgspec.json.encode(description())


def as_yaml() -> str:
    return OpenApiYamlRenderer().render(description(), renderer_context={}).decode()
