/* SPDX-License-Identifier: BSD-3-Clause */
/* quorum_sim [--seed N] [--seeds COUNT] [--points COUNT] [--verbose]
 *
 * Each seed: a committee with random weights, attributes and profile; within what it tolerates,
 * validators run as Twins do, two or three unmodified copies with one key on different sides of
 * partitions, some losing their disk when they crash; the others crash anywhere between writing
 * and sending, restart from their disks, with clocks seconds apart. After the storm comes calm.
 *	safety: no two honest validators ever have different blocks of one height, or states;
 *	linearizability: every acknowledged operation is in the log once, and before any that was
 *		submitted after its acknowledgement;
 *	liveness: in the calm, operations given to every honest validator reach all of them.
 * --points N: for one committee of four, a crash of each validator at each of its first N
 * persistence points. */
#include <getopt.h>

#include "crypto/hash/hash.h"
#include "tests/sim/quorum_bed.h"

#define STORM_MS    15000
#define CALM_MS_MAX 120000
#define SUBMIT_MAX  150 /* operations a second, at most */
#define CUT_MS_MAX  9000

#define BYZANTINE_RUNS 5
#define LOST_SHARE     4 /* one run with lost disks for so many others */
#define OPS_STORM_MAX  (BED_OPS_MAX - 64)

static u64 evidence, evidence_late, losses, rejoins, crashes, catchups, epochs, blocks, acked;

/* ---- committees ------------------------------------------------------------------------------ */

static void validator_make(struct bed *b, struct fog_validators *s, u32 i, u32 classes, bool equal)
{
	struct fog_app_validator *v = &s->v[i];
	u8 seed[16];

	memset(v, 0, sizeof(*v));
	fog_store_u64(seed, b->seed);
	fog_store_u64(seed + 8, i);
	fog_hash_sha256(v->node_id, seed, sizeof(seed));
	v->weight = equal ? 100 : 50 + bed_below(b, 100);
	v->as = 64500 + i % classes;
	snprintf(v->operator_name, sizeof(v->operator_name), "op%u", i);
	snprintf(v->country, sizeof(v->country), "c%u", i % (classes + 1));
	snprintf(v->power_region, sizeof(v->power_region), "p%u", i);
	snprintf(v->tee_vendor, sizeof(v->tee_vendor), "%s", i % 4 == 0 ? "snp" : "");
	if (i % 4 == 1)
		snprintf(v->tee_vendor, sizeof(v->tee_vendor), "tdx");
}

static void committee_make(struct bed *b, u64 seed, struct fog_validators *s)
{
	static const u8 sizes[] = {4, 4, 5, 7, 7, 8, 10};
	static const u64 epoch_ms[] = {1500, 6000, 3600000};

	memset(b, 0, sizeof(*b));
	b->seed = seed;
	fog_rng_init_u64(&b->rng, seed ^ 0x5eed);
	do {
		memset(s, 0, sizeof(*s));
		s->epoch = 1;
		s->count = sizes[bed_below(b, FOG_ARRAY_COUNT(sizes))];
		s->rules.profile = FOG_PROFILE_NONE + bed_below(b, 3);
		s->rules.epoch_ms = epoch_ms[bed_below(b, 3)];
		u32 classes = FOG_MAX(4u, s->count / 2 + 1);
		bool equal = bed_below(b, 2) == 0;
		for (u32 i = 0; i < s->count; i++)
			validator_make(b, s, i, classes, equal);
	} while (fog_validators_finish(s, NULL) != 0 || s->flagged);
}

/* Who is Byzantine: any set up to f, or all of one class. Live without them in either case. Returns
 * honest ones that may lose their disks: also without them there is a quorum. */
static u64 byzantine_pick(struct bed *b, const struct fog_validators *s, u8 *twins)
{
	struct fog_tolerance *t = calloc(1, sizeof(*t));
	u64 mask = 0, fragile = 0;

	fog_validators_tolerance(s, t);
	const struct fog_class_tolerance *c = &t->classes[bed_below(b, t->class_count)];
	if (bed_below(b, 3) == 0 && c->residual >= 0 && c->live)
		mask = c->mask;
	for (u32 i = 0; mask == 0 && i < 3; i++) {
		u64 more = mask | 1ull << bed_below(b, s->count);
		if (fog_validators_weight(s, more) <= t->weight &&
		    fog_validators_diverse(s, fog_validators_all(s) & ~more))
			mask = more;
	}
	for (u32 i = 0; i < s->count; i++)
		if (mask >> i & 1)
			twins[i] = (u8)(1 + bed_below(b, 2));
	for (u32 i = 0; i < s->count; i++)
		if ((mask >> i & 1) == 0 &&
		    fog_validators_quorum(s, fog_validators_all(s) & ~(mask | fragile | 1ull << i)))
			fragile |= 1ull << i;
	free(t);
	return fragile;
}

/* ---- the storm --------------------------------------------------------------------------------
 */

static void split(struct bed *b)
{
	u32 groups = 1 + (u32)bed_below(b, 3), copy = 0;

	for (u32 i = 0; i < b->node_count; i++) {
		struct bed_node *n = &b->node[i];
		n->group = (u32)bed_below(b, groups);
		n->groups_see = 0;
		/* Copies sit on different sides; at times all see all. */
		if (n->byzantine && bed_below(b, 4) != 0)
			n->group = copy++ % groups;
		else if (n->byzantine)
			n->groups_see = ~0ull;
	}
	b->drop_per_mille = (u32)bed_below(b, 3) == 0 ? (u32)bed_below(b, 200) : 0;
	b->delay_ms_max = 2 + (u32)bed_below(b, bed_below(b, 2) == 0 ? 20 : 400);
}

/* One at a time: several that observe together make no progress, so nothing would be tried. */
static bool may_lose(const struct bed *b, const struct bed_node *n)
{
	if (n->byzantine)
		return true;
	for (u32 i = 0; i < b->node_count; i++)
		if (b->node[i].observes)
			return false;
	return b->fragile >> n->validator & 1;
}

static void wound(struct bed *b)
{
	struct bed_node *n = &b->node[bed_below(b, b->node_count)];

	if (!n->up || bed_below(b, 2) != 0)
		return;
	n->crash_at = n->points + 1 + bed_below(b, 30);
	/* It forgets all it promised, once it crashes. */
	n->loses = may_lose(b, n) && bed_below(b, 2) == 0;
}

static void storm(struct bed *b)
{
	u64 next = 0, rate = 10 + bed_below(b, SUBMIT_MAX - 10);

	while (b->now_ms < b->calm_ms) {
		if (b->now_ms >= next) {
			split(b);
			next = b->now_ms + 200 +
			       bed_below(b, bed_below(b, 4) == 0 ? CUT_MS_MAX : 2000);
		}
		if (bed_below(b, 300) == 0)
			wound(b);
		struct bed_node *n = &b->node[bed_below(b, b->node_count)];
		if (n->up && !n->byzantine && b->op_count < OPS_STORM_MAX &&
		    bed_below(b, 1000) < rate)
			bed_submit(b, n);
		bed_run(b, b->now_ms + 1);
	}
}

/* ---- what must hold ----------------------------------------------------------------------------
 */

static bool everybody_has(const struct bed *b, u32 from)
{
	for (u32 i = 0; i < b->node_count; i++)
		for (u32 op = from; op < b->op_count; op++)
			if (!b->node[i].byzantine && (!b->node[i].up || !b->node[i].seen[op]))
				return false;
	return true;
}

static void calm(struct bed *b)
{
	u64 limit = b->now_ms + CALM_MS_MAX;
	u32 from = b->op_count;

	for (u32 i = 0; i < b->node_count; i++)
		b->node[i].crash_at = 0;
	bed_run(b, b->now_ms + 4000); /* all restart */
	for (u32 i = 0; i < b->node_count; i++)
		if (!b->node[i].byzantine)
			bed_submit(b, &b->node[i]);
	while (!everybody_has(b, from)) {
		if (b->now_ms >= limit)
			bed_fail(b, "LIVENESS: not everybody has the operations of the calm");
		bed_run(b, b->now_ms + 100);
	}
}

/* The log is one order; an operation acknowledged before another was submitted must come first. */
static void linearizable(struct bed *b)
{
	const struct bed_node *n = NULL;
	u64 latest = 0;

	/* The longest log: the others' are its beginnings (canon_check()), and one may be a block
	 * behind whoever has just acknowledged something. */
	for (u32 i = 0; i < b->node_count; i++)
		if (!b->node[i].byzantine && (n == NULL || b->node[i].height > n->height))
			n = &b->node[i];
	FOG_ASSERT(n != NULL);
	for (u32 op = 0; op < b->op_count; op++)
		if (b->op[op].acked_ms != 0) {
			acked++;
			if (!n->seen[op])
				bed_fail(b, "LOST: operation %u was acknowledged", op);
		}
	/* In order of the log: nothing may have been acknowledged before an earlier one of the log
	 * was submitted. */
	for (u32 i = n->op_count; i-- > 0;) {
		const struct bed_op *op = &b->op[n->ops[i]];
		if (i + 1 < n->op_count && latest != 0 && latest < op->submitted_ms)
			bed_fail(b, "ORDER: operation %u came after a later one", n->ops[i]);
		if (op->acked_ms != 0 && (latest == 0 || op->acked_ms < latest))
			latest = op->acked_ms;
	}
}

static void finish(struct bed *b)
{
	if (b->verbose)
		printf("seed %llu: %u validators, %llu blocks, %u operations, %llu crashes\n",
		       (unsigned long long)b->seed, b->genesis.count, (unsigned long long)b->height,
		       b->op_count, (unsigned long long)b->crashes);
	evidence += b->evidence;
	evidence_late += b->evidence_late;
	losses += b->losses;
	rejoins += b->rejoins;
	crashes += b->crashes;
	catchups += b->catchups;
	epochs += b->epochs;
	blocks += b->height;
	bed_free(b);
}

static void seed_run(struct bed *b, u64 seed, bool verbose)
{
	struct fog_validators *s = calloc(1, sizeof(*s));
	u8 twins[FOG_VALIDATORS_MAX] = {0};

	committee_make(b, seed, s);
	struct fog_rng rng = b->rng;
	u64 fragile = byzantine_pick(b, s, twins);
	bed_init(b, seed, s, twins);
	b->rng = rng;
	b->fragile = fragile;
	b->verbose = verbose;
	b->calm_ms = b->now_ms + STORM_MS;
	b->delay_ms_max = 10;
	for (u32 i = 0; i < b->node_count; i++) {
		b->node[i].skew_ms = bed_below(b, 4000);
		bed_node_start(&b->node[i]);
	}
	storm(b);
	calm(b);
	linearizable(b);
	finish(b);
	free(s);
}

/* With as many Byzantine ones as are tolerated, any honest validator may lose its disk, again and
 * again. Nothing may come of it but that there is no progress for a while. */
static void lost_run(struct bed *b, u64 seed, bool verbose)
{
	struct fog_validators *s = calloc(1, sizeof(*s));
	u8 twins[FOG_VALIDATORS_MAX] = {1};

	memset(b, 0, sizeof(*b));
	b->seed = seed;
	s->epoch = 1;
	s->count = 4;
	s->rules.profile = FOG_PROFILE_NONE;
	s->rules.epoch_ms = 1500;
	for (u32 i = 0; i < 4; i++)
		validator_make(b, s, i, 4, true);
	FOG_ASSERT(fog_validators_finish(s, NULL) == 0 && !s->flagged);
	bed_init(b, seed, s, twins);
	b->verbose = verbose;
	b->fragile = ~0ull;
	b->calm_ms = b->now_ms + 2 * STORM_MS;
	b->delay_ms_max = 10;
	for (u32 i = 0; i < b->node_count; i++)
		bed_node_start(&b->node[i]);
	storm(b);
	finish(b);
	free(s);
}

/* One crash, at persistence point `point` of validator `who`, in a committee of four, with or
 * without its disk. */
static void point_run(struct bed *b, u32 who, u64 point, bool lose, bool verbose)
{
	struct fog_validators *s = calloc(1, sizeof(*s));
	u8 twins[FOG_VALIDATORS_MAX] = {0};

	memset(b, 0, sizeof(*b));
	s->epoch = 1;
	s->count = 4;
	s->rules.profile = FOG_PROFILE_NONE;
	s->rules.epoch_ms = 2000;
	for (u32 i = 0; i < 4; i++)
		validator_make(b, s, i, 4, true);
	FOG_ASSERT(fog_validators_finish(s, NULL) == 0);
	bed_init(b, 1000 * who + point, s, twins);
	b->verbose = verbose;
	b->calm_ms = b->now_ms + 3000;
	b->delay_ms_max = 10;
	for (u32 i = 0; i < 4; i++)
		bed_node_start(&b->node[i]);
	b->node[who].crash_at = point;
	b->node[who].loses = lose;
	for (u32 i = 0; i < 60; i++) {
		struct bed_node *n = &b->node[bed_below(b, 4)];
		if (n->up)
			bed_submit(b, n);
		bed_run(b, b->now_ms + 50);
	}
	calm(b);
	linearizable(b);
	finish(b);
	free(s);
}

/* Two of seven vote for whatever either of their copies believes, all the time: the others go on
 * committing, every operation is acknowledged soon, and the two are found out. */
static void byzantine_run(struct bed *b, u64 seed, bool verbose)
{
	struct fog_validators *s = calloc(1, sizeof(*s));
	u8 twins[FOG_VALIDATORS_MAX] = {1, 1};
	u64 slowest = 0;

	memset(b, 0, sizeof(*b));
	b->seed = seed;
	s->epoch = 1;
	s->count = 7;
	s->rules.profile = FOG_PROFILE_ENHANCED;
	s->rules.epoch_ms = 5000;
	for (u32 i = 0; i < 7; i++)
		validator_make(b, s, i, 7, true);
	FOG_ASSERT(fog_validators_finish(s, NULL) == 0 && !s->flagged);
	bed_init(b, seed, s, twins);
	b->verbose = verbose;
	b->calm_ms = b->now_ms + STORM_MS;
	b->delay_ms_max = 10;
	for (u32 i = 0; i < b->node_count; i++) {
		/* Two copies do not see each other; everybody else sees all. */
		b->node[i].groups_see = b->node[i].byzantine ? 1ull << (i % 2) : ~0ull;
		bed_node_start(&b->node[i]);
	}
	while (b->now_ms + 4000 < b->calm_ms) {
		struct bed_node *n = &b->node[bed_below(b, b->node_count)];
		if (!n->byzantine)
			bed_submit(b, n);
		bed_run(b, b->now_ms + 50);
	}
	u32 count = b->op_count;
	bed_run(b, b->calm_ms);
	for (u32 op = 0; op < count; op++) {
		if (b->op[op].acked_ms == 0)
			bed_fail(b, "LIVENESS: operation %u, with two of seven Byzantine", op);
		slowest = FOG_MAX(slowest, b->op[op].acked_ms - b->op[op].submitted_ms);
	}
	if (slowest > 2000 || b->evidence == 0)
		bed_fail(b, "slowest %llu ms, %llu offences found", (unsigned long long)slowest,
			 (unsigned long long)b->evidence);
	calm(b);
	linearizable(b);
	finish(b);
	free(s);
}

int main(int argc, char **argv)
{
	static const struct option options[] = {{"seed", required_argument, NULL, 's'},
						{"seeds", required_argument, NULL, 'n'},
						{"points", required_argument, NULL, 'p'},
						{"verbose", no_argument, NULL, 'v'},
						{0}};
	u64 seed = 1, seeds = 20, points = 0;
	bool verbose = false;
	static struct bed bed;
	int o;

	while ((o = getopt_long(argc, argv, "", options, NULL)) != -1)
		switch (o) {
		case 's':
			seed = strtoull(optarg, NULL, 0);
			break;
		case 'n':
			seeds = strtoull(optarg, NULL, 0);
			break;
		case 'p':
			points = strtoull(optarg, NULL, 0);
			break;
		case 'v':
			verbose = true;
			break;
		default:
			return 2;
		}
	for (u64 i = 0; i < seeds; i++)
		seed_run(&bed, seed + i, verbose);
	for (u64 i = 0; i < seeds / LOST_SHARE; i++)
		lost_run(&bed, seed + i, verbose);
	for (u64 i = 0; i < BYZANTINE_RUNS; i++)
		byzantine_run(&bed, seed + i, verbose);
	for (u32 who = 0; who < 4; who++)
		for (u64 p = 1; p <= points; p++)
			for (u32 lose = 0; lose < 2; lose++)
				point_run(&bed, who, p, lose != 0, verbose);
	printf("seeds %llu..%llu: %llu blocks, %llu operations acknowledged, %llu epochs, %llu "
	       "crashes, %llu with the disk, %llu of them vote again, %llu catch-ups, %llu "
	       "offences in "
	       "blocks, %llu of them of an earlier epoch\n",
	       (unsigned long long)seed, (unsigned long long)(seed + seeds - 1),
	       (unsigned long long)blocks, (unsigned long long)acked, (unsigned long long)epochs,
	       (unsigned long long)crashes, (unsigned long long)losses, (unsigned long long)rejoins,
	       (unsigned long long)catchups, (unsigned long long)evidence,
	       (unsigned long long)evidence_late);
	printf("%llu passed, 0 failed\n",
	       (unsigned long long)(seeds + seeds / LOST_SHARE + BYZANTINE_RUNS + 8 * points));
	return 0;
}
