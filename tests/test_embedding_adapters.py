"""Adapters: the formula, where they stand, what they begin as, and how they travel without their base."""

import embedding_data
import numpy as np
import pytest
import torch
import transformers
from embedding_encoders import CONFIGS, LAYERS, ROWS, WIDTH, encoder, moved
from torch.nn import functional as F

from rankpipe.embedding.adapters import AdaptedLayer, AdaptedModel, adapted
from rankpipe.embedding.encoder import Encoder, load, save
from rankpipe.embedding.merging import CONFIG, WEIGHTS, base_weights, digest, merge, save_adapters, with_adapters
from rankpipe.embedding.models.link import add_adapter
from rankpipe.embedding.norms import contributions
from rankpipe.errors import InputError
from rankpipe.io.json import read_json, write_json

DATA = embedding_data.small()
SOME = DATA.held_out
NAMES = ("language", "task")


def stacked(names: tuple[str, ...] = NAMES, by: float = 0.2, found: Encoder | None = None) -> Encoder:
    """A small encoder with adapters whose W_up is noise."""
    found = found or encoder(DATA.texts)
    for name in names:
        add_adapter(found, name, 4, "bottleneck")
    return moved(found.eval(), ".up.", by)


def states(found: Encoder, wanted: list[torch.nn.Module], texts: list[str] = SOME[:2]) -> tuple[list, list]:
    """Inputs and outputs of the modules ``wanted``, in the order in which they ran."""
    ins, outs = [], []

    def see(_, args, output):
        ins.append(args[0])
        outs.append(output)

    hooks = [module.register_forward_hook(see) for module in wanted]
    found.encode(texts)
    for hook in hooks:
        hook.remove()
    return ins, outs


def test_a_state_passes_language_then_task_by_the_formula():
    found = stacked()
    layer = found.backbone.adapted_layers[1]
    h, out = states(found, [layer.layer, layer])[1]  # the inner one is done first
    for name in NAMES:
        down, up = layer.adapters[name].down.weight, layer.adapters[name].up.weight
        assert down.shape == (4, WIDTH) and up.shape == (WIDTH, 4)
        h = h + F.gelu(h @ down.T) @ up.T
    torch.testing.assert_close(h, out, atol=1e-6, rtol=0)


def test_the_gradient_goes_through_the_state_and_through_every_adapter():
    layer = AdaptedLayer(torch.nn.Identity(), WIDTH, [{"name": name, "rank": 4} for name in NAMES]).double()
    for parameter in layer.parameters():
        torch.nn.init.normal_(parameter, generator=torch.Generator().manual_seed(parameter.shape[0]))
    h = torch.linspace(-1, 1, 2 * WIDTH, dtype=torch.float64).view(2, WIDTH).requires_grad_()
    assert torch.autograd.gradcheck(layer, (h,))


def test_layers_run_in_order_each_its_own_and_each_once():
    found = stacked()
    order = []
    hooks = [layer.layer.register_forward_hook(lambda *_, i=i: order.append(i))
             for i, layer in enumerate(found.backbone.adapted_layers)]
    found.encode(SOME[:2])
    assert order == list(range(LAYERS)) and len({id(layer.layer) for layer in found.backbone.adapted_layers}) == LAYERS
    for hook in hooks:
        hook.remove()
    # What a layer takes in is what the one before gave out, adapters and all.
    ins, outs = states(found, found.backbone.adapted_layers)
    for i in range(1, LAYERS):
        assert torch.equal(ins[i], outs[i - 1]) and not torch.equal(ins[i], ins[i - 1])


@pytest.mark.parametrize("kind", CONFIGS)
def test_any_network_whose_layers_stand_in_one_list_begins_as_its_base_and_comes_back_from_its_folder(kind, tmp_path):
    pooling = "last" if kind == "gpt2" else "mean"
    found, base = (encoder(DATA.texts, CONFIGS[kind], pooling) for _ in range(2))
    for name in NAMES:
        add_adapter(found, name, 4, name)
    before = base.encode(SOME)
    np.testing.assert_array_equal(found.encode(SOME), before)
    moved(found, ".up.", 0.2)
    save(found, tmp_path / "model")
    again = load(tmp_path / "model")
    assert isinstance(again.backbone, AdaptedModel) and again.pooling == pooling
    np.testing.assert_array_equal(again.encode(SOME), found.encode(SOME))
    assert np.abs(again.encode(SOME) - before).max() > 1e-3
    # Not where it was made.
    assert str(tmp_path) not in "".join(p.read_text() for p in (tmp_path / "model").glob("*.json"))


def test_a_network_that_shares_its_layers_is_refused_in_one_line():
    shared = transformers.AlbertConfig(vocab_size=ROWS, hidden_size=WIDTH, num_hidden_layers=3, embedding_size=8,
                                       num_attention_heads=2, intermediate_size=32)
    with pytest.raises(InputError, match=r"models\.bottleneck.*AlbertModel has 0 lists of 3 layers"):
        add_adapter(encoder(DATA.texts, shared), "language", 4, "bottleneck")
    with pytest.raises(ValueError, match="a name twice"):
        adapted(stacked(("task",)).backbone, [{"name": "task", "rank": 2}])


def test_what_an_adapter_adds_is_measured_over_tokens_and_nothing_at_the_start():
    found = stacked(by=0.0)
    rows = contributions(found, SOME, batch_size=5)
    assert [(row["layer"], row["adapter"]) for row in rows] == [(i, name) for i in range(LAYERS) for name in NAMES]
    assert all(row["ratio"] == 0 for row in rows) and contributions(encoder(DATA.texts), SOME) == []
    moved(found, "layer.0.adapters.language.up", 0.2)
    first, second = (contributions(found, SOME, size)[0]["ratio"] for size in (1, 100))
    assert first == pytest.approx(second, rel=1e-5) and first > 0.001
    # By hand, where no token is padded: one text.
    ratio = contributions(found, SOME[:1])[0]["ratio"]
    (h,), (added,) = states(found, [found.backbone.adapted_layers[0].adapters["language"]], SOME[:1])
    assert ratio == pytest.approx((added.norm(dim=-1) / h.norm(dim=-1)).mean().item(), rel=1e-5)


def test_adapters_travel_without_their_base_and_go_back_onto_it(tmp_path):
    save(encoder(DATA.texts), tmp_path / "base")
    found = stacked(found=load(tmp_path / "base"))
    assert digest(base_weights(found)) == digest(base_weights(encoder(DATA.texts)))
    save(found, tmp_path / "whole")
    save_adapters(found, tmp_path / "adapters")
    sizes = {p.name: p.stat().st_size for p in (tmp_path / "adapters").iterdir()}
    assert set(sizes) == {WEIGHTS, CONFIG}
    assert sum(sizes.values()) < (tmp_path / "base" / "model.safetensors").stat().st_size
    merge(tmp_path / "adapters", tmp_path / "base", tmp_path / "merged")
    for file in sorted(p for p in (tmp_path / "whole").rglob("*") if p.is_file()):
        other = tmp_path / "merged" / file.relative_to(tmp_path / "whole")
        assert file.read_bytes() == other.read_bytes(), file.name


def test_adapters_refuse_another_base_and_damaged_files(tmp_path):
    found = stacked()
    save_adapters(found, tmp_path)
    with pytest.raises(InputError, match="adapters of another base"):
        with_adapters(moved(encoder(DATA.texts), "word_embeddings"), tmp_path)
    with pytest.raises(InputError, match="has adapters already"):
        with_adapters(stacked(), tmp_path)
    with pytest.raises(InputError, match="has no adapters"):
        save_adapters(encoder(DATA.texts), tmp_path / "none")
    config = read_json(tmp_path / CONFIG)
    write_json(tmp_path / CONFIG, config | {"adapters": [{"name": "language", "rank": 5}, config["adapters"][1]]})
    with pytest.raises(InputError, match=r"adapters\.safetensors: damaged"):
        with_adapters(encoder(DATA.texts), tmp_path)
    write_json(tmp_path / CONFIG, {"format": 0})
    with pytest.raises(InputError, match="not adapters of format 1"):
        with_adapters(encoder(DATA.texts), tmp_path)


def test_new_tokens_after_the_adapters_are_saved_with_them(tmp_path):
    found = stacked()
    found.backbone.resize_token_embeddings(ROWS + 3)
    save(found, tmp_path)
    assert load(tmp_path).backbone.get_input_embeddings().weight.shape[0] == ROWS + 3
