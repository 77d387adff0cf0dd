/* SPDX-License-Identifier: BSD-3-Clause */
/* Who votes in an epoch, with what weight, and what a quorum is.
 *
 * A quorum is a set of validators of weight at least `quorum` that also spans the diversity of the
 * profile. Supersets of a quorum are quorums. The fail-prone sets: any set of weight up to f; and
 * for every value of every attribute all validators that share it and any others of weight up to
 * f_v. Two quorums share weight of at least 2 quorum - total, so agreement is safe against all
 * fail-prone sets B exactly when no two quorums meet inside a B; the least of total - quorum and
 * 2 quorum - total - 1 is f, and f - w(v) is f_v (docs/design/quorum.md).
 *
 * Weights are capped and renormalised so that 3 (w(v) + residual) < total for every v, each single
 * validator being a class as well. Where no weights can do that (too few countries, say) the set
 * is flagged and f_v, below zero then, says by how much.
 *
 * Unknown operator, AS, country or power region: all such validators are one class, "unknown". No
 * TEE vendor: no class. Pure; any thread. */
#ifndef FOG_QUORUM_VALIDATORS_H
#define FOG_QUORUM_VALIDATORS_H

#include "controlplane/quorum/application.h"

#define FOG_VALIDATORS_MAX      64           /* masks are u64 */
#define FOG_WEIGHT_MAX          (1ull << 50) /* asked for, of one */
#define FOG_WEIGHT_SCALE        1000000ull   /* effective weights sum to about this */
#define FOG_RESIDUAL_PPM_MAX    300000u
#define FOG_QUORUM_EPOCH_MS     600000ull
#define FOG_VALIDATOR_CLASSES   (FOG_ATTRIBUTE_COUNT * FOG_VALIDATORS_MAX)
#define FOG_VALIDATOR_SIZE      (32 + 32 + 16 + 2 + 8 + 4 + 4 * FOG_APP_ATTRIBUTE_SIZE)
#define FOG_VALIDATORS_HEAD     32
#define FOG_VALIDATORS_SIZE_MAX (FOG_VALIDATORS_HEAD + FOG_VALIDATORS_MAX * FOG_VALIDATOR_SIZE)

enum fog_attribute {
	FOG_ATTRIBUTE_OPERATOR = 0,
	FOG_ATTRIBUTE_AS,
	FOG_ATTRIBUTE_COUNTRY,
	FOG_ATTRIBUTE_POWER,
	FOG_ATTRIBUTE_TEE,
	FOG_ATTRIBUTE_COUNT,
};
const char *fog_attribute_name(enum fog_attribute a);

/* What a certificate must span besides its weight. Members of one AS count up to `per_as` times
 * towards `members`. */
enum fog_profile {
	FOG_PROFILE_NONE = 1,
	FOG_PROFILE_BASIC,    /* 2 countries */
	FOG_PROFILE_ENHANCED, /* 2 AS, 2 countries, 3 members with at most 2 of an AS counted */
	FOG_PROFILE_GOLD,     /* 3 AS, 2 TEE vendors, 2 power regions, 2 countries, 3 members */
};
const char *fog_profile_name(enum fog_profile p);
/* 0 when there is no such. */
enum fog_profile fog_profile_parse(const char *name);

struct fog_validator_rules {
	enum fog_profile profile;
	u32 residual_ppm; /* f_v wanted for every class, in millionths of the total */
	bool strict;      /* refuse an epoch that cannot have it, instead of flagging it */
	u64 epoch_ms;     /* its last block is the first made so long after its begin */
};

struct fog_validators {
	u64 epoch;
	struct fog_validator_rules rules;
	u32 count;
	struct fog_app_validator v[FOG_VALIDATORS_MAX]; /* by node id; weight as asked for */
	u64 weight[FOG_VALIDATORS_MAX];                 /* effective */
	u64 total, quorum;
	bool capped;  /* some effective weight is less than its share of what was asked for */
	bool flagged; /* the classes do not all have their residual */
	u8 class_of[FOG_ATTRIBUTE_COUNT][FOG_VALIDATORS_MAX]; /* ~0 = none */
	u32 class_count[FOG_ATTRIBUTE_COUNT];
	u8 hash[32]; /* of the encoding: members, weights asked for and rules, with the epoch */
};

/* Fill everything from v[] (any order; sorted here), count, epoch and rules, of which an epoch_ms
 * of 0 becomes FOG_QUORUM_EPOCH_MS. 0; -EINVAL: none, too
 * many, a node twice, a weight of 0 or above FOG_WEIGHT_MAX, or rules out of range; -ERANGE: strict
 * and flagged; -ENOTSUP: all together do not span the profile. `why` says it (may be NULL). Also
 * for -ERANGE everything is filled. */
int fog_validators_finish(struct fog_validators *s, char why[FOG_APP_WHY_SIZE]);

/* The set after these changes, for `epoch`; weight 0 leaves, the last change of a node counts.
 * Rules (NULL or profile 0: as they are) that the changed set cannot have are left out. Changes
 * that would leave nobody, more than FOG_VALIDATORS_MAX or an unlawful set are refused all
 * together: then *out is `s` with the new epoch. Returns true when everything was taken; else the
 * reason is in `why`. */
bool fog_validators_change(struct fog_validators *out, const struct fog_validators *s, u64 epoch,
			   const struct fog_app_rules *rules,
			   const struct fog_app_validator *change, u32 count,
			   char why[FOG_APP_WHY_SIZE]);

/* Index of a node, or -1. */
int fog_validators_find(const struct fog_validators *s, const u8 node_id[32]);
u64 fog_validators_weight(const struct fog_validators *s, u64 mask);
bool fog_validators_diverse(const struct fog_validators *s, u64 mask);
bool fog_validators_quorum(const struct fog_validators *s, u64 mask);
/* All of them as a mask. */
u64 fog_validators_all(const struct fog_validators *s);

/* Do all together span the profile where only those TEE vendors count that are `shown` (a mask:
 * what somebody has seen by attestation)? False with why, as explain says it. */
bool fog_validators_span(const struct fog_validators *s, u64 shown, char *why, size_t size);

/* Why `mask` is no quorum, in words ("weight 500000 of 666667; 1 of 2 countries"). Empty when it
 * is one. */
void fog_validators_explain(const struct fog_validators *s, u64 mask, char *out, size_t size);

/* What really is tolerated. */
struct fog_class_tolerance {
	enum fog_attribute attribute;
	const char *value; /* of v[]; for an AS the number is in `as` */
	u32 as;
	u64 mask, weight;
	i64 residual; /* f_v; below zero: the class alone breaks safety or liveness */
	bool live;    /* the others can make a quorum without it */
};
struct fog_tolerance {
	u64 weight; /* f: any set up to this weight */
	u32 class_count;
	struct fog_class_tolerance classes[FOG_VALIDATOR_CLASSES];
};
void fog_validators_tolerance(const struct fog_validators *s, struct fog_tolerance *out);

/* Canonical bytes; returns the size. decode: 0 or -EBADMSG, -EINVAL and so on as finish. */
u32 fog_validators_encode(const struct fog_validators *s, u8 out[FOG_VALIDATORS_SIZE_MAX]);
int fog_validators_decode(struct fog_validators *s, const u8 *data, u32 len);

/* Leader of a view: every validator once in `count` views, in an order drawn from `seed`. */
void fog_validators_order(const struct fog_validators *s, const u8 seed[32],
			  u8 order[FOG_VALIDATORS_MAX]);

#endif
