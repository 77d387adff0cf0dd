/* SPDX-License-Identifier: BSD-3-Clause */
/* The ledger behind the quorum's interface: pool, blocks, evidence, snapshots and proofs. */
#include "controlplane/ledger/application.h"
#include "tests/unit/controlplane/ledger/chainbed.h"
#include "tests/unit/fog_test.h"

#include <errno.h>
#include <time.h>

#define MANY 4096

struct host {
	struct fog_ledger_app *app;
	struct fog_application i;
	u8 pk[8][32], sk[8][64];
	u64 height;
	u8 root[32];
};

static void host_open(struct host *h)
{
	static const struct fog_chain_ports ports = {NULL, ""};
	struct fog_genesis_account account[8];
	struct fog_genesis g = {.name = "app", .account_count = 8, .account = account};
	const char *why;

	memset(h, 0, sizeof(*h));
	memset(account, 0, sizeof(account));
	for (u32 n = 0; n < 8; n++) {
		u8 seed[32] = {(u8)(100 + n)};
		fog_sign_keypair(h->pk[n], h->sk[n], seed);
		memcpy(account[n].pk, h->pk[n], 32);
		account[n].balance = 1000000000;
		account[n].bond = n < 4 ? 5000000 : 0;
	}
	CU_ASSERT_EQUAL_FATAL(fog_ledger_app_new(&h->app, &ports, &g, &why), 0);
	fog_ledger_app_interface(h->app, &h->i);
}

static u32 sign(const struct host *h, u32 from, u32 to, u64 nonce, u64 amount, u8 *out)
{
	struct fog_tx tx = {.kind = FOG_TX_TRANSFER, .nonce = nonce, .fee_max = 100000};

	memcpy(tx.sender, h->pk[from], 32);
	memcpy(tx.body.transfer.to, h->pk[to], 32);
	tx.body.transfer.amount = amount;
	return fog_tx_encode(&tx, fog_chain_id(fog_ledger_app_chain(h->app)), h->sk[from], out);
}

static struct fog_app_validator changes[FOG_APP_CHANGES_MAX]; /* of the last block */

static u32 run(struct host *h, const struct fog_app_bytes *tx, u32 count,
	       const struct fog_app_evidence *evidence, u32 evidence_count, i32 *verdict)
{
	struct fog_app_block block = {
		.height = ++h->height,
		.time_ms = 1000 * h->height,
		.tx = tx,
		.tx_count = count,
		.evidence = evidence,
		.evidence_count = evidence_count,
	};
	struct fog_app_result result = {.verdict = verdict, .change = changes};
	u64 height;
	u8 root[32];
	const char *why;

	CU_ASSERT_EQUAL(h->i.execute(h->app, &block, &result), 0);
	h->i.info(h->app, &height, root);
	CU_ASSERT(height == h->height && memcmp(root, result.root, 32) == 0);
	CU_ASSERT_EQUAL(fog_chain_audit(fog_ledger_app_chain(h->app), &why), 0);
	memcpy(h->root, root, 32);
	return result.change_count;
}

static void test_life_cycle(void)
{
	struct host h;
	u8 bytes[3][FOG_TX_SIZE_MAX], id[32];
	struct fog_app_bytes tx[3];
	int result[3];
	char why[3][FOG_APP_WHY_SIZE];
	bool keep[3], known[3] = {false, false, false};
	i32 verdict[3];
	enum fog_tx_error e;
	u64 height;

	host_open(&h);
	for (u32 n = 0; n < 3; n++)
		tx[n] = (struct fog_app_bytes){bytes[n], sign(&h, 5, 6, n, 10, bytes[n])};
	bytes[1][tx[1].len - 1] ^= 1;
	h.i.check(h.app, tx, 3, false, 0, result, why);
	CU_ASSERT(result[0] == 0 && result[1] == -EBADMSG && result[2] == 0);
	CU_ASSERT(strstr(why[1], "signature") != NULL);
	CU_ASSERT_EQUAL(h.i.accept(h.app, tx, 3, known), -EBADMSG);
	bytes[1][tx[1].len - 1] ^= 1;
	CU_ASSERT_EQUAL(h.i.accept(h.app, tx, 3, known), 0);
	h.i.select(h.app, tx, 3, 0, keep);
	CU_ASSERT(keep[0] && keep[1] && keep[2]);
	CU_ASSERT_EQUAL(run(&h, tx, 3, NULL, 0, verdict),
			4); /* the committee is new to the quorum */
	CU_ASSERT(verdict[0] == 0 && verdict[1] == 0 && verdict[2] == 0);
	h.height--; /* the same block once more: the same answer, and nothing changes */
	CU_ASSERT_EQUAL(run(&h, tx, 3, NULL, 0, verdict), 4);
	CU_ASSERT(verdict[0] == 0 && verdict[1] == 0 && verdict[2] == 0);
	CU_ASSERT_EQUAL(run(&h, tx, 1, NULL, 0, verdict), 0);
	CU_ASSERT_EQUAL(verdict[0], -EALREADY);
	fog_tx_id(tx[0].data, tx[0].len, id);
	CU_ASSERT(fog_ledger_app_verdict(h.app, id, &e, &height) == 0 && e == FOG_TX_OK &&
		  height == 1);
	id[9] ^= 1;
	CU_ASSERT_EQUAL(fog_ledger_app_verdict(h.app, id, &e, &height), -ENOENT);
	h.i.check(h.app, tx, 1, true, 0, result, why);
	CU_ASSERT_EQUAL(result[0], -EALREADY);
	h.i.select(h.app, tx, 1, 0, keep);
	CU_ASSERT(!keep[0]);
	fog_ledger_app_free(h.app);
	fog_ledger_app_free(NULL);
}

static void test_evidence(void)
{
	struct host h;
	struct fog_app_evidence evidence = {.weight = 5};

	host_open(&h);
	run(&h, NULL, 0, NULL, 0, NULL);
	memcpy(evidence.node_id, h.pk[1], 32);
	CU_ASSERT_EQUAL(run(&h, NULL, 0, &evidence, 1, NULL), 1); /* it leaves */
	CU_ASSERT_EQUAL(run(&h, NULL, 0, &evidence, 1, NULL), 0);
	fog_ledger_app_free(h.app);
}

/* Who registers anew with other attributes is told of again. */
static void test_attributes(void)
{
	struct host h;
	struct fog_tx tx = {.kind = FOG_TX_VALIDATOR, .nonce = 0, .fee_max = 100000};
	u8 bytes[FOG_TX_SIZE_MAX];
	i32 verdict;

	host_open(&h);
	CU_ASSERT_EQUAL(run(&h, NULL, 0, NULL, 0, NULL), 4);
	memcpy(tx.sender, h.pk[2], 32);
	memcpy(tx.body.validator.attributes.tee_vendor, "amd-snp", 7);
	for (u32 i = 0; i < 2; i++) { /* the second time it says the same */
		tx.nonce = i;
		struct fog_app_bytes b = {
			bytes, fog_tx_encode(&tx, fog_chain_id(fog_ledger_app_chain(h.app)),
					     h.sk[2], bytes)};
		CU_ASSERT_EQUAL(run(&h, &b, 1, NULL, 0, &verdict), 1 - i);
		CU_ASSERT_EQUAL(verdict, 0);
		if (i == 0) {
			CU_ASSERT_EQUAL(memcmp(changes[0].node_id, h.pk[2], 32), 0);
			CU_ASSERT_STRING_EQUAL(changes[0].tee_vendor, "amd-snp");
		}
	}
	fog_ledger_app_free(h.app);
}

static const char *shown = "";

static bool is_shown(void *ctx, const u8 node_id[32], const char *vendor)
{
	struct host *h = ctx;

	return memcmp(node_id, h->pk[2], 32) == 0 && strcmp(vendor, shown) == 0;
}

/* A TEE that nobody here has attested stays out of pool and proposals, not out of blocks. */
static void test_vendor(void)
{
	struct host h;
	struct fog_tx tx = {.kind = FOG_TX_VALIDATOR, .nonce = 0, .fee_max = 100000};
	char why[1][FOG_APP_WHY_SIZE];
	u8 bytes[FOG_TX_SIZE_MAX];
	bool keep, known = false;
	int result;

	host_open(&h);
	CU_ASSERT_EQUAL(run(&h, NULL, 0, NULL, 0, NULL), 4);
	memcpy(tx.sender, h.pk[2], 32);
	memcpy(tx.body.validator.attributes.tee_vendor, "intel-tdx", 9);
	struct fog_app_bytes b = {
		bytes,
		fog_tx_encode(&tx, fog_chain_id(fog_ledger_app_chain(h.app)), h.sk[2], bytes)};
	h.i.check(h.app, &b, 1, false, 0, &result, why);
	CU_ASSERT_EQUAL(result, 0);
	fog_ledger_app_vendor(h.app, is_shown, &h);
	h.i.check(h.app, &b, 1, false, 0, &result, why);
	CU_ASSERT_EQUAL(result, -EPERM);
	CU_ASSERT_PTR_NOT_NULL(strstr(why[0], "has not shown the TEE vendor"));
	h.i.select(h.app, &b, 1, 0, &keep);
	CU_ASSERT_FALSE(keep);
	shown = "amd-sev-snp";
	h.i.check(h.app, &b, 1, true, 0, &result, why);
	CU_ASSERT_EQUAL(result, -EPERM);
	CU_ASSERT_EQUAL(h.i.accept(h.app, &b, 1, &known), 0);
	shown = "intel-tdx";
	h.i.check(h.app, &b, 1, false, 0, &result, why);
	CU_ASSERT_EQUAL(result, 0);
	h.i.select(h.app, &b, 1, 0, &keep);
	CU_ASSERT_TRUE(keep);
	/* Without a claim there is nothing to show. */
	memset(&tx.body.validator.attributes, 0, sizeof(tx.body.validator.attributes));
	shown = "";
	b.len = fog_tx_encode(&tx, fog_chain_id(fog_ledger_app_chain(h.app)), h.sk[2], bytes);
	h.i.check(h.app, &b, 1, false, 0, &result, why);
	CU_ASSERT_EQUAL(result, 0);
	fog_ledger_app_free(h.app);
}

static u32 stake_sign(const struct host *h, u32 from, u32 kind, u64 nonce, u64 amount, u8 *out)
{
	struct fog_tx tx = {.kind = kind, .nonce = nonce, .fee_max = 100000};

	memcpy(tx.sender, h->pk[from], 32);
	memcpy(tx.body.stake.validator, h->pk[from], 32);
	tx.body.stake.amount = amount;
	return fog_tx_encode(&tx, fog_chain_id(fog_ledger_app_chain(h->app)), h->sk[from], out);
}

/* Who took all its money out in time is found out later: what is still unbonding answers for it. */
static void test_evidence_late(void)
{
	struct host h;
	struct fog_app_evidence evidence = {.weight = 5, .epoch = 1};
	struct fog_rec_validator v;
	u8 bytes[FOG_TX_SIZE_MAX];
	i32 verdict;

	host_open(&h);
	run(&h, NULL, 0, NULL, 0, NULL);
	struct fog_app_bytes tx = {bytes, stake_sign(&h, 1, FOG_TX_UNBOND, 0, 0, bytes)};
	CU_ASSERT_EQUAL(run(&h, &tx, 1, NULL, 0, &verdict), 1); /* it leaves */
	CU_ASSERT_EQUAL(verdict, 0);
	for (u32 i = 0; i < 20; i++)
		run(&h, NULL, 0, NULL, 0, NULL);
	memcpy(evidence.node_id, h.pk[1], 32);
	run(&h, NULL, 0, &evidence, 1, NULL);
	run(&h, NULL, 0, &evidence, 1, NULL); /* again: it was punished */
	fog_state_get(fog_chain_state(fog_ledger_app_chain(h.app)), FOG_RECORD_VALIDATOR, h.pk[1],
		      &v);
	CU_ASSERT_EQUAL(v.slashed, 5000000 / 20);
	CU_ASSERT_EQUAL(v.state, FOG_VALIDATOR_BANNED);
	fog_ledger_app_free(h.app);
}

static void test_snapshot(void)
{
	struct host a, b;
	struct fog_app_snapshot what, other;
	static u8 chunk[FOG_APP_CHUNK_MAX];
	u8 bytes[FOG_TX_SIZE_MAX], *data;
	struct fog_app_bytes tx = {bytes, 0};
	i32 verdict;
	u32 len;
	size_t size;

	host_open(&a);
	host_open(&b);
	tx.len = sign(&a, 5, 6, 0, 10, bytes);
	run(&a, &tx, 1, NULL, 0, &verdict);
	CU_ASSERT_EQUAL(a.i.snapshot_make(a.app, &what), 0);
	run(&a, NULL, 0, NULL, 0, NULL); /* the snapshot stays what it was */
	other = what;
	other.digest[3] ^= 1;
	CU_ASSERT_EQUAL(b.i.restore_begin(b.app, &other), 0);
	for (u32 n = 0; n < what.chunk_count; n++) {
		CU_ASSERT_EQUAL(a.i.snapshot_read(a.app, what.height, n, chunk, &len), 0);
		CU_ASSERT_EQUAL(b.i.restore_chunk(b.app, n, chunk, len), 0);
	}
	CU_ASSERT_EQUAL(b.i.restore_end(b.app), -EBADMSG);
	CU_ASSERT_EQUAL(a.i.snapshot_read(a.app, what.height, what.chunk_count, chunk, &len),
			-ENOENT);
	CU_ASSERT_EQUAL(a.i.snapshot_read(a.app, what.height + 1, 0, chunk, &len), -ENOENT);
	CU_ASSERT_EQUAL(fog_ledger_app_save(a.app, &data, &size), 0);
	for (size_t cut = 0; cut < size; cut += 97)
		CU_ASSERT_NOT_EQUAL(fog_ledger_app_load(b.app, data, cut), 0);
	CU_ASSERT_EQUAL(fog_ledger_app_load(b.app, data, size), 0);
	b.height = a.height;
	run(&a, NULL, 0, NULL, 0, NULL);
	run(&b, NULL, 0, NULL, 0, NULL);
	CU_ASSERT(memcmp(a.root, b.root, 32) == 0);
	free(data);
	fog_ledger_app_free(a.app);
	fog_ledger_app_free(b.app);
}

static void test_proofs(void)
{
	struct host h;
	u8 question[33] = {FOG_RECORD_ACCOUNT}, *answer, *proof, root[32];
	u32 answer_len, proof_len;
	u64 height;
	struct fog_app_bytes q = {question, sizeof(question)};

	host_open(&h);
	memcpy(question + 1, h.pk[5], 32);
	CU_ASSERT_EQUAL(h.i.query(h.app, "record", q, &answer, &answer_len, &proof, &proof_len,
				  &height, root),
			0);
	CU_ASSERT_EQUAL(fog_ledger_proof_check(root, FOG_RECORD_ACCOUNT, h.pk[5], answer,
					       answer_len, proof, proof_len),
			0);
	answer[answer_len - 12] ^= 1; /* a balance that is not true */
	CU_ASSERT_EQUAL(fog_ledger_proof_check(root, FOG_RECORD_ACCOUNT, h.pk[5], answer,
					       answer_len, proof, proof_len),
			-EBADMSG);
	free(answer);
	free(proof);
	question[1] ^= 1;
	CU_ASSERT_EQUAL(h.i.query(h.app, "record", q, &answer, &answer_len, &proof, &proof_len,
				  &height, root),
			-ENOENT);
	CU_ASSERT_EQUAL(fog_ledger_proof_check(root, FOG_RECORD_ACCOUNT, question + 1, NULL, 0,
					       proof, proof_len),
			0);
	free(answer);
	free(proof);
	q.len--;
	CU_ASSERT_EQUAL(h.i.query(h.app, "record", q, &answer, &answer_len, &proof, &proof_len,
				  &height, root),
			-EINVAL);
	fog_ledger_app_free(h.app);
}

static double cpu_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

/* Many at once: prints what one costs; nothing hangs on it. */
static void test_many(void)
{
	struct host h;
	u8(*bytes)[256] = malloc(MANY * 256);
	struct fog_app_bytes *tx = calloc(MANY, sizeof(*tx));
	int *result = calloc(MANY, sizeof(*result));
	i32 *verdict = calloc(MANY, sizeof(*verdict));
	char(*why)[FOG_APP_WHY_SIZE] = calloc(MANY, FOG_APP_WHY_SIZE);
	u8 out[FOG_TX_SIZE_MAX];

	host_open(&h);
	for (u32 n = 0; n < MANY; n++) {
		tx[n].len = sign(&h, n % 8, (n + 1) % 8, n / 8, 1, out);
		memcpy(bytes[n], out, tx[n].len);
		tx[n].data = bytes[n];
	}
	double start = cpu_us();
	h.i.check(h.app, tx, MANY, false, 0, result, why);
	double checked = cpu_us();
	run(&h, tx, MANY, NULL, 0, verdict);
	double done = cpu_us();
	for (u32 n = 0; n < MANY; n++)
		CU_ASSERT(result[n] == 0 && verdict[n] == 0);
	printf("check %.1f us, execute %.1f us a transfer\n", (checked - start) / MANY,
	       (done - checked) / MANY);
	free(why);
	free(verdict);
	free(result);
	free(tx);
	free(bytes);
	fog_ledger_app_free(h.app);
}

FOG_TEST_MAIN("controlplane/ledger/application", FOG_TEST(test_life_cycle), FOG_TEST(test_evidence),
	      FOG_TEST(test_attributes), FOG_TEST(test_vendor), FOG_TEST(test_evidence_late),
	      FOG_TEST(test_snapshot), FOG_TEST(test_proofs), FOG_TEST(test_many))
