"""Turn the chosen rows into columnar H5, one file per split: ``python -m stages.convert TRACK SIZE``."""

from rankpipe.stage import run, verb


def main(track: str, size: str) -> None:
    verb(track, "convert")(size)


if __name__ == "__main__":
    run(main, "TRACK SIZE")
