/* SPDX-License-Identifier: BSD-3-Clause */
/* A light client: an account proven from the genesis file alone, whatever the host that answers is
 * worth. Every epoch's certificate since genesis, a certified header with the state's root, and the
 * account in that state are checked here. */
#ifndef FOG_CLI_PROVE_H
#define FOG_CLI_PROVE_H

#include <jansson.h>

#include "controlplane/cli/command.h"

#define FOG_PROVE_PATH_SIZE 4096

/* The genesis to trust: --genesis, $FOG_GENESIS, or that of the lab if there is one. False: none.
 */
bool fog_prove_genesis(const struct fog_cli *cli, char path[FOG_PROVE_PATH_SIZE]);

/* The account (a name of ours, 64 hex digits or "host") as GET /v1/ledger/accounts has it, and with
 * "verified" {balance, nonce, height, epoch}: what was proven of it. The state has to come into a
 * final header first: up to a block's time. The caller frees *account. FOG_CLI_*; has printed why.
 */
int fog_prove_account(struct fog_cli *cli, const char *name, const char *genesis, json_t **account);

#endif
