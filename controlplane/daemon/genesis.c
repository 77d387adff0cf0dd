/* SPDX-License-Identifier: BSD-3-Clause */
/* The genesis of a chain of one host alone. */
#include <errno.h>

#include "controlplane/daemon/chain.h"

/* The seed's split: 15 % treasury, the rest the operator's, of which a tenth is bonded. */
int fog_genesis_solo(struct fog_genesis_file *out, const struct fog_host *h, u64 time_ms)
{
	memset(out, 0, sizeof(*out));
	out->account = calloc(1, sizeof(*out->account));
	if (out->account == NULL)
		return -ENOMEM;
	snprintf(out->ledger.name, sizeof(out->ledger.name), "solo-%.20s", h->config.host_name);
	out->ledger.time_ms = time_ms;
	out->ledger.treasury = FOG_CHAIN_SUPPLY / 100 * 15;
	out->ledger.account_count = 1;
	out->ledger.account = out->account;
	memcpy(out->account->pk, h->id.node_id, 32);
	out->account->bond = FOG_CHAIN_SUPPLY / 10;
	out->account->balance = FOG_CHAIN_SUPPLY - out->ledger.treasury - out->account->bond;
	out->account->rank = FOG_RANK_GUARDIAN;
	return 0;
}
