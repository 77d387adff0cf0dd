#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Runs a test program on a PostgreSQL of its own: a cluster in a temporary folder, on a unix socket
there, as an unprivileged user, gone afterwards. FOG_TEST_STORE tells the program where."""

import glob
import os
import pwd
import shutil
import subprocess
import sys
import tempfile

SKIPPED = 77  # to meson


def tools():
    """Folder of initdb and postgres: Debian keeps them out of PATH."""
    found = shutil.which("initdb")
    if found:
        return os.path.dirname(found)
    return max(glob.glob("/usr/lib/postgresql/*/bin"), default=None)


def server_user():
    """The server refuses to run as root."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    return None


def call(argv, user):
    extra = {"user": user.pw_uid, "group": user.pw_gid} if user else {}
    done = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, cwd="/", **extra)
    if done.returncode != 0:
        sys.stdout.buffer.write(done.stdout)
        sys.exit(f"{argv[0]} failed")


def main():
    where, user = tools(), server_user()
    if where is None:
        print("no PostgreSQL server is installed (package postgresql)")
        return SKIPPED
    folder = tempfile.mkdtemp(prefix="fog-pg-")
    data = os.path.join(folder, "data")
    if user:
        os.chown(folder, user.pw_uid, user.pw_gid)
    os.chmod(folder, 0o755)
    try:
        call([f"{where}/initdb", "-D", data, "-U", "fog", "-A", "trust", "-E", "UTF8",
              "--locale=C", "--no-sync"], user)
        options = f"-k {folder} -c listen_addresses='' -c fsync=off"
        call([f"{where}/pg_ctl", "-D", data, "-w", "-l", f"{folder}/log", "-o", options, "start"],
             user)
        try:
            url = f"postgresql:///postgres?user=fog&host={folder.replace('/', '%2F')}"
            env = dict(os.environ, FOG_TEST_STORE=url)
            return subprocess.run(sys.argv[1:], env=env).returncode
        finally:
            call([f"{where}/pg_ctl", "-D", data, "-m", "immediate", "-w", "stop"], user)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
