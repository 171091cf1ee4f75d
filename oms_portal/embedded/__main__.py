"""The command line of the embedded servers."""

import sys

from . import CannotStart, start, stop, urls


def main(arguments: list[str]) -> int:
    if arguments not in (["start"], ["stop"], ["urls"]):
        print("usage: python -m oms_portal.embedded start|stop|urls", file=sys.stderr)
        return 2
    if arguments == ["stop"]:
        stop()
        return 0
    try:
        found = start() if arguments == ["start"] else urls()
    except CannotStart as problem:
        print(problem, file=sys.stderr)
        return 1
    print(f"DATABASE_URL={found.database}\nREDIS_URL={found.redis}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
