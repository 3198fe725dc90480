"""What the models of this track see of a data set besides who took what."""

from dataclasses import dataclass

from rankpipe.topk.fields import Field


@dataclass(frozen=True)
class Inputs:
    n_users: int
    n_items: int
    user_fields: tuple[Field, ...] = ()
    """Each of ``n_users`` rows."""
    item_fields: tuple[Field, ...] = ()
    """Each of ``n_items`` rows."""
