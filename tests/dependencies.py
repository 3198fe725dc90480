"""The code that dvc.yaml must name under a stage group's ``deps``, written as it stands there.

``python tests/dependencies.py train topk`` prints it; ``python tests/dependencies.py --write`` puts it into dvc.yaml
for all groups, and touches nothing else. test_dependencies.py fails where the two differ.
"""

import re
import sys
from pathlib import Path

from imports import ROOT, closure, inert

BY_ID = ("predict", "push")
"""Verbs that load a model by its id, so that any of them may be needed."""
WIDTH = 120
GROUP = re.compile(r"^  [a-z]+-[a-z]+:\n(?:    .*\n)+", re.MULTILINE)
COMMAND = re.compile(r"^    cmd: python -m stages\.(?P<verb>\w+) (?P<track>\w+) \S+(?: (?P<model>\S+))?$", re.MULTILINE)
LISTED = re.compile(r"^    matrix: .*\bmodel: \[(?P<models>[^\]]*)\]", re.MULTILINE)
CODE = re.compile(r"^      stages/__init__\.py,[^\]]*\]\n", re.MULTILINE)


def needed(verb: str, track: str, only: tuple[str, ...] = ()) -> list[str]:
    """Files and folders, sorted by room: the script, the track, shared rooms by name, the package's own files.

    ``only``: the models that the group's cells train, where these aren't all of the track's.
    """
    folder = ROOT / "src" / "rankpipe" / track / "models"
    models = {path.stem: f"rankpipe.{track}.models.{path.stem}" for path in sorted(folder.glob("*.py"))
              if path.stem != "__init__"}
    base = (f"stages.{verb}", f"rankpipe.{track}.{verb}")
    found = set(closure(*base))
    place = f"src/rankpipe/{track}/models"
    if verb in BY_ID:
        found |= set(closure(*models.values()))
        found = {file for file in found if not file.startswith(f"{place}/")} | {place}
    elif only:
        found |= set(closure(*(module for model, module in models.items() if model in only)))
    elif verb == "train":
        for model, module in models.items():
            found |= set(closure(module)) - {f"{place}/{model}.py"}
        found.add(f"{place}/${{item.model}}.py")
    return sorted((file for file in found if not (ROOT / file).is_file() or not inert(ROOT / file)),
                  key=lambda file: (_room(file, track), file))


def _room(file: str, track: str) -> tuple[int, str]:
    _, *parts = file.split("/")
    if file.startswith("stages/"):
        return 0, ""
    if len(parts) == 2:
        return 3, ""
    return (1, "") if parts[1] == track else (2, parts[1])


def lines(verb: str, track: str, only: tuple[str, ...] = ()) -> str:
    """The lines of dvc.yaml: each room begins one, the bracket of the list closes the last."""
    out, room = [], None
    for file in needed(verb, track, only):
        word = f'"{file}",' if "$" in file else f"{file},"
        if _room(file, track) == room and len(out[-1]) + 1 + len(word) <= WIDTH:
            out[-1] += f" {word}"
        else:
            out.append(f"      {word}")
            room = _room(file, track)
    return "\n".join(out).removesuffix(",") + "]\n"


def written(text: str) -> str:
    """dvc.yaml with the code of every group as it should be."""
    return GROUP.sub(lambda group: CODE.sub(lambda _: _lines_of(group[0]), group[0], count=1), text)


def _lines_of(group: str) -> str:
    command, listed = COMMAND.search(group), LISTED.search(group)
    assert command is not None, group
    model = command["model"] or ""
    only = tuple(re.findall(r"\w+", listed["models"])) if listed else (model,) if model and "$" not in model else ()
    return lines(command["verb"], command["track"], only)


if __name__ == "__main__":
    if sys.argv[1:] == ["--write"]:
        path = Path(ROOT / "dvc.yaml")
        path.write_text(written(path.read_text(encoding="utf-8")), encoding="utf-8")
    elif len(sys.argv) == 3:
        print(lines(*sys.argv[1:]), end="")
    else:
        sys.exit("usage: python tests/dependencies.py VERB TRACK | --write")
