/* SPDX-License-Identifier: BSD-3-Clause */
/* The shared ledger in the daemon: takes transactions in, has them ordered, executes the blocks,
 *keeps them, and answers questions about the state.
 *
 *	POST --check--> pool --order--> block --store, one commit--> execute --> answers
 *
 * Who orders: with ledger.chain = "solo" this host alone, at once, several transactions a block;
 *that is a site of its own, whose ledger is worth what the site is. The blocks, the state and
 *everything above are those of a quorum, which orders through the same struct fog_application.
 *
 * With "quorum" the validators of the genesis order (controlplane/validator/node.h), whose log and
 * snapshots then take the place of the store.
 *
 * A block is in the store before anybody is told. A start reads the last state file and executes
 *the blocks after it. The loop's thread only. */
#ifndef FOG_DAEMON_CHAIN_H
#define FOG_DAEMON_CHAIN_H

#include "controlplane/daemon/host.h"
#include "controlplane/health/histogram.h"
#include "controlplane/ledger/application.h"
#include "controlplane/validator/genesis.h"
#include "controlplane/validator/node.h"

#define FOG_CHAIN_POOL_MAX    4096 /* transactions waiting; more: 503 */
#define FOG_CHAIN_BLOCK_MS    5    /* gathers this long, so that many share one commit */
#define FOG_CHAIN_IDLE_MS     1000 /* between empty blocks while orders or payments are due */
#define FOG_CHAIN_STATE_EVERY 2000 /* blocks between two states kept */
#define FOG_CHAIN_WHY_SIZE    FOG_HOST_WHY_SIZE

struct fog_host_chain;

/* 0 and *out NULL when the configuration wants no shared ledger. Needs store and gateway. */
int fog_host_chain_start(struct fog_host *h, char why[FOG_HOST_WHY_SIZE]);
void fog_host_chain_stop(struct fog_host *h);
struct fog_ledger_app *fog_host_chain_app(struct fog_host_chain *c);
/* Time from taking a transaction in to its block being final and executed here. */
const struct fog_histogram *fog_host_chain_commit(const struct fog_host_chain *c);

/* What came of a transaction. error FOG_TX_ERROR_COUNT: it never came before the ledger, and
 * result, a -errno that fog_chain_why() knows, says why. */
typedef void (*fog_chain_done_fn)(void *ctx, const u8 id[32], u64 height, enum fog_tx_error error,
				  int result);
/* A refusal in words, and its HTTP status when status is not NULL. */
const char *fog_chain_why(enum fog_tx_error error, int result, int *status);
/* The ledger's refusal that is worded like this, or FOG_TX_ERROR_COUNT. */
enum fog_tx_error fog_chain_error_of(const char *why);
/* Puts a transaction into the pool: 0, or -errno with *error as above. done is called once it is in
 * a block or refused; may be NULL. */
int fog_host_chain_submit(struct fog_host_chain *c, const u8 *data, u32 len,
			  enum fog_tx_error *error, fog_chain_done_fn done, void *ctx);
/* The same for a transaction of this host's account: kind, body and text are given; nonce (after
 * those waiting), fees and signature are made here. */
int fog_host_chain_send(struct fog_host_chain *c, struct fog_tx *tx, enum fog_tx_error *error,
			fog_chain_done_fn done, void *ctx);

/* chain_api.c */
void fog_host_chain_routes(struct fog_host *h);

/* genesis.c: of a chain of this host alone. */
int fog_genesis_solo(struct fog_genesis_file *out, const struct fog_host *h, u64 time_ms);

/* quorum.c: this host as a validator or follower, with the application of c. */
int fog_host_quorum_start(struct fog_host *h, const struct fog_genesis_file *genesis,
			  const struct fog_application *app, struct fog_node **out,
			  char why[FOG_HOST_WHY_SIZE]);
struct fog_node *fog_host_chain_node(struct fog_host_chain *c); /* NULL: solo */
/* mfog bonded to a host as an active validator, on the chain this host follows; else 0. */
u64 fog_host_stake(const struct fog_host *h, const u8 node_id[32]);

/* pay.c: pay of jobs on the shared ledger. Needs that and the store. backed, funded: see
 * jobs/engine.h.
 */
struct fog_attempt_key;
struct fog_offer;
int fog_host_pay_start(struct fog_host *h, char why[FOG_HOST_WHY_SIZE]);
void fog_host_pay_stop(struct fog_host *h);
bool fog_host_pay_backed(void *context, const struct fog_attempt_key *key, const char *offer,
			 i64 amount, char error[128]);
bool fog_host_pay_funded(void *context, const struct fog_offer *offer, const char *text,
			 char error[128]);

/* voucher.c: the service "pay", and a mint where there is a shared ledger. Needs that, store and
 * gateway. */
int fog_host_voucher_start(struct fog_host *h, char why[FOG_HOST_WHY_SIZE]);
void fog_host_voucher_stop(struct fog_host *h);

/* parameters.c: has this host live by what was voted. */
void fog_host_parameters_apply(struct fog_host *h, const struct fog_state *s);

#endif
