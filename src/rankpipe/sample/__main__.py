"""``python -m rankpipe.sample ctr --rows 10000000 --out FOLDER``: writes a track's raw data from a seed."""

import argparse
import importlib

from rankpipe.sample import GENERATORS
from rankpipe.stage import one_line_errors


def main(words: list[str] | None = None) -> None:
    """Parses ``words`` (the command line by default) and runs the generator of the track they name."""
    parser = argparse.ArgumentParser("python -m rankpipe.sample", description="Writes raw sample data from a seed.")
    tracks = parser.add_subparsers(dest="track", required=True, metavar="{" + ",".join(GENERATORS) + "}")
    modules = {track: importlib.import_module(name) for track, name in GENERATORS.items()}
    for track, module in modules.items():
        summary = (module.__doc__ or "").splitlines()[0]
        module.add_arguments(tracks.add_parser(track, help=summary, description=summary))
    arguments = parser.parse_args(words)
    with one_line_errors():
        modules[arguments.track].generate(arguments)


if __name__ == "__main__":
    main()
