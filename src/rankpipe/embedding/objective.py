"""What training minimises, by name: sentence-transformers' losses on the vectors of all processes' rows together.

Each process computes the loss of the whole batch and counts its share of it; the gradient flows back through the gather
to whoever made the vectors. So negatives are those of all processes, and several processes do what one would with the
same rows, whatever the loss.
"""

from collections.abc import Callable
from typing import Any, Literal

import torch
from torch import Tensor, nn

from rankpipe.embedding.batches import Batch

Kind = Literal["mnrl", "symmetric", "triplet", "cosent"]


def term(kind: Kind, temperature: float, margin: float) -> nn.Module:
    """A loss with ``compute_loss_from_embeddings(columns, labels)``, a mean over rows (cosent: one number a batch).

    ========= ======================================================================================================
    mnrl      InfoNCE (van den Oord et al., 2018), SimCSE's: each row's second sentence among all second ones (and
              third ones). For pairs that mean the same.
    symmetric the same in both directions, averaged (Radford et al., 2021).
    triplet   cosine distance to the positive at least ``margin`` below that to the negative.
    cosent    CoSENT (Su, 2022): pairs in the order of their labels. For graded pairs; says nothing of sizes.
    ========= ======================================================================================================

    Args:
        temperature: cosines are divided by it.
    """
    # Seconds to load, which the models of this track that don't train must not pay.
    from sentence_transformers.sentence_transformer import losses

    scale, model = 1 / temperature, None
    if kind == "mnrl":
        return losses.MultipleNegativesRankingLoss(model, scale)
    if kind == "symmetric":
        return losses.MultipleNegativesRankingLoss(model, scale, directions=("query_to_doc", "doc_to_query"),
                                                   partition_mode="per_direction")
    if kind == "triplet":
        return losses.TripletLoss(model, losses.TripletDistanceMetric.COSINE, margin)
    return losses.CoSENTLoss(model, scale)


def objective(kind: Kind, temperature: float, margin: float = 0.1) -> Callable[[Tensor, Batch], Tensor]:
    """(vectors (C, b, dim) of this process's rows, their batch) → this process's share of the sum over all rows."""
    chosen: Any = term(kind, temperature, margin)

    def loss(vectors: Tensor, batch: Batch) -> Tensor:
        columns, labels, world = gather(vectors, batch.labels)
        return chosen.compute_loss_from_embeddings(list(columns), labels) * (len(labels) / world)

    return loss


def gather(vectors: Tensor, labels: Tensor) -> tuple[Tensor, Tensor, int]:
    """(C, b, dim) and (b,) of this process → (C, B, dim) and (B,) of all, with gradient, and the number of processes.

    Processes may differ in b by one, as :class:`ColumnBatches` share out rows.
    """
    if not (torch.distributed.is_available() and torch.distributed.is_initialized()):
        return vectors, labels, 1
    from sentence_transformers.util import all_gather, all_gather_with_grad

    world = torch.distributed.get_world_size()
    counts = all_gather(torch.tensor([len(labels)], device=labels.device)).tolist()
    missing = max(counts) - len(labels)
    # Rows first: processes' tensors are put end to end along the first axis.
    rows = nn.functional.pad(vectors.transpose(0, 1), (0, 0, 0, 0, 0, missing)).contiguous()
    there = torch.cat([torch.arange(count, device=labels.device) + i * max(counts) for i, count in enumerate(counts)])
    everywhere = all_gather_with_grad(rows)[there].transpose(0, 1)
    return everywhere, all_gather(nn.functional.pad(labels, (0, missing)))[there], world
