/* SPDX-License-Identifier: BSD-3-Clause */
/* The genesis file: who votes first, what everybody owns, and the rules of the chain. JSON:
 *
 *	{"name":"lab","time_ms":..,"treasury":ufog,"epoch_ms":600000,"profile":"enhanced",
 *	 "residual_ppm":0,"strict":false,
 *	 "accounts":[{"key":"hex","balance":ufog,"rank":"citizen","bond":ufog,"commission_ppm":n,
 *	   "control_pk":"hex","address":"ip:port","operator":"..","country":"..","as":n,
 *	   "power_region":"..","tee_vendor":".."}],
 *	 "parameters":{"market.fee_ppm":..}}
 *
 * profile and epoch_ms are the first values of the parameters quorum.profile and quorum.epoch_ms.
 * Who has a bond of FOG_LEDGER_WEIGHT_UNIT or more votes, and needs control_pk and address.
 * All hosts of a chain have the same file; the chain's id follows from what is in it, so a
 * difference shows at once: nobody's signatures fit. */
#ifndef FOG_VALIDATOR_GENESIS_H
#define FOG_VALIDATOR_GENESIS_H

#include "controlplane/ledger/application.h"
#include "controlplane/quorum/validators.h"

#define FOG_GENESIS_WHY_SIZE 256
#define FOG_GENESIS_SIZE_MAX (4u << 20)

struct fog_genesis_file {
	struct fog_genesis ledger; /* points into what this owns */
	struct fog_validators set; /* epoch 1 */
	struct fog_genesis_account *account;
	struct fog_genesis_parameter *parameter;
};

/* 0, -errno of reading, or -EINVAL with `why`. quorum: its accounts with a bond vote, so they must
 * be reachable and make a set (a strict set that is flagged is refused). */
int fog_genesis_read(struct fog_genesis_file *g, const char *path, bool quorum,
		     char why[FOG_GENESIS_WHY_SIZE]);
void fog_genesis_free(struct fog_genesis_file *g);

/* The set of epoch 1: who has a bond, profile and epoch_ms as the parameters of `g` say. 0 or as
 * fog_validators_finish(). */
int fog_genesis_set(const struct fog_genesis *g, u32 residual_ppm, bool strict,
		    struct fog_validators *out, char why[FOG_APP_WHY_SIZE]);
/* The id of the chain that begins like this, with the root of the application at height 0. */
void fog_genesis_chain(const struct fog_validators *set, u64 time_ms, const u8 root[32],
		       u8 out[32]);

#endif
