/* SPDX-License-Identifier: BSD-3-Clause */
/* Accounts of whoever calls fogctl: Ed25519 seeds, one file each, 64 hex digits and mode 0600, in
 * $FOG_KEYS or ~/.config/fog/keys. And the transactions made with them. */
#ifndef FOG_CLI_KEYS_H
#define FOG_CLI_KEYS_H

#include <jansson.h>

#include "controlplane/cli/command.h"
#include "controlplane/ledger/tx.h"

#define FOG_KEYS_WHY_SIZE 256
#define FOG_KEYS_HOST     "host" /* the account of the host that is asked: it signs itself */

/* Makes NAME; refuses one that is there. 0 or -errno with why. */
int fog_keys_create(const char *name, u8 pk[32], char why[FOG_KEYS_WHY_SIZE]);
/* The caller wipes sk. -ENOENT when there is no such key. */
int fog_keys_load(const char *name, u8 pk[32], u8 sk[64], char why[FOG_KEYS_WHY_SIZE]);
/* A key of 64 hex digits, or the name of one of ours. */
int fog_keys_resolve(const char *text, u8 pk[32], char why[FOG_KEYS_WHY_SIZE]);

/* Signs tx (kind and body are given) with the account of --account, or "default" if there is one,
 * or has the host sign it with its own; sends it, waits for its block and prints what came of it.
 * `done` is the sentence for people. FOG_CLI_*. */
int fog_ledger_send(struct fog_cli *cli, struct fog_tx *tx, const char *done);
/* The same for an account by name ("host" is the host's own), without printing what came of it: the
 * answer is the caller's. */
int fog_ledger_post(struct fog_cli *cli, const char *name, struct fog_tx *tx, json_t **answer);
/* The name those words mean: --account, "default" or "host". */
const char *fog_ledger_account(const struct fog_cli *cli);

#endif
