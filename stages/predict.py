"""Score the unlabelled data: ``python -m stages.predict TRACK SIZE``."""

from rankpipe.stage import run, verb


def main(track: str, size: str) -> None:
    verb(track, "predict")(size)


if __name__ == "__main__":
    run(main, "TRACK SIZE")
