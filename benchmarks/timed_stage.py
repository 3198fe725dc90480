"""One stage of the pipeline in this process, timed without its imports: ``timed_stage.py TRACK VERB WORD…`` in a
repository root.

Prints one JSON line: seconds.
"""

import json
import sys
import time

from rankpipe.stage import verb


def main(track: str, name: str, *words: str) -> None:
    work = verb(track, name)
    started = time.perf_counter()
    work(*words)
    print(json.dumps({"seconds": time.perf_counter() - started}))


if __name__ == "__main__":
    main(*sys.argv[1:])
