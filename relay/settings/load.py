"""Read a settings tree from TOML and the environment, and tell every fault at once with its key's full name."""

import os
import re
import tomllib
from collections.abc import Iterator, Mapping
from contextvars import ContextVar
from pathlib import Path
from typing import Annotated, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, ValidationError
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
)

from relay.errors import SettingsFault

Tree = TypeVar("Tree", bound="Settings")

_TABLE = "should be a table: { ... }, or a section under its own [heading]"
_TEXT = "should be a text, in quotes"
_WHOLE = "should be a whole number, without quotes"
_TRUTH = "should be true or false, without quotes"

# What pydantic calls a fault, and what somebody with a text editor needs to hear.
_WORDINGS: Mapping[str, str] = {
    "extra_forbidden": "is not a setting; look for a typing error, or remove it",
    "missing": "is required",
    "too_short": "needs at least one",
    "model_type": _TABLE,
    "model_attributes_type": _TABLE,
    "dict_type": _TABLE,
    "tuple_type": "should be a list: [...]",
    "path_type": _TEXT,
    "string_type": _TEXT,
    "int_type": _WHOLE,
    "int_parsing": _WHOLE,
    "int_from_float": _WHOLE,
    "float_type": "should be a number",
    "float_parsing": "should be a number",
    "bool_type": _TRUTH,
    "bool_parsing": _TRUTH,
}

# What pydantic's sentences begin with; ours begin with the key.
_SUBJECT = re.compile(r"(?:Value error, |(?:Input|String|Value) (?=should|is))")

# How pydantic marks that the key itself is wrong, and not what it holds.
_KEY = "[key]"

# How pydantic-settings names the culprit: 'error parsing value for field "listen" from source ...'.
_FIELD = re.compile(r'field "(\w+)"')

_folder: ContextVar[Path] = ContextVar("_folder", default=Path())

# A path in a settings file counts from that file's folder, wherever the process was started.
SettingsPath = Annotated[Path, AfterValidator(lambda path: _folder.get() / path)]


class Branch(BaseModel):
    """One branch of a settings tree: frozen, and an unknown key is a fault."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True, hide_input_in_errors=True)


class Settings(BaseSettings):
    """The root of a settings tree. Subclasses add fields: branches or plain values."""

    model_config = SettingsConfigDict(frozen=True, extra="forbid", validate_default=True, hide_input_in_errors=True)

    def disagreements(self) -> Iterator[tuple[str, str]]:
        """Yield what no field can know by itself: (key, fault) wherever two parts of the tree contradict."""
        yield from ()


def load(tree: type[Tree], path: Path, *, prefix: str | None) -> Tree:
    """Return the settings of `path` (TOML), overlaid by environment variables such as `RELAY_LISTEN__PORT`.

    `prefix` is the environment's, with its underscore (`RELAY_`); without one the environment does not count.
    Raises SettingsFault with one entry for each fault.
    """
    document = _read(path)
    faults = [] if prefix is None else list(_strange_variables(tree, prefix))
    folder = _folder.set(path.parent)
    try:
        settings = _build(tree, document, prefix)
    except ValidationError as error:
        raise SettingsFault(faults + list(_told(error))) from None
    except SettingsError as error:
        raise SettingsFault([*faults, _unreadable(error, prefix or "")]) from None
    finally:
        _folder.reset(folder)
    faults += settings.disagreements()
    if faults:
        raise SettingsFault(faults)
    return settings


def _read(path: Path) -> dict[str, object]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise SettingsFault([(str(path), "there is no such file; give its path with --config")]) from None
    except UnicodeDecodeError:
        raise SettingsFault([(str(path), "is not text in UTF-8; save it as that")]) from None
    except OSError as error:
        raise SettingsFault([(str(path), f"cannot be read: {error.strerror or error}")]) from None
    except tomllib.TOMLDecodeError as error:
        raise SettingsFault([(str(path), f"is not valid TOML: {error}")]) from None


def _strange_variables(tree: type[Settings], prefix: str) -> Iterator[tuple[str, str]]:
    for name in sorted(os.environ):
        if name.startswith(prefix) and not _known(tree, name.removeprefix(prefix)):
            yield name, "is not a setting; unset it, or look for a typing error"


def _known(tree: type[Settings], name: str) -> bool:
    return name.split("__", 1)[0].lower() in tree.model_fields


def _build(tree: type[Tree], document: dict[str, object], prefix: str | None) -> Tree:
    class Sourced(tree):  # type: ignore[valid-type, misc]  # a class of this one reading: its sources
        @classmethod
        def settings_customise_sources(
            cls,
            settings_cls: type[BaseSettings],
            init_settings: PydanticBaseSettingsSource,
            env_settings: PydanticBaseSettingsSource,
            dotenv_settings: PydanticBaseSettingsSource,
            file_secret_settings: PydanticBaseSettingsSource,
        ) -> tuple[PydanticBaseSettingsSource, ...]:
            if prefix is None:
                return (init_settings,)
            environment = EnvSettingsSource(
                settings_cls, env_prefix=prefix, env_nested_delimiter="__", case_sensitive=False
            )
            return (environment, init_settings)

    return Sourced(**document)


def _told(error: ValidationError) -> Iterator[tuple[str, str]]:
    faults = error.errors(include_url=False, include_input=False)
    keys = [".".join(str(part) for part in fault["loc"] if part != _KEY) for fault in faults]
    for fault, key in zip(faults, keys, strict=True):
        # Where an element is wrong, pydantic also calls the list too short for want of it.
        if fault["type"] == "too_short" and any(other.startswith(f"{key}.") for other in keys):
            continue
        yield (
            key or "(whole file)",
            _WORDINGS.get(fault["type"], _SUBJECT.sub("", fault["msg"])),
        )


def _unreadable(error: SettingsError, prefix: str) -> tuple[str, str]:
    """Say which variable holds something else than the JSON that its kind of setting needs; never what it holds."""
    field = _FIELD.search(str(error))
    name = f"{prefix}{field[1].upper()}" if field else prefix
    return (
        name,
        f"this variable, or one that starts with {name}__, has to be JSON; set each leaf by a variable of its own",
    )
