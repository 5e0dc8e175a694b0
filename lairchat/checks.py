"""What must be right before a start, each with an id and a hint (guarantees S18). `manage.py check` runs them."""

import os
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register

from lairchat import config


@register(Tags.security)
def check_debug(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    if not settings.DEBUG:
        return []
    return [Error("Debug is on.", hint="Error pages would show code and settings. Set DEBUG = False.", id="lair.E001")]


@register(Tags.security)
def check_hosts(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    if "*" not in settings.ALLOWED_HOSTS:
        return []
    hint = "Links made from a request could lead anywhere. List the names in LAIR_ALLOWED_HOSTS."
    return [Error("Any host name is answered to.", hint=hint, id="lair.E002")]


@register(Tags.security)
def check_cors(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    if not getattr(settings, "CORS_ALLOW_CREDENTIALS", False):
        return []
    return [Error("Other origins may send cookies.", hint="Set CORS_ALLOW_CREDENTIALS = False.", id="lair.E003")]


@register(Tags.security)
def check_data_directory(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    path = config.current().data_dir
    if not os.access(path, os.W_OK):
        return [Error(f"{path} cannot be written to.", hint="Give LAIR_DATA_DIR another directory.", id="lair.E004")]
    if path.stat().st_mode & 0o022:
        hint = f"Others could replace the database. Run `chmod go-w {path}`."
        return [Error(f"{path} can be written to by others.", hint=hint, id="lair.E005")]
    return []


@register(Tags.security)
def check_limits(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    if config.current().limits_on:
        return []
    return [Warning("Rate limits are off.", hint="Remove LAIR_LIMITS: it is for load tests.", id="lair.W001")]


@register(Tags.security)
def check_plain_http(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    current = config.current()
    address = urlsplit(current.site.address)
    if address.scheme == "https" or address.hostname in {"localhost", "127.0.0.1", "::1"}:
        return []
    hint = "Passwords and messages cross the network in clear. Put a TLS proxy before it and set LAIR_SITE_ADDRESS."
    return [Warning("People reach this site over plain HTTP.", hint=hint, id="lair.W002")]


@register(Tags.database)
def check_durability(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    if config.current().storage.synchronous == "FULL":
        return []
    hint = "An acknowledged message may be lost at a power cut. Remove LAIR_DATABASE_SYNCHRONOUS for FULL."
    return [Warning("The database does not wait for the disk.", hint=hint, id="lair.W003")]
