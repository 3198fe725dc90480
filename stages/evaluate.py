"""Judge all models of one size: ``python -m stages.evaluate TRACK SIZE``."""

from rankpipe.stage import run, verb


def main(track: str, size: str) -> None:
    verb(track, "evaluate")(size)


if __name__ == "__main__":
    run(main, "TRACK SIZE")
