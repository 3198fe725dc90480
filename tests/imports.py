"""Which of the project's files a module imports, read from the source without running it."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def source(module: str) -> Path | None:
    """The file behind a module of the project; None for a module of others, or a name that isn't a module."""
    base = ROOT / ("src" if module.split(".")[0] == "rankpipe" else "") / module.replace(".", "/")
    if module.split(".")[0] not in ("rankpipe", "stages"):
        return None
    for path in (base / "__init__.py", base.with_suffix(".py")):
        if path.is_file():
            return path
    return None


@cache
def imported(path: Path) -> tuple[str, ...]:
    """Full names in a file's import statements, also inside functions; ``from a import b`` gives ``a`` and ``a.b``.

    What stands under ``if TYPE_CHECKING:`` is never imported by a running stage and isn't counted.
    """
    names: list[str] = []
    for node in _running(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            parts = [node.module] if node.module else []
            if node.level:
                package = path.relative_to(ROOT / "src" if path.is_relative_to(ROOT / "src") else ROOT).parent.parts
                parts = [*package[:len(package) - node.level + 1], *parts]
            base = ".".join(parts)
            names += [base, *(f"{base}.{alias.name}" for alias in node.names)]
    return tuple(names)


def _running(node: ast.AST) -> Iterator[ast.AST]:
    yield node
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.dump(child.test):
            for other in child.orelse:
                yield from _running(other)
        else:
            yield from _running(child)


@cache
def inert(path: Path) -> bool:
    """True for a file of nothing but a docstring, such as most ``__init__.py``: editing it changes no run."""
    return path.suffix == ".py" and not [node for node in ast.parse(path.read_text(encoding="utf-8")).body
                if not (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant))]


def closure(*modules: str) -> dict[str, tuple[str, ...]]:
    """Every file of the project that importing ``modules`` runs or may read, and the names that each imports.

    Importing ``a.b.c`` also runs ``a/__init__`` and ``a/b/__init__``.
    """
    found: dict[str, tuple[str, ...]] = {}
    waiting = list(modules)
    while waiting:
        parts = waiting.pop().split(".")
        for i in range(len(parts)):
            path = source(".".join(parts[:i + 1]))
            if path is not None and (name := str(path.relative_to(ROOT))) not in found:
                found[name] = imported(path)
                waiting += found[name]
                found.update(dict.fromkeys(beside(path), ()))
    return found


def beside(path: Path) -> list[str]:
    """Tables in a module's folder, such as a lexicon, if the module asks where it lies."""
    if "__file__" not in path.read_text(encoding="utf-8") and "resources" not in imported(path):
        return []
    return [str(other.relative_to(ROOT)) for other in sorted(path.parent.iterdir())
            if other.is_file() and other.suffix in (".tsv", ".csv", ".json", ".txt")]


def others(*modules: str) -> set[str]:
    """Top-level names of packages not of this project in the closure of ``modules``."""
    return {name.split(".")[0] for names in closure(*modules).values() for name in names} - {"rankpipe", "stages"}
