"""Fits the encoders on the train split."""

from rankpipe import params, paths
from rankpipe.ctr import settings
from rankpipe.data.encoders import Encoders
from rankpipe.io.atomic import atomic_folder
from rankpipe.io.h5 import ColumnsReader


def features(size: str) -> None:
    """Writes ``build/<size>/ctr/features/encoders.json``.

    Raises:
        InputError: the train split is missing, damaged or empty, or a parameter names a column that isn't there.
    """
    wanted = settings.features(params.load())
    with ColumnsReader(paths.split(size, settings.TRACK, "train")) as train:
        encoders = Encoders.fit(train, train.schema, wanted, wanted.length(size))
    with atomic_folder(paths.features(size, settings.TRACK)) as folder:
        encoders.save(folder)
