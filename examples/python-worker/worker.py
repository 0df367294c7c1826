"""The command line of the Python worker.

    KAFKA_BROKER_ADDRESS=kafka1:9092 WORKER_ID=py-1 python3 worker.py scan:handle
"""
from __future__ import annotations

import argparse
import importlib
import logging
import os
import signal
import sys
from typing import Optional

from confluent_kafka import KafkaException

from native import Handle, Refused, Worker
from settings import WrongSettings, load


def function(name: str) -> Handle:
    """Import "module:function". The module may be in the working folder."""
    module, _, attribute = name.partition(":")
    if not module or not attribute:
        raise WrongSettings("%r: expected module:function" % name)
    sys.path.insert(0, os.getcwd())
    try:
        found = getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError) as e:
        raise WrongSettings("%s: %s" % (name, e)) from e
    if not callable(found):
        raise WrongSettings("%s: is not a function" % name)
    return found


def arguments(argv: Optional[list] = None) -> argparse.Namespace:
    p = argparse.ArgumentParser(description="A worker of Kafka Master that calls a Python function for each item.")
    p.add_argument("function", metavar="module:function", help="called with one item; its return value is written as one line of JSON")
    p.add_argument("--parallel", type=int, default=1, help="number of chunks that run at the same time, in threads")
    p.add_argument("--results", help="folder for result files (default RESULTS_DIR)")
    p.add_argument("--drain-timeout", type=float, default=5, help="seconds that running chunks get to finish at a stop")
    a = p.parse_args(argv)
    if not 1 <= a.parallel <= 1000:
        p.error("--parallel %d: must be 1 to 1000" % a.parallel)
    if not 0 < a.drain_timeout <= 86400:
        p.error("--drain-timeout %g: must be more than 0 and at most 86400" % a.drain_timeout)
    return a


def main(argv: Optional[list] = None) -> int:
    """Run the command. Return the exit code: 0 stopped, 1 refused by Kafka, 2 wrong settings."""
    a = arguments(argv)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    try:
        settings = load(os.environ)
        settings.parallel, settings.drain = a.parallel, a.drain_timeout
        settings.results_dir = a.results or settings.results_dir
        worker = Worker(settings, function(a.function))
    except WrongSettings as e:
        for line in str(e).splitlines():
            print("worker: %s" % line, file=sys.stderr)
        return 2
    except KafkaException as e:  # the library rejects a setting
        print("worker: %s" % e.args[0].str(), file=sys.stderr)
        return 2

    def stop(number: int, _: object) -> None:
        signal.signal(number, signal.SIG_DFL)  # a second signal ends the process at once
        worker.stop()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    try:
        worker.run()
    except Refused as e:
        print("worker: refused by Kafka: %s" % e, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
