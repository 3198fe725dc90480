"""The hash by which a file is known to be whole."""

import hashlib
from pathlib import Path


def sha256(path: Path) -> str:
    """In hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
