"""Encode images, texts and attributes of all candidates, and the queries: ``python -m stages.encode TRACK SIZE``."""

from rankpipe.stage import run, verb


def main(track: str, size: str) -> None:
    verb(track, "encode")(size)


if __name__ == "__main__":
    run(main, "TRACK SIZE")
