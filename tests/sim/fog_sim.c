/* SPDX-License-Identifier: BSD-3-Clause */
/* The whole fog under bad luck: jobs from every host over a network that loses, duplicates,
 *reorders and corrupts, while control planes and data planes die and come back. Checked at the end:
 *
 *	every accepted job succeeded, and ran at least once
 *	each job was paid exactly once: what the submitter's book says a worker got is what the
 *	worker's book says it got from that submitter, and nothing is left in escrow
 *	both books sum to zero with the issuer
 *	no altered cell was delivered, no circuit is left after its connection
 *
 *	fog_sim [--seed N] [--seeds M] [--jobs J]
 */
#include <getopt.h>

#include "crypto/cpu.h"
#include "tests/sim/fogbed.h"

#define HOSTS     5
#define LIMIT_NS  (900 * TB_S)
#define FAULT_MIN (500 * TB_MS)

struct options {
	u64 seed;
	u64 seeds;
	u32 jobs;
};

struct fate {
	u64 control_back_ns[HOSTS];
	u64 data_back_ns[HOSTS];
	u64 next_ns;
	u32 control_kills;
	u32 data_kills;
};

static bool failed(u64 seed, const char *what, u32 host, i64 value)
{
	printf("seed %llu: %s (host %u, %lld)\n", (unsigned long long)seed, what, host,
	       (long long)value);
	return true;
}

static void network_random(struct fb *fb)
{
	struct fog_sim_path path = {
		.delay_ns = TB_MS + fog_rng_below(&fb->rng, 20 * TB_MS),
		.jitter_ns = fog_rng_below(&fb->rng, 5 * TB_MS) + 1,
		.loss = (u32)fog_rng_below(&fb->rng, 15000),
		.duplicate = (u32)fog_rng_below(&fb->rng, 10000),
		.corrupt = (u32)fog_rng_below(&fb->rng, 5000),
	};
	fog_sim_set_default(fb->tb.sim, &path);
}

/* Now and then one process of one host dies and comes back some time later. */
static void fate_step(struct fb *fb, struct fate *f, bool more)
{
	u64 now = fb->tb.now;

	for (u32 i = 0; i < HOSTS; i++) {
		if (f->data_back_ns[i] != 0 && now >= f->data_back_ns[i]) {
			fb_dataplane_start(fb, i);
			f->data_back_ns[i] = 0;
		}
		if (f->control_back_ns[i] != 0 && now >= f->control_back_ns[i]) {
			fb_control_start(fb, i);
			f->control_back_ns[i] = 0;
		}
	}
	if (!more || now < f->next_ns)
		return;
	f->next_ns = now + FAULT_MIN + fog_rng_below(&fb->rng, 6 * TB_S);
	u32 i = (u32)fog_rng_below(&fb->rng, HOSTS);
	u64 back = now + 100 * TB_MS + fog_rng_below(&fb->rng, 4 * TB_S);
	if (fog_rng_below(&fb->rng, 2) == 0) {
		if (f->control_back_ns[i] == 0) {
			fb_control_kill(fb, i);
			f->control_back_ns[i] = back;
			f->control_kills++;
		}
	} else if (f->data_back_ns[i] == 0) {
		fb_dataplane_kill(fb, i);
		f->data_back_ns[i] = back;
		f->data_kills++;
	}
}

static bool any_down(const struct fate *f)
{
	for (u32 i = 0; i < HOSTS; i++)
		if (f->control_back_ns[i] != 0 || f->data_back_ns[i] != 0)
			return true;
	return false;
}

/* Jobs not in an end state, and settlements not yet acknowledged, over all hosts. */
static i64 unfinished(struct fb *fb)
{
	i64 sum = 0;

	for (u32 i = 0; i < HOSTS; i++) {
		if (!fb->host[i].control_alive)
			return 1;
		sum += fb_query(fb, i, "SELECT count(*) FROM job WHERE state < 5", NULL, NULL, 0);
		sum += fb_query(fb, i, "SELECT count(*) FROM attempt WHERE notify <> 0", NULL, NULL,
				0);
	}
	return sum;
}

static bool check_books(struct fb *fb, u32 i)
{
	u64 seed = fb->seed;
	i64 v;
	bool bad = false;

	v = fb_query(fb, i, "SELECT count(*) FROM job WHERE state <> 5", NULL, NULL, 0);
	if (v != 0)
		bad = failed(seed, "jobs did not succeed", i, v);
	v = fb_query(fb, i, "SELECT coalesce(sum(balance), 0) FROM ledger_account", NULL, NULL, 0);
	if (v != 0)
		bad = failed(seed, "the book does not sum to zero", i, v);
	v = fb_query(fb, i,
		     "SELECT coalesce(sum(balance), 0) FROM ledger_account"
		     " WHERE name LIKE 'escrow:%'",
		     NULL, NULL, 0);
	if (v != 0)
		bad = failed(seed, "money is left in escrow", i, v);
	v = fb_query(fb, i,
		     "SELECT count(*) FROM job WHERE 1 <> (SELECT count(*) FROM attempt"
		     " WHERE attempt.job = job.id AND attempt.state = 5)",
		     NULL, NULL, 0);
	if (v != 0)
		bad = failed(seed, "jobs not settled exactly once", i, v);
	v = fb_query(fb, i,
		     "SELECT count(*) FROM job WHERE NOT EXISTS (SELECT 1 FROM job_log"
		     " WHERE job_log.job = job.id AND length(data) > 0)",
		     NULL, NULL, 0);
	if (v != 0)
		bad = failed(seed, "jobs without their output", i, v);
	return bad;
}

/* What host i's book paid to worker k, against what k's book got from i. */
static bool check_pair(struct fb *fb, u32 i, u32 k)
{
	i64 paid =
		fb_query(fb, i, "SELECT coalesce(sum(amount), 0) FROM settlement WHERE worker = ?",
			 NULL, fb->host[k].node_id, 32);
	i64 got = fb_query(fb, k,
			   "SELECT coalesce(sum(amount), 0) FROM settlement WHERE submitter = ?",
			   NULL, fb->host[i].node_id, 32);

	return paid != got ? failed(fb->seed, "paid and received differ", i, paid - got) : false;
}

static bool check(struct fb *fb, u64 jobs)
{
	u64 executions = 0;
	bool bad = false;

	for (u32 i = 0; i < HOSTS; i++) {
		bad |= check_books(fb, i);
		executions += fb->host[i].executions;
		for (u32 k = 0; k < HOSTS; k++)
			if (k != i)
				bad |= check_pair(fb, i, k);
		if (tb_drops(&fb->tb, i, FOG_DROP_INTEGRITY) != 0)
			bad = failed(fb->seed, "an altered cell passed a link", i, 0);
	}
	if (executions < jobs)
		bad = failed(fb->seed, "fewer runs than jobs", 0, (i64)executions);
	return bad;
}

/* For people: what still hangs. */
static void dump(struct fb *fb)
{
	for (u32 i = 0; i < HOSTS; i++) {
		struct fog_stmt *q = fog_stmt(
			fb->host[i].store, "SELECT job, number, state, notify, reason, worker_name"
					   " FROM attempt WHERE state < 5 OR notify <> 0");
		while (fog_stmt_step(q) == 1)
			printf("  host %u: %s attempt %lld state %lld notify %lld at %s: %s\n", i,
			       fog_column_text(q, 0), (long long)fog_column_int(q, 1),
			       (long long)fog_column_int(q, 2), (long long)fog_column_int(q, 3),
			       fog_column_text(q, 5), fog_column_text(q, 4));
	}
	for (u32 i = 0; i < HOSTS; i++)
		for (u32 d = 0; d < FOG_DROP_COUNT; d++)
			if (tb_drops(&fb->tb, i, d) != 0)
				printf("  host %u: %llu dropped: %s\n", i,
				       (unsigned long long)tb_drops(&fb->tb, i, d),
				       fog_drop_text(d));
	for (u32 i = 0; i < FB_TUNNELS_MAX; i++) {
		const struct fb_tunnel *t = &fb->tunnel[i];
		if (t->used)
			printf("  tunnel %u -> %u: connection %d, line %s\n", t->from, t->to,
			       t->conn != NULL ? t->conn->state : 0,
			       t->line == NULL   ? "none"
			       : t->line->closed ? "closed"
			       : t->line->built  ? "built"
						 : "building");
	}
	for (u32 i = 0; i < FB_STREAMS_MAX; i++) {
		const struct fb_stream *s = &fb->stream[i];
		if (s->used)
			printf("  stream of host %u, %s, number %u%s%s\n", s->host,
			       s->opener ? "opener" : "acceptor", s->number,
			       s->quic == NULL ? ", waiting" : "", s->gone ? ", closed" : "");
	}
}

static bool simulate(u64 seed, u32 jobs)
{
	static struct fb fb;
	struct fate fate = {0};
	char id[32];
	u32 submitted = 0;

	fb_init(&fb, seed, HOSTS);
	network_random(&fb);
	u64 end = fb.tb.now + LIMIT_NS;
	fate.next_ns = fb.tb.now + TB_S;
	while (fb.tb.now < end) {
		u32 host = (u32)fog_rng_below(&fb.rng, HOSTS);
		if (submitted < jobs && fb.host[host].control_alive) {
			snprintf(id, sizeof(id), "job-%u", submitted);
			if (fb_submit(&fb, host, id) == 1)
				submitted++;
		}
		fate_step(&fb, &fate, submitted < jobs || fb.tb.now < end - LIMIT_NS + 30 * TB_S);
		fb_run(&fb, 250 * TB_MS);
		if (submitted == jobs && !any_down(&fate) && unfinished(&fb) == 0)
			break;
	}
	bool bad = any_down(&fate);
	if (unfinished(&fb) != 0) {
		dump(&fb);
		bad = failed(seed, "jobs or settlements did not end in time", 0, unfinished(&fb));
	}
	bad = check(&fb, submitted) || bad;
	printf("seed %llu: %u jobs, %u control planes and %u data planes killed, %llu circuits "
	       "rebuilt, %llu streams reset, %.1f s of virtual time: %s\n",
	       (unsigned long long)seed, submitted, fate.control_kills, fate.data_kills,
	       (unsigned long long)fb.rebuilt, (unsigned long long)fb.resets,
	       (double)fb.tb.now / 1e9, bad ? "FAILED" : "ok");
	fflush(stdout);
	fb_free(&fb);
	return !bad;
}

int main(int argc, char **argv)
{
	struct options o = {.seed = 1, .seeds = 3, .jobs = 10};
	static const struct option options[] = {{"seed", required_argument, NULL, 's'},
						{"seeds", required_argument, NULL, 'n'},
						{"jobs", required_argument, NULL, 'j'},
						{NULL, 0, NULL, 0}};
	u32 passed = 0;
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c == 's')
			o.seed = strtoull(optarg, NULL, 0);
		else if (c == 'n')
			o.seeds = strtoull(optarg, NULL, 0);
		else if (c == 'j')
			o.jobs = (u32)strtoul(optarg, NULL, 0);
		else
			return 2;
	}
	FOG_ASSERT(fog_crypto_init() == 0);
	for (u64 i = 0; i < o.seeds; i++)
		passed += simulate(o.seed + i, o.jobs);
	printf("\n%u passed, %llu failed\n", passed, (unsigned long long)(o.seeds - passed));
	return passed != o.seeds;
}
