/* SPDX-License-Identifier: BSD-3-Clause */
/* A control plane in this process whose shared ledger is ordered by a quorum: of this host alone.
 * What is wrong with a transaction is said by name, whoever refuses it. */
#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "controlplane/core/log.h"
#include "controlplane/daemon/chain.h"
#include "controlplane/jobs/papers.h"
#include "crypto/hash/hash.h"
#include "crypto/mem.h"
#include "crypto/sign/sign.h"
#include "tests/unit/fog_loop.h"
#include "tests/unit/fog_place.h"
#include "tests/unit/fog_test.h"

#define BALANCE 1000000000ull

static struct ev_loop *loop;
static struct fog_host *host;
static char dir[64], conf[96], why[FOG_HOST_WHY_SIZE];
static u8 user_pk[32], user_sk[FOG_SIGN_SECRET_SIZE];

/* What the last transaction came to. */
static u32 answers;
static enum fog_tx_error answer;
static int answer_result;

static void genesis_write(const char *state, u16 port)
{
	char path[160], error[FOG_IDENTITY_WHY_SIZE], node[65], control[65], user[65];
	struct fog_identity id;

	CU_ASSERT_EQUAL_FATAL(fog_identity_load(&id, state, error), 0);
	fog_hex_encode(id.node_id, 32, node, sizeof(node));
	fog_hex_encode(id.control_pk, 32, control, sizeof(control));
	fog_hex_encode(user_pk, 32, user, sizeof(user));
	fog_identity_wipe(&id);
	snprintf(path, sizeof(path), "%s/genesis.json", dir);
	FILE *f = fopen(path, "we");
	CU_ASSERT_PTR_NOT_NULL_FATAL(f);
	fprintf(f,
		"{\"name\":\"one\",\"time_ms\":%llu,\"accounts\":["
		"{\"key\":\"%s\",\"balance\":%llu,\"bond\":%llu,\"control_pk\":\"%s\","
		"\"address\":\"127.0.0.1:%u\"},{\"key\":\"%s\",\"balance\":%llu}],"
		"\"parameters\":{\"quorum.view_ms\":700,\"quorum.block_ms\":90,"
		"\"ledger.claim_ms\":0}}",
		(unsigned long long)fog_loop_now_ms(loop), node, BALANCE, BALANCE, control, port,
		user, BALANCE);
	fclose(f);
}

static void start(void)
{
	struct fog_config config;
	u16 port = fog_test_free_port();
	char state[96];
	u8 seed[FOG_SIGN_SEED_SIZE] = {1, 2, 3};

	loop = ev_loop_new(EVFLAG_AUTO);
	snprintf(dir, sizeof(dir), "/tmp/fog-chain-test-XXXXXX");
	CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(dir));
	snprintf(state, sizeof(state), "%s/state", dir);
	CU_ASSERT_EQUAL(mkdir(state, 0700), 0);
	fog_sign_keypair(user_pk, user_sk, seed);
	genesis_write(state, port);
	snprintf(conf, sizeof(conf), "%s/fog.conf", dir);
	FILE *f = fopen(conf, "we");
	CU_ASSERT_PTR_NOT_NULL_FATAL(f);
	fprintf(f,
		"host = { name = \"one\"; run_dir = \"%s\"; state_dir = \"%s\"; };\n"
		"dataplane = { listen = \"127.0.0.1:9\"; };\n"
		"gateway = { listen = \"\"; };\n"
		"control = { listen = \"127.0.0.1:%u\"; };\n"
		"quorum = { listen = \"127.0.0.1:%u\"; };\n"
		"ledger = { chain = \"quorum\"; genesis = \"%s/genesis.json\"; };\n",
		dir, state, fog_test_free_port(), port, dir);
	fclose(f);
	fog_log_set_level(FOG_LOG_ERROR);
	CU_ASSERT_EQUAL_FATAL(fog_config_read(&config, conf, stdout), 0);
	int rc = fog_host_start(&host, loop, &config, conf, why);
	fog_config_free(&config);
	if (rc != 0)
		printf("%s\n", why);
	CU_ASSERT_EQUAL_FATAL(rc, 0);
	answers = 0;
}

static void stop(void)
{
	fog_host_stop(host);
	host = NULL;
	CU_ASSERT_EQUAL(fog_test_tree_remove(dir), 0);
	ev_loop_destroy(loop);
}

static void on_done(void *ctx, const u8 id[32], u64 height, enum fog_tx_error error, int result)
{
	answers++;
	answer = error;
	answer_result = result;
}

static u32 transfer(u64 nonce, u64 amount, u8 out[FOG_TX_SIZE_MAX])
{
	struct fog_tx tx = {.kind = FOG_TX_TRANSFER, .nonce = nonce, .fee_max = 1000000};

	memcpy(tx.sender, user_pk, 32);
	memset(tx.body.transfer.to, 9, 32);
	tx.body.transfer.amount = amount;
	return fog_tx_encode(&tx,
			     fog_chain_id(fog_ledger_app_chain(fog_host_chain_app(host->chain))),
			     user_sk, out);
}

static enum fog_tx_error outcome(const u8 *data, u32 len)
{
	enum fog_tx_error error = FOG_TX_OK;
	u32 before = answers;

	if (fog_host_chain_submit(host->chain, data, len, &error, on_done, NULL) != 0)
		return error;
	RUN_UNTIL(answers == before + 1);
	return answer;
}

static void test_every_refusal_has_a_name(void)
{
	static const int results[] = {-EAGAIN, -EMSGSIZE,  -ETIMEDOUT, -EINPROGRESS,
				      -EIO,    -ECANCELED, -ENOMEM};
	int status;

	for (u32 e = FOG_TX_OK + 1; e < FOG_TX_ERROR_COUNT; e++) {
		CU_ASSERT_EQUAL(fog_chain_error_of(fog_tx_error_text(e)), e);
		CU_ASSERT_STRING_EQUAL(fog_chain_why(e, -EPERM, &status), fog_tx_error_text(e));
		CU_ASSERT_EQUAL(status, e == FOG_TX_ERROR_MALFORMED ? 400 : 409);
	}
	CU_ASSERT_EQUAL(fog_chain_error_of("too many are waiting"), FOG_TX_ERROR_COUNT);
	for (u32 i = 0; i < FOG_ARRAY_COUNT(results); i++) {
		const char *text = fog_chain_why(FOG_TX_ERROR_COUNT, results[i], &status);
		CU_ASSERT(status == 413 || status == 503 || status == 504);
		CU_ASSERT_STRING_NOT_EQUAL(text, strerror(-results[i]));
		CU_ASSERT_EQUAL(strstr(text, "stops") != NULL, results[i] == -ECANCELED);
	}
	(void)fog_chain_why(FOG_TX_ERROR_COUNT, -ENOSPC, &status);
	CU_ASSERT_EQUAL(status, 500);
}

static void test_through_the_quorum(void)
{
	u8 data[FOG_TX_SIZE_MAX], second[FOG_TX_SIZE_MAX];
	u32 len;

	start();
	CU_ASSERT_PTR_NOT_NULL_FATAL(fog_host_chain_node(host->chain));
	/* What was agreed on is what this host lives by. */
	CU_ASSERT_EQUAL(host->config.quorum_view_ms, 700);
	CU_ASSERT_EQUAL(host->config.quorum_idle_ms, 90);
	len = transfer(0, 5, data);
	CU_ASSERT_EQUAL(outcome(data, len), FOG_TX_OK);
	CU_ASSERT_EQUAL(outcome(data, len), FOG_TX_ERROR_REPLAYED);
	/* It came into a block, so its nonce is used up. */
	len = transfer(1, 2 * BALANCE, data);
	CU_ASSERT_EQUAL(outcome(data, len), FOG_TX_ERROR_OVERDRAWN);
	len = transfer(2, 5, data);
	data[len - 1] ^= 1;
	CU_ASSERT_EQUAL(outcome(data, len), FOG_TX_ERROR_FORGED);
	CU_ASSERT_EQUAL(outcome(data, len - 1), FOG_TX_ERROR_MALFORMED);
	len = transfer(2 + FOG_LEDGER_AHEAD_MAX, 5, data);
	CU_ASSERT_EQUAL(outcome(data, len), FOG_TX_ERROR_NONCE);
	/* The same one twice at once: both callers hear that it is done. */
	enum fog_tx_error error;
	u32 before = answers;
	len = transfer(2, 5, data);
	for (u32 i = 0; i < 2; i++)
		CU_ASSERT_EQUAL(
			fog_host_chain_submit(host->chain, data, len, &error, on_done, NULL), 0);
	RUN_UNTIL(answers == before + 2);
	CU_ASSERT_EQUAL(answer, FOG_TX_OK);
	/* Two of one nonce: the second is refused in the block or before it, by the ledger. */
	before = answers;
	len = transfer(3, 5, data);
	CU_ASSERT_EQUAL(fog_host_chain_submit(host->chain, data, len, &error, on_done, NULL), 0);
	len = transfer(3, 6, second);
	CU_ASSERT_EQUAL(fog_host_chain_submit(host->chain, second, len, &error, on_done, NULL), 0);
	RUN_UNTIL(answers == before + 2);
	CU_ASSERT_EQUAL(answer, FOG_TX_ERROR_REPLAYED);
	/* It stops while one waits. */
	len = transfer(4, 5, data);
	CU_ASSERT_EQUAL(fog_host_chain_submit(host->chain, data, len, &error, on_done, NULL), 0);
	before = answers;
	stop();
	CU_ASSERT_EQUAL(answers, before + 1);
	CU_ASSERT_EQUAL(answer, FOG_TX_ERROR_COUNT);
	CU_ASSERT_EQUAL(answer_result, -ECANCELED);
}

static enum fog_tx_error escrow_open(const struct fog_offer *o, const char *text, u64 amount)
{
	struct fog_tx tx = {.kind = FOG_TX_ESCROW_OPEN, .nonce = 0, .fee_max = 1000000};
	char reference[FOG_JOB_ID_SIZE + 16];
	u8 data[FOG_TX_SIZE_MAX];

	snprintf(reference, sizeof(reference), "%s:%u", o->key.job, o->key.attempt);
	fog_hash_sha256(tx.body.escrow_open.reference, reference, strlen(reference));
	fog_hash_sha256(tx.body.escrow_open.terms, text, strlen(text));
	memcpy(tx.body.escrow_open.payee, o->key.worker, 32);
	memcpy(tx.sender, user_pk, 32);
	tx.body.escrow_open.amount = amount;
	tx.body.escrow_open.life_ms = 3600000;
	u32 len = fog_tx_encode(&tx,
				fog_chain_id(fog_ledger_app_chain(fog_host_chain_app(host->chain))),
				user_sk, data);
	return outcome(data, len);
}

/* As this host. */
static enum fog_tx_error send_own(struct fog_tx *tx)
{
	enum fog_tx_error error;
	u32 before = answers;

	if (fog_host_chain_send(host->chain, tx, &error, on_done, NULL) != 0)
		return error;
	RUN_UNTIL(answers == before + 1);
	return answer;
}

static u64 host_balance(void)
{
	struct fog_rec_account a;

	fog_state_get(fog_chain_state(fog_ledger_app_chain(fog_host_chain_app(host->chain))),
		      FOG_RECORD_ACCOUNT, host->id.node_id, &a);
	return a.balance;
}

/* A job of the user at this host: its pay is seen to be held, and claimed with the receipt's very
 * text when the user is silent. */
static void test_receipt_is_paid(void)
{
	struct fog_offer o = {.price.cpu_hour = 1, .price_max = 3};
	struct fog_receipt *r = calloc(1, sizeof(*r));
	struct fog_tx claim = {.kind = FOG_TX_ESCROW_CLAIM},
		      finish = {.kind = FOG_TX_ESCROW_FINISH};
	char error[128], reference[] = "job-7:2";
	u8 message[FOG_PAPER_SIZE_MAX], hash[32];

	start();
	memcpy(o.key.submitter, user_pk, 32);
	memcpy(o.key.worker, host->id.node_id, 32);
	snprintf(o.key.job, sizeof(o.key.job), "job-7");
	o.key.attempt = 2;
	char *text = fog_offer_text(&o);
	CU_ASSERT_FALSE(fog_host_pay_funded(host, &o, text, error));
	CU_ASSERT_EQUAL(escrow_open(&o, text, 3000), FOG_TX_OK);
	CU_ASSERT_TRUE(fog_host_pay_funded(host, &o, text, error));
	CU_ASSERT_FALSE(fog_host_pay_funded(host, &o, "another offer", error));
	o.price_max = 4;
	CU_ASSERT_FALSE(fog_host_pay_funded(host, &o, text, error));
	/* What the worker signs. */
	r->key = o.key;
	r->outcome = FOG_OUTCOME_EXITED;
	r->amount = 2;
	r->sequence = 1;
	snprintf(r->sandbox, sizeof(r->sandbox), "{}");
	fog_hash_sha256(r->offer_sha256, text, strlen(text));
	char *receipt = fog_receipt_text(r);
	fog_hash_sha256(hash, reference, strlen(reference));
	fog_escrow_id(user_pk, hash, claim.body.escrow_claim.escrow);
	memcpy(finish.body.escrow.escrow, claim.body.escrow_claim.escrow, 32);
	claim.body.escrow_claim.amount = 2000;
	claim.text = receipt;
	claim.text_len = (u32)strlen(receipt);
	CU_ASSERT_EQUAL(send_own(&claim), FOG_TX_ERROR_RECEIPT); /* not signed */
	fog_sign(claim.body.escrow_claim.signature, message,
		 fog_paper_message(FOG_RECEIPT_LABEL, receipt, message), host->id.sign_sk);
	claim.body.escrow_claim.amount = 3000;
	CU_ASSERT_EQUAL(send_own(&claim), FOG_TX_ERROR_RECEIPT); /* not what it says */
	claim.body.escrow_claim.amount = 2000;
	CU_ASSERT_EQUAL(send_own(&claim), FOG_TX_OK);
	CU_ASSERT_FALSE(fog_host_pay_funded(host, &o, text, error));
	u64 before = host_balance();
	CU_ASSERT_EQUAL(send_own(&finish), FOG_TX_OK);
	CU_ASSERT(host_balance() > before && host_balance() <= before + 2000);
	CU_ASSERT_EQUAL(send_own(&finish), FOG_TX_ERROR_ESCROW);
	free(text);
	free(receipt);
	free(r);
	stop();
}

FOG_TEST_MAIN("controlplane/daemon/chain", FOG_TEST(test_every_refusal_has_a_name),
	      FOG_TEST(test_through_the_quorum), FOG_TEST(test_receipt_is_paid))
