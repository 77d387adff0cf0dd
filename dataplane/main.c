/* SPDX-License-Identifier: BSD-3-Clause */
/* fog-dataplane: put the parts together, run until asked to stop, take them apart again.
 *
 *	main thread   control (HELLO), signals      fog-verify   signatures
 *	fog-w0 ..     workers                       fog-slow     handshakes
 *
 * File descriptors: 4 per worker, 2 per attached client, 16 pending clients, some ten of its own;
 * with 16 workers under 128, so the usual limit of 1024 is never near. */
#include "configs/service.h"
#include "crypto/cpu.h"
#include "crypto/mem.h"
#include "crypto/random/random.h"
#include "dataplane/ctl/ctl.h"
#include "dataplane/ctl/harden.h"
#include "dataplane/ctl/keys.h"
#include "dataplane/ctl/log.h"
#include "dataplane/ctl/options.h"
#include "dataplane/ctl/placement.h"
#include "dataplane/ctl/verify.h"
#include "dataplane/io/io.h"

#include <errno.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define EXIT_USAGE 2
/* A killed predecessor that used io_uring leaves its socket to the kernel for some time. */
#define PORT_TRIES    50
#define PORT_PAUSE_MS 100

struct daemon {
	struct fog_options options;
	struct fog_placement placement;
	struct fog_region data;
	struct fog_dp *dp;
	struct fog_verify *verify;
	struct fog_ctl *ctl;
	int signal_fd, event_fd, notify_fd;
	u32 watchdog_ms; /* the service manager wants to hear of us so often; 0 = not */
	u64 watchdog_due_ms;
	u64 boot_id;
};

static int path_join(char *out, size_t size, const char *dir, const char *name)
{
	return snprintf(out, size, "%s/%s", dir, name) < (int)size ? 0 : -ENAMETOOLONG;
}

static int fail(const char *what, int rc)
{
	fog_dplog(FOG_DPLOG_ERROR, "main", "%s: %s", what, strerror(-rc));
	return rc;
}

/* Every thread of ours takes SIGTERM and SIGINT through the main thread's signalfd. */
static int signals_prepare(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	if (sigprocmask(SIG_BLOCK, &set, NULL) != 0 || signal(SIGPIPE, SIG_IGN) == SIG_ERR ||
	    signal(SIGHUP, SIG_IGN) == SIG_ERR)
		return -errno;
	int fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return fd < 0 ? -errno : fd;
}

/* Options that make sense by themselves may still not fit this machine. */
static int machine_check(struct daemon *d)
{
	int rc = fog_placement_detect(&d->placement, d->options.workers, d->options.pin);

	if (rc != 0)
		return fail("cannot place workers", rc);
	if (fog_io_find(d->options.io) == NULL) {
		fog_dplog(FOG_DPLOG_ERROR, "main", "this build has no back end \"%s\"",
			  d->options.io);
		return -EINVAL;
	}
	return 0;
}

static int dp_init_patient(struct daemon *d, const struct fog_dp_config *c)
{
	const struct timespec pause = {.tv_nsec = PORT_PAUSE_MS * 1000000l};
	int rc = fog_dp_init(&d->dp, c, d->data.base);

	for (unsigned i = 0; rc == -EADDRINUSE && i < PORT_TRIES; i++) {
		if (i == 0)
			fog_dplog(FOG_DPLOG_NOTICE, "main",
				  "the port is taken; trying again for some seconds");
		nanosleep(&pause, NULL);
		rc = fog_dp_init(&d->dp, c, d->data.base);
	}
	return rc;
}

/* A circuit is two halves; tables want a power of two. */
static u32 halves_for(u32 circuits)
{
	u32 n = circuits == 0 ? 0 : 16;

	while (n < 2 * circuits)
		n *= 2;
	return n;
}

static int dp_make(struct daemon *d)
{
	struct fog_keys keys;
	char path[FOG_OPTIONS_PATH_MAX + 32], why[256];
	struct fog_dp_config c = {
		.workers = d->placement.workers,
		.circuits_max = halves_for(d->options.circuits),
		.boot_id = d->boot_id,
		.listen = d->options.listen,
		.io = fog_io_find(d->options.io),
		.io_arg = &d->options.settings,
		.notify_fd = d->event_fd,
		.mix_dir = d->options.state_dir,
		.mix_held = d->options.mix_held,
		.mix_tags = d->options.mix_packets,
	};
	int rc = path_join(path, sizeof(path), d->options.state_dir, "dataplane.key");

	if (rc == 0)
		rc = fog_keys_load(&keys, path, why);
	if (rc != 0) {
		fog_dplog(FOG_DPLOG_ERROR, "main", "keys: %s", why);
		return rc;
	}
	memcpy(c.cpu, d->placement.cpu, sizeof(c.cpu));
	c.mix_cpu = d->placement.mix_cpu;
	memcpy(c.link_sk, keys.link_sk, sizeof(c.link_sk));
	memcpy(c.onion_sk, keys.onion_sk, sizeof(c.onion_sk));
	fog_random_bytes(c.rng_seed, sizeof(c.rng_seed));
	rc = dp_init_patient(d, &c);
	fog_keys_wipe(&keys);
	fog_wipe(&c, sizeof(c));
	if (rc == 0)
		return 0;
	if (d->options.settings.why[0] != '\0')
		fog_dplog(FOG_DPLOG_ERROR, "main", "%s: %s", d->options.io,
			  d->options.settings.why);
	return fail("cannot start the workers' tables or sockets", rc);
}

static int ctl_make(struct daemon *d)
{
	char path[FOG_OPTIONS_PATH_MAX + 32];
	struct fog_ctl_config c = {
		.socket_path = path,
		.dp = d->dp,
		.verify = d->verify,
		.data = &d->data,
		.workers = d->placement.workers,
		.boot_id = d->boot_id,
		.notify_fd = d->event_fd,
	};
	int rc = path_join(path, sizeof(path), d->options.run_dir, "dataplane.sock");

	if (rc == 0)
		rc = fog_ctl_open(&d->ctl, &c);
	if (rc == -EADDRINUSE)
		fog_dplog(FOG_DPLOG_ERROR, "main", "another data plane runs in %s",
			  d->options.run_dir);
	else if (rc != 0)
		fail(path, rc);
	return rc;
}

static int daemon_open(struct daemon *d)
{
	struct fog_data_region *region;
	int rc = fog_region_create(&d->data, "fog-data", sizeof(*region), FOG_REGION_DATA,
				   d->boot_id);

	if (rc != 0)
		return fail("cannot create the data region", rc);
	region = d->data.base;
	region->header.workers = d->placement.workers;
	memcpy(region->pin_reason, d->placement.reason, sizeof(region->pin_reason));
	d->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (d->event_fd < 0)
		return fail("eventfd", -errno);
	/* Before threads exist, so that all but the pinned workers inherit it. */
	if (d->placement.pinned &&
	    sched_setaffinity(0, sizeof(d->placement.rest), &d->placement.rest) != 0)
		fog_dplog(FOG_DPLOG_WARNING, "main", "cannot leave the workers' cores: %s",
			  strerror(errno));
	rc = dp_make(d);
	if (rc != 0)
		return rc;
	rc = fog_verify_start(&d->verify, region, d->options.verify_workers,
			      d->placement.verify_cpu, d->event_fd);
	if (rc != 0)
		return fail("cannot start the verify service", rc);
	rc = ctl_make(d);
	if (rc != 0)
		return rc;
	rc = fog_dp_start(d->dp);
	return rc == 0 ? 0 : fail("cannot start the workers", rc);
}

/* Reverse order: the workers stop before the regions they read go. */
static void daemon_close(struct daemon *d)
{
	if (d->dp != NULL)
		fog_dp_stop(d->dp);
	fog_ctl_close(d->ctl);
	fog_verify_stop(d->verify);
	fog_dp_free(d->dp);
	fog_region_close(&d->data);
	if (d->event_fd >= 0)
		close(d->event_fd);
	if (d->notify_fd >= 0)
		close(d->notify_fd);
}

static const char *outcome(int rc)
{
	return rc == 0 ? "yes" : strerror(-rc);
}

static void harden_rest(const struct daemon *d)
{
	int memory = fog_harden_memory();
	int filter = fog_harden_seccomp(strcmp(d->options.io, "dpdk") == 0);

	fog_dplog(memory == 0 && filter == 0 ? FOG_DPLOG_INFO : FOG_DPLOG_NOTICE, "main",
		  "in force: no new privileges: yes; no core dumps: yes; memory locked: %s; system "
		  "call filter: %s",
		  outcome(memory), outcome(filter));
}

static u64 monotonic_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (u64)ts.tv_sec * 1000 + (u64)ts.tv_nsec / 1000000;
}

/* Says that we are alive, which we are when every worker is. Returns ms until it is to be said
 * again, -1: never. */
static int watchdog_tell(struct daemon *d)
{
	const struct fog_data_region *region = d->data.base;
	u64 now_ms = monotonic_ms();

	if (d->watchdog_ms == 0)
		return -1;
	if (now_ms < d->watchdog_due_ms)
		return (int)(d->watchdog_due_ms - now_ms);
	d->watchdog_due_ms = now_ms + d->watchdog_ms;
	for (u32 w = 0; w < d->placement.workers; w++) {
		u64 beat_ns =
			atomic_load_explicit(&region->status[w].heartbeat_ns, memory_order_relaxed);
		if (now_ms > beat_ns / 1000000 + d->watchdog_ms)
			return (int)d->watchdog_ms;
	}
	(void)fog_service_tell(d->notify_fd, "WATCHDOG=1");
	return (int)d->watchdog_ms;
}

static int daemon_run(struct daemon *d)
{
	const struct fog_data_region *region = d->data.base;
	struct fog_address address = fog_dp_address(d->dp);
	char text[FOG_ADDRESS_TEXT_SIZE];
	int rc;

	fog_dplog(FOG_DPLOG_NOTICE, "main",
		  "fog-dataplane " FOG_VERSION " on %s, %.16s, cipher "
		  "%.16s",
		  fog_address_format(&address, text), region->io_name, region->crypto_name);
	fog_dplog(FOG_DPLOG_INFO, "main", "%s", d->placement.reason);
	harden_rest(d);
	(void)fog_service_tell(d->notify_fd, "READY=1");
	do {
		rc = fog_ctl_step(d->ctl, d->signal_fd, watchdog_tell(d));
	} while (rc == 0);
	(void)fog_service_tell(d->notify_fd, "STOPPING=1");
	if (rc < 0)
		return fail("control loop", rc);
	fog_dplog(FOG_DPLOG_NOTICE, "main", "stopping as asked");
	return 0;
}

static int check(struct daemon *d)
{
	char path[FOG_OPTIONS_PATH_MAX + 32], why[256], text[FOG_ADDRESS_TEXT_SIZE];
	struct fog_keys keys;
	int rc = path_join(path, sizeof(path), d->options.state_dir, "dataplane.key");

	if (rc != 0 || machine_check(d) != 0)
		return EXIT_FAILURE;
	if (access(d->options.run_dir, W_OK | X_OK) != 0 ||
	    access(d->options.state_dir, W_OK | X_OK) != 0) {
		fail("run or state folder", -errno);
		return EXIT_FAILURE;
	}
	/* A missing key file is made at the first start; --check makes nothing. */
	if (access(path, F_OK) == 0) {
		rc = fog_keys_load(&keys, path, why);
		fog_keys_wipe(&keys);
		if (rc != 0) {
			fog_dplog(FOG_DPLOG_ERROR, "main", "keys: %s", why);
			return EXIT_FAILURE;
		}
	}
	printf("links on %s, back end %s, %s\n", fog_address_format(&d->options.listen, text),
	       d->options.io, d->placement.reason);
	return EXIT_SUCCESS;
}

static int run(struct daemon *d)
{
	int rc = fog_harden_process();

	if (rc != 0)
		return fail("cannot give up privileges", rc);
	umask(077);
	d->signal_fd = signals_prepare();
	if (d->signal_fd < 0)
		return fail("signals", d->signal_fd);
	d->notify_fd = fog_service_open();
	d->watchdog_ms = fog_service_watchdog_ms();
	rc = machine_check(d);
	if (rc == 0) {
		fog_random_bytes(&d->boot_id, sizeof(d->boot_id));
		d->boot_id |= 1;
		rc = daemon_open(d);
	}
	if (rc == 0)
		rc = daemon_run(d);
	daemon_close(d);
	close(d->signal_fd);
	return rc;
}

int main(int argc, char **argv)
{
	static struct daemon d = {.data.fd = -1, .signal_fd = -1, .event_fd = -1, .notify_fd = -1};
	int rc = fog_options_read(&d.options, argc, argv, stderr);

	if (rc == -EINVAL) {
		fog_options_usage(stderr);
		return EXIT_USAGE;
	}
	if (rc != 0)
		return FOG_SERVICE_EXIT_CONFIG;
	if (d.options.mode == FOG_OPTIONS_HELP) {
		fog_options_usage(stdout);
		return EXIT_SUCCESS;
	}
	if (d.options.mode == FOG_OPTIONS_VERSION) {
		puts("fog-dataplane " FOG_VERSION);
		return EXIT_SUCCESS;
	}
	fog_dplog_set_level(d.options.level);
	fog_dplog_set_json(d.options.log_json);
	if (fog_crypto_init() != 0) {
		fog_dplog(FOG_DPLOG_ERROR, "main", "cipher self-test or FOG_CPU is wrong");
		return EXIT_FAILURE;
	}
	if (d.options.mode == FOG_OPTIONS_CHECK)
		return check(&d);
	return run(&d) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
