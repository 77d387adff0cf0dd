#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""The services under a real systemd: the Debian package is installed in an overlay over this
machine's root that systemd-nspawn boots with a network of its own. Socket activation, readiness,
reload, restart after kill -9, the watchdog, a job and what the sandbox of each unit is worth."""

import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PROBE = os.path.join(ROOT, "build", "tests", "unit", "controlplane", "executor",
                     "exec_probe_static")
BOOT_S = 280
TARGET = """[Unit]
Requires=basic.target fog-e2e.service
After=basic.target
AllowIsolate=yes
"""
SERVICE = """[Unit]
After=basic.target
[Service]
Type=oneshot
ExecStart=/bin/bash /e2e.sh
ExecStopPost=/bin/sh -c 'echo "$EXIT_STATUS" >/e2e.rc; systemctl poweroff --no-block'
StandardOutput=append:/e2e.log
StandardError=append:/e2e.log
TimeoutStartSec=240
"""
CONF = """host = { name = "booted"; log_level = "info"; };
dataplane = { listen = "127.0.0.1:9123"; workers = 1; pin = false; };
control = { listen = "127.0.0.1:9123"; };
roles = { enable = ["relay", "worker"]; };
worker = { engines = ["native", "oci", "microvm"]; };
ledger = { chain = "solo"; };
"""
# Runs as a unit of the booted system.
INSIDE = r"""
set -Eeu
export DEBIAN_FRONTEND=noninteractive LC_ALL=C HOME=/root
UNITS="fog-dataplane fog-controlplane fog-edge"
trap 'echo "FAILED: line $LINENO: $BASH_COMMAND"; journalctl -u "fog-*" -n 60 --no-pager' ERR
say() { echo "  $*"; }
until_true() { # SECONDS CONDITION
	n=0
	until eval "$2"; do
		n=$((n + 1))
		[ $n -lt $(($1 * 10)) ] || { echo "not within $1 s: $2"; exit 1; }
		sleep 0.1
	done
}
show() { systemctl show -P "$2" "$1"; }
attached() { fogctl --json status 2>/dev/null | grep -q '"attached": *true'; }

rm -f /usr/sbin/policy-rc.d # a container's way of starting no service
dpkg --no-triggers -i /fog.deb >/dev/null 2>&1
for u in $UNITS fog-controlplane.socket; do
	test "$(systemctl is-enabled "$u")" = enabled
	test "$(systemctl is-active "$u")" != active # there is no configuration yet
done
systemd-analyze verify /lib/systemd/system/fog-* >/tmp/verify 2>&1 || { cat /tmp/verify; exit 1; }
! grep /fog- /tmp/verify
cp /fog.conf /etc/fog/fog.conf
say "installed, $(systemctl --version | head -1)"

systemctl start fog-controlplane.socket
test "$(stat -c %a /run/fog/api.sock)" = 600
test "$(systemctl is-active fog-controlplane)" != active
fogctl --json status >/dev/null # the first caller starts all of it, and waits
until_true 60 attached
for u in $UNITS; do
	until_true 60 '[ "$(systemctl is-active $u)" = active ]'
	test "$(show "$u" NotifyAccess)" = main
done
journalctl -u fog-dataplane --no-pager | grep -q "system call filter: yes"
until_true 60 'show fog-controlplane StatusText | grep -q components'
say "activated by its socket: $(show fog-controlplane StatusText)"

pid=$(show fog-controlplane MainPID)
sed -i 's/"info"/"debug"/' /etc/fog/fog.conf
systemctl reload fog-controlplane
until_true 20 'journalctl -u fog-controlplane --no-pager | grep -q "reloaded changed=1"'
test "$(show fog-controlplane MainPID)" = "$pid"
test "$(systemctl is-active fog-controlplane)" = active
say reloaded

fogctl job submit --wait --target self -- sh -c 'echo from a job' 2>&1 | grep -q '^from a job'
job=$(fogctl --json job submit --target self -- sh -c 'sleep 6; echo it went on' |
	sed -n 's/.*"id": *"\([^"]*\)".*/\1/p' | head -1)
until_true 60 'fogctl --json job show $job | grep -q "\"state\": *\"running\""'
for u in $UNITS; do
	systemctl kill -s KILL --kill-whom=main "$u"
	fogctl --json status >/dev/null # waits at the socket instead of failing
	until_true 60 '[ "$(show $u NRestarts)" -ge 1 ] && [ "$(systemctl is-active $u)" = active ]'
	until_true 60 attached
done
until_true 90 'fogctl --json job show $job | grep -q "\"state\": *\"succeeded\""'
test "$(fogctl job logs "$job")" = "it went on"
say "killed one after the other, started again, and a job went on meanwhile"

cd /
fogctl job submit --wait --engine oci --input /bundle.tar --target self -- bundle.tar 2>&1 |
	grep -q 'saved 5 errno 0'
say "a container under the unit's rules"
fogctl job submit --wait --engine microvm --input /exec_probe_static --target self --memory 256M \
	--wall 80s -- /input/exec_probe_static save /work/f 2>&1 | grep -q 'saved 5 errno 0'
say "a virtual machine, too"

for u in $UNITS; do
	systemctl kill -s STOP --kill-whom=main "$u"
done
for u in $UNITS; do
	until_true 90 '[ "$(show $u NRestarts)" -ge 2 ] && [ "$(systemctl is-active $u)" = active ]'
done
until_true 60 attached
say "stopped all: the watchdog ended them, they were started again"

for u in $UNITS; do
	say "$(systemd-analyze security --no-pager "$u.service" | tail -1)"
done
systemd-analyze security --no-pager --threshold=25 fog-dataplane.service >/dev/null
systemd-analyze security --no-pager --threshold=25 fog-edge.service >/dev/null
systemd-analyze security --no-pager --threshold=70 fog-controlplane.service >/dev/null

systemctl stop fog-controlplane.socket $UNITS
test ! -e /run/fog/api.sock
for u in $UNITS; do
	test "$(show "$u" Result)" = success
done

echo 'nonsense = 1;' >>/etc/fog/fog.conf
for u in $UNITS; do
	! systemctl start "$u" 2>/dev/null
	test "$(show "$u" ExecMainStatus)" = 78
	test "$(systemctl is-failed "$u")" = failed # and not on its way to be started again
done
for u in $UNITS; do # who was wanted by another is not waited for above
	until_true 20 '[ "$(systemctl is-active $u)" = failed ]'
done
systemctl stop fog-controlplane.socket $UNITS
systemctl reset-failed
say "a wrong configuration is not started again and again"
dpkg --no-triggers -P fog >/dev/null 2>&1
test -z "$(systemctl list-units --no-legend 'fog-controlplane*' 'fog-dataplane*' 'fog-edge*')"
say stopped, purged
"""
# In a mount namespace: $1 an empty folder, $2 what goes in.
OUTSIDE = r"""
set -eu
mount -t tmpfs fog "$1"
mkdir "$1/upper" "$1/work" "$1/root"
mount -t overlay fog -o "lowerdir=/,upperdir=$1/upper,workdir=$1/work" "$1/root"
units=$1/root/etc/systemd/system
cp "$2"/fog-e2e.* "$units/"
cp "$2/fog.deb" "$2/fog.conf" "$2/e2e.sh" "$2/bundle.tar" "$2/exec_probe_static" "$1/root/"
for u in fog-dataplane fog-controlplane fog-edge; do # sooner than the 30 s of the units
	mkdir -p "$units/$u.service.d"
	printf '[Service]\nWatchdogSec=5s\n' >"$units/$u.service.d/sooner.conf"
done
systemd-nspawn --quiet -D "$1/root" --register=no --keep-unit --private-network \
	--console=pipe --capability=all --system-call-filter="@known" \
	-b systemd.unit=fog-e2e.target >"$2/boot.log" 2>&1 || true
cat "$1/root/e2e.log" 2>/dev/null || true
cp "$1/root/e2e.rc" "$2/rc" 2>/dev/null || true
"""


def unable():
    """Why it cannot be done here; None: it can."""
    if os.geteuid() != 0:
        return "only root can boot a system"
    for program in ("systemd-nspawn", "dpkg-deb"):
        if shutil.which(program) is None:
            return f"there is no {program} here (Debian's systemd-container)"
    if not os.path.exists("/lib/systemd/systemd"):
        return "there is no systemd here"
    return None


def write(folder, name, text):
    with open(os.path.join(folder, name), "w", encoding="utf-8") as sink:
        sink.write(text)


def bundle(folder):
    """A container whose program is the tests' own, and that program."""
    tree = os.path.join(folder, "tree")
    os.makedirs(f"{tree}/rootfs/work")
    shutil.copy(PROBE, f"{tree}/rootfs/probe")
    for name in ("proc", "dev", "tmp", "input"):
        os.mkdir(f"{tree}/rootfs/{name}")
    write(tree, "config.json", json.dumps(
        {"ociVersion": "1.0.2", "process": {"args": ["/probe", "save", "/work/f"]},
         "root": {"path": "rootfs"}}))
    subprocess.run(["tar", "-C", tree, "-cf", f"{folder}/in/bundle.tar", "."], check=True)
    shutil.copy(PROBE, f"{folder}/in/exec_probe_static")


def booted(folder):
    """True when all of it held; None when the system did not boot."""
    inputs, mounts = os.path.join(folder, "in"), os.path.join(folder, "mounts")
    os.mkdir(inputs)
    os.mkdir(mounts)
    done = subprocess.run([os.path.join(ROOT, "configs", "deb"), folder], check=True,
                          stdout=subprocess.PIPE, text=True)
    shutil.copy(done.stdout.strip().splitlines()[-1], os.path.join(inputs, "fog.deb"))
    bundle(folder)
    for name, text in (("fog.conf", CONF), ("e2e.sh", INSIDE), ("fog-e2e.target", TARGET),
                       ("fog-e2e.service", SERVICE)):
        write(inputs, name, text)
    done = subprocess.run(["unshare", "--mount", "sh", "-c", OUTSIDE, "outside", mounts, inputs],
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, timeout=BOOT_S, check=False)
    print(done.stdout.rstrip())
    try:
        with open(os.path.join(inputs, "rc"), encoding="utf-8") as source:
            return source.read().strip() == "0"
    except OSError:
        text = ""
        with contextlib.suppress(OSError), open(os.path.join(inputs, "boot.log"),
                                                encoding="utf-8", errors="replace") as log:
            text = log.read()
        print(f"  systemd did not boot here, so its units were not run:\n{text[-2000:]}")
        return None


def main():
    why = unable()
    if why is not None:
        print(f"  {why}: not tried\n0 passed, 0 failed")
        return 77
    folder = tempfile.mkdtemp(prefix="fog-systemd-")
    try:
        good = booted(folder)
    except (OSError, subprocess.SubprocessError) as error:
        print(f"FAILED: {error}")
        good = False
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    print(f"{int(good is True)} passed, {int(good is False)} failed")
    return {True: 0, False: 1, None: 77}[good]


if __name__ == "__main__":
    sys.exit(main())
