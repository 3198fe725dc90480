"""Folders that DVC tracks and that aren't here.

`dvc repro --pull --allow-missing` fetches a dependency that is missing, but not what is missing inside a folder that is
partly there: the models and scores of cells that were trained elsewhere, beside the one that was just trained here.
"""

from collections.abc import Iterable
from pathlib import Path

from rankpipe.errors import InputError
from rankpipe.io.atomic import atomic_folder


def restore(folders: Iterable[Path]) -> None:
    """Brings those of ``folders`` that are missing from DVC's cache or remote, as dvc.lock names them.

    A folder that DVC doesn't know, or a place that DVC doesn't manage, is left as it is: whoever reads it says what is
    missing.

    Raises:
        InputError: DVC knows the folder, and neither the cache nor the remote has it.
    """
    missing = [folder for folder in folders if not folder.exists()]
    if not missing or not Path(".dvc").is_dir():
        return
    from dvc.api import DVCFileSystem  # half a second, and hardly ever needed
    from dvc.exceptions import DvcException
    from dvc_data.index import DataIndexDirError

    tracked = DVCFileSystem()
    for folder in missing:
        if not tracked.isdir(folder.as_posix()):
            continue
        try:
            files = tracked.find(folder.as_posix())
            with atomic_folder(folder) as partial:
                for file in files:
                    tracked.get_file(file, str(partial / Path(file).relative_to(folder)))
        except (DvcException, DataIndexDirError, FileNotFoundError) as error:
            raise InputError(f"{folder}: in dvc.lock, but neither in the cache nor in the remote ({error}); "
                             "run dvc pull, or dvc repro without --allow-missing") from error
