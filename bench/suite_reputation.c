/* SPDX-License-Identifier: BSD-3-Clause */
/* Updates of reputation, the sum of others' words, and what six attacks with 30 % attackers do to
 * it, beside plain averages and EigenTrust in the same arena. */
#include "bench/bench.h"

#include <stdlib.h>
#include <time.h>

#include "bench/arena.h"
#include "controlplane/reputation/reputation.h"
#include "controlplane/reputation/trust.h"
#include "crypto/random/random.h"

#define HOSTS         1024
#define BAR_NS        1000.0 /* a million a second */
#define ARENA_SEEDS   5
#define ARENA_HOSTS   60
#define ARENA_ROUNDS  60
#define ATTACKERS_PPM 300000
#define COMPUTE_HOSTS 1000
#define COMPUTE_EACH  32

static u64 cpu_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (u64)t.tv_sec * 1000000000ull + (u64)t.tv_nsec;
}

struct state {
	struct fog_reputation r[HOSTS];
	u64 now_ms;
	double sum;
};

/* Each with decay over the time since the last one, a kind and a quality. */
static void updates(void *arg, u64 rounds)
{
	struct state *s = arg;

	for (u64 i = 0; i < rounds; i++) {
		enum fog_evidence_kind kind =
			i % 7 == 0 ? FOG_EVIDENCE_TASK_FAILURE : FOG_EVIDENCE_TASK_SUCCESS;
		s->now_ms += 10;
		FOG_ASSERT(fog_reputation_update(&s->r[i % HOSTS], kind, 0.5 + (double)(i % 3) / 8,
						 s->now_ms) == 0);
	}
	s->sum += s->r[0].alpha;
}

static void suite_compute(struct bench *b)
{
	struct bench_case c = {.name = "reputation.trust_1000_hosts",
			       .unit = "ns/sum",
			       .peer = "the time between two reports, 30 s"};
	u32 count = COMPUTE_HOSTS * COMPUTE_EACH;
	struct fog_trust_host *hosts = calloc(COMPUTE_HOSTS, sizeof(*hosts));
	struct fog_trust_edge *edges = calloc(count, sizeof(*edges));
	struct fog_trust_edge *scratch = calloc(count, sizeof(*scratch));
	double took[BENCH_SAMPLES_MAX];
	struct fog_rng rng;

	FOG_ASSERT(hosts != NULL && edges != NULL && scratch != NULL);
	fog_rng_init_u64(&rng, 1);
	for (unsigned s = 0; s < b->samples; s++) {
		for (u32 i = 0; i < COMPUTE_HOSTS; i++)
			hosts[i] = (struct fog_trust_host){.own_good = i % 5, .group = i / 3};
		for (u32 i = 0; i < count; i++)
			edges[i] = (struct fog_trust_edge){
				i / COMPUTE_EACH, (u32)fog_rng_below(&rng, COMPUTE_HOSTS),
				(double)fog_rng_below(&rng, 20), (double)fog_rng_below(&rng, 3)};
		u64 begin = cpu_ns();
		fog_trust_sort(hosts, edges, count, scratch);
		fog_trust_compute(hosts, COMPUTE_HOSTS, edges, count, 0);
		took[s] = (double)(cpu_ns() - begin);
	}
	bench_record(b, &c, took, b->samples, 30e9);
	free(hosts);
	free(edges);
	free(scratch);
}

static double pick(const struct fog_arena_score *s, u32 what)
{
	/* Lower is better in a figure of the bench: rank correlation is told as what is missing. */
	return 1000 * (what == 0 ? s->error : 1 - s->correlation);
}

static void suite_attacks(struct bench *b)
{
	static const char *const whats[] = {"error", "rank_missing"};
	static const u32 peers[] = {FOG_METHOD_AVERAGE, FOG_METHOD_EIGENTRUST};
	struct fog_arena_score score[ARENA_SEEDS][FOG_METHOD_COUNT];

	for (u32 a = 0; a < FOG_ATTACK_COUNT; a++) {
		for (u32 s = 0; s < ARENA_SEEDS; s++) {
			const struct fog_arena_config config = {s + 1, ARENA_HOSTS, ATTACKERS_PPM,
								ARENA_ROUNDS, (enum fog_attack)a};
			fog_arena_run(&config, score[s]);
		}
		for (u32 w = 0; w < FOG_ARRAY_COUNT(whats); w++)
			for (u32 p = 0; p < FOG_ARRAY_COUNT(peers); p++) {
				double ours[ARENA_SEEDS], theirs = 0;
				char name[64], peer[96];
				for (u32 s = 0; s < ARENA_SEEDS; s++) {
					ours[s] = pick(&score[s][FOG_METHOD_OURS], w);
					theirs += pick(&score[s][peers[p]], w) / ARENA_SEEDS;
				}
				snprintf(name, sizeof(name), "reputation.%s_%s_%s",
					 fog_attack_name((enum fog_attack)a), whats[w],
					 peers[p] == FOG_METHOD_AVERAGE ? "average" : "eigentrust");
				snprintf(peer, sizeof(peer),
					 "%s, 30 %% attackers, mean of %d seeds",
					 fog_method_name((enum fog_method)peers[p]), ARENA_SEEDS);
				struct bench_case c = {.name = name,
						       .unit = w == 0 ? "error/1000"
								      : "(1-rho)/1000",
						       .peer = peer};
				bench_record(b, &c, ours, ARENA_SEEDS, theirs);
			}
	}
}

void bench_suite_reputation(struct bench *b)
{
	static struct state s;
	struct bench_case c = {.name = "reputation.update",
			       .unit = "ns/update",
			       .peer = "the bar: a million updates a second"};
	double took[BENCH_SAMPLES_MAX];

	if (!bench_wanted(b, "reputation"))
		return;
	for (u32 i = 0; i < HOSTS; i++)
		fog_reputation_init(&s.r[i]);
	s.now_ms = 1;
	for (unsigned i = 0; i < b->samples; i++) {
		u64 begin = cpu_ns();
		updates(&s, 1000000);
		took[i] = (double)(cpu_ns() - begin) / 1e6;
	}
	bench_record(b, &c, took, b->samples, BAR_NS);
	suite_compute(b);
	suite_attacks(b);
}
