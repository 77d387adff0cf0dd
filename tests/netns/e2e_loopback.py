#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""The same fog without namespaces: hosts on ports of 127.0.0.1, as a user without root has it."""

from e2e_job import test_any_host, test_job
from lab import main

if __name__ == "__main__":
    main([test_job, test_any_host], mode="loopback", hosts=5)
