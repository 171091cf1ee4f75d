"""python -m street: opens the simulated street and serves it until it is told to stop (Ctrl-C or SIGTERM)."""

import argparse
import logging
import os
import signal
import sys
from pathlib import Path

from .engine import Options, Street

DATA = Path(__file__).resolve().parent.parent / "apps" / "reference" / "demo"


def options(arguments: list[str] | None = None) -> Options:
    """What the command line says, else the environment (STREET_PORT, STREET_SPEED, STREET_SEED, OMS_HOME)."""
    env = os.environ.get
    parser = argparse.ArgumentParser(prog="python -m street", description=__doc__)
    parser.add_argument("--port", type=int, default=int(env("STREET_PORT", "9880")), help="of the FIX acceptor")
    parser.add_argument(
        "--speed", type=float, default=float(env("STREET_SPEED", "120")), help="simulated seconds per real second"
    )
    parser.add_argument("--seed", type=int, default=int(env("STREET_SEED", "1")), help="of every draw")
    parser.add_argument("--home", type=Path, default=Path(env("OMS_HOME", ".oms")), help="folder of all its files")
    parser.add_argument("--data", type=Path, default=DATA, help="folder with instruments.csv and the others")
    parser.add_argument("--client", default="OMS-SIM", help="CompID of the one client that may log on")
    parser.add_argument("--session", action="append", default=[], metavar="CODE", help="serve only these; repeatable")
    parser.add_argument("--quote-life", type=float, default=60.0, help="real seconds a dealer's quote is firm")
    parser.add_argument("--completion", type=float, help="0..1: part of each order that is found, instead of a draw")
    parser.add_argument("--reject-probability", type=float, default=0.0, help="of a new order")
    parser.add_argument("--cancel-probability", type=float, default=0.0, help="of an unsolicited cancel per order")
    parser.add_argument("--unmatched-share", type=float, help="of instructions that do not match at first sight")
    parser.add_argument("--fix-log", action="store_true", help="keep every FIX message under HOME/street/log")
    given = parser.parse_args(arguments)
    return Options(
        home=given.home.resolve(),
        data=given.data,
        port=given.port,
        speed=given.speed,
        seed=given.seed,
        client=given.client,
        sessions=tuple(given.session),
        quote_life=given.quote_life,
        completion=given.completion,
        reject_probability=given.reject_probability,
        cancel_probability=given.cancel_probability,
        unmatched_share=given.unmatched_share,
        keep_fix_log=given.fix_log,
    )


def main() -> int:
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(message)s", stream=sys.stderr)
    try:
        street = Street(options())
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: street.stop())
        street.run()
    except (ValueError, RuntimeError) as problem:
        print(f"The street cannot open. {problem}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    code = main()
    logging.shutdown()
    sys.stdout.flush()
    os._exit(code)  # All is written; a thread of QuickFIX's that still calls back could keep the interpreter from ending.
