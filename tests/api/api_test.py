#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""The public integration test: every endpoint, the workflows, the WebSocket and the error paths of
a running Fog, from outside.

	tests/api/api_test.py --url unix:/run/fog/api.sock
	tests/api/api_test.py --url https://fog.example:8000 --token "$(fogctl token create ..)"

The token needs the scope admin and a tier that lets through some hundred requests a minute.
--quick leaves out what waits for other hosts. --fuzz N sends N requests made from /openapi.json at
random."""

import argparse
import sys
import time
import traceback

import corpus
import endpoints
import owners
import refusals
import second_client
import sockets
import workflows
from client import Client, Failed
from fuzz import fuzz


class Suite:
    def __init__(self):
        self.passed = 0
        self.failures = []

    def run(self, name, test, *arguments):
        started = time.monotonic()
        try:
            note = test(*arguments)
            self.passed += 1
            print(f"  ok      {name} ({time.monotonic() - started:.1f} s)"
                  + (f": {note}" if isinstance(note, str) else ""), flush=True)
        except Exception as error:  # one that fails must not keep the others from running
            self.failures.append(f"{name}: {error}")
            print(f"  FAILED  {name}: {error}", flush=True)
            if not isinstance(error, Failed):
                traceback.print_exc(file=sys.stdout)

    def summary(self):
        total = self.passed + len(self.failures)
        rate = 100.0 * self.passed / total if total else 0.0
        print("=" * 60)
        print("INTEGRATION TEST SUMMARY")
        print(f"Total Tests: {total}")
        print(f"Passed: {self.passed}")
        print(f"Failed: {len(self.failures)}")
        print(f"Success Rate: {rate:.1f}%")
        for failure in self.failures:
            print(f"  - {failure}")
        print(f"{self.passed} passed, {len(self.failures)} failed")
        return 1 if self.failures else 0


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n", maxsplit=1)[0])
    parser.add_argument("--url", default="http://127.0.0.1:8000",
                        help="http://host:port, https://.. or unix:/path/api.sock")
    parser.add_argument("--token", help="of scope admin; needless on a unix socket")
    parser.add_argument("--quick", action="store_true",
                        help="leave out what waits for other hosts")
    parser.add_argument("--fuzz", type=int, default=0, metavar="N",
                        help="also send N random requests")
    parser.add_argument("--seed", type=int, default=1, help="of the random requests")
    parser.add_argument("--only", default="", help="only tests whose name contains this")
    return parser.parse_args()


def main():
    options = arguments()
    client = Client(options.url, options.token)
    suite = Suite()

    def run(name, test, *more):
        if options.only in name:
            suite.run(name, test, *more)

    suite.run("document", endpoints.document_load, client)
    if suite.failures:
        return suite.summary()
    for name, test in endpoints.TESTS:
        run(f"endpoint: {name}", test, client)
    for name, test, waits in workflows.TESTS:
        if not (waits and options.quick):
            run(f"workflow: {name}", test, client)
    for name, test in owners.TESTS:
        run(f"owner: {name}", test, client)
    for name, test in sockets.TESTS:
        run(f"websocket: {name}", test, refusals.fresh(client, "websocket"))
    for name, test in second_client.TESTS:
        run(f"websocket, second client: {name}", test, refusals.fresh(client, "second"))
    for name, test in refusals.TESTS:
        run(f"refusal: {name}", test, refusals.fresh(client, name.replace(" ", "-")))
    for name, test in corpus.TESTS:
        run(f"corpus: {name}", test, refusals.fresh(client, "corpus"))
    if options.fuzz:
        run("fuzz", lambda: str(fuzz(refusals.fresh(client, "fuzz"), options.fuzz, options.seed)))
    if not options.quick and not options.only:
        suite.run("every endpoint was used", endpoints.coverage, client)
    return suite.summary()


if __name__ == "__main__":
    sys.exit(main())
