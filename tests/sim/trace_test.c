/* SPDX-License-Identifier: BSD-3-Clause */
/* trace_test [--jobs N]: real workloads through the scheduler. Every job runs once, no host is ever
 * beyond its capacity, and on the published log of HPC2N we do better than EASY backfill. */
#include "bench/trace.h"

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
		trace_replay(t, (enum trace_policy)p, jobs_max, r);
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

int main(int argc, char **argv)
{
	u32 jobs_max =
		argc == 3 && strcmp(argv[1], "--jobs") == 0 ? (u32)strtoul(argv[2], NULL, 10) : 0;
	u32 count = replay_all("hpc2n", 0);

	count += replay_all("metacentrum", jobs_max);
	count += replay_all("lublin", jobs_max);
	count += replay_all("alibaba", jobs_max);
	printf("%u passed, %u failed\n", count - FOG_MIN(failed, count), failed);
	return failed != 0;
}
