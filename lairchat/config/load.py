"""From defaults, file, environment and overrides to one checked Config, or to the list of everything wrong."""

import difflib
import ipaddress
import json
import logging
import re
import tomllib
import types
import typing
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec
from msgspec import Struct, structs

from lairchat.config.database import check_database_url
from lairchat.config.schema import SECRETS, UNSHOWN, Config, Window
from lairchat.config.secrets import UnsafeSecrets, ensure_secrets

logger = logging.getLogger(__name__)

PREFIX = "LAIR_"
ENVIRONMENT_NAMES = {"limits_on": "LAIR_LIMITS"}  # where the name does not follow from the key path
FILE_NAME = "LAIR_CONFIG"
OFF = {"off", "no", "false", "0"}
ON = {"on", "yes", "true", "1"}
WILDCARDS = {"0.0.0.0", "::", "[::]"}  # noqa: S104 - compared with, not listened on


class ConfigError(Exception):
    """Everything that is wrong with the configuration, one line each."""

    def __init__(self, problems: list[str]) -> None:
        self.problems = problems
        count = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
        super().__init__("\n".join([f"The configuration has {count}:", *(f"- {problem}" for problem in problems)]))


class Setting(typing.NamedTuple):
    path: str
    type: Any
    default: Any
    description: str

    @property
    def environment_name(self) -> str:
        return ENVIRONMENT_NAMES.get(self.path) or PREFIX + self.path.replace(".", "_").upper()


def settings(schema: type[Struct] = Config, prefix: str = "") -> Iterator[Setting]:
    """Every setting of the schema, sections opened, in its order."""
    for item in structs.fields(schema):
        if isinstance(item.type, type) and issubclass(item.type, Struct):
            yield from settings(item.type, f"{prefix}{item.encode_name}.")
        else:
            description = next((meta.description for meta in item.type.__metadata__ if meta.description), "")
            yield Setting(prefix + item.encode_name, item.type, item.default, description)


def load(
    environ: Mapping[str, str], file: Path | str | None = None, overrides: Mapping[str, Any] | None = None
) -> Config:
    """Default < file < environment < overrides (key path → value), checked, with secrets in place.

    Raises ConfigError with every problem at once.
    """
    problems: list[str] = []
    given: dict[str, tuple[Any, str]] = {}
    file = file or environ.get(FILE_NAME)
    if file:
        given |= _from_file(Path(file), problems)
    given |= _from_environment(environ, problems)
    given |= {path: (value, "an override") for path, value in (overrides or {}).items()}

    known = {setting.path: setting for setting in settings()}
    values: dict[str, Any] = {}
    for path, (value, origin) in given.items():
        if path not in known:
            problems.append(f"{path} ({origin}): there is no such setting.{_nearest(path, known)}")
            continue
        try:
            values[path] = _checked(known[path], value)
        except ValueError as error:
            problems.append(_problem(known[path], value, origin, str(error)))
    if problems:
        raise ConfigError(problems)
    return _completed(_built(Config, "", values))


def _from_file(path: Path, problems: list[str]) -> dict[str, tuple[Any, str]]:
    try:
        text = path.read_bytes()
        tree = json.loads(text) if path.suffix == ".json" else tomllib.loads(text.decode())
    except OSError as error:
        problems.append(f"{path} (named by {FILE_NAME}): {error.strerror}. Give the path of a TOML or JSON file.")
        return {}
    except ValueError as error:
        problems.append(f"{path}: not readable as {'JSON' if path.suffix == '.json' else 'TOML'}: {error}.")
        return {}
    if not isinstance(tree, dict):
        problems.append(f"{path}: the file must hold one object of settings.")
        return {}
    return {key: (value, f"from {path}") for key, value in _leaves(tree)}


def _leaves(tree: dict, prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in tree.items():
        if isinstance(value, dict) and not {"count", "seconds"} >= value.keys():
            yield from _leaves(value, f"{prefix}{key}.")
        elif not isinstance(value, dict) or value:
            yield prefix + key, value


def _from_environment(environ: Mapping[str, str], problems: list[str]) -> dict[str, tuple[Any, str]]:
    """LAIR_X, or the content of the file that LAIR_X_FILE names."""
    given: dict[str, tuple[Any, str]] = {}
    names = {setting.environment_name: setting.path for setting in settings()}
    for name, path in names.items():
        file_name = environ.get(f"{name}_FILE")
        if name in environ:
            given[path] = (environ[name], f"from the environment, {name}")
        if not file_name:
            continue
        if name in environ:
            problems.append(f"{path} (from the environment): {name} and {name}_FILE are both set. Keep one.")
            continue
        try:
            given[path] = (Path(file_name).read_text().strip(), f"from {file_name}, named by {name}_FILE")
        except (OSError, UnicodeDecodeError) as error:
            problems.append(f"{path} (from {file_name}, named by {name}_FILE): cannot be read: {error}.")
    _warn_of_strangers(environ, names)
    return given


def _warn_of_strangers(environ: Mapping[str, str], names: Mapping[str, str]) -> None:
    # Not a problem to stop for: Kubernetes sets LAIR_SERVICE_HOST and the like for a service called lair.
    known = {FILE_NAME, *names, *(f"{name}_FILE" for name in names)}
    for name in sorted(environ):
        if name.startswith(PREFIX) and name not in known:
            logger.warning("no setting is called %s.%s", name, _nearest(name, known))


def _nearest(name: str, known: typing.Iterable[str]) -> str:
    found = difflib.get_close_matches(name, known, n=1)
    return f" Did you mean {found[0]}?" if found else ""


def _problem(setting: Setting, value: Any, origin: str, error: str) -> str:
    shown = "" if setting.path in UNSHOWN else f", not {value!r}"
    default = f" or leave it out for {_shown(setting.default)}" if setting.default not in ("", None, ()) else ""
    return f"{setting.path} ({origin}): {error}{shown}. Correct it{default}. It is: {setting.description}"


def _shown(value: Any) -> str:
    return ", ".join(value) if isinstance(value, tuple) else str(value)


def _checked(setting: Setting, value: Any) -> Any:
    """Raises ValueError with what was expected."""
    kind = setting.type.__origin__
    if kind is Window:
        return _window(value)
    if kind is bool and isinstance(value, str):
        value = _switch(value)
    if kind is Path:
        value = Path(str(value)).expanduser().absolute() if value else None
        if value is None:
            raise ValueError("a path is needed")
        return value
    if typing.get_origin(kind) is tuple and isinstance(value, str):
        value = [part for part in re.split(r"[,\s]+", value) if part]
    if isinstance(kind, types.UnionType) and value == "":
        value = None
    if setting.path == "log_level" and isinstance(value, str):
        value = value.upper()
    try:
        value = msgspec.convert(value, setting.type, strict=False)
    except msgspec.ValidationError as error:
        raise ValueError(str(error).split(" - at ")[0].replace("`", "")) from None
    check = CHECKS.get(setting.path)
    return check(value) if check and value else value


def _window(value: Any) -> Window:
    if isinstance(value, dict):
        value = f"{value.get('count')}/{value.get('seconds')}"
    match = re.fullmatch(r"(\d{1,9})/(\d{1,9})", str(value).replace(" ", ""))
    if not match or not int(match[1]) or not int(match[2]):
        raise ValueError("expected count/seconds, such as 20/4")
    return Window(int(match[1]), int(match[2]))


def _switch(value: str) -> bool:
    if value.lower() in ON | OFF:
        return value.lower() in ON
    raise ValueError("expected on or off")


def _origin(value: str) -> str:
    parts = urlsplit(value)
    _ = parts.port  # reading it checks it
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.username is not None:
        raise ValueError("expected http:// or https:// and a host")
    if parts.path.strip("/") or parts.query or parts.fragment:
        raise ValueError("expected an address without a path")
    return f"{parts.scheme}://{parts.netloc.lower()}"


def _origins(values: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(_origin(value) for value in values)


def _networks(values: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(str(ipaddress.ip_network(value, strict=False)) for value in values)


def _database(value: str) -> str:
    check_database_url(value)
    return value


def _redis(value: str) -> str:
    if urlsplit(value).scheme not in {"redis", "rediss", "unix"}:
        raise ValueError("expected redis://, rediss:// or unix://")
    return value


def _secret(value: str) -> str:
    if len(value) < 32:
        raise ValueError("too short: at least 32 characters, random ones")
    return value


CHECKS: dict[str, typing.Callable[[Any], Any]] = {
    "site.address": _origin,
    "cors_origins": _origins,
    "allowed_origins": _origins,
    "trusted_proxies": _networks,
    "database.url": _database,
    "redis_url": _redis,
    **dict.fromkeys(SECRETS, _secret),
}


def _built(schema: type[Struct], prefix: str, values: dict[str, Any]) -> Any:
    found: dict[str, Any] = {}
    for item in structs.fields(schema):
        path = prefix + item.encode_name
        if isinstance(item.type, type) and issubclass(item.type, Struct):
            found[item.name] = _built(item.type, f"{path}.", values)
        elif path in values:
            found[item.name] = values[path]
    return schema(**found)


def _completed(config: Config) -> Config:
    """The values that follow from others, and the secrets."""
    data_dir = config.data_dir.absolute()
    address = config.site.address or f"http://127.0.0.1:{config.http_port}"
    url = config.storage.url or f"sqlite:///{data_dir / 'lair.sqlite3'}"
    return structs.replace(
        config,
        data_dir=data_dir,
        site=structs.replace(config.site, address=address),
        storage=structs.replace(config.storage, url=url),
        allowed_hosts=config.allowed_hosts or _own_hosts(config.host, address),
        **_secrets(config, data_dir),
    )


def _own_hosts(host: str, address: str) -> tuple[str, ...]:
    named = urlsplit(address).hostname or ""
    hosts = ["localhost", "127.0.0.1", "[::1]", f"[{named}]" if ":" in named else named]
    if host not in WILDCARDS:
        hosts.append(f"[{host}]" if ":" in host and not host.startswith("[") else host)
    return tuple(dict.fromkeys(hosts))


def _secrets(config: Config, data_dir: Path) -> dict[str, str]:
    given = {name: getattr(config, name) for name in SECRETS if getattr(config, name)}
    missing = tuple(name for name in SECRETS if name not in given)
    try:
        data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        return given | ({name: ensure_secrets(data_dir, missing)[name] for name in missing} if missing else {})
    except UnsafeSecrets as error:
        raise ConfigError([str(error)]) from error
    except OSError as error:
        raise ConfigError(
            [f"data_dir: {data_dir} cannot be used: {error.strerror}. Give a directory this account may write to."]
        ) from error
