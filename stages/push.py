"""Bundle the chosen model and ship it: ``python -m stages.push TRACK SIZE``."""

from rankpipe.stage import run, verb


def main(track: str, size: str) -> None:
    verb(track, "push")(size)


if __name__ == "__main__":
    run(main, "TRACK SIZE")
