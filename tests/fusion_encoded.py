"""A small shop of pictures, and what the encode stage makes of it."""

from pathlib import Path

import pytest
from fusion_raw import Shop, write_params

from rankpipe import params
from rankpipe.fusion import vectors
from rankpipe.fusion.convert import convert
from rankpipe.fusion.encode import encode
from rankpipe.fusion.extract import extract

FEATURES = Path("build/toy/fusion/features")
SETTINGS = {"image_dim": 6, "text_dim": 5, "chunk": 10}


def opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shop:
    monkeypatch.chdir(tmp_path)
    made = Shop()
    made.candidates[3]["image"] = made.candidates[3]["text"] = None
    made.candidates[5]["image"] = "images/nowhere.png"
    return made


def encoded(shop: Shop, **settings) -> vectors.Vectors:
    shop.write()
    values = params.load()
    values["fusion"] |= {"encode": SETTINGS | settings}
    values["fusion"]["extract"]["sizes"]["toy"] = {}
    values["fusion"]["extract"] |= {"split": "given", "given": "split"}
    write_params(values)
    for stage in (extract, convert, encode):
        stage("toy")
    return vectors.read("toy")


def bytes_of(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}
