"""Train one model and score valid and test: ``python -m stages.train TRACK SIZE MODEL``."""

from rankpipe.stage import run, verb


def main(track: str, size: str, model: str) -> None:
    verb(track, "train")(size, model)


if __name__ == "__main__":
    run(main, "TRACK SIZE MODEL")
