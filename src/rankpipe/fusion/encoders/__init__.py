"""Encoders of images, texts, attributes and queries: frozen towers, or what is fitted on train's candidates alone."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from rankpipe.fusion.encoders.clip import CLIP
from rankpipe.fusion.encoders.joint import ridge
from rankpipe.fusion.encoders.minilm import MiniLM
from rankpipe.fusion.encoders.onehot import OneHot
from rankpipe.fusion.encoders.photos import Photos
from rankpipe.fusion.encoders.reduction import unit
from rankpipe.fusion.encoders.settings import OFFLINE, Encode
from rankpipe.fusion.encoders.topics import Topics
from rankpipe.fusion.encoders.towers import Tower
from rankpipe.io.arrays import ArraysReader, ArraysWriter
from rankpipe.io.digest import sha256
from rankpipe.io.json import read_json, write_json

FILE, ABOUT = "encoders.h5", "encoders.json"
_REMEDY = "run encode (dvc repro)"


@dataclass(frozen=True)
class Encoders:
    """What made a catalogue's vectors, and makes those of new candidates and queries alike."""

    image: Photos | CLIP
    text: Topics | MiniLM
    attribute: OneHot
    joint: np.ndarray | None
    """(d_t, d_i) from the texts' space into the images'; None: the image encoder reads texts itself, or train has no
    candidate with both."""

    def images(self, paths: Sequence[Path | None], threads: int = 1) -> np.ndarray:
        """(n, d_i) float32 of length 1; zeros where the path is None.

        Raises:
            InputError: an image that is missing, cut short or none, with its path.
        """
        return self.image.vectors(self.image.look(paths, threads))

    def texts(self, texts: Sequence[str | None]) -> np.ndarray:
        """(n, d_t) float32 of length 1; zeros for None, and where offline knows no word."""
        return self.text(texts)

    def attributes(self, codes: np.ndarray) -> np.ndarray:
        """(n, A) codes → (n, d_a) float32 of zeros and ones."""
        return self.attribute(codes)

    def queries(self, texts: Sequence[str]) -> tuple[np.ndarray, np.ndarray | None]:
        """(q, d_t) float32, and (q, d_i) in the images' space."""
        found = self.text(texts)
        if isinstance(self.image, CLIP):
            return found, self.image(texts)
        return found, None if self.joint is None else unit(found @ self.joint).astype(np.float32)

    def save(self, folder: Path) -> None:
        """Writes what :func:`load` reads."""
        kinds = {}
        with ArraysWriter(folder / FILE) as file:
            file.put("attributes/starts", self.attribute.starts)
            file.put("attributes/columns", self.attribute.columns)
            if self.joint is not None:
                file.put("joint", self.joint)
            if isinstance(self.text, Topics):
                file.words("text/vocabulary", self.text.vocabulary)
                file.put("text/idf", self.text.idf)
                file.put("text/axes", self.text.axes)
            if isinstance(self.image, Photos):
                self.image.put(file)
        for name, encoder in (("image", self.image), ("text", self.text)):
            kinds[name] = OFFLINE
            if isinstance(encoder, Tower):
                kinds[name] = encoder.kind
                encoder.save(folder / encoder.kind)
        write_json(folder / ABOUT, kinds)

    def revisions(self, folder: Path) -> dict[str, str]:
        """Modality → commit or hash of the weights; of what was fitted here, the hash of its file in ``folder``."""
        return {name: encoder.revision if isinstance(encoder, Tower) else sha256(folder / FILE)[:16]
                for name, encoder in (("image", self.image), ("text", self.text), ("attributes", self.attribute))}


def start(settings: Encode, device: str) -> tuple[Photos | CLIP, MiniLM | None]:
    """The image encoder, offline one not fitted yet, and the frozen text encoder if there is one.

    Raises:
        InputError: a model can't be loaded.
    """
    image = Photos.plain(settings.edge) if settings.image == OFFLINE else CLIP(
        settings.image.partition(":")[2], settings.image_revision, device)
    text = None if settings.text == OFFLINE else MiniLM(settings.text.partition(":")[2], settings.text_revision, device)
    return image, text


def fit(settings: Encode, started: tuple[Photos | CLIP, MiniLM | None], looks: np.ndarray, seen: np.ndarray,
        texts: Sequence[str | None], codes: np.ndarray, sizes: list[int], seed: int) -> Encoders:
    """
    Args:
        looks: (n, r) what the image encoder saw of n candidates of train.
        seen: (n,) bool: there was an image.
        texts: of the n; None is none.
        codes: (n, A) their attributes.
        sizes: values of each attribute.
    """
    image, text = started
    if isinstance(image, Photos):
        image = image.fit(looks[seen], settings.image_dim, settings.whitening)
    if text is None:
        text = Topics.fit([one for one in texts if one is not None], settings.text_dim, settings.least_texts,
                          settings.terms, seed)
    attribute = OneHot.fit(codes, sizes, settings.values)
    both = np.flatnonzero(seen & np.array([one is not None for one in texts], bool))
    joint = None
    if isinstance(image, Photos) and len(both):
        joint = ridge(text([texts[i] for i in both.tolist()]), image.vectors(looks[both]), settings.ridge)
    return Encoders(image, text, attribute, joint)


def load(folder: Path) -> Encoders:
    """What ``save`` wrote.

    Raises:
        InputError: a file is missing or damaged.
    """
    folder = Path(folder)
    kinds = read_json(folder / ABOUT)
    with ArraysReader(folder / FILE, _REMEDY) as file:
        attribute = OneHot(file.read("attributes/starts"), file.read("attributes/columns"))
        joint = file.read("joint") if "joint" in file else None
        text = Topics(file.words("text/vocabulary"), file.read("text/idf"), file.read("text/axes")) \
            if kinds.get("text") == OFFLINE else MiniLM(str(folder / MiniLM.kind), None, "cpu")
        image = Photos.read(file) if kinds.get("image") == OFFLINE else CLIP(str(folder / CLIP.kind), None, "cpu")
    return Encoders(image, text, attribute, joint)
