/* SPDX-License-Identifier: BSD-3-Clause */
/* Any bytes as a transaction: what is read is what stood there, and there is one encoding of it. */
#include "controlplane/ledger/tx.h"
#include "tests/fuzz/fuzz.h"

static const u8 chain[32] = {1, 2, 3};

int LLVMFuzzerTestOneInput(const u8 *data, size_t len)
{
	static const u8 sk[FOG_SIGN_SECRET_SIZE];
	u8 again[FOG_TX_SIZE_MAX], message[FOG_TX_MESSAGE_MAX], id[32];
	struct fog_tx tx;

	if (fog_tx_decode(&tx, data, len) != FOG_TX_OK)
		return 0;
	if (tx.size != len || strcmp(fog_tx_kind_name(tx.kind), "?") == 0 ||
	    fog_tx_message(&tx, chain, message) > sizeof(message))
		abort();
	fog_tx_id(data, len, id);
	/* All but the chain and the signature. */
	u32 size = fog_tx_encode(&tx, chain, sk, again);
	if (size != len || memcmp(again, data, 8) != 0 ||
	    memcmp(again + 16, data + 16, len - 16 - FOG_SIGN_SIZE) != 0)
		abort();
	return 0;
}
