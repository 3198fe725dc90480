"""The training loop that all neural models of all tracks share, and what makes it resumable and reproducible."""
