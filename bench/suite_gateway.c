/* SPDX-License-Identifier: BSD-3-Clause */
/* The API under load by wrk, which gateway-load directs:
 *
 *	gateway.quote_cpu.of_bare	CPU of a priced, signed quote with a token, beside a
 *					constant answer of its size from bare libmicrohttpd
 *	gateway.quote_vs_fastapi	the same beside the same endpoint in FastAPI and uvicorn
 *	gateway.crowd.p99		of quotes at 1,000 connections while 10,000 WebSockets
 *					are open
 *	gateway.crowd.rss		memory of the whole control plane then
 *	gateway.crowd.errors		answers that were none, handshakes that failed, and one
 */
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench/bench.h"
#include "bench/output.h"

struct samples {
	double ours[BENCH_SAMPLES_MAX], theirs[BENCH_SAMPLES_MAX];
	unsigned count;
};

static void sample_add(struct samples *s, double ours, double theirs)
{
	if (s->count == BENCH_SAMPLES_MAX)
		return;
	s->ours[s->count] = ours;
	s->theirs[s->count++] = theirs;
}

static void record(struct bench *b, const char *name, const char *unit, const char *peer,
		   const struct samples *s)
{
	const struct bench_case c = {.name = name, .unit = unit, .peer = peer};

	if (s->count != 0)
		bench_record(b, &c, s->ours, s->count, bench_median(s->theirs, s->count));
}

void bench_suite_gateway(struct bench *b)
{
	static struct samples quote, fastapi, p99, rss, errors;
	char program[] = FOG_GATEWAY_LOAD, build[] = FOG_BUILD_DIR;
	char *const load[] = {program, build, NULL};
	char line[256];
	double x, y, z;
	pid_t pid;

	if (!bench_wanted(b, "gateway.quote_cpu.of_bare gateway.quote_vs_fastapi gateway.crowd"))
		return;
	FILE *f = bench_output(load, &pid);
	if (f == NULL)
		return;
	while (fgets(line, sizeof(line), f) != NULL) {
		if (sscanf(line, "quote_cpu %lf %lf", &x, &y) == 2)
			sample_add(&quote, x, y);
		else if (sscanf(line, "fastapi %lf %lf", &x, &y) == 2)
			sample_add(&fastapi, x, y);
		else if (sscanf(line, "crowd %lf %lf %lf", &x, &y, &z) == 3) {
			sample_add(&p99, x, 50);
			sample_add(&errors, 1 + y, 1);
			sample_add(&rss, z, 150);
		}
	}
	fclose(f);
	waitpid(pid, NULL, 0);
	record(b, "gateway.quote_cpu.of_bare", "us CPU", "bare libmicrohttpd, bar 2x", &quote);
	record(b, "gateway.quote_vs_fastapi", "us CPU", "FastAPI and uvicorn, bar 0.1x", &fastapi);
	record(b, "gateway.crowd.p99", "ms", "bar: 50 ms", &p99);
	record(b, "gateway.crowd.rss", "MB", "bar: 150 MB", &rss);
	record(b, "gateway.crowd.errors", "errors+1", "bar: none", &errors);
}
