"""Find the candidates of each query in the whole catalogue: ``python -m stages.retrieve TRACK SIZE``."""

from rankpipe.stage import run, verb


def main(track: str, size: str) -> None:
    verb(track, "retrieve")(size)


if __name__ == "__main__":
    run(main, "TRACK SIZE")
