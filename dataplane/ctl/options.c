/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/ctl/options.h"

#include "configs/config.h"
#include "dataplane/abi/abi.h"

#include <errno.h>
#include <getopt.h>

enum {
	OPT_CONFIG = 1,
	OPT_LISTEN,
	OPT_RUN_DIR,
	OPT_STATE_DIR,
	OPT_WORKERS,
	OPT_CIRCUITS,
	OPT_VERIFY_WORKERS,
	OPT_NO_PIN,
	OPT_IO,
	OPT_DEVICE,
	OPT_LOG_LEVEL,
	OPT_CHECK,
	OPT_HELP,
	OPT_VERSION,
};

static const struct option long_options[] = {
	{"config", required_argument, NULL, OPT_CONFIG},
	{"listen", required_argument, NULL, OPT_LISTEN},
	{"run-dir", required_argument, NULL, OPT_RUN_DIR},
	{"state-dir", required_argument, NULL, OPT_STATE_DIR},
	{"workers", required_argument, NULL, OPT_WORKERS},
	{"circuits", required_argument, NULL, OPT_CIRCUITS},
	{"verify-workers", required_argument, NULL, OPT_VERIFY_WORKERS},
	{"no-pin", no_argument, NULL, OPT_NO_PIN},
	{"io", required_argument, NULL, OPT_IO},
	{"device", required_argument, NULL, OPT_DEVICE},
	{"log-level", required_argument, NULL, OPT_LOG_LEVEL},
	{"check", no_argument, NULL, OPT_CHECK},
	{"help", no_argument, NULL, OPT_HELP},
	{"version", no_argument, NULL, OPT_VERSION},
	{0},
};

/* The command line as text, NULL where it says nothing. */
struct given {
	const char *config, *listen, *run_dir, *state_dir, *workers, *circuits, *verify_workers,
		*io, *device;
	const char *level;
	bool no_pin;
};

void fog_options_usage(FILE *out)
{
	fputs("usage: fog-dataplane [--config FILE] [OPTION]...\n"
	      "Move onion cells between neighbours.\n\n"
	      "  --config FILE       read the groups host and dataplane of fog.conf(5)\n"
	      "  --listen ADDR:PORT  address of the links (UDP)\n"
	      "  --run-dir DIR       folder of dataplane.sock\n"
	      "  --state-dir DIR     folder of dataplane.key\n"
	      "  --workers N         worker threads, 1 to 16; 0 = choose\n"
	      "  --circuits N        circuits a worker has room for, at most 1048576;\n"
	      "                      0 = 32768\n"
	      "  --verify-workers N  threads that check signatures and proofs, 1 to 4\n"
	      "  --no-pin            leave the choice of CPUs to the kernel\n"
	      "  --io NAME           auto, uring, socket, af_xdp or dpdk\n"
	      "  --device NAME       af_xdp: interface; dpdk: port or device arguments\n"
	      "  --log-level LEVEL   error, warning, notice, info or debug\n"
	      "  --check             check all of this, change nothing, say what would run\n"
	      "  --help, --version\n\n"
	      "Options override the file. Exit status: 0 stopped as asked, 1 failed, 2 usage, 78 "
	      "configuration.\n",
	      out);
}

static int given_parse(struct given *g, struct fog_options *o, int argc, char **argv, FILE *errors)
{
	int c;

	optind = 0; /* so that tests may come here twice */
	opterr = 0;
	while ((c = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
		switch (c) {
		case OPT_CONFIG:
			g->config = optarg;
			break;
		case OPT_LISTEN:
			g->listen = optarg;
			break;
		case OPT_RUN_DIR:
			g->run_dir = optarg;
			break;
		case OPT_STATE_DIR:
			g->state_dir = optarg;
			break;
		case OPT_WORKERS:
			g->workers = optarg;
			break;
		case OPT_CIRCUITS:
			g->circuits = optarg;
			break;
		case OPT_VERIFY_WORKERS:
			g->verify_workers = optarg;
			break;
		case OPT_NO_PIN:
			g->no_pin = true;
			break;
		case OPT_IO:
			g->io = optarg;
			break;
		case OPT_DEVICE:
			g->device = optarg;
			break;
		case OPT_LOG_LEVEL:
			g->level = optarg;
			break;
		case OPT_CHECK:
			o->mode = FOG_OPTIONS_CHECK;
			break;
		case OPT_HELP:
			o->mode = FOG_OPTIONS_HELP;
			return 0;
		case OPT_VERSION:
			o->mode = FOG_OPTIONS_VERSION;
			return 0;
		default:
			fprintf(errors, "fog-dataplane: %s is unknown or lacks its value\n",
				argv[optind - 1]);
			return -EINVAL;
		}
	}
	if (optind < argc) {
		fprintf(errors, "fog-dataplane: unexpected \"%s\"\n", argv[optind]);
		return -EINVAL;
	}
	return 0;
}

static int bad(FILE *errors, const char *option, const char *value, const char *want)
{
	fprintf(errors, "fog-dataplane: %s \"%s\": %s\n", option, value, want);
	return -EINVAL;
}

static int dir_set(char out[FOG_OPTIONS_PATH_MAX], const char *dir)
{
	if (dir[0] == '\0' ||
	    snprintf(out, FOG_OPTIONS_PATH_MAX, "%s", dir) >= FOG_OPTIONS_PATH_MAX)
		return -EINVAL;
	return 0;
}

static bool io_known(const char *name)
{
	static const char *const names[] = {"auto", "uring", "socket", "af_xdp", "dpdk"};

	for (unsigned i = 0; i < FOG_ARRAY_COUNT(names); i++)
		if (strcmp(name, names[i]) == 0)
			return true;
	return false;
}

static int number_read(const char *text, u32 min, u32 max, u32 *out)
{
	char *end;
	unsigned long n = strtoul(text, &end, 10);

	if (text[0] < '0' || text[0] > '9' || *end != '\0' || n < min || n > max)
		return -EINVAL;
	*out = (u32)n;
	return 0;
}

/* Options over what o holds already. */
static int given_apply(const struct given *g, struct fog_options *o, FILE *errors)
{
	if (g->listen != NULL && fog_address_parse(g->listen, &o->listen) != 0)
		return bad(errors, "--listen", g->listen, "want ADDRESS:PORT");
	if (g->run_dir != NULL && dir_set(o->run_dir, g->run_dir) != 0)
		return bad(errors, "--run-dir", g->run_dir, "empty or too long");
	if (g->state_dir != NULL && dir_set(o->state_dir, g->state_dir) != 0)
		return bad(errors, "--state-dir", g->state_dir, "empty or too long");
	if (g->workers != NULL && number_read(g->workers, 0, FOG_WORKERS_MAX, &o->workers) != 0)
		return bad(errors, "--workers", g->workers, "want a number from 0 to 16");
	if (g->circuits != NULL &&
	    number_read(g->circuits, 0, FOG_OPTIONS_CIRCUITS_MAX, &o->circuits) != 0)
		return bad(errors, "--circuits", g->circuits, "want a number from 0 to 1048576");
	if (g->verify_workers != NULL &&
	    number_read(g->verify_workers, 1, FOG_VERIFY_WORKERS_MAX, &o->verify_workers) != 0)
		return bad(errors, "--verify-workers", g->verify_workers,
			   "want a number from 1 to 4");
	if (g->no_pin)
		o->pin = false;
	if (g->io != NULL) {
		if (!io_known(g->io))
			return bad(errors, "--io", g->io,
				   "want auto, uring, socket, af_xdp or dpdk");
		snprintf(o->io, sizeof(o->io), "%s", g->io);
	}
	if (g->device != NULL &&
	    snprintf(o->settings.device, FOG_IO_DEVICE_MAX, "%s", g->device) >= FOG_IO_DEVICE_MAX)
		return bad(errors, "--device", g->device, "too long");
	if (g->level != NULL) {
		o->level = fog_dplog_level_parse(g->level);
		if (o->level == 0)
			return bad(errors, "--log-level", g->level, "no such level");
	}
	return 0;
}

/* 0 or -EINVAL: something is longer than its place. */
static int settings_apply(struct fog_io_settings *s, const struct fog_config *c)
{
	if (snprintf(s->device, sizeof(s->device), "%s", c->dataplane_device) >=
		    (int)sizeof(s->device) ||
	    c->dataplane_dpdk_args.count > FOG_IO_ARGS_MAX)
		return -EINVAL;
	s->arg_count = (u32)c->dataplane_dpdk_args.count;
	for (u32 i = 0; i < s->arg_count; i++)
		if (snprintf(s->args[i], FOG_IO_ARG_SIZE, "%s", c->dataplane_dpdk_args.items[i]) >=
		    FOG_IO_ARG_SIZE)
			return -EINVAL;
	s->prefix_bits = (u32)c->dataplane_prefix_bits;
	if (s->prefix_bits != 0 && c->dataplane_listen[0] != '[')
		s->prefix_bits += 96;
	if (s->prefix_bits > 128 || (c->dataplane_gateway[0] != '\0' &&
				     fog_ip_parse(c->dataplane_gateway, s->gateway) != 0))
		return -EINVAL;
	s->sqpoll = c->dataplane_uring_sqpoll;
	s->zero_copy = c->dataplane_uring_zero_copy;
	s->busy_poll = c->dataplane_busy_poll;
	return 0;
}

/* The reader has checked every value by itself already. */
static int config_apply(struct fog_options *o, const char *path, FILE *errors)
{
	struct fog_config c;
	int rc = fog_config_read(&c, path, errors);

	if (rc != 0) /* told already */
		return rc == -EINVAL ? -EBADMSG : rc;
	if (fog_address_parse(c.dataplane_listen, &o->listen) != 0 ||
	    dir_set(o->run_dir, c.host_run_dir) != 0 ||
	    dir_set(o->state_dir, c.host_state_dir) != 0 || !io_known(c.dataplane_io) ||
	    settings_apply(&o->settings, &c) != 0) {
		fprintf(errors,
			"%s: dataplane.listen, .io, .device, .dpdk_args, .gateway, host.run_dir "
			"or host.state_dir cannot be used\n",
			path);
		rc = -EBADMSG;
	} else {
		snprintf(o->io, sizeof(o->io), "%s", c.dataplane_io);
		o->workers = (u32)c.dataplane_workers;
		o->circuits = (u32)c.dataplane_circuits;
		o->mix_held = (u32)c.dataplane_mix_held;
		o->mix_packets = (u32)c.dataplane_mix_packets;
		o->verify_workers = (u32)c.dataplane_verify_workers;
		o->pin = c.dataplane_pin;
		o->level = fog_dplog_level_parse(c.host_log_level);
		o->log_json = strcmp(c.host_log_format, "json") == 0;
	}
	fog_config_free(&c);
	return rc;
}

int fog_options_read(struct fog_options *o, int argc, char **argv, FILE *errors)
{
	struct given g = {0};

	*o = (struct fog_options){
		.mode = FOG_OPTIONS_RUN,
		.run_dir = "/run/fog",
		.state_dir = "/var/lib/fog",
		.io = "auto",
		.verify_workers = 1,
		.pin = true,
		.level = FOG_DPLOG_INFO,
	};
	int rc = given_parse(&g, o, argc, argv, errors);
	if (rc != 0 || o->mode == FOG_OPTIONS_HELP || o->mode == FOG_OPTIONS_VERSION)
		return rc;
	if (g.config != NULL)
		rc = config_apply(o, g.config, errors);
	if (rc == 0)
		rc = given_apply(&g, o, errors);
	if (rc == 0 && o->listen.port == 0) {
		fputs("fog-dataplane: no --listen and no --config that names it\n", errors);
		rc = -EINVAL;
	}
	return rc;
}
