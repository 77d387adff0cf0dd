#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""e2e_dao on PostgreSQL instead of SQLite: the same life of a control plane with its store on a
server of its own, killed, checked, backed up and restored."""

import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))

os.execv(sys.executable, [sys.executable, os.path.join(HERE, "..", "postgres.py"),
                          sys.executable, os.path.join(HERE, "e2e_dao.py")])
