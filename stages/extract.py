"""Choose the rows of one size and split them: ``python -m stages.extract TRACK SIZE``."""

from rankpipe.stage import run, verb


def main(track: str, size: str) -> None:
    verb(track, "extract")(size)


if __name__ == "__main__":
    run(main, "TRACK SIZE")
