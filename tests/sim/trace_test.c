/* SPDX-License-Identifier: BSD-3-Clause */
/* trace_test [--jobs N | --tune | --svg FILE]: real workloads through the scheduler. Every job runs
 * once, no host is ever beyond its capacity, and on the published log of HPC2N we do better than
 * EASY backfill.
 * --tune: age, share and reservations of our order are chosen by the first half of HPC2N alone and
 * judged by what they were not chosen by: its other half, and the other logs.
 * --svg FILE plots wait, slowdown, jobs in time and utilisation of all policies on all of them. */
#include "bench/trace.h"

#include <math.h>

static u32 failed;

static void check(bool ok, const char *trace, const char *policy, const char *what)
{
	if (ok)
		return;
	printf("%s, %s: %s\n", trace, policy, what);
	failed++;
}

static u32 replay_all(const char *name, u32 jobs_max)
{
	static struct trace_result result[TRACE_POLICIES];
	char path[512], why[128];
	struct trace *t;

	snprintf(path, sizeof(path), "%s/%s.csv", FOG_TRACES_DIR, name);
	if (trace_load(&t, path, why) != 0) {
		printf("%s: %s\n", path, why);
		failed++;
		return 1;
	}
	for (u32 p = 0; p < TRACE_POLICIES; p++) {
		struct trace_result *r = &result[p];
		struct fog_batch_policy policy = trace_policy_make((enum trace_policy)p);
		trace_replay(t, &policy, (struct trace_part){0, jobs_max}, r);
		printf("%-11s %-8s %5u jobs, wait %8.0f s, slowdown %9.2f, utilisation %.3f\n",
		       name, trace_policy_name[p], r->jobs, r->wait_s, r->slowdown, r->utilisation);
		check(r->violations == 0, name, trace_policy_name[p],
		      "a host was oversubscribed, or a job lost or run twice");
		check(r->jobs + r->impossible ==
			      (jobs_max == 0 ? trace_jobs(t) : FOG_MIN(jobs_max, trace_jobs(t))),
		      name, trace_policy_name[p], "jobs are missing");
		check(r->utilisation > 0 && r->utilisation <= 1, name, trace_policy_name[p],
		      "no such utilisation");
	}
	check(jobs_max != 0 || result[TRACE_FOG].slowdown < result[TRACE_EASY].slowdown, name,
	      "fog", "EASY did better");
	trace_free(t);
	return TRACE_POLICIES;
}

/* ---- --tune --------------------------------------------------------------------------------- */

static double slowdown(const struct trace *t, const struct fog_batch_policy *p,
		       struct trace_part part)
{
	static struct trace_result r;

	trace_replay(t, p, part, &r);
	return r.slowdown;
}

static struct fog_batch_policy choose(const struct trace *t, struct trace_part part)
{
	static const double ages[] = {0, 0.5, 1, 1.5, 2}, shares[] = {0, 1, 2, 4};
	static const u32 reservations[] = {1, 2, 4, 8};
	struct fog_batch_policy p = trace_policy_make(TRACE_FOG), best = p;
	double least = 1e300;

	for (u32 i = 0;
	     i < FOG_ARRAY_COUNT(ages) * FOG_ARRAY_COUNT(shares) * FOG_ARRAY_COUNT(reservations);
	     i++) {
		p.age = ages[i % 5];
		p.share = shares[i / 5 % 4];
		p.reservations = reservations[i / 20];
		double s = slowdown(t, &p, part);
		if (s < least) {
			least = s;
			best = p;
		}
	}
	printf("chosen by jobs %u to %u: age %.1f, share %.1f, %u reservations (slowdown %.2f)\n",
	       part.first, part.first + part.count, best.age, best.share, best.reservations, least);
	return best;
}

static void judge(const char *name, const struct trace *t, struct trace_part part,
		  const struct fog_batch_policy *chosen)
{
	struct fog_batch_policy fog = trace_policy_make(TRACE_FOG),
				easy = trace_policy_make(TRACE_EASY);

	printf("%-11s from job %5u: chosen %8.2f, as shipped %8.2f, EASY %8.2f\n", name, part.first,
	       slowdown(t, chosen, part), slowdown(t, &fog, part), slowdown(t, &easy, part));
}

static int tune(void)
{
	static const char *const names[] = {"hpc2n", "metacentrum", "alibaba", "lublin"};
	struct fog_batch_policy chosen = {0};
	char path[512], why[128];
	struct trace *t;

	for (u32 i = 0; i < FOG_ARRAY_COUNT(names); i++) {
		snprintf(path, sizeof(path), "%s/%s.csv", FOG_TRACES_DIR, names[i]);
		if (trace_load(&t, path, why) != 0) {
			printf("%s: %s\n", path, why);
			return 1;
		}
		u32 half = i == 0 ? trace_jobs(t) / 2 : 0;
		if (i == 0)
			chosen = choose(t, (struct trace_part){0, half});
		judge(names[i], t, (struct trace_part){half, 0}, &chosen);
		trace_free(t);
	}
	return 0;
}

/* ---- --svg ---------------------------------------------------------------------------------- */

#define ROW 150

static const char *const colors[TRACE_POLICIES] = {"#1b6ca8", "#9aa5ad", "#c1440e", "#7a9e48"};

/* A bar a policy, of `share` of the full width, with its figure. */
static void bar(FILE *f, u32 x, u32 y, u32 policy, double share, const char *text)
{
	double width = 90 * FOG_MIN(FOG_MAX(share, 0.01), 1);

	y += 18 + 22 * policy;
	fprintf(f, "<rect x=\"%u\" y=\"%u\" width=\"%.1f\" height=\"14\" fill=\"%s\"/>", x, y,
		width, colors[policy]);
	fprintf(f, "<text x=\"%.1f\" y=\"%u\">%s</text>\n", x + width + 4, y + 11, text);
}

static void bars(FILE *f, u32 y, const struct trace_result *r)
{
	char text[32];

	for (u32 p = 0; p < TRACE_POLICIES; p++) {
		u32 hits = r[p].sla_hits[0] + r[p].sla_hits[1] + r[p].sla_hits[2];
		double share = (double)hits / FOG_MAX(r[p].jobs, 1);
		snprintf(text, sizeof(text), "%.0f s", r[p].wait_s);
		bar(f, 470, y, p, log10(1 + r[p].wait_s) / 7, text);
		snprintf(text, sizeof(text), "%.1f", r[p].slowdown);
		bar(f, 640, y, p, log10(r[p].slowdown) / 5, text);
		snprintf(text, sizeof(text), "%.0f %%", 100 * share);
		bar(f, 790, y, p, share, text);
	}
}

static void curves(FILE *f, u32 y, const struct trace_result *r)
{
	fprintf(f, "<rect x=\"20\" y=\"%u\" width=\"400\" height=\"100\" fill=\"#f4f4f4\"/>\n",
		y + 8);
	for (u32 p = TRACE_POLICIES; p-- > 0;) {
		fprintf(f, "<polyline fill=\"none\" stroke=\"%s\" points=\"", colors[p]);
		for (u32 k = 0; k < TRACE_BUCKETS; k++)
			fprintf(f, "%.0f,%.0f ", 20 + 2.0 * k,
				y + 108 - 100 * FOG_MIN(r[p].used[k], 1));
		fprintf(f, "\"/>\n");
	}
}

static void row(FILE *f, u32 y, const char *name, const struct trace_result *r)
{
	fprintf(f,
		"<text x=\"20\" y=\"%u\">%s, %u jobs: cores in use over each policy's makespan; on "
		"average %.2f %.2f %.2f %.2f</text>\n",
		y, name, r[0].jobs, r[0].utilisation, r[1].utilisation, r[2].utilisation,
		r[3].utilisation);
	curves(f, y, r);
	bars(f, y, r);
}

static int svg(const char *path)
{
	static const char *const names[] = {"hpc2n", "metacentrum", "lublin", "alibaba"};
	static struct trace_result r[TRACE_POLICIES];
	char file[512], why[128];
	FILE *f = fopen(path, "w");
	struct trace *t;

	if (f == NULL)
		return 1;
	fprintf(f,
		"<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 940 650\" "
		"font-family=\"sans-serif\" font-size=\"11\">\n<rect width=\"940\" height=\"650\" "
		"fill=\"white\"/>\n<text x=\"470\" y=\"20\">mean wait, log</text><text x=\"640\" "
		"y=\"20\">bounded slowdown, log</text><text x=\"790\" y=\"20\">began in "
		"time</text>\n");
	for (u32 p = 0; p < TRACE_POLICIES; p++)
		fprintf(f, "<text x=\"%u\" y=\"20\" fill=\"%s\">%s</text>\n", 20 + 70 * p,
			colors[p], trace_policy_name[p]);
	for (u32 i = 0; i < FOG_ARRAY_COUNT(names); i++) {
		snprintf(file, sizeof(file), "%s/%s.csv", FOG_TRACES_DIR, names[i]);
		if (trace_load(&t, file, why) != 0) {
			printf("%s: %s\n", file, why);
			fclose(f);
			return 1;
		}
		for (u32 p = 0; p < TRACE_POLICIES; p++) {
			struct fog_batch_policy policy = trace_policy_make((enum trace_policy)p);
			trace_replay(t, &policy, (struct trace_part){0, 0}, &r[p]);
		}
		row(f, 45 + ROW * i, names[i], r);
		trace_free(t);
	}
	fprintf(f, "</svg>\n");
	return fclose(f) == 0 ? 0 : 1;
}

int main(int argc, char **argv)
{
	if (argc == 2 && strcmp(argv[1], "--tune") == 0)
		return tune();
	if (argc == 3 && strcmp(argv[1], "--svg") == 0)
		return svg(argv[2]);
	u32 jobs_max =
		argc == 3 && strcmp(argv[1], "--jobs") == 0 ? (u32)strtoul(argv[2], NULL, 10) : 0;
	u32 count = replay_all("hpc2n", 0);

	count += replay_all("metacentrum", jobs_max);
	count += replay_all("lublin", jobs_max);
	count += replay_all("alibaba", jobs_max);
	printf("%u passed, %u failed\n", count - FOG_MIN(failed, count), failed);
	return failed != 0;
}
