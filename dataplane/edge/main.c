/* SPDX-License-Identifier: BSD-3-Clause */
/* fog-edge: see docs/man/fog-edge.8. */
#include <getopt.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include "configs/config.h"
#include "configs/service.h"
#include "crypto/cpu.h"
#include "dataplane/ctl/harden.h"
#include "dataplane/ctl/log.h"
#include "dataplane/edge/edge.h"

#define EXIT_USAGE 2

static const char usage[] =
	"Usage: fog-edge [--config FILE] [--run-dir DIR] [--state-dir DIR] [--socks ADDRESS:PORT]\n"
	"Client and terminus of Fog circuits: SOCKS5, exit, job channel.\n"
	"\n"
	"  -c, --config FILE      fog.conf(5) of this host\n"
	"      --run-dir DIR      where the unix sockets are (/run/fog)\n"
	"      --state-dir DIR    where edge.key is (/var/lib/fog)\n"
	"      --socks ADDR:PORT  listen for SOCKS5 here, whatever the control plane says\n"
	"      --log-level LEVEL  error, warning, notice, info or debug\n"
	"  -h, --help             print this\n"
	"  -V, --version          print the version\n";

enum {
	OPTION_RUN_DIR = 256,
	OPTION_STATE_DIR,
	OPTION_SOCKS,
	OPTION_LOG_LEVEL,
};

static const struct option options[] = {
	{"config", required_argument, NULL, 'c'},
	{"run-dir", required_argument, NULL, OPTION_RUN_DIR},
	{"state-dir", required_argument, NULL, OPTION_STATE_DIR},
	{"socks", required_argument, NULL, OPTION_SOCKS},
	{"log-level", required_argument, NULL, OPTION_LOG_LEVEL},
	{"help", no_argument, NULL, 'h'},
	{"version", no_argument, NULL, 'V'},
	{NULL, 0, NULL, 0},
};

struct arguments {
	const char *config, *run_dir, *state_dir, *socks, *log_level;
};

/* -1: go on; else the exit status. */
static int arguments_parse(struct arguments *a, int argc, char **argv)
{
	for (;;) {
		switch (getopt_long(argc, argv, "c:hV", options, NULL)) {
		case 'c':
			a->config = optarg;
			break;
		case OPTION_RUN_DIR:
			a->run_dir = optarg;
			break;
		case OPTION_STATE_DIR:
			a->state_dir = optarg;
			break;
		case OPTION_SOCKS:
			a->socks = optarg;
			break;
		case OPTION_LOG_LEVEL:
			a->log_level = optarg;
			break;
		case 'h':
			fputs(usage, stdout);
			return 0;
		case 'V':
			puts("fog-edge " FOG_VERSION);
			return 0;
		case -1:
			if (optind == argc)
				return -1;
			fprintf(stderr, "fog-edge: unexpected argument: %s\n", argv[optind]);
			return EXIT_USAGE;
		default:
			fputs("Try 'fog-edge --help'.\n", stderr);
			return EXIT_USAGE;
		}
	}
}

static bool copy(char *out, size_t size, const char *text, const char *name)
{
	if (strlen(text) < size) {
		memcpy(out, text, strlen(text) + 1);
		return true;
	}
	fprintf(stderr, "fog-edge: %s is longer than %zu bytes\n", name, size - 1);
	return false;
}

/* Flags win over the file, the file over the defaults. */
static int options_make(struct fog_edge_options *o, const struct arguments *a)
{
	struct fog_config config = {0};
	const char *run_dir = "/run/fog", *state_dir = "/var/lib/fog", *socks = "";
	const char *level = "info";
	int status = EXIT_USAGE;

	memset(o, 0, sizeof(*o));
	o->hops = 3;
	if (a->config != NULL) {
		if (fog_config_read(&config, a->config, stderr) != 0)
			return FOG_SERVICE_EXIT_CONFIG;
		run_dir = config.host_run_dir;
		state_dir = config.host_state_dir;
		socks = config.edge_socks;
		level = config.host_log_level;
		o->hops = (u32)config.edge_hops;
	}
	run_dir = a->run_dir != NULL ? a->run_dir : run_dir;
	state_dir = a->state_dir != NULL ? a->state_dir : state_dir;
	socks = a->socks != NULL ? a->socks : socks;
	level = a->log_level != NULL ? a->log_level : level;
	if (fog_dplog_level_parse(level) == 0)
		fprintf(stderr, "fog-edge: unknown log level: %s\n", level);
	else if (copy(o->run_dir, sizeof(o->run_dir), run_dir, "run directory") &&
		 copy(o->state_dir, sizeof(o->state_dir), state_dir, "state directory") &&
		 copy(o->socks, sizeof(o->socks), socks, "SOCKS address"))
		status = 0;
	if (status == 0)
		fog_dplog_set_level(fog_dplog_level_parse(level));
	fog_dplog_set_json(a->config != NULL && strcmp(config.host_log_format, "json") == 0);
	fog_config_free(&config);
	return status;
}

/* A socket per stream: take what the system allows. */
static void files_raise(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
		return;
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
}

static void on_watchdog(struct ev_loop *loop, struct ev_timer *w, int events)
{
	(void)fog_service_tell(*(int *)w->data, "WATCHDOG=1");
}

/* Until it is asked to stop; the service manager hears that it runs. */
static void serve(struct fog_edge *edge)
{
	int fd = fog_service_open();
	double interval_s = fog_service_watchdog_ms() / 1000.;
	struct ev_timer watchdog;

	ev_timer_init(&watchdog, on_watchdog, interval_s, interval_s);
	watchdog.data = &fd;
	if (fd >= 0 && interval_s > 0)
		ev_timer_start(edge->loop, &watchdog);
	(void)fog_service_tell(fd, "READY=1");
	fog_edge_run(edge);
	(void)fog_service_tell(fd, "STOPPING=1");
	ev_timer_stop(edge->loop, &watchdog);
	if (fd >= 0)
		close(fd);
}

int main(int argc, char **argv)
{
	static struct fog_edge edge;
	struct fog_edge_options o;
	struct arguments a = {0};
	int status = arguments_parse(&a, argc, argv);

	if (status >= 0)
		return status;
	status = options_make(&o, &a);
	if (status != 0)
		return status;
	signal(SIGPIPE, SIG_IGN);
	signal(SIGHUP, SIG_IGN); /* what may change comes from the control plane */
	files_raise();
	(void)fog_harden_process();
	if (fog_crypto_init() != 0) {
		fputs("fog-edge: no cryptography on this machine\n", stderr);
		return 1;
	}
	if (fog_edge_init(&edge, &o) != 0)
		return 1;
	serve(&edge);
	fog_edge_free(&edge);
	return 0;
}
