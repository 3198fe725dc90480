"""Images and texts by the two towers of CLIP (Radford et al., ICML 2021), in one space."""

from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from rankpipe.fusion.encoders.reduction import unit
from rankpipe.fusion.encoders.towers import BATCH, Tower, exactly
from rankpipe.io.images import decoded
from rankpipe.io.json import write_json

_MEAN, _SPREAD = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)
"""Of the pixels, where a model's folder doesn't say."""


class CLIP(Tower):
    """Images and texts in one space."""

    kind = "clip"

    def _classes(self, transformers: Any) -> Any:
        return transformers.CLIPModel

    def _pixels(self, transformers: Any, source: str, from_hub: dict[str, str]) -> dict[str, Any]:
        try:
            found, _ = transformers.image_processing_base.ImageProcessingMixin.get_image_processor_dict(
                source, **from_hub)
        except OSError:
            return {}
        return {key: found[key] for key in ("image_mean", "image_std") if key in found}

    @property
    def width(self) -> int:
        return self.model.config.projection_dim

    @property
    def edge(self) -> int:
        """Pixels of a side."""
        return self.model.config.vision_config.image_size

    def _positions(self) -> int:
        return self.model.config.text_config.max_position_embeddings

    def _of_texts(self, tokens: Any) -> Any:
        return _projected(self.model.get_text_features(**tokens))

    def look(self, paths: Sequence[Path | None], threads: int = 1) -> np.ndarray:
        """(n, d) float32 of length 1, of the whole image squeezed into a square; NaN where the path is None.

        Raises:
            InputError: an image that is missing, cut short or none.
        """
        found = np.full((len(paths), self.width), np.nan, np.float32)
        stream = ((i, image) for i, image in enumerate(decoded(paths, self.edge, threads)) if image is not None)
        with exactly() as torch:
            while some := list(islice(stream, BATCH)):
                x = (np.stack([image for _, image in some]).astype(np.float32) / 255 - self.mean) / self.spread
                x = torch.from_numpy(x.transpose(0, 3, 1, 2).copy()).to(self.device)
                vectors = _projected(self.model.get_image_features(pixel_values=x))
                found[[i for i, _ in some]] = unit(vectors.double().cpu().numpy())
        return found

    def vectors(self, found: np.ndarray) -> np.ndarray:
        """As ``look`` found them; zeros where there was none."""
        return np.where(np.isfinite(found), found, np.float32(0))

    @property
    def mean(self) -> np.ndarray:
        """(3,) of the pixels, as the model was trained."""
        return np.array(self.pixels.get("image_mean", _MEAN), np.float32)

    @property
    def spread(self) -> np.ndarray:
        return np.array(self.pixels.get("image_std", _SPREAD), np.float32)

    def save(self, folder: Path) -> None:
        """See :class:`Tower`; with what is known of pixels."""
        super().save(folder)
        write_json(folder / "preprocessor_config.json", self.pixels)


def _projected(found: Any) -> Any:
    """Later versions of the library give the vectors with their states around them."""
    return getattr(found, "pooler_output", found)
