import math

import numpy as np
import pytest
import torch
from embedding_chain import encoder
from embedding_data import small

from rankpipe.embedding.batches import Augmentation, Batch, ColumnBatches
from rankpipe.embedding.objective import objective
from rankpipe.embedding.sentences import tokenise
from rankpipe.errors import InputError

TEXTS = small().texts
LABELS = np.arange(len(TEXTS), dtype=np.float32)


def batches(size: int = 8, seed: int = 3, augmentation: Augmentation | None = None, rank: int = 0,
            world: int = 1, rows: int = len(TEXTS)) -> ColumnBatches:
    found = tokenise(encoder(TEXTS).tokenizer, TEXTS[:rows], 32)
    return ColumnBatches([found, found], LABELS[:rows], size, seed, augmentation, rank, world)


def sentences(batch: Batch) -> list[list[int]]:
    return [part.tolist() for part in batch.ids.tensor_split(batch.offsets[1:-1])]


def test_a_tokenised_sentence_is_what_the_tokenizer_says_and_its_words_are_counted():
    tokenizer = encoder(TEXTS).tokenizer
    texts = ["남자가 공원에서 책을 읽고 있다.", "", TEXTS[0]]
    found = tokenise(tokenizer, texts, 32)
    assert [found.of(i).tolist() for i in range(3)] == tokenizer(texts)["input_ids"]
    words = found.words[:found.offsets[1]]
    assert words[0] == words[-1] == -1 and words.max() == 5  # five words and a full stop
    assert found.of(1).tolist() == [tokenizer.cls_token_id, tokenizer.sep_token_id]
    assert found.part(1, 0.5, 0.9).tolist() == found.of(1).tolist()
    assert tokenise(tokenizer, TEXTS, 4).lengths.max() == 4


def test_a_crop_is_a_run_of_whole_words_between_the_special_tokens():
    tokenizer = encoder(TEXTS).tokenizer
    found = tokenise(tokenizer, ["남자가 공원에서 책을 읽고"], 32)

    def words(ratio: float, start: float) -> list[str]:
        return tokenizer.decode(found.part(0, ratio, start), skip_special_tokens=True).replace(" ##", "").split()

    starts = {start: words(0.5, start) for start in (0.0, 0.34, 0.99)}
    assert starts == {0.0: ["남자가", "공원에서"], 0.34: ["공원에서", "책을"], 0.99: ["책을", "읽고"]}
    assert found.part(0, 1.0, 0.7).tolist() == found.of(0).tolist()
    assert words(0.01, 0.3) == ["공원에서"]


def test_an_epoch_takes_every_row_but_the_rest_once_and_its_order_is_the_seeds_and_the_epochs():
    one = batches()
    assert (one.steps, one.rows) == (len(TEXTS) // 8, len(TEXTS) // 8 * 8)
    rows = {epoch: np.concatenate([b.labels.numpy() for b, _ in one.epoch(epoch)]) for epoch in (0, 1)}
    assert all(len(set(found.tolist())) == one.rows for found in rows.values())
    assert rows[0].tolist() != rows[1].tolist()
    assert rows[0].tolist() == np.concatenate([b.labels.numpy() for b, _ in batches().epoch(0)]).tolist()
    assert rows[0].tolist() != np.concatenate([b.labels.numpy() for b, _ in batches(seed=4).epoch(0)]).tolist()
    assert batches(size=1000).steps == 1  # fewer rows than a batch: one batch of all


@pytest.mark.parametrize("kind", ["none", "crop"])
def test_a_checkpoint_needs_no_more_than_epoch_and_step(kind):
    whole = list(batches(augmentation=Augmentation(kind, 0.3, 0.8)).epoch(1))
    rest = list(batches(augmentation=Augmentation(kind, 0.3, 0.8)).epoch(1, 4))
    assert [sentences(b) for b, _ in rest] == [sentences(b) for b, _ in whole[4:]]


def test_views_are_equal_without_a_crop_and_differ_with_one():
    for kind, equal in (("none", True), ("crop", False)):
        batch, total = next(batches(augmentation=Augmentation(kind, 0.3, 0.8)).epoch(0))
        found = sentences(batch)
        assert total == 8 and batch.columns == 2 and len(found) == 16
        assert (found[:8] == found[8:]) == equal


@pytest.mark.parametrize("size", [8, 7])
def test_processes_share_out_each_batch_with_what_one_would_draw(size):
    crop = Augmentation("crop", 0.3, 0.8)
    whole = list(batches(size, augmentation=crop).epoch(0))
    shares = [list(batches(size, augmentation=crop, rank=rank, world=2).epoch(0)) for rank in (0, 1)]
    for (batch, total), *parts in zip(whole, *shares, strict=True):
        found, rows = sentences(batch), total
        for rank, (part, of_all) in enumerate(parts):
            assert of_all == rows
            assert sentences(part) == found[rank:rows:2] + found[rows + rank::2]
            assert part.labels.tolist() == batch.labels[rank::2].tolist()


def test_too_few_rows_are_refused():
    with pytest.raises(InputError, match="training on 1 rows in batches of 8 by 1 processes"):
        batches(rows=1)
    with pytest.raises(InputError, match="at least 4 rows; raise batch_size"):
        batches(size=3, world=4)


def plane(*degrees: float) -> torch.Tensor:
    """(n, 2) unit vectors; cosines of differences are cosines of vectors."""
    angles = torch.tensor(degrees) * math.pi / 180
    return torch.stack([angles.cos(), angles.sin()], 1)


def loss(kind: str, columns: list[torch.Tensor], labels: list[float] | None = None, temperature: float = 1.0,
         margin: float = 0.5) -> float:
    rows = len(columns[0])
    batch = Batch(torch.zeros(0), torch.zeros(1), len(columns), torch.tensor(labels or [0.0] * rows))
    return objective(kind, temperature, margin)(torch.stack(columns), batch).item()


def test_losses_by_hand():
    anchors, seconds = plane(0, 90), plane(0, 60)
    right = math.cos(math.pi / 6)  # of the second pair; crosswise .5 and 0
    rows = math.log(math.exp(1) + math.exp(0.5)) - 1 + math.log(math.exp(0) + math.exp(right)) - right
    columns = math.log(math.exp(1) + math.exp(0)) - 1 + math.log(math.exp(0.5) + math.exp(right)) - right
    assert loss("mnrl", [anchors, seconds]) == pytest.approx(rows, abs=1e-5)
    assert loss("symmetric", [anchors, seconds]) == pytest.approx((rows + columns) / 2, abs=1e-5)
    assert loss("mnrl", [anchors, anchors], temperature=0.05) == pytest.approx(2 * math.log1p(math.exp(-20)), abs=1e-6)
    # Cosine distances: 0 and 1 − .5 for the first row, 1 − √3/2 and 1 for the second.
    triplet = max(0, 0 - 0.5 + 0.6) + max(0, 1 - right - 1 + 0.6)
    assert loss("triplet", [anchors, seconds, plane(60, 0)], margin=0.6) == pytest.approx(triplet, abs=1e-5)
    # Two rows, each once: one number a batch, counted for its two rows.
    ranked = math.log1p(math.exp((1 - right) / 0.5))
    assert loss("cosent", [anchors, seconds], [0.2, 0.8], 0.5) == pytest.approx(2 * ranked, abs=1e-5)
    assert loss("cosent", [anchors, seconds], [0.5, 0.5], 0.5) == pytest.approx(0, abs=1e-6)


def test_a_third_column_is_a_negative_of_mnrl():
    anchors = plane(0, 90)
    assert loss("mnrl", [anchors, anchors, plane(0, 90)]) > loss("mnrl", [anchors, anchors, plane(180, 270)])
