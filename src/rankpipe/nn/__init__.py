"""Layers that models are made of. They know tensors, not tracks."""
