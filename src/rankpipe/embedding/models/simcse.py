"""Contrastive learning on sentences alone (Gao et al., EMNLP 2021): a sentence's two views, under dropout or cropped,
against all others of the batch.
"""

from rankpipe.embedding import links
from rankpipe.embedding.models.link import Link
from rankpipe.embedding.rows import train_new_rows_only


class SimCSE(Link):
    Params = links.SimCSE

    def begin(self) -> None:
        if self.params.train == "new_rows":
            train_new_rows_only(self.encoder)
        else:
            super().begin()
