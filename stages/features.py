"""Fit the encoders on the train split: ``python -m stages.features TRACK SIZE``."""

from rankpipe.stage import run, verb


def main(track: str, size: str) -> None:
    verb(track, "features")(size)


if __name__ == "__main__":
    run(main, "TRACK SIZE")
