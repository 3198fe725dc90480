"""Losses, one in each file, and the penalties beside them."""
