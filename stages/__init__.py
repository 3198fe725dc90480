"""Stage scripts. Puts this tree's ``src`` first on the path.

An experiment that DVC runs in a copy of the tree (``--queue``, ``--temp``) must import the copy's package, where an
editable install would give it the original.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "src"))
