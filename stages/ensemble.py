"""Combine the trained models of one size: ``python -m stages.ensemble TRACK SIZE``."""

from rankpipe.stage import run, verb


def main(track: str, size: str) -> None:
    verb(track, "ensemble")(size)


if __name__ == "__main__":
    run(main, "TRACK SIZE")
