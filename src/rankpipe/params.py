"""params.yaml as frozen typed blocks: an unknown key, a wrong type or a value out of range is one clear line.

The file is read by YAML 1.2 rules: DVC writes ``1e-05`` for ``-S lr=1e-5``, which YAML 1.1 readers take for text.
"""

import dataclasses
import math
import types
import typing
from collections.abc import Iterable
from pathlib import Path
from typing import Any, TypeVar

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from rankpipe.errors import InputError, nearest

T = TypeVar("T")


def load(path: str | Path = "params.yaml") -> dict[str, Any]:
    """The whole file as plain dictionaries.

    Raises:
        InputError: the file is missing, isn't YAML, or its top level is not a mapping.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(f"{path}: not found; run from the repository root, where params.yaml lies")
    try:
        values = YAML(typ="safe", pure=True).load(path.read_text(encoding="utf-8"))
    except (YAMLError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: not readable as YAML: {error}") from error
    if not isinstance(values, dict):
        raise InputError(f"{path}: expected keys at the top level")
    return values


def get(values: dict[str, Any], key: str, where: str = "params.yaml") -> Any:
    """The value at a dotted ``key``, such as ``ctr.models``."""
    node: Any = values
    for i, part in enumerate(key.split(".")):
        if not isinstance(node, dict) or part not in node:
            above = ".".join(key.split(".")[:i]) or "the top level"
            hint = nearest(part, node) if isinstance(node, dict) else "it is not a mapping"
            raise InputError(f"{where}: no key '{key}' ('{part}' is not under {above}); {hint}")
        node = node[part]
    return node


def only(values: Any, known: Iterable[str], where: str) -> None:
    """Raises InputError for a key that nobody reads: misspelt, it would leave the default in force without a word."""
    if not isinstance(values, dict):
        raise InputError(f"{where}: expected keys, got {values!r}")
    known = list(known)
    for key in values:
        if key not in known:
            raise InputError(f"{where}.{key}: unknown parameter; {nearest(key, known)}")


def seed(values: dict[str, Any]) -> int:
    """The top-level key ``seed``."""
    return block(_Seed, {"seed": get(values, "seed")}, "params.yaml: top level").seed


def bounded(default: Any = dataclasses.MISSING, *, low: float | None = None, high: float | None = None,
            above: float | None = None, below: float | None = None, choices: tuple[Any, ...] | None = None) -> Any:
    """A dataclass field with limits: ``low ≤ x ≤ high``, ``above < x < below``, or one of ``choices``.

    On a tuple field the limits hold for each item.
    """
    limits = {"low": low, "high": high, "above": above, "below": below, "choices": choices}
    metadata = {k: v for k, v in limits.items() if v is not None}
    if isinstance(default, (list, dict)):
        return dataclasses.field(default_factory=lambda: default, metadata=metadata)
    return dataclasses.field(default=default, metadata=metadata)


def block(cls: type[T], values: dict[str, Any] | None, where: str) -> T:
    """``values`` as an instance of the frozen class ``cls``; ``where`` (``params.yaml: ctr.training``) opens errors.

    Supports bool, int, float, str, ``X | None``, ``tuple[X, ...]`` (from a list), ``dict[str, X]``, Literal and nested
    dataclasses. An int is accepted where a float is wanted, a bool never passes for a number. A class may check more in
    ``__post_init__`` by raising ValueError.

    Raises:
        InputError: unknown or missing key, wrong type, value out of range.
    """
    values = {} if values is None else values
    fields = {f.name: f for f in dataclasses.fields(cls)}  # type: ignore[arg-type]
    only(values, fields, where)
    hints = typing.get_type_hints(cls)
    built: dict[str, Any] = {}
    for name, field in fields.items():
        if name in values:
            built[name] = _typed(values[name], hints[name], f"{where}.{name}")
            _limits(built[name], field.metadata, f"{where}.{name}")
        elif field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING:
            raise InputError(f"{where}.{name}: missing; add it")
    try:
        return cls(**built)
    except ValueError as error:
        raise InputError(f"{where}: {error}") from error


def _typed(value: Any, hint: Any, where: str) -> Any:
    origin, args = typing.get_origin(hint), typing.get_args(hint)
    if hint is Any:
        return value
    if origin in (types.UnionType, typing.Union):
        if value is None and type(None) in args:
            return None
        rest = [a for a in args if a is not type(None)]
        for choice in rest[:-1]:
            try:
                return _typed(value, choice, where)
            except InputError:
                continue
        return _typed(value, rest[-1], where)
    if origin is typing.Literal:
        if value not in args or isinstance(value, bool) != any(isinstance(a, bool) for a in args if a == value):
            raise InputError(f"{where}: {value!r} is not a choice; {nearest(str(value), map(str, args))}")
        return value
    if origin is tuple:
        if not isinstance(value, (list, tuple)):
            raise InputError(f"{where}: expected a list, got {value!r}")
        return tuple(_typed(v, args[0], f"{where}[{i}]") for i, v in enumerate(value))
    if origin is dict:
        if not isinstance(value, dict):
            raise InputError(f"{where}: expected keys, got {value!r}")
        return {str(k): _typed(v, args[1], f"{where}.{k}") for k, v in value.items()}
    if dataclasses.is_dataclass(hint):
        return block(hint, value, where)  # type: ignore[arg-type]
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        value = float(value)
    if hint is dict and isinstance(value, dict):
        return value
    if not isinstance(value, hint) or (isinstance(value, bool) and hint is not bool):
        raise InputError(f"{where}: expected {_noun(hint)}, got {value!r}")
    if isinstance(value, float) and not math.isfinite(value):
        raise InputError(f"{where}: expected a finite number, got {value!r}")
    return value


def _limits(value: Any, metadata: Any, where: str) -> None:
    for item in value if isinstance(value, tuple) else (value,):
        if item is None:
            continue
        if "choices" in metadata and item not in metadata["choices"]:
            raise InputError(f"{where}: {item!r} is not a choice; {nearest(str(item), map(str, metadata['choices']))}")
        wrong = (("low" in metadata and item < metadata["low"]) or ("high" in metadata and item > metadata["high"])
                 or ("above" in metadata and item <= metadata["above"])
                 or ("below" in metadata and item >= metadata["below"]))
        if wrong:
            signs = {"low": "≥", "high": "≤", "above": ">", "below": "<"}
            rule = " and ".join(f"{signs[k]} {v}" for k, v in metadata.items() if k in signs)
            raise InputError(f"{where}: {item!r} is out of range; it must be {rule}")


def _noun(hint: Any) -> str:
    nouns = {bool: "true or false", int: "a whole number", float: "a number", str: "text", dict: "keys"}
    return nouns.get(hint, str(hint))


@dataclasses.dataclass(frozen=True)
class _Seed:
    seed: int = bounded(low=0, high=2**63 - 1)
