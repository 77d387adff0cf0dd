/* SPDX-License-Identifier: BSD-3-Clause */
/* Encoding of transactions: one encoding each, and nothing from outside that harms. */
#include "controlplane/ledger/tx.h"
#include "tests/unit/controlplane/ledger/chainbed.h"
#include "tests/unit/fog_test.h"

static const u8 chain[32] = {1, 2, 3};

static void keys(u8 pk[32], u8 sk[64])
{
	u8 seed[32] = {9};

	fog_sign_keypair(pk, sk, seed);
}

static u32 sample(enum fog_tx_kind kind, u8 out[FOG_TX_SIZE_MAX])
{
	struct fog_tx tx = {.kind = kind, .nonce = 5, .fee_max = 100, .tip = 2};
	u8 sk[64];

	keys(tx.sender, sk);
	if (kind == FOG_TX_PROPOSE)
		snprintf(tx.body.propose.title, sizeof(tx.body.propose.title), "a title");
	if (kind == FOG_TX_ESCROW_CLAIM) {
		tx.text = "{\"kind\":\"receipt\"}";
		tx.text_len = (u32)strlen(tx.text);
	}
	return fog_tx_encode(&tx, chain, sk, out);
}

static const enum fog_tx_kind kinds[] = {
#define X(name, number, text, type) FOG_TX_##name,
	FOG_TX_KINDS(X)
#undef X
};

static void test_life_cycle(void)
{
	u8 out[FOG_TX_SIZE_MAX], id[32], other[32];

	for (u32 i = 0; i < FOG_ARRAY_COUNT(kinds); i++) {
		u32 len = sample(kinds[i], out);
		struct fog_tx tx;
		bool ok;
		CU_ASSERT_EQUAL_FATAL(fog_tx_decode(&tx, out, len), FOG_TX_OK);
		CU_ASSERT_EQUAL(tx.kind, kinds[i]);
		CU_ASSERT(tx.nonce == 5 && tx.fee_max == 100 && tx.tip == 2 && tx.size == len);
		CU_ASSERT_EQUAL(fog_tx_verify_many(&tx, 1, chain, &ok), 0);
		CU_ASSERT(ok);
		u8 another[32] = {1, 2, 4};
		CU_ASSERT_EQUAL(fog_tx_verify_many(&tx, 1, another, &ok), 0);
		CU_ASSERT(!ok);
		fog_tx_id(out, len, id);
		out[len - 1] ^= 1;
		fog_tx_id(out, len, other);
		CU_ASSERT(memcmp(id, other, 32) != 0);
		CU_ASSERT(strcmp(fog_tx_kind_name(kinds[i]), "?") != 0);
	}
}

static void test_malformed(void)
{
	static const struct {
		u32 at;
		u8 value;
	} row[] = {
		{0, 0}, {0, 2}, {1, 0}, {1, 9}, {1, 255}, {2, 0}, {3, 1}, {4, 1}, {7, 1},
	};
	u8 out[FOG_TX_SIZE_MAX + 8];
	struct fog_tx tx;

	for (u32 i = 0; i < FOG_ARRAY_COUNT(row); i++) {
		u32 len = sample(FOG_TX_TRANSFER, out);
		out[row[i].at] = row[i].value;
		CU_ASSERT_EQUAL(fog_tx_decode(&tx, out, len), FOG_TX_ERROR_MALFORMED);
	}
	u32 len = sample(FOG_TX_TRANSFER, out);
	for (u32 cut = 0; cut < len; cut++)
		CU_ASSERT_EQUAL(fog_tx_decode(&tx, out, cut), FOG_TX_ERROR_MALFORMED);
	CU_ASSERT_EQUAL(fog_tx_decode(&tx, out, len + 1), FOG_TX_ERROR_MALFORMED);
	len = sample(FOG_TX_PROPOSE, out);
	out[FOG_TX_HEAD_SIZE + 8] = 'x'; /* behind the end of the title */
	CU_ASSERT_EQUAL(fog_tx_decode(&tx, out, len), FOG_TX_ERROR_MALFORMED);
	len = sample(FOG_TX_ESCROW_CLAIM, out);
	out[FOG_TX_HEAD_SIZE + offsetof(struct fog_tx_escrow_claim, text_len)]++;
	CU_ASSERT_EQUAL(fog_tx_decode(&tx, out, len), FOG_TX_ERROR_MALFORMED);
}

/* Any change of a signed transaction is refused; random bytes too. A transaction that decodes
 * encodes to the same bytes. */
static void test_mutations(void)
{
	u64 x = 88172645463325252ull;
	u8 out[FOG_TX_SIZE_MAX], sk[64], pk[32], again[FOG_TX_SIZE_MAX];
	u32 decoded = 0;

	keys(pk, sk);
	for (u32 i = 0; i < 20000; i++) {
		u32 len = sample(kinds[i % FOG_ARRAY_COUNT(kinds)], out);
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		u32 at = (u32)(x % (len - FOG_SIGN_SIZE));
		out[at] ^= (u8)(1 + (x >> 40) % 255);
		struct fog_tx tx;
		if (fog_tx_decode(&tx, out, len) != FOG_TX_OK)
			continue;
		decoded++;
		bool ok = true;
		if (i % 16 == 0)
			CU_ASSERT(fog_tx_verify_many(&tx, 1, chain, &ok) == 0 && !ok);
		struct fog_tx copy = tx;
		u64 tag = tx.chain_tag;
		CU_ASSERT_EQUAL(fog_tx_encode(&copy, chain, sk, again), len);
		fog_store_u64(again + 8, tag);
		CU_ASSERT(memcmp(again, out, len - FOG_SIGN_SIZE) == 0);
	}
	CU_ASSERT(decoded > 5000);
}

FOG_TEST_MAIN("controlplane/ledger/tx", FOG_TEST(test_life_cycle), FOG_TEST(test_malformed),
	      FOG_TEST(test_mutations))
