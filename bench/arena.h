/* SPDX-License-Identifier: BSD-3-Clause */
/* Attacks on reputation, played in a deterministic arena: hosts of known quality serve each other,
 * rate each other, some of them lie; then several ways to sum up say what each host is worth, and
 * are compared with the truth. The same interactions for all of them. */
#ifndef FOG_ARENA_H
#define FOG_ARENA_H

#include "crypto/types.h"

#define FOG_ARENA_HOSTS_MAX 512

enum fog_attack {
	FOG_ATTACK_NONE = 0,  /* bad service, honest words */
	FOG_ATTACK_BADMOUTH,  /* all honest hosts are bad, all attackers good */
	FOG_ATTACK_RING,      /* the truth about others, praise for each other */
	FOG_ATTACK_SYBIL,     /* as BADMOUTH, each with four made-up identities that say the same */
	FOG_ATTACK_WHITEWASH, /* as RING, and a fresh identity five times */
	FOG_ATTACK_ON_OFF,    /* as RING; good service at first, bad later */
	FOG_ATTACK_COUNT
};
const char *fog_attack_name(enum fog_attack attack);

enum fog_method {
	FOG_METHOD_OURS = 0,
	FOG_METHOD_OWN,        /* first-hand evidence alone */
	FOG_METHOD_AVERAGE,    /* plain average of all ratings */
	FOG_METHOD_EIGENTRUST, /* Kamvar, Schlosser and Garcia-Molina 2003, three pre-trusted hosts
				*/
	FOG_METHOD_COUNT
};
const char *fog_method_name(enum fog_method method);

struct fog_arena_config {
	u64 seed;
	u32 hosts;         /* at most FOG_ARENA_HOSTS_MAX / 5, for SYBIL */
	u32 attackers_ppm; /* of them */
	u32 rounds;        /* each host asks one other for service in each */
	enum fog_attack attack;
};

struct fog_arena_score {
	double error;       /* mean over observers and hosts: |said - true| */
	double correlation; /* Spearman's, mean over observers */
	double auc;         /* chance that an honest host ranks above an attacker */
	double won;         /* share of the jobs that the best ten by rank would give attackers */
};

/* score[FOG_METHOD_COUNT]. */
void fog_arena_run(const struct fog_arena_config *config, struct fog_arena_score *score);

/* ---- EigenTrust alone, as a peer --------------------------------------------------------------
 */

/* t = (1 - a) C^T t + a p until it moves by less than 1e-12. c: rows sum to 1 or are empty (then p
 * stands in for them). */
void fog_eigentrust(const double *c, u32 n, const double *p, double a, double *t);
/* Subtracts each row of distrust, scaled by the distruster's own trust. */
void fog_eigentrust_discount(double *t, const double *discounts, u32 n);

#endif
