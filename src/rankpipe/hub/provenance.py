"""What a model was made from: the hashes of the raw data."""

from collections.abc import Iterable
from pathlib import Path, PurePath

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from rankpipe.errors import InputError
from rankpipe.io.digest import sha256

TRACKED = Path("data.dvc")


def data_hashes(files: Iterable[str], tracked: Path = TRACKED) -> dict[str, str]:
    """Raw file, or the tracked folder that holds it → its hash: DVC's where ``tracked`` has one, else its sha256.

    Raises:
        InputError: a file that isn't tracked and isn't there, or ``tracked`` can't be read.
    """
    outs = _outs(tracked)
    found: dict[str, str] = {}
    for name in sorted(files):
        path = PurePath(name)
        whole = next((o for o in outs if path == o or o in path.parents), None)
        if whole is not None:
            found[whole.as_posix()] = outs[whole]
        elif Path(name).is_file():
            found[path.as_posix()] = f"sha256:{sha256(Path(name))}"
        else:
            raise InputError(f"{name}: not found, and {tracked} has no hash of it; put the file there or run dvc pull")
    return found


def _outs(tracked: Path) -> dict[PurePath, str]:
    if not tracked.is_file():
        return {}
    try:
        values = YAML(typ="safe", pure=True).load(tracked.read_text(encoding="utf-8"))
        return {tracked.parent / out["path"]: f"md5:{out['md5']}" for out in values["outs"] if "md5" in out}
    except (YAMLError, KeyError, TypeError) as error:
        raise InputError(f"{tracked}: not readable as a DVC file ({error}); restore it from git") from error
