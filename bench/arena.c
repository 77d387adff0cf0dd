/* SPDX-License-Identifier: BSD-3-Clause */
#include "bench/arena.h"

#include <math.h>
#include <stdlib.h>

#include "controlplane/reputation/trust.h"
#include "crypto/random/random.h"

#define SYBILS      4
#define LIE         20.0 /* pieces of evidence a liar claims */
#define WASHES      5
#define BAD_QUALITY 0.2
#define EIGEN_A     0.15
#define EIGEN_PRE   3
#define EIGEN_STEPS 1000
#define PICKS       10

static const char *const attack_names[FOG_ATTACK_COUNT] = {"none",  "badmouth",  "ring",
							   "sybil", "whitewash", "on_off"};
static const char *const method_names[FOG_METHOD_COUNT] = {"fog", "own evidence", "average",
							   "eigentrust"};

const char *fog_attack_name(enum fog_attack attack)
{
	return attack_names[attack];
}

const char *fog_method_name(enum fog_method method)
{
	return method_names[method];
}

struct cell {
	double good, bad;
};

struct arena {
	struct fog_arena_config config;
	struct fog_rng rng;
	u32 real, all; /* hosts; with made-up identities */
	u32 attackers; /* hosts [0, attackers) attack */
	double *quality;
	struct cell *seen; /* [observer][subject], first-hand */
	struct cell *said; /* what is gossiped */
	double *global;    /* EigenTrust's answer, scaled */
	struct fog_trust_host *hosts;
	struct fog_trust_edge *edges, *scratch;
	double *value[FOG_METHOD_COUNT], *rank[FOG_METHOD_COUNT]; /* of one observer */
};

static struct cell *at(struct cell *m, const struct arena *a, u32 i, u32 k)
{
	return &m[(size_t)i * a->all + k];
}

static bool attacks(const struct arena *a, u32 i)
{
	return i < a->attackers || i >= a->real;
}

/* ---- play ----------------------------------------------------------------------------------- */

static void forget(struct arena *a, u32 subject)
{
	for (u32 i = 0; i < a->all; i++)
		*at(a->seen, a, i, subject) = (struct cell){0};
}

static double quality_at(const struct arena *a, u32 i, u32 round)
{
	bool early = round < a->config.rounds / 2;

	if (a->config.attack == FOG_ATTACK_ON_OFF && i < a->attackers && early)
		return 0.95;
	return a->quality[i];
}

static void play(struct arena *a)
{
	u32 wash = a->config.rounds / WASHES;

	for (u32 round = 0; round < a->config.rounds; round++) {
		/* A fresh identity: whatever anybody saw is about a host that is no more. */
		if (a->config.attack == FOG_ATTACK_WHITEWASH && round != 0 && wash != 0 &&
		    round % wash == 0)
			for (u32 i = 0; i < a->attackers; i++)
				forget(a, i);
		for (u32 i = 0; i < a->real; i++) {
			u32 k = (u32)fog_rng_below(&a->rng, a->real - 1);
			k += k >= i;
			struct cell *c = at(a->seen, a, i, k);
			if (fog_rng_unit(&a->rng) < quality_at(a, k, round)) {
				c->good += 1;
			} else {
				/* As fog_reputation_update() does: failures also undo. */
				c->bad += 1;
				c->good *= 0.95;
			}
		}
	}
}

static void lie(struct arena *a, u32 rater)
{
	enum fog_attack attack = a->config.attack;

	for (u32 k = 0; k < a->all; k++) {
		struct cell *c = at(a->said, a, rater, k);
		if (k == rater)
			continue;
		if (attacks(a, k))
			*c = (struct cell){LIE, 0};
		else if (attack == FOG_ATTACK_BADMOUTH || attack == FOG_ATTACK_SYBIL)
			*c = (struct cell){0, LIE};
	}
}

static void speak(struct arena *a)
{
	memcpy(a->said, a->seen, sizeof(*a->said) * a->all * a->all);
	if (a->config.attack == FOG_ATTACK_NONE)
		return;
	for (u32 i = 0; i < a->all; i++)
		if (attacks(a, i))
			lie(a, i);
}

/* ---- methods -------------------------------------------------------------------------------- */

void fog_eigentrust(const double *c, u32 n, const double *p, double a, double *t)
{
	double *next = calloc(n, sizeof(*next)), moved = 1;

	FOG_ASSERT(next != NULL);
	memcpy(t, p, n * sizeof(*t));
	for (u32 step = 0; step < EIGEN_STEPS && moved > 1e-12; step++) {
		for (u32 k = 0; k < n; k++)
			next[k] = a * p[k];
		for (u32 i = 0; i < n; i++) {
			double sum = 0;
			for (u32 k = 0; k < n; k++)
				sum += c[(size_t)i * n + k];
			const double *row = sum > 0 ? &c[(size_t)i * n] : p;
			for (u32 k = 0; k < n; k++)
				next[k] += (1 - a) * t[i] * row[k];
		}
		moved = 0;
		for (u32 k = 0; k < n; k++)
			moved += fabs(next[k] - t[k]);
		memcpy(t, next, n * sizeof(*t));
	}
	free(next);
}

void fog_eigentrust_discount(double *t, const double *discounts, u32 n)
{
	double *before = malloc(n * sizeof(*before));

	FOG_ASSERT(before != NULL);
	memcpy(before, t, n * sizeof(*t));
	for (u32 i = 0; i < n; i++)
		for (u32 k = 0; k < n; k++)
			t[k] -= before[i] * discounts[(size_t)i * n + k];
	free(before);
}

static void eigentrust(struct arena *a)
{
	u32 n = a->all;
	double *c = calloc((size_t)n * n, sizeof(*c)), *p = calloc(n, sizeof(*p)), most = 0;

	FOG_ASSERT(c != NULL && p != NULL);
	for (u32 i = 0; i < EIGEN_PRE; i++)
		p[a->attackers + i] = 1.0 / EIGEN_PRE; /* honest ones: its assumption */
	for (u32 i = 0; i < n; i++) {
		double sum = 0;
		for (u32 k = 0; k < n; k++) {
			const struct cell *s = at(a->said, a, i, k);
			c[(size_t)i * n + k] = fmax(s->good - s->bad, 0);
			sum += c[(size_t)i * n + k];
		}
		for (u32 k = 0; k < n && sum > 0; k++)
			c[(size_t)i * n + k] /= sum;
	}
	fog_eigentrust(c, n, p, EIGEN_A, a->global);
	for (u32 k = 0; k < n; k++)
		most = fmax(most, a->global[k]);
	for (u32 k = 0; k < n && most > 0; k++)
		a->global[k] /= most;
	free(c);
	free(p);
}

static double mean_of(double good, double bad)
{
	return (good + 1) / (good + bad + 2);
}

static double lower_of(double good, double bad)
{
	double m = mean_of(good, bad);

	return m - 1.645 * sqrt(m * (1 - m) / (good + bad + 3));
}

static void average(struct arena *a, u32 subject, double *out)
{
	double sum = 0;
	u32 n = 0;

	for (u32 i = 0; i < a->all; i++) {
		const struct cell *s = at(a->said, a, i, subject);
		if (i == subject || s->good + s->bad <= 0)
			continue;
		sum += s->good / (s->good + s->bad);
		n++;
	}
	*out = n != 0 ? sum / n : 0.5;
}

static u32 edges_fill(struct arena *a)
{
	u32 n = 0;

	for (u32 i = 0; i < a->all; i++)
		for (u32 k = 0; k < a->all; k++) {
			const struct cell *s = at(a->said, a, i, k);
			if (i != k && s->good + s->bad > 0)
				a->edges[n++] = (struct fog_trust_edge){i, k, s->good, s->bad};
		}
	return n;
}

static void ours(struct arena *a, u32 observer, u32 edge_count)
{
	memset(a->hosts, 0, a->all * sizeof(*a->hosts));
	for (u32 k = 0; k < a->all; k++) {
		a->hosts[k].own_good = at(a->seen, a, observer, k)->good;
		a->hosts[k].own_bad = at(a->seen, a, observer, k)->bad;
		/* Made-up identities live where their owner does. */
		a->hosts[k].group = k < a->real ? k : (k - a->real) / SYBILS;
	}
	if (observer == a->attackers) /* the order is the same for everybody */
		fog_trust_sort(a->hosts, a->edges, edge_count, a->scratch);
	fog_trust_compute(a->hosts, a->all, a->edges, edge_count, observer);
}

static void values(struct arena *a, u32 observer)
{
	for (u32 k = 0; k < a->real; k++) {
		const struct cell *own = at(a->seen, a, observer, k);
		const struct fog_trust_host *h = &a->hosts[k];
		double good = own->good + h->good, bad = own->bad + h->bad;
		a->value[FOG_METHOD_OURS][k] = mean_of(good, bad);
		a->rank[FOG_METHOD_OURS][k] = lower_of(good, bad);
		a->value[FOG_METHOD_OWN][k] = mean_of(own->good, own->bad);
		a->rank[FOG_METHOD_OWN][k] = lower_of(own->good, own->bad);
		average(a, k, &a->value[FOG_METHOD_AVERAGE][k]);
		a->rank[FOG_METHOD_AVERAGE][k] = a->value[FOG_METHOD_AVERAGE][k];
		a->value[FOG_METHOD_EIGENTRUST][k] = a->global[k];
		a->rank[FOG_METHOD_EIGENTRUST][k] = a->global[k];
	}
}

/* ---- scores --------------------------------------------------------------------------------- */

/* Ranks with ties shared, from 1. */
static void ranks(const double *v, u32 n, double *out)
{
	for (u32 i = 0; i < n; i++) {
		u32 less = 0, same = 0;
		for (u32 k = 0; k < n; k++) {
			less += v[k] < v[i];
			same += v[k] == v[i];
		}
		out[i] = less + (same + 1) / 2.0;
	}
}

static double spearman(const double *x, const double *y, u32 n)
{
	double rx[FOG_ARENA_HOSTS_MAX], ry[FOG_ARENA_HOSTS_MAX];
	double sxy = 0, sxx = 0, syy = 0, middle = (n + 1) / 2.0;

	ranks(x, n, rx);
	ranks(y, n, ry);
	for (u32 i = 0; i < n; i++) {
		sxy += (rx[i] - middle) * (ry[i] - middle);
		sxx += (rx[i] - middle) * (rx[i] - middle);
		syy += (ry[i] - middle) * (ry[i] - middle);
	}
	return sxx > 0 && syy > 0 ? sxy / sqrt(sxx * syy) : 0;
}

static double auc(const struct arena *a, const double *rank)
{
	double sum = 0;
	u32 pairs = 0;

	for (u32 i = 0; i < a->attackers; i++)
		for (u32 k = a->attackers; k < a->real; k++) {
			sum += rank[k] > rank[i] ? 1 : rank[k] == rank[i] ? 0.5 : 0;
			pairs++;
		}
	return pairs != 0 ? sum / pairs : 1;
}

/* Attackers among the best PICKS, ties shared. */
static double won(const struct arena *a, const double *rank)
{
	double r[FOG_ARENA_HOSTS_MAX], bad = 0, all = 0;

	ranks(rank, a->real, r);
	for (u32 i = 0; i < a->real; i++) {
		double share = fmin(fmax(r[i] - (a->real - PICKS), 0), 1);
		all += share;
		bad += i < a->attackers ? share : 0;
	}
	return all > 0 ? bad / all : 0;
}

static void score_add(struct arena *a, u32 observer, struct fog_arena_score *score)
{
	for (u32 m = 0; m < FOG_METHOD_COUNT; m++) {
		double off = 0;
		/* Nobody rates itself: its own place is the truth for all methods alike. */
		a->value[m][observer] = a->rank[m][observer] = a->quality[observer];
		for (u32 k = 0; k < a->real; k++)
			off += fabs(a->value[m][k] - a->quality[k]);
		score[m].error += off / (a->real - 1);
		score[m].correlation += spearman(a->rank[m], a->quality, a->real);
		score[m].auc += auc(a, a->rank[m]);
		score[m].won += won(a, a->rank[m]);
	}
}

static void arena_open(struct arena *a, const struct fog_arena_config *config)
{
	memset(a, 0, sizeof(*a));
	a->config = *config;
	a->real = config->hosts;
	a->attackers = (u32)((u64)config->hosts * config->attackers_ppm / 1000000);
	a->all = a->real + (config->attack == FOG_ATTACK_SYBIL ? SYBILS * a->attackers : 0);
	FOG_ASSERT(a->all <= FOG_ARENA_HOSTS_MAX && a->real >= a->attackers + EIGEN_PRE);
	size_t cells = (size_t)a->all * a->all;
	fog_rng_init_u64(&a->rng, config->seed);
	a->quality = calloc(a->all, sizeof(*a->quality));
	a->seen = calloc(cells, sizeof(*a->seen));
	a->said = calloc(cells, sizeof(*a->said));
	a->global = calloc(a->all, sizeof(*a->global));
	a->hosts = calloc(a->all, sizeof(*a->hosts));
	a->edges = calloc(cells, sizeof(*a->edges));
	a->scratch = calloc(cells, sizeof(*a->scratch));
	for (u32 m = 0; m < FOG_METHOD_COUNT; m++) {
		a->value[m] = calloc(a->all, sizeof(double));
		a->rank[m] = calloc(a->all, sizeof(double));
		FOG_ASSERT(a->value[m] != NULL && a->rank[m] != NULL);
	}
	FOG_ASSERT(a->quality != NULL && a->seen != NULL && a->said != NULL && a->global != NULL);
	FOG_ASSERT(a->hosts != NULL && a->edges != NULL && a->scratch != NULL);
	for (u32 i = 0; i < a->real; i++)
		a->quality[i] = i < a->attackers ? BAD_QUALITY + 0.1 * fog_rng_unit(&a->rng)
						 : 0.7 + 0.29 * fog_rng_unit(&a->rng);
}

static void arena_close(struct arena *a)
{
	free(a->quality);
	free(a->seen);
	free(a->said);
	free(a->global);
	free(a->hosts);
	free(a->edges);
	free(a->scratch);
	for (u32 m = 0; m < FOG_METHOD_COUNT; m++) {
		free(a->value[m]);
		free(a->rank[m]);
	}
}

void fog_arena_run(const struct fog_arena_config *config, struct fog_arena_score *score)
{
	struct arena a;

	arena_open(&a, config);
	memset(score, 0, FOG_METHOD_COUNT * sizeof(*score));
	play(&a);
	speak(&a);
	u32 edge_count = edges_fill(&a), observers = a.real - a.attackers;
	eigentrust(&a);
	for (u32 i = a.attackers; i < a.real; i++) {
		ours(&a, i, edge_count);
		values(&a, i);
		score_add(&a, i, score);
	}
	for (u32 m = 0; m < FOG_METHOD_COUNT; m++) {
		score[m].error /= observers;
		score[m].correlation /= observers;
		score[m].auc /= observers;
		score[m].won /= observers;
	}
	arena_close(&a);
}
