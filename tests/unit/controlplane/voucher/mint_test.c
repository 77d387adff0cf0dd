/* SPDX-License-Identifier: BSD-3-Clause */
/* Mint and wallet together: issue, hand on, redeem; spent twice, forged, asked again. */
#include "controlplane/voucher/mint.h"
#include "controlplane/voucher/wallet.h"
#include "tests/unit/fog_test.h"
#include "tests/unit/store_where.h"

#include <errno.h>

#include "controlplane/core/log.h"

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
	CU_ASSERT_EQUAL_FATAL(fog_mint_open(&mint, store, seed, &ports, text), 0);
	json_t *keys = fog_mint_keys(mint);
	CU_ASSERT_EQUAL_FATAL(fog_wallet_keyset_read(&keyset, id, keys), 0);
	CU_ASSERT_STRING_EQUAL(id, fog_mint_keyset_id(mint));
	/* Another key under the same id. */
	json_t *set = json_object_get(json_array_get(json_object_get(keys, "keysets"), 0), "keys");
	json_object_set(set, "1", json_object_get(set, "2"));
	struct fog_voucher_keyset other;
	char other_id[FOG_VOUCHER_ID_SIZE];
	CU_ASSERT_EQUAL(fog_wallet_keyset_read(&other, other_id, keys), -EBADMSG);
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

	CU_ASSERT_EQUAL(fog_mint_issue(mint, request, &answer, why), -ENOENT);
	CU_ASSERT_EQUAL(
		fog_mint_quote(json_object_get(request, "outputs"), paid_quote, &paid_amount), 0);
	CU_ASSERT_EQUAL(paid_amount, amount);
	CU_ASSERT_EQUAL_FATAL(fog_mint_issue(mint, request, &answer, why), 0);
	CU_ASSERT_EQUAL(fog_mint_issue(mint, request, &again, why), 0); /* the answer was lost */
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
	CU_ASSERT_EQUAL_FATAL(fog_mint_swap(mint, request, 1, &answer, why), 0);
	CU_ASSERT_EQUAL(fog_mint_swap(mint, request, 2, &again, why), 0); /* asked once more */
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
	CU_ASSERT_EQUAL(fog_mint_swap(mint, request, 3, &answer, why), -EEXIST);
	CU_ASSERT_PTR_NOT_NULL(strstr(why, "spent before"));
	json_decref(request);
	memset(account, 'a', 64);
	account[64] = '\0';
	request = json_pack("{s:o, s:s}", "inputs", inputs_json(p, 1), "account", account);
	CU_ASSERT_EQUAL(fog_mint_redeem(mint, request, 3, &answer, why), -EEXIST);
	json_decref(request);
	/* The new ones are good, once. */
	CU_ASSERT_EQUAL(fog_mint_payment_next(mint, &payment), 0);
	request =
		json_pack("{s:o, s:s}", "inputs", inputs_json(fresh, outputs), "account", account);
	for (u32 i = 0; i < 2; i++) {
		CU_ASSERT_EQUAL(fog_mint_redeem(mint, request, 4, &answer, why), 0);
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
	CU_ASSERT_EQUAL(fog_mint_swap(mint, request, 1, &answer, why), -EINVAL);
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
		CU_ASSERT_EQUAL(fog_mint_swap(mint, request, 1, &answer, why), row[i].rc);
		json_decref(request);
	}
	request = json_object();
	CU_ASSERT_EQUAL(fog_mint_swap(mint, request, 1, &answer, why), -EINVAL);
	CU_ASSERT_EQUAL(fog_mint_issue(mint, request, &answer, why), -EINVAL);
	CU_ASSERT_EQUAL(fog_mint_redeem(mint, request, 1, &answer, why), -EINVAL);
	json_decref(request);
	/* After all that they are still good. */
	request = json_pack("{s:o, s:o}", "inputs", inputs_json(p, count), "outputs",
			    fog_wallet_outputs_json(out, outputs, id));
	CU_ASSERT_EQUAL(fog_mint_swap(mint, request, 1, &answer, why), 0);
	json_decref(answer);
	json_decref(request);
	stop();
}

FOG_TEST_MAIN("controlplane/voucher/mint", FOG_TEST(test_life_cycle), FOG_TEST(test_refusals))
