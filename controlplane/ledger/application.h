/* SPDX-License-Identifier: BSD-3-Clause */
/* The shared ledger as what the quorum agrees on (quorum/application.h): checks with batched
 * signatures, blocks, changes of the committee, snapshots, and questions with proofs.
 *
 *	query path "record": data is u8 kind | id (record.h); the answer is the record's value as it
 *is in the tree, the proof that of tree.h. fog_ledger_proof_check() checks both without a ledger.
 *
 * Memory only. A restart begins with the last snapshot the owner kept (fog_ledger_app_load()) and
 * the quorum executes what came after. One thread. */
#ifndef FOG_LEDGER_APPLICATION_H
#define FOG_LEDGER_APPLICATION_H

#include "controlplane/ledger/chain.h"
#include "controlplane/quorum/application.h"

#define FOG_LEDGER_AHEAD_MAX   4096     /* nonces of one account waiting in the pool */
#define FOG_LEDGER_VERDICTS    65536    /* of the last transactions, kept for whoever asks */
#define FOG_LEDGER_WEIGHT_UNIT 1000000u /* ufog of bond that make one vote in the quorum */

struct fog_ledger_app;

/* A chain at its genesis. why as fog_chain_genesis(). 0, -EINVAL, -ENOMEM. */
int fog_ledger_app_new(struct fog_ledger_app **out, const struct fog_chain_ports *ports,
		       const struct fog_genesis *genesis, const char **why);
void fog_ledger_app_free(struct fog_ledger_app *app); /* NULL is fine */

/* Functions over app, for the quorum. */
void fog_ledger_app_interface(struct fog_ledger_app *app, struct fog_application *out);
const struct fog_chain *fog_ledger_app_chain(const struct fog_ledger_app *app);

/* What a validator claims as its TEE vendor decides on diversity, so a host lets it into its pool
 * and its proposals only where it has seen it by its own attestation. That is its own affair: what
 * it votes for must be alike everywhere. fn NULL (the default): claims are not looked at. */
typedef bool fog_ledger_vendor_fn(void *ctx, const u8 node_id[32], const char *vendor);
void fog_ledger_app_vendor(struct fog_ledger_app *app, fog_ledger_vendor_fn *fn, void *ctx);

/* The state as one file's bytes, to be freed, and back: 0, -ENOMEM; load: -EINVAL, -EBADMSG,
 * -EUCLEAN (nothing changed), or -EXDEV for another genesis. */
int fog_ledger_app_save(struct fog_ledger_app *app, u8 **data, size_t *len);
int fog_ledger_app_load(struct fog_ledger_app *app, const u8 *data, size_t len);

/* What became of a transaction, by fog_tx_id(): -ENOENT when it is not among the last ones. */
int fog_ledger_app_verdict(const struct fog_ledger_app *app, const u8 id[32],
			   enum fog_tx_error *error, u64 *height);

/* Checks what query "record" answered against a root somebody trusts. value NULL, len 0: that there
 * is no such record. 0, -EINVAL or -EBADMSG. */
int fog_ledger_proof_check(const u8 root[32], enum fog_record kind, const void *id, const u8 *value,
			   u32 len, const u8 *proof, u32 proof_len);

/* The -errno a refusal becomes where only numbers go. */
int fog_tx_error_number(enum fog_tx_error error);

#endif
