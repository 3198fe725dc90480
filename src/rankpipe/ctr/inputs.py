"""The track's name for :mod:`rankpipe.data.inputs`."""

from rankpipe.data.inputs import Inputs, SequenceInputs

__all__ = ["Inputs", "SequenceInputs"]
