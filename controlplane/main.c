/* SPDX-License-Identifier: BSD-3-Clause */
/* fog-controlplane: arguments, signals and the loop. docs/man/fog-controlplane.8. */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "configs/service.h"
#include "controlplane/core/log.h"
#include "controlplane/daemon/host.h"
#include "crypto/cpu.h"
#include "crypto/mem.h"

#define STATUS_S        10.0 /* between two lines for the service manager */
#define CONFIG_PATH     "/etc/fog/fog.conf"
#define DESCRIPTORS_MAX 65536

enum exit_status {
	EXIT_OK = 0,
	EXIT_FAILED = 1,
	EXIT_USAGE = 2,
	EXIT_CONFIG = FOG_SERVICE_EXIT_CONFIG,
};

static const char usage[] =
	"usage: fog-controlplane [--config FILE]\n"
	"       fog-controlplane --check-config FILE\n"
	"       fog-controlplane --identity [--config FILE]\n"
	"\n"
	"The process of a Fog host that decides: directory, jobs, ledger, reputation, API.\n"
	"\n"
	"  --config FILE        configuration, see fog.conf(5); default " CONFIG_PATH "\n"
	"  --check-config FILE  check a configuration and exit: 0 good, 1 not\n"
	"  --identity           print node id and control key as JSON (makes them when\n"
	"                       there are none) and exit\n"
	"  --help, --version    print and exit\n"
	"\n"
	"SIGTERM and SIGINT end it in order; SIGHUP reads the configuration again.\n";

/* The service manager, and the host it hears of. */
struct service {
	int fd;
	struct fog_host *host;
	struct ev_timer timer;
};

static void on_terminate(struct ev_loop *loop, struct ev_signal *w, int revents)
{
	fog_log(FOG_LOG_NOTICE, "core", "stopping signal=%d", w->signum);
	ev_break(loop, EVBREAK_ALL);
}

static void on_hangup(struct ev_loop *loop, struct ev_signal *w, int revents)
{
	struct service *s = w->data;

	(void)fog_service_tell(s->fd, "RELOADING=1");
	fog_host_reload(s->host);
	(void)fog_service_tell(s->fd, "READY=1");
}

static void on_service(struct ev_loop *loop, struct ev_timer *w, int revents)
{
	struct service *s = w->data;
	char text[FOG_HOST_STATUS_SIZE + 32];
	int n = snprintf(text, sizeof(text), "WATCHDOG=1\nSTATUS=");

	fog_host_status_line(s->host, text + n);
	(void)fog_service_tell(s->fd, text);
}

static void service_start(struct service *s, struct ev_loop *loop, struct fog_host *host)
{
	u32 interval_ms = fog_service_watchdog_ms();
	double interval_s = interval_ms != 0 ? interval_ms / 1000.0 : STATUS_S;

	s->host = host;
	s->fd = fog_service_open();
	ev_timer_init(&s->timer, on_service, interval_s, interval_s);
	s->timer.data = s;
	if (s->fd >= 0)
		ev_timer_start(loop, &s->timer);
	(void)fog_service_tell(s->fd, "READY=1");
}

static void service_stop(struct service *s, struct ev_loop *loop)
{
	(void)fog_service_tell(s->fd, "STOPPING=1");
	ev_timer_stop(loop, &s->timer);
	if (s->fd >= 0)
		close(s->fd);
}

/* Ten thousand WebSockets want as many descriptors; what we may have is the system's to say. */
static void descriptors_raise(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == limit.rlim_max)
		return;
	limit.rlim_cur = FOG_MIN(limit.rlim_max, (rlim_t)DESCRIPTORS_MAX);
	if (setrlimit(RLIMIT_NOFILE, &limit) != 0)
		fog_log(FOG_LOG_WARNING, "core", "the limit of descriptors stays reason=\"%s\"",
			strerror(errno));
}

static int serve(struct fog_config *config, const char *path)
{
	struct ev_loop *loop = ev_default_loop(EVFLAG_AUTO);
	struct ev_signal term, interrupt, hangup;
	struct service service;
	struct fog_host *host;
	char why[FOG_HOST_WHY_SIZE];

	if (loop == NULL)
		return EXIT_FAILED;
	signal(SIGPIPE, SIG_IGN);
	descriptors_raise();
	int rc = fog_host_start(&host, loop, config, path, why);
	if (rc != 0) {
		fog_log(FOG_LOG_ERROR, "core", "cannot start reason=\"%s\"", why);
		return EXIT_FAILED;
	}
	ev_signal_init(&term, on_terminate, SIGTERM);
	ev_signal_init(&interrupt, on_terminate, SIGINT);
	ev_signal_init(&hangup, on_hangup, SIGHUP);
	hangup.data = &service;
	ev_signal_start(loop, &term);
	ev_signal_start(loop, &interrupt);
	ev_signal_start(loop, &hangup);
	fog_log(FOG_LOG_NOTICE, "core", "started version=%s", FOG_VERSION);
	service_start(&service, loop, host);
	ev_run(loop, 0);
	service_stop(&service, loop);
	fog_host_stop(host);
	fog_log(FOG_LOG_NOTICE, "core", "stopped");
	return EXIT_OK;
}

static int identity_print(const struct fog_config *config)
{
	struct fog_identity id;
	char why[FOG_IDENTITY_WHY_SIZE], node[65], pk[65];

	if (mkdir(config->host_state_dir, 0700) != 0 && errno != EEXIST) {
		fprintf(stderr, "fog-controlplane: %s: %s\n", config->host_state_dir,
			strerror(errno));
		return EXIT_FAILED;
	}
	if (fog_identity_load(&id, config->host_state_dir, why) != 0) {
		fprintf(stderr, "fog-controlplane: %s\n", why);
		return EXIT_FAILED;
	}
	fog_hex_encode(id.node_id, 32, node, sizeof(node));
	fog_hex_encode(id.control_pk, 32, pk, sizeof(pk));
	fog_identity_wipe(&id);
	printf("{\"node_id\":\"%s\",\"control_pk\":\"%s\"}\n", node, pk);
	return EXIT_OK;
}

static int run(const char *path, bool check, bool identity)
{
	struct fog_config config;

	if (fog_config_read(&config, path, stderr) != 0)
		return check ? EXIT_FAILED : EXIT_CONFIG;
	int status = EXIT_OK;
	if (check)
		printf("%s: good\n", path);
	else if (identity)
		status = identity_print(&config);
	else {
		fog_log_set_level(fog_log_level_parse(config.host_log_level));
		fog_log_set_json(strcmp(config.host_log_format, "json") == 0);
		status = serve(&config, path);
	}
	fog_config_free(&config);
	return status;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{"config", required_argument, NULL, 'c'},
		{"check-config", required_argument, NULL, 'k'},
		{"identity", no_argument, NULL, 'i'},
		{"help", no_argument, NULL, 'h'},
		{"version", no_argument, NULL, 'v'},
		{0},
	};
	const char *path = CONFIG_PATH;
	bool check = false, identity = false;
	int o;

	while ((o = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (o) {
		case 'k':
			check = true;
			path = optarg;
			break;
		case 'c':
			path = optarg;
			break;
		case 'i':
			identity = true;
			break;
		case 'h':
			fputs(usage, stdout);
			return EXIT_OK;
		case 'v':
			puts("fog-controlplane " FOG_VERSION);
			return EXIT_OK;
		default:
			fputs(usage, stderr);
			return EXIT_USAGE;
		}
	}
	if (optind != argc) {
		fputs(usage, stderr);
		return EXIT_USAGE;
	}
	if (fog_crypto_init() != 0) {
		fprintf(stderr, "fog-controlplane: the cryptographic library does not start\n");
		return EXIT_FAILED;
	}
	return run(path, check, identity);
}
