#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""The Debian package: made, looked at by lintian where there is one, then installed, run, upgraded,
removed and purged in a root of its own (an overlay over this machine's, in a mount namespace).
Where that is not possible its programs are unpacked and run."""

import os
import shutil
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
CONF = """host = { name = "packaged"; };
dataplane = { listen = "127.0.0.1:9123"; workers = 1; pin = false; };
control = { listen = "127.0.0.1:9123"; };
roles = { enable = ["relay"]; };
"""
FILES = ("usr/bin/fog-dataplane", "usr/bin/fog-controlplane", "usr/bin/fog-edge",
         "usr/bin/fogctl", "usr/bin/fog-exec",
         "lib/systemd/system/fog-dataplane.service", "lib/systemd/system/fog-controlplane.service",
         "lib/systemd/system/fog-controlplane.socket", "lib/systemd/system/fog-edge.service",
         "usr/share/man/man1/fogctl.1.gz", "usr/share/man/man5/fog.conf.5.gz",
         "usr/share/man/man8/fog-dataplane.8.gz",
         "usr/share/bash-completion/completions/fogctl", "usr/share/doc/fog/examples/fog.conf",
         "usr/share/doc/fog/examples/fog.json", "usr/share/doc/fog/copyright")
# Runs as root of the overlay. $1: the package, $2: the configuration.
INSIDE = r"""
set -eu
export DEBIAN_FRONTEND=noninteractive LC_ALL=C
trap '[ $? = 0 ] || tail -n 5 /tmp/*.log' EXIT
say() { echo "  $*"; }
start() {
	mkdir -p -m 0700 /run/fog # RuntimeDirectory= of the units
	fog-dataplane --config /etc/fog/fog.conf 2>/tmp/dataplane.log & d=$!
	fog-controlplane --config /etc/fog/fog.conf 2>/tmp/controlplane.log & c=$!
	fog-edge --config /etc/fog/fog.conf 2>/tmp/edge.log & e=$!
	n=0
	until fogctl --json status 2>/dev/null | grep -q '"attached": *true'; do
		n=$((n + 1))
		[ $n -lt 300 ] || { cat /tmp/*plane.log; echo "it does not start"; exit 1; }
		sleep 0.1
	done
}
stop() {
	kill $e $c $d
	wait $e $c $d || true
}
dpkg --no-triggers -i "$1" >/tmp/dpkg.log 2>&1 || { cat /tmp/dpkg.log; exit 1; }
grep -q "write /etc/fog/fog.conf" /tmp/dpkg.log
test "$(stat -c %a /var/lib/fog)" = 700
test -L /etc/systemd/system/multi-user.target.wants/fog-controlplane.service
test -L /etc/systemd/system/sockets.target.wants/fog-controlplane.socket
bash -c '. /usr/share/bash-completion/completions/fogctl; complete -p fogctl' >/dev/null
sed 's/host-1/packaged/' /usr/share/doc/fog/examples/fog.conf >/tmp/example.conf
fog-controlplane --check-config /tmp/example.conf
say installed
cp "$2" /etc/fog/fog.conf
start
node=$(fogctl --json status | sed -n 's/.*"node_id": *"\([0-9a-f]*\)".*/\1/p' | head -1)
dpkg --no-triggers -i "$1" >/tmp/dpkg.log 2>&1 || { cat /tmp/dpkg.log; exit 1; }
fogctl status >/dev/null # an upgrade without systemd touches nothing that runs
stop
start
test "$(fogctl --json status | sed -n 's/.*"node_id": *"\([0-9a-f]*\)".*/\1/p' | head -1)" = "$node"
stop
say ran, upgraded, ran
dpkg --no-triggers -r fog >/tmp/dpkg.log 2>&1 || { cat /tmp/dpkg.log; exit 1; }
test ! -e /usr/bin/fogctl
test -e /etc/fog/fog.conf -a -e /var/lib/fog/identity.key
dpkg --no-triggers -P fog >/tmp/dpkg.log 2>&1 || { cat /tmp/dpkg.log; exit 1; }
test ! -e /lib/systemd/system/fog-edge.service
test ! -e /etc/systemd/system/multi-user.target.wants/fog-edge.service
test -e /var/lib/fog/identity.key # the identity is not for a package manager to delete
say removed, purged
"""
OUTSIDE = r"""
set -eu
mount -t tmpfs fog "$1"
mkdir "$1/upper" "$1/work" "$1/root"
mount -t overlay fog -o "lowerdir=/,upperdir=$1/upper,workdir=$1/work" "$1/root"
mount -t proc fog "$1/root/proc"
mount --rbind /dev "$1/root/dev"
mount -t tmpfs fog "$1/root/run"
mount -t tmpfs fog "$1/root/tmp"
"""


def run(command, **options):
    return subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, timeout=200, check=False, **options)


def check(condition, text):
    if not condition:
        raise AssertionError(text)


def make(folder):
    done = run([os.path.join(ROOT, "configs", "deb"), folder])
    check(done.returncode == 0, done.stdout)
    package = done.stdout.strip().splitlines()[-1]
    done = run(["dpkg-deb", "-c", package])
    listed = {line.split()[-1].lstrip("./") for line in done.stdout.splitlines()}
    check(not set(FILES) - listed, f"the package lacks {sorted(set(FILES) - listed)}")
    if shutil.which("lintian"):
        done = run(["lintian", "--allow-root", "--fail-on", "error,warning", package])
        check(done.returncode == 0, done.stdout)
    else:
        print("  no lintian: the package is not checked against Debian's policy")
    return package


def unpacked(package, folder):
    """What can be seen without a root of one's own."""
    tree = os.path.join(folder, "tree")
    check(run(["dpkg-deb", "-x", package, tree]).returncode == 0, "it is not unpacked")
    for program in ("fogctl", "fog-controlplane", "fog-dataplane", "fog-edge"):
        done = run([os.path.join(tree, "usr", "bin", program), "--help"])
        check(done.returncode == 0, done.stdout)


def installed(package, folder):
    conf, mounts = os.path.join(folder, "fog.conf"), os.path.join(folder, "mounts")
    os.mkdir(mounts)
    with open(conf, "w", encoding="utf-8") as sink:
        sink.write(CONF)
    # /tmp of the overlay is its own: what goes in is copied in.
    script = OUTSIDE + 'cp "$2" "$1/root/tmp/fog.deb"; cp "$3" "$1/root/tmp/fog.conf"\n' \
        'chroot "$1/root" sh -c "$4" inside /tmp/fog.deb /tmp/fog.conf\n'
    done = run(["unshare", "--mount", "--pid", "--net", "--fork", "--kill-child", "sh", "-c",
                "ip link set lo up\n" + script, "outside", mounts, package, conf, INSIDE])
    print(done.stdout.rstrip())
    check(done.returncode == 0, "it failed in the root of its own")


def main():
    folder = tempfile.mkdtemp(prefix="fog-package-")
    os.mkdir(os.path.join(folder, "probe"))
    try:
        package = make(folder)
        probe = run(["unshare", "--mount", "sh", "-c", OUTSIDE, "probe",
                     os.path.join(folder, "probe")])
        if probe.returncode == 0:
            installed(package, folder)
        else:
            print(f"  no root of its own here, only unpacked: {probe.stdout.strip()}")
            unpacked(package, folder)
        print("1 passed, 0 failed")
        return 0
    except (AssertionError, OSError, subprocess.SubprocessError) as error:
        print(f"FAILED: {error}\n0 passed, 1 failed")
        return 1
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
