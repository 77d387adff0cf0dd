#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""The dependency rule of docs/ARCHITECTURE.md, read off the #include lines."""

import re
import sys

import common

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.MULTILINE)

# Area of a file (first prefix that fits) -> prefixes of project headers it may include.
LEAVES = ("crypto/", "configs/", "dataplane/abi/", "ebpf/")
AREAS = (
    ("crypto/", ("crypto/",)),
    ("configs/", ("configs/", "crypto/types.h")),
    ("dataplane/abi/", ("dataplane/abi/", "crypto/types.h", "crypto/check/kind.h")),
    ("dataplane/", LEAVES + ("dataplane/",)),
    ("controlplane/", LEAVES + ("controlplane/",)),
    ("ebpf/", ("ebpf/",)),
)

# Policy is pure: no sockets, clocks or files, so no system header that offers them.
POLICY = ("controlplane/scheduler/", "controlplane/market/", "controlplane/reputation/",
          "controlplane/ledger/", "controlplane/quorum/", "controlplane/governance/",
          "controlplane/health/")
POLICY_HEADERS = LEAVES + POLICY
POLICY_SYSTEM = {"assert.h", "errno.h", "inttypes.h", "limits.h", "math.h", "stdalign.h",
                 "stdarg.h", "stdbool.h", "stddef.h", "stdint.h", "stdio.h", "stdlib.h",
                 "string.h"}

# Libraries that stay behind one folder's interface.
FENCED = {
    "sodium.h": ("crypto/",),
    "liburing.h": ("dataplane/io/",),
    "bpf/libbpf.h": ("controlplane/xdp/",),
    "bpf/bpf.h": ("controlplane/xdp/",),
    "xdp/xsk.h": ("dataplane/io/",),
    "rte_ethdev.h": ("dataplane/io/io_dpdk.c",),
    "sqlite3.h": ("controlplane/core/",),
    "libpq-fe.h": ("controlplane/core/",),
    "secp256k1.h": ("crypto/voucher/",),
    "microhttpd.h": ("controlplane/gateway/", "bench/bare_server.c"),
    "wslay/wslay.h": ("controlplane/gateway/",),
    "curl/curl.h": ("controlplane/cli/", "controlplane/jobs/hooks.c",
                    "controlplane/tracing/exporter.c"),
    "libsmartcols/libsmartcols.h": ("controlplane/cli/",),
    "hwloc.h": ("dataplane/",),
    "openssl/x509.h": ("controlplane/tee/",),
}


def check_project(root, path, name):
    if "/" not in name:
        return f'"{name}" is not relative to the root'
    for area, allowed in AREAS:
        if path.startswith(area):
            if not name.startswith(allowed):
                return f'{area} may not include "{name}"'
            break
    if path.startswith(POLICY) and not name.startswith(POLICY_HEADERS):
        return f'policy may not include "{name}"'
    return None


def check_system(path, name):
    if path.startswith(("tests/", "bench/")):
        return None
    if path.startswith(POLICY) and name not in POLICY_SYSTEM:
        return f"policy is pure and may not include <{name}>"
    fence = FENCED.get(name)
    if fence and not path.startswith(fence):
        return f"<{name}> stays in {' and '.join(fence)}"
    return None


def check(root):
    findings = []
    for path in common.files(root, ".c", ".h", ".def"):
        text = common.read(root, path)
        for match in INCLUDE.finditer(text):
            kind, name = match.groups()
            wrong = check_project(root, path, name) if kind == '"' else check_system(path, name)
            if wrong:
                line = text.count("\n", 0, match.start(1)) + 1
                findings.append(f"{path}:{line}: {wrong}")
    return findings


BAD = [
    ("crypto/a.c", '#include "dataplane/abi/abi.h"\n', "crypto/ may not include"),
    ("configs/a.c", '#include "crypto/hash/hash.h"\n', "configs/ may not include"),
    ("dataplane/abi/a.h", '#include "dataplane/worker/dp.h"\n', "dataplane/abi/ may not include"),
    ("dataplane/io/a.c", '#include "controlplane/core/log.h"\n', "dataplane/ may not include"),
    ("controlplane/core/a.c", '#include "dataplane/io/io.h"\n', "controlplane/ may not include"),
    ("controlplane/market/a.c", "#include <time.h>\n", "policy is pure"),
    ("controlplane/market/a.c", '#include "controlplane/core/loop.h"\n', "policy may not include"),
    ("controlplane/core/a.c", "#include <sodium.h>\n", "<sodium.h> stays in crypto/"),
    ("dataplane/worker/a.c", "#  include <liburing.h>\n", "<liburing.h> stays in"),
    ("dataplane/worker/a.c", '#include "dp.h"\n', "not relative to the root"),
]
GOOD = [
    ("dataplane/io/uring.c", '#include "dataplane/abi/abi.h"\n#include <liburing.h>\n'),
    ("controlplane/ledger/a.c", '#include "crypto/types.h"\n#include <string.h>\n'),
]

if __name__ == "__main__":
    common.main(sys.modules[__name__])
