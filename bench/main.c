/* SPDX-License-Identifier: BSD-3-Clause */
/* fog-bench: command line, sampling, medians. */
#include "bench/bench.h"

#include <errno.h>
#include <getopt.h>
#include <sched.h>
#include <time.h>

#include "crypto/cpu.h"

struct suite {
	const char *name;
	void (*run)(struct bench *b);
};

static const struct suite suites[] = {
	{"cell", bench_suite_cell},
	{"link", bench_suite_link},
	{"curve", bench_suite_curve},
	{"executor", bench_suite_executor},
	{"handshake", bench_suite_handshake},
	{"mix", bench_suite_mix},
	{"pipeline", bench_suite_pipeline},
	{"proofs", bench_suite_proofs},
	{"ring", bench_suite_ring},
	{"tee", bench_suite_tee},
	{"zk", bench_suite_zk},
	{"scheduler", bench_suite_scheduler},
	{"market", bench_suite_market},
	{"quorum", bench_suite_quorum},
	{"reputation", bench_suite_reputation},
	{"relay", bench_suite_relay},
	{"gateway", bench_suite_gateway},
	{"gateway_restart", bench_suite_gateway_restart},
};

static double now_seconds(void)
{
	struct timespec ts;
	/* Of this thread: what others take away from it on a shared machine does not count. */
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return (double)ts.tv_sec + 1e-9 * (double)ts.tv_nsec;
}

static int compare_double(const void *a, const void *b)
{
	double x = *(const double *)a;
	double y = *(const double *)b;
	return (x > y) - (x < y);
}

double bench_median(const double *samples, unsigned count)
{
	static double sorted[BENCH_MEDIAN_MAX];

	FOG_ASSERT(count > 0 && count <= BENCH_MEDIAN_MAX);
	memcpy(sorted, samples, count * sizeof(*samples));
	qsort(sorted, count, sizeof(*sorted), compare_double);
	return (count & 1) ? sorted[count / 2] : (sorted[count / 2 - 1] + sorted[count / 2]) / 2;
}

static double time_once(bench_fn fn, void *arg, u64 rounds)
{
	double start = now_seconds();
	fn(arg, rounds);
	return now_seconds() - start;
}

/* Rounds that fill about `seconds`; also the warm-up. */
static u64 calibrate(bench_fn fn, void *arg, double seconds)
{
	u64 rounds = 1;

	while (rounds < (1ull << 40)) {
		double t = time_once(fn, arg, rounds);
		if (t > seconds / 4)
			return FOG_MAX((u64)((double)rounds * seconds / t), 1u);
		rounds *= 4;
	}
	return rounds;
}

bool bench_wanted(const struct bench *b, const char *name)
{
	char part[64];

	for (const char *at = b->only; at != NULL; at += *at == ',') {
		size_t len = strcspn(at, ",");
		snprintf(part, sizeof(part), "%.*s", (int)len, at);
		if (len != 0 && strstr(name, part) != NULL)
			return true;
		at += len;
		if (*at == '\0')
			return false;
	}
	return true;
}

void bench_record(struct bench *b, const struct bench_case *c, const double *ours, unsigned samples,
		  double peer_value)
{
	if (!bench_wanted(b, c->name))
		return;
	FOG_ASSERT(b->count < BENCH_RESULTS_MAX);
	FOG_ASSERT(samples > 0 && samples <= BENCH_SAMPLES_MAX);
	struct bench_result *r = &b->results[b->count];
	double low = ours[0];
	double high = ours[0];

	for (unsigned i = 0; i < samples; i++) {
		b->raw[b->count][i] = ours[i];
		low = FOG_MIN(low, ours[i]);
		high = FOG_MAX(high, ours[i]);
	}
	snprintf(r->name, sizeof(r->name), "%s", c->name);
	snprintf(r->unit, sizeof(r->unit), "%s", c->unit);
	snprintf(r->peer, sizeof(r->peer), "%s", c->peer);
	r->samples = samples;
	r->value = bench_median(ours, samples);
	r->peer_value = peer_value;
	r->ratio = c->more_is_better ? r->value / r->peer_value : r->peer_value / r->value;
	r->peer_recorded = c->peer_recorded || c->recorded > 0;
	r->spread = (high - low) / r->value;
	b->count++;
	int digits = r->value < 10 ? 3 : 1;
	printf("%-36s %10.*f %-9s %10.*f  %6.2fx  +-%4.1f%%  %s\n", r->name, digits, r->value,
	       r->unit, digits, r->peer_value, r->ratio, 50 * r->spread, r->peer);
	fflush(stdout);
}

void bench_run(struct bench *b, const struct bench_case *c)
{
	if (!bench_wanted(b, c->name))
		return;
	double ours[BENCH_SAMPLES_MAX];
	double theirs[BENCH_SAMPLES_MAX];
	double ours_div = c->ours_divisor > 0 ? c->ours_divisor : 1;
	double theirs_div = c->theirs_divisor > 0 ? c->theirs_divisor : 1;
	u64 rounds = calibrate(c->ours, c->ours_arg, b->seconds);
	u64 peer_rounds = c->recorded > 0 ? 0 : calibrate(c->theirs, c->theirs_arg, b->seconds);

	for (unsigned i = 0; i < b->samples; i++) {
		ours[i] = 1e9 * time_once(c->ours, c->ours_arg, rounds) / (double)rounds / ours_div;
		theirs[i] = c->recorded;
		if (c->recorded > 0)
			continue;
		theirs[i] = 1e9 * time_once(c->theirs, c->theirs_arg, peer_rounds) /
			    (double)peer_rounds / theirs_div;
	}
	bench_record(b, c, ours, b->samples, bench_median(theirs, b->samples));
}

void bench_run_alone(struct bench *b, const struct bench_case *c, double peer_value)
{
	if (!bench_wanted(b, c->name))
		return;
	double ours[BENCH_SAMPLES_MAX];
	double divisor = c->ours_divisor > 0 ? c->ours_divisor : 1;
	u64 rounds = calibrate(c->ours, c->ours_arg, b->seconds);

	for (unsigned i = 0; i < b->samples; i++)
		ours[i] = 1e9 * time_once(c->ours, c->ours_arg, rounds) / (double)rounds / divisor;
	bench_record(b, c, ours, b->samples, peer_value);
}

static void usage(FILE *out)
{
	fprintf(out,
		"Usage: fog-bench [--mode quick|full|demo] [--only NAMES] [--json FILE]\n"
		"                 [--report DIR] [--cpu N] [--list]\n"
		"\n"
		"Measures Fog's operations beside a peer or a limit of this machine, in the\n"
		"same run. Every figure is a median; ratio says how many times better we are.\n"
		"\n"
		"  --mode quick   5 samples of 50 ms (default)\n"
		"  --mode full    15 samples of 200 ms\n"
		"  --mode demo    3 samples of 20 ms\n"
		"  --only NAMES   run the cases whose name contains one of NAMES (a,b)\n"
		"  --json FILE    write the results as JSON (- for standard output)\n"
		"  --report DIR   write DIR/index.html with plots\n"
		"  --cpu N        pin to CPU N (default: the last one allowed)\n"
		"  --list         list the suites\n");
}

static int pin(int cpu)
{
	cpu_set_t set;

	if (cpu < 0) {
		if (sched_getaffinity(0, sizeof(set), &set) != 0)
			return -errno;
		for (int i = 0; i < CPU_SETSIZE; i++)
			cpu = CPU_ISSET(i, &set) ? i : cpu;
	}
	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	return sched_setaffinity(0, sizeof(set), &set) == 0 ? 0 : -errno;
}

static int set_mode(struct bench *b, const char *mode)
{
	static const struct {
		const char *name;
		unsigned samples;
		double seconds;
	} modes[] = {{"quick", 5, 0.05}, {"full", 15, 0.2}, {"demo", 3, 0.02}};

	for (unsigned i = 0; i < FOG_ARRAY_COUNT(modes); i++) {
		if (strcmp(modes[i].name, mode) != 0)
			continue;
		b->samples = modes[i].samples;
		b->seconds = modes[i].seconds;
		return 0;
	}
	return -EINVAL;
}

struct options {
	const char *json;
	const char *report;
	int cpu;
	bool done; /* --help and the like: nothing to run */
};

static int parse_cpu(const char *text, int *cpu)
{
	char *end = NULL;

	*cpu = (int)strtol(text, &end, 10);
	return *text == '\0' || *end != '\0' || *cpu < 0 || *cpu >= CPU_SETSIZE ? -EINVAL : 0;
}

static void list_suites(void)
{
	for (unsigned i = 0; i < FOG_ARRAY_COUNT(suites); i++)
		printf("%s\n", suites[i].name);
}

static int parse_option(int opt, struct bench *b, struct options *o)
{
	switch (opt) {
	case 'm':
		if (set_mode(b, optarg) == 0)
			return 0;
		fprintf(stderr, "fog-bench: unknown mode '%s'\n", optarg);
		return -EINVAL;
	case 'o':
		b->only = optarg;
		return 0;
	case 'j':
		o->json = optarg;
		return 0;
	case 'r':
		o->report = optarg;
		return 0;
	case 'c':
		if (parse_cpu(optarg, &o->cpu) == 0)
			return 0;
		fprintf(stderr, "fog-bench: '%s' is no CPU number\n", optarg);
		return -EINVAL;
	case 'l':
		list_suites();
		break;
	case 'h':
		usage(stdout);
		break;
	case 'V':
		printf("fog-bench %s\n", FOG_VERSION);
		break;
	default:
		usage(stderr);
		return -EINVAL;
	}
	o->done = true;
	return 0;
}

static int write_reports(const struct bench *b, const struct options *o)
{
	int rc = o->json != NULL ? bench_report_json(b, o->json) : 0;

	if (rc != 0) {
		fprintf(stderr, "fog-bench: cannot write %s: %s\n", o->json, strerror(-rc));
		return rc;
	}
	rc = o->report != NULL ? bench_report_html(b, o->report) : 0;
	if (rc != 0)
		fprintf(stderr, "fog-bench: cannot write a report in %s: %s\n", o->report,
			strerror(-rc));
	return rc;
}

int main(int argc, char **argv)
{
	static struct bench bench;
	struct options o = {.cpu = -1};
	int opt;
	static const struct option options[] = {
		{"mode", required_argument, NULL, 'm'},
		{"only", required_argument, NULL, 'o'},
		{"json", required_argument, NULL, 'j'},
		{"report", required_argument, NULL, 'r'},
		{"cpu", required_argument, NULL, 'c'},
		{"list", no_argument, NULL, 'l'},
		{"help", no_argument, NULL, 'h'},
		{"version", no_argument, NULL, 'V'},
		{NULL, 0, NULL, 0},
	};

	set_mode(&bench, "quick");
	while ((opt = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		if (parse_option(opt, &bench, &o) != 0)
			return 2;
		if (o.done)
			return 0;
	}
	int rc = fog_crypto_init();
	if (rc != 0) {
		fprintf(stderr, "fog-bench: no crypto path: %s\n", strerror(-rc));
		return 1;
	}
	if (pin(o.cpu) != 0)
		fprintf(stderr, "fog-bench: cannot pin to a CPU, figures will be noisier\n");
	printf("%-36s %10s %-9s %10s  %7s  %6s  %s\n", "name", "ours", "unit", "peer", "ratio",
	       "noise", "peer");
	for (unsigned i = 0; i < FOG_ARRAY_COUNT(suites); i++)
		suites[i].run(&bench);
	if (bench.count == 0) {
		fprintf(stderr, "fog-bench: nothing matches '%s'; see --list\n", bench.only);
		return 1;
	}
	return write_reports(&bench, &o) == 0 ? 0 : 1;
}
