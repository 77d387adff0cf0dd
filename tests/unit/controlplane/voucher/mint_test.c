/* SPDX-License-Identifier: BSD-3-Clause */
/* Mint and wallet together: issue, hand on, redeem; spent twice, forged, asked again. */
#include "controlplane/voucher/mint.h"
#include "controlplane/voucher/wallet.h"
#include "tests/unit/fog_test.h"
#include "tests/unit/store_where.h"

#include <errno.h>

#include "controlplane/core/log.h"

#define NOW (5 * FOG_MINT_PERIOD_MS)

static struct fog_store *store;
static struct fog_mint *mint;
static struct fog_voucher_keyset keyset;
static char id[FOG_VOUCHER_ID_SIZE], why[FOG_MINT_WHY_SIZE];
static u8 paid_quote[32];
static u64 paid_amount;

static u64 deposited(void *context, const u8 quote[32])
{
	return memcmp(quote, paid_quote, 32) == 0 ? paid_amount : 0;
}

static void start(void)
{
	static const struct fog_mint_ports ports = {NULL, deposited};
	char text[FOG_STORE_WHY_SIZE];
	u8 seed[32] = {4};

	fog_log_set_level(FOG_LOG_ERROR);
	CU_ASSERT_EQUAL_FATAL(fog_store_open(&store, store_where(true, NULL), text), 0);
	CU_ASSERT_EQUAL_FATAL(fog_mint_open(&mint, store, seed, &ports, NOW, text), 0);
	json_t *keys = fog_mint_keys(mint, NOW);
	CU_ASSERT_EQUAL_FATAL(fog_wallet_keyset_read(&keyset, id, keys, NULL), 0);
	CU_ASSERT_STRING_EQUAL(id, fog_mint_keyset_id(mint, NOW));
	/* Another key under the same id. */
	json_t *set = json_object_get(json_array_get(json_object_get(keys, "keysets"), 0), "keys");
	json_object_set(set, "1", json_object_get(set, "2"));
	struct fog_voucher_keyset other;
	char other_id[FOG_VOUCHER_ID_SIZE];
	CU_ASSERT_EQUAL(fog_wallet_keyset_read(&other, other_id, keys, NULL), -EBADMSG);
	json_decref(keys);
}

static void stop(void)
{
	fog_mint_close(mint);
	fog_store_close(store);
}

/* Vouchers of this amount, paid for. */
static u32 buy(u64 amount, struct fog_voucher *proofs)
{
	struct fog_output out[FOG_WALLET_OUTPUTS_MAX];
	u32 count = fog_wallet_outputs(amount, out);
	json_t *request = json_pack("{s:o}", "outputs", fog_wallet_outputs_json(out, count, id));
	json_t *answer = NULL, *again = NULL;

	CU_ASSERT_EQUAL(fog_mint_issue(mint, request, NOW, &answer, why), -ENOENT);
	CU_ASSERT_EQUAL(
		fog_mint_quote(json_object_get(request, "outputs"), paid_quote, &paid_amount), 0);
	CU_ASSERT_EQUAL(paid_amount, amount);
	CU_ASSERT_EQUAL_FATAL(fog_mint_issue(mint, request, NOW, &answer, why), 0);
	CU_ASSERT_EQUAL(fog_mint_issue(mint, request, NOW, &again, why),
			0); /* the answer was lost */
	CU_ASSERT(json_equal(answer, again));
	CU_ASSERT_EQUAL(fog_wallet_finish(out, count, &keyset, id,
					  json_object_get(answer, "signatures"), proofs),
			0);
	/* Saved and loaded, the outputs still fit. */
	for (u32 i = 0; i < count; i++) {
		json_t *saved = fog_wallet_output_save(&out[i]);
		struct fog_output loaded;
		CU_ASSERT_EQUAL(fog_wallet_output_load(&loaded, saved), 0);
		CU_ASSERT(memcmp(loaded.blinded, out[i].blinded, 33) == 0);
		json_decref(saved);
	}
	json_decref(again);
	json_decref(answer);
	json_decref(request);
	return count;
}

static json_t *inputs_json(const struct fog_voucher *p, u32 count)
{
	json_t *list = json_array();

	for (u32 i = 0; i < count; i++)
		json_array_append_new(list, fog_voucher_json(&p[i]));
	return list;
}

static void test_life_cycle(void)
{
	struct fog_voucher p[64], fresh[64];
	struct fog_output out[FOG_WALLET_OUTPUTS_MAX];
	struct fog_mint_payment payment;
	json_t *answer = NULL, *again = NULL;
	char account[65];

	start();
	u32 count = buy(1000, p);
	u32 outputs = fog_wallet_outputs(1000, out);
	json_t *request = json_pack("{s:o, s:o}", "inputs", inputs_json(p, count), "outputs",
				    fog_wallet_outputs_json(out, outputs, id));
	CU_ASSERT_EQUAL_FATAL(fog_mint_swap(mint, request, NOW + 1, &answer, why), 0);
	CU_ASSERT_EQUAL(fog_mint_swap(mint, request, NOW + 2, &again, why),
			0); /* asked once more */
	CU_ASSERT(json_equal(answer, again));
	CU_ASSERT_EQUAL(fog_wallet_finish(out, outputs, &keyset, id,
					  json_object_get(answer, "signatures"), fresh),
			0);
	json_decref(answer);
	json_decref(again);
	json_decref(request);
	/* What was swapped is spent: for other outputs and for redemption. */
	outputs = fog_wallet_outputs(1000, out);
	request = json_pack("{s:o, s:o}", "inputs", inputs_json(p, count), "outputs",
			    fog_wallet_outputs_json(out, outputs, id));
	CU_ASSERT_EQUAL(fog_mint_swap(mint, request, NOW + 3, &answer, why), -EEXIST);
	CU_ASSERT_PTR_NOT_NULL(strstr(why, "spent before"));
	json_decref(request);
	memset(account, 'a', 64);
	account[64] = '\0';
	request = json_pack("{s:o, s:s}", "inputs", inputs_json(p, 1), "account", account);
	CU_ASSERT_EQUAL(fog_mint_redeem(mint, request, NOW + 3, &answer, why), -EEXIST);
	json_decref(request);
	/* The new ones are good, once. */
	CU_ASSERT_EQUAL(fog_mint_payment_next(mint, &payment), 0);
	request =
		json_pack("{s:o, s:s}", "inputs", inputs_json(fresh, outputs), "account", account);
	for (u32 i = 0; i < 2; i++) {
		CU_ASSERT_EQUAL(fog_mint_redeem(mint, request, NOW + 4, &answer, why), 0);
		CU_ASSERT_EQUAL(json_integer_value(json_object_get(answer, "amount")), 1000);
		json_decref(answer);
	}
	json_decref(request);
	CU_ASSERT_EQUAL(fog_mint_payment_next(mint, &payment), 1);
	CU_ASSERT(payment.amount == 1000 && payment.account[0] == 0xaa);
	CU_ASSERT_EQUAL(fog_mint_payment_done(mint, payment.number), 0);
	CU_ASSERT_EQUAL(fog_mint_payment_next(mint, &payment), 0);
	stop();
}

static void test_refusals(void)
{
	struct fog_voucher p[64];
	struct fog_output out[FOG_WALLET_OUTPUTS_MAX];
	json_t *answer = NULL, *request;

	start();
	u32 count = buy(6, p);
	CU_ASSERT_EQUAL(count, 2);
	u32 outputs = fog_wallet_outputs(7, out); /* more than was put in */
	request = json_pack("{s:o, s:o}", "inputs", inputs_json(p, count), "outputs",
			    fog_wallet_outputs_json(out, outputs, id));
	CU_ASSERT_EQUAL(fog_mint_swap(mint, request, NOW + 1, &answer, why), -EINVAL);
	json_decref(request);
	outputs = fog_wallet_outputs(6, out);
	struct {
		u32 what;
		int rc;
	} row[] = {{0, -EACCES}, {1, -EACCES}, {2, -EACCES}, {3, -EEXIST}, {4, -EINVAL}};
	for (u32 i = 0; i < FOG_ARRAY_COUNT(row); i++) {
		struct fog_voucher wrong[3];
		memcpy(wrong, p, 2 * sizeof(p[0]));
		u32 n = 2;
		if (row[i].what == 0)
			wrong[0].secret[3] ^= 1; /* never signed */
		else if (row[i].what == 1)
			wrong[0].id[5] ^= 1;
		else if (row[i].what == 2) { /* the smaller one's signature for a larger amount */
			wrong[0].amount = 4;
			wrong[1].amount = 2;
		} else if (row[i].what == 3) {
			wrong[1] = wrong[0]; /* twice in one request */
			wrong[2] = wrong[0];
			n = 3;
		} else {
			wrong[0].amount = 3;
		}
		request = json_pack("{s:o, s:o}", "inputs", inputs_json(wrong, n), "outputs",
				    fog_wallet_outputs_json(out, outputs, id));
		CU_ASSERT_EQUAL(fog_mint_swap(mint, request, NOW + 1, &answer, why), row[i].rc);
		json_decref(request);
	}
	request = json_object();
	CU_ASSERT_EQUAL(fog_mint_swap(mint, request, NOW + 1, &answer, why), -EINVAL);
	CU_ASSERT_EQUAL(fog_mint_issue(mint, request, NOW, &answer, why), -EINVAL);
	CU_ASSERT_EQUAL(fog_mint_redeem(mint, request, NOW + 1, &answer, why), -EINVAL);
	json_decref(request);
	/* After all that they are still good. */
	request = json_pack("{s:o, s:o}", "inputs", inputs_json(p, count), "outputs",
			    fog_wallet_outputs_json(out, outputs, id));
	CU_ASSERT_EQUAL(fog_mint_swap(mint, request, NOW + 1, &answer, why), 0);
	json_decref(answer);
	json_decref(request);
	stop();
}

static void keys_read(u64 now_ms)
{
	struct fog_voucher_keyset old;
	char old_id[FOG_VOUCHER_ID_SIZE], before[FOG_VOUCHER_ID_SIZE];
	json_t *keys = fog_mint_keys(mint, now_ms);

	memcpy(before, id, sizeof(before));
	CU_ASSERT_EQUAL(json_array_size(json_object_get(keys, "keysets")), FOG_MINT_KEYSETS);
	CU_ASSERT_EQUAL(fog_wallet_keyset_read(&keyset, id, keys, NULL), 0);
	CU_ASSERT_EQUAL(keyset.final_expiry,
			(now_ms / FOG_MINT_PERIOD_MS + 2) * FOG_MINT_PERIOD_MS / 1000);
	if (strcmp(before, id) != 0) { /* the one before is there, and not active */
		CU_ASSERT_EQUAL(fog_wallet_keyset_read(&old, old_id, keys, before), 0);
		CU_ASSERT_STRING_EQUAL(old_id, before);
	}
	CU_ASSERT_EQUAL(fog_wallet_keyset_read(&old, old_id, keys, "00ff"), -ENOENT);
	json_decref(keys);
}

static u32 spent_count(void)
{
	struct fog_stmt *q = fog_stmt(store, "SELECT COUNT(*) FROM voucher_spent");

	CU_ASSERT_EQUAL(fog_stmt_step(q), 1);
	u32 count = (u32)fog_column_u64(q, 0);
	fog_stmt_reset(q);
	return count;
}

static int swap(const struct fog_voucher *p, const struct fog_output *out, const char *keyset_id,
		u64 now_ms, json_t **answer)
{
	json_t *request = json_pack("{s:o, s:o}", "inputs", inputs_json(p, 1), "outputs",
				    fog_wallet_outputs_json(out, 1, keyset_id));
	int rc = fog_mint_swap(mint, request, now_ms, answer, why);

	json_decref(request);
	return rc;
}

/* Keysets change with time: old vouchers are good for a while and never twice. */
static void test_rotation(void)
{
	static const struct fog_mint_ports ports = {NULL, deposited};
	struct fog_voucher p[64];
	struct fog_output out[3][FOG_WALLET_OUTPUTS_MAX];
	char first[FOG_VOUCHER_ID_SIZE], text[FOG_STORE_WHY_SIZE];
	json_t *answer[2], *none = NULL;
	u8 seed[32] = {4};
	u64 next = NOW + FOG_MINT_PERIOD_MS;

	start();
	memcpy(first, id, sizeof(first));
	CU_ASSERT_EQUAL(buy(3, p), 2); /* a one and a two */
	for (u32 i = 0; i < 3; i++)
		CU_ASSERT_EQUAL(fog_wallet_outputs(i == 0 ? 1 : 2, out[i]), 1);
	CU_ASSERT_EQUAL(swap(&p[0], out[0], first, NOW + 1, &answer[0]), 0);
	/* The next period: another keyset, of which nothing is signed for old money twice. */
	keys_read(next);
	CU_ASSERT_STRING_NOT_EQUAL(first, id);
	CU_ASSERT_EQUAL(swap(&p[0], out[0], first, next, &answer[1]), 0); /* the answer was lost */
	CU_ASSERT(json_equal(answer[0], answer[1]));
	json_decref(answer[0]);
	json_decref(answer[1]);
	CU_ASSERT_EQUAL(swap(&p[0], out[0], id, next, &none), -EEXIST); /* spent before */
	CU_ASSERT_EQUAL(swap(&p[1], out[1], first, next, &none), -EACCES);
	CU_ASSERT_PTR_NOT_NULL(strstr(why, "not active"));
	CU_ASSERT_EQUAL(swap(&p[1], out[1], id, next, &answer[0]), 0);
	json_decref(answer[0]);
	CU_ASSERT_EQUAL(swap(&p[1], out[2], id, next, &none), -EEXIST);
	/* A deposit is for the keyset it named, and for no other one as well. */
	json_t *outputs = fog_wallet_outputs_json(out[1], 1, first);
	CU_ASSERT_EQUAL(fog_mint_quote(outputs, paid_quote, &paid_amount), 0);
	json_t *request = json_pack("{s:o}", "outputs", outputs);
	CU_ASSERT_EQUAL(fog_mint_issue(mint, request, next, &answer[0], why), 0);
	json_decref(answer[0]);
	json_object_set_new(request, "outputs", fog_wallet_outputs_json(out[1], 1, id));
	CU_ASSERT_EQUAL(fog_mint_issue(mint, request, next, &none, why), -ENOENT);
	/* The one after: the first keyset has expired, and what was spent of it is forgotten .. */
	CU_ASSERT_EQUAL(spent_count(), 2);
	keys_read(next + FOG_MINT_PERIOD_MS);
	CU_ASSERT_EQUAL(spent_count(), 1);
	json_object_set_new(request, "outputs", fog_wallet_outputs_json(out[1], 1, first));
	CU_ASSERT_EQUAL(fog_mint_issue(mint, request, next + FOG_MINT_PERIOD_MS, &none, why),
			-EACCES);
	json_decref(request);
	/* .. for good, also for a clock that goes back and after another start. */
	for (u32 i = 0; i < 2; i++) {
		CU_ASSERT_EQUAL(swap(&p[0], out[2], id, NOW, &none), -EACCES);
		CU_ASSERT_PTR_NOT_NULL(strstr(why, "expired"));
		fog_mint_close(mint);
		CU_ASSERT_EQUAL_FATAL(fog_mint_open(&mint, store, seed, &ports, NOW, text), 0);
	}
	stop();
}

FOG_TEST_MAIN("controlplane/voucher/mint", FOG_TEST(test_life_cycle), FOG_TEST(test_refusals),
	      FOG_TEST(test_rotation))
