#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""A fog whose data planes run over DPDK (net_af_xdp on an interface of their own, no hugepages)."""

import os
import sys

from e2e_job import test_job
from lab import check, main


def test_back_end(lab):
    for host in lab.names:
        status = lab.fogctl("status", host=host)
        check(status["dataplane"]["io"].startswith("dpdk net_af_xdp"), str(status["dataplane"]))


if __name__ == "__main__":
    if os.geteuid() != 0:
        print("DPDK with AF_XDP needs root\n0 passed, 0 failed")
        sys.exit(77)
    main([test_job, test_back_end], hosts=6, io="dpdk")
