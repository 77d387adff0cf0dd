/* SPDX-License-Identifier: BSD-3-Clause */
/* Five hosts on one loop, with real sockets and disks and the ledger: agreement, a restart, a host
 * whose disk is lost and that comes back by snapshot, a follower, refused transactions, rules
 * changed by a vote. */
#include "controlplane/validator/node.h"
#include "controlplane/core/log.h"
#include "controlplane/validator/genesis.h"
#include "crypto/curve/x25519.h"
#include "tests/unit/fog_place.h"
#include "tests/unit/fog_test.h"

#include <errno.h>
#include <unistd.h>

#define HOSTS      5 /* the last one follows */
#define VALIDATORS 4
#define EPOCH_MS   1000
#define SKEW_MS    1000
#define BASE_PORT  18800

struct host {
	struct fog_identity id;
	struct fog_ledger_app *app;
	struct fog_node *node;
	struct fog_address listen;
	char dir[64], key_new[72];
};

static struct ev_loop *loop;
static struct host hosts[HOSTS];
static struct fog_genesis_account account[VALIDATORS + 1];
static struct fog_genesis genesis;
static struct fog_validators set;
static u8 client_sk[64], client_pk[32];
static char dir[] = "/tmp/fog-node-test.XXXXXX";

static void genesis_make(void)
{
	static const struct fog_genesis_parameter parameters[] = {
		{.number = FOG_PARAMETER_QUORUM_PROFILE, .value = FOG_PROFILE_BASIC},
		{.number = FOG_PARAMETER_QUORUM_EPOCH_MS, .value = EPOCH_MS},
		{.number = FOG_PARAMETER_VOTE_DELAY_MS, .value = 0},
		{.number = FOG_PARAMETER_VOTE_PERIOD_MS, .value = 1000},
		{.number = FOG_PARAMETER_VOTE_EXTENSION_MS, .value = 0},
		{.number = FOG_PARAMETER_VOTE_THRESHOLD, .value = 0},
		{.number = FOG_PARAMETER_TIMELOCK_MS, .value = 0}};
	char why[FOG_APP_WHY_SIZE];
	u8 seed[32] = {99};

	fog_sign_keypair(client_pk, client_sk, seed);
	genesis = (struct fog_genesis){.name = "test",
				       .time_ms = 1,
				       .account = account,
				       .account_count = VALIDATORS + 1,
				       .parameter = parameters,
				       .parameter_count = FOG_ARRAY_COUNT(parameters)};
	for (u32 i = 0; i < HOSTS; i++) {
		struct host *h = &hosts[i];
		seed[0] = (u8)(i + 1);
		fog_sign_keypair(h->id.node_id, h->id.sign_sk, seed);
		memset(h->id.control_sk, (int)(16 * (i + 1)), 32);
		fog_x25519_base(h->id.control_pk, h->id.control_sk);
		(void)fog_ip_parse("127.0.0.1", h->listen.ip);
		h->listen.port = (u16)(BASE_PORT + (unsigned)getpid() % 2000 * 5 + i);
		snprintf(h->dir, sizeof(h->dir), "%s/%u", dir, i);
		snprintf(h->key_new, sizeof(h->key_new), "%s/%u.new", dir, i);
		fclose(fopen(h->key_new, "w"));
		if (i >= VALIDATORS)
			continue;
		struct fog_validator_attributes *t = &account[i].attributes;
		memcpy(account[i].pk, h->id.node_id, 32);
		account[i].bond = 10000000;
		memcpy(t->control_pk, h->id.control_pk, 32);
		memcpy(t->address, h->listen.ip, 16);
		t->port = h->listen.port;
		t->as = 1 + i;
		snprintf(t->operator_name, sizeof(t->operator_name), "o%u", i);
		snprintf(t->country, sizeof(t->country), "C%u", i);
		snprintf(t->power_region, sizeof(t->power_region), "p%u", i);
	}
	memcpy(account[VALIDATORS].pk, client_pk, 32);
	account[VALIDATORS].balance = 1000000000;
	CU_ASSERT_EQUAL_FATAL(fog_genesis_set(&genesis, 0, true, &set, why), 0);
}

/* What each host was told of a block, also when it executed it again after a restart. */
#define BLOCKS_SEEN 64
static u8 seen[HOSTS][BLOCKS_SEEN][32];
static u32 told[HOSTS];

static void on_executed(void *context, const struct fog_app_block *b)
{
	const struct host *h = context;
	u32 i = (u32)(h - hosts);

	told[i]++;
	if (b->height >= BLOCKS_SEEN)
		return;
	static const u8 nothing[32];
	u8 *value = seen[i][b->height];
	CU_ASSERT_NOT_EQUAL(memcmp(b->randomness, nothing, 32), 0);
	if (memcmp(value, nothing, 32) != 0)
		CU_ASSERT_EQUAL(memcmp(value, b->randomness, 32), 0);
	memcpy(value, b->randomness, 32);
}

static void host_start(u32 i)
{
	static const struct fog_chain_ports ports = {NULL, ""};
	struct host *h = &hosts[i];
	const char *why;
	char node_why[FOG_NODE_WHY_SIZE] = "";
	struct fog_node_config c = {.loop = loop,
				    .id = &h->id,
				    .dir = h->dir,
				    .listen = i < VALIDATORS ? &h->listen : NULL,
				    .genesis = &set,
				    .genesis_ms = 1,
				    .idle_ms = 100,
				    .skew_ms = SKEW_MS,
				    .key_new = h->key_new,
				    .executed = on_executed,
				    .executed_context = h,
				    .log_keep = 1};

	CU_ASSERT_EQUAL_FATAL(fog_ledger_app_new(&h->app, &ports, &genesis, &why), 0);
	fog_ledger_app_interface(h->app, &c.app);
	int rc = fog_node_start(&h->node, &c, node_why);
	if (rc != 0)
		printf("\n%s\n", node_why);
	CU_ASSERT_EQUAL_FATAL(rc, 0);
}

static void host_stop(u32 i)
{
	fog_node_stop(hosts[i].node);
	fog_ledger_app_free(hosts[i].app);
	hosts[i].node = NULL;
	hosts[i].app = NULL;
}

static u64 height_of(u32 i)
{
	struct fog_quorum_status s;

	if (hosts[i].node == NULL)
		return 0;
	fog_node_status(hosts[i].node, &s);
	return s.executed;
}

static u64 epoch_of(u32 i)
{
	return fog_node_set(hosts[i].node)->epoch;
}

static u64 votes(u32 i)
{
	struct fog_quorum_status s;

	fog_node_status(hosts[i].node, &s);
	return s.self >= 0;
}

static void on_nothing(struct ev_loop *l, struct ev_timer *w, int revents)
{
}

/* Turn the loop until *what is at least `least`, or give up. */
static bool until(u64 (*what)(u32), u32 i, u64 least, u32 seconds)
{
	u64 end = fog_monotonic_ms() + 1000 * seconds;
	struct ev_timer t;

	ev_timer_init(&t, on_nothing, 0.01, 0.01);
	ev_timer_start(loop, &t);
	while (what(i) < least && fog_monotonic_ms() < end)
		ev_run(loop, EVRUN_ONCE);
	ev_timer_stop(loop, &t);
	return what(i) >= least;
}

struct verdict {
	bool here;
	int result;
	u64 height;
};

static struct verdict verdict;

static void on_verdict(void *arg, int result, const char *why, u64 height)
{
	verdict = (struct verdict){true, result, height};
}

static u64 verdict_here(u32 i)
{
	return verdict.here;
}

static u64 nonce_now(u32 i)
{
	struct fog_rec_account a;

	fog_state_get(fog_chain_state(fog_ledger_app_chain(hosts[i].app)), FOG_RECORD_ACCOUNT,
		      client_pk, &a);
	return a.nonce;
}

/* Through host i; returns the verdict. */
static int send_tx(u32 i, struct fog_tx *tx, bool forge, u64 back)
{
	u8 bytes[FOG_TX_SIZE_MAX];

	memcpy(tx->sender, client_pk, 32);
	tx->nonce = nonce_now(0) - back;
	tx->fee_max = 100000;
	u32 len = fog_tx_encode(tx, fog_chain_id(fog_ledger_app_chain(hosts[i].app)), client_sk,
				bytes);
	bytes[len - 1] ^= forge;
	verdict.here = false;
	CU_ASSERT_EQUAL(fog_node_submit(hosts[i].node, bytes, len, on_verdict, NULL), 0);
	CU_ASSERT_FATAL(until(verdict_here, 0, 1, 20));
	/* The next question is put to host 0. */
	CU_ASSERT_FATAL(until(height_of, 0, verdict.height, 20));
	return verdict.result;
}

static int transfer(u32 i, u64 amount, bool forge, u64 back)
{
	struct fog_tx tx = {.kind = FOG_TX_TRANSFER};

	memset(tx.body.transfer.to, 7, 32);
	tx.body.transfer.amount = amount;
	return send_tx(i, &tx, forge, back);
}

static u64 profile_of(u32 i)
{
	return fog_node_set(hosts[i].node)->rules.profile;
}

static u64 chain_ms(u32 i)
{
	return fog_chain_state(fog_ledger_app_chain(hosts[0].app))->global.time_ms;
}

/* A passed proposal changes what a certificate must span and how long epochs are, everywhere, with
 * the next epoch. */
static void test_rules_by_vote(void)
{
	struct fog_tx tx = {.kind = FOG_TX_VOTE_LOCK};
	struct fog_rec_proposal p;
	u64 one = 1;

	tx.body.amount.amount = 500000000;
	CU_ASSERT_EQUAL_FATAL(send_tx(0, &tx, false, 0), 0);
	tx = (struct fog_tx){.kind = FOG_TX_VOTE_DELEGATE};
	memcpy(tx.body.account.account, client_pk, 32);
	CU_ASSERT_EQUAL_FATAL(send_tx(1, &tx, false, 0), 0);
	tx = (struct fog_tx){.kind = FOG_TX_PROPOSE, .body.propose.motion_count = 2};
	memcpy(tx.body.propose.title, "wider and slower", 17);
	tx.body.propose.motion[0] = (struct fog_motion){.kind = FOG_MOTION_PARAMETER,
							.target = FOG_PARAMETER_QUORUM_PROFILE,
							.value = FOG_PROFILE_ENHANCED};
	tx.body.propose.motion[1] = (struct fog_motion){.kind = FOG_MOTION_PARAMETER,
							.target = FOG_PARAMETER_QUORUM_EPOCH_MS,
							.value = 2 * EPOCH_MS};
	CU_ASSERT_EQUAL_FATAL(send_tx(2, &tx, false, 0), 0);
	tx = (struct fog_tx){.kind = FOG_TX_VOTE, .body.vote = {.proposal = 1, .choice = 1}};
	CU_ASSERT_EQUAL_FATAL(send_tx(3, &tx, false, 0), 0);
	CU_ASSERT_FATAL(fog_state_get(fog_chain_state(fog_ledger_app_chain(hosts[0].app)),
				      FOG_RECORD_PROPOSAL, &one, &p));
	CU_ASSERT_FATAL(until(chain_ms, 0, p.end_ms + 1, 20));
	tx = (struct fog_tx){.kind = FOG_TX_PROPOSAL_QUEUE, .body.number.number = 1};
	CU_ASSERT_EQUAL_FATAL(send_tx(0, &tx, false, 0), 0);
	CU_ASSERT_EQUAL(profile_of(0), FOG_PROFILE_BASIC);
	tx.kind = FOG_TX_PROPOSAL_EXECUTE;
	CU_ASSERT_EQUAL_FATAL(send_tx(1, &tx, false, 0), 0);
	for (u32 i = 0; i < HOSTS; i++) {
		CU_ASSERT_FATAL(until(profile_of, i, FOG_PROFILE_ENHANCED, 20));
		CU_ASSERT_EQUAL(fog_node_set(hosts[i].node)->rules.epoch_ms, 2 * EPOCH_MS);
	}
	/* They go on, and one that comes back from its disk lives by the same. */
	CU_ASSERT_EQUAL(transfer(0, 2, false, 0), 0);
	host_stop(2);
	host_start(2);
	CU_ASSERT_EQUAL(profile_of(2), FOG_PROFILE_ENHANCED);
	CU_ASSERT_EQUAL(transfer(2, 2, false, 0), 0);
}

static void test_agreement(void)
{
	genesis_make();
	for (u32 i = 0; i < HOSTS; i++)
		host_start(i);
	CU_ASSERT_FATAL(until(height_of, 0, 2, 20));
	for (u32 i = 0; i < HOSTS; i++)
		CU_ASSERT_EQUAL(transfer(i, 10 + i, false, 0), 0);
	for (u32 i = 1; i < HOSTS; i++)
		CU_ASSERT_FATAL(until(height_of, i, 2, 20));
	for (u32 i = 1; i < HOSTS; i++)
		CU_ASSERT_EQUAL(memcmp(seen[i][1], seen[0][1], 64), 0);
	CU_ASSERT_NOT_EQUAL(memcmp(seen[0][1], seen[0][2], 32), 0);
	CU_ASSERT_EQUAL(transfer(1, 10, true, 0), -EBADMSG);
	CU_ASSERT(transfer(2, 1ull << 40, false, 0) != 0);
	CU_ASSERT(transfer(3, 10, false, 1) != 0); /* sent twice */
	json_t *o = fog_node_json(hosts[0].node);
	CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(o, "role")), "validator");
	json_decref(o);
}

static void test_restart(void)
{
	u64 before = height_of(2);

	host_stop(2);
	CU_ASSERT_EQUAL(transfer(0, 1, false, 0), 0); /* three are enough */
	u32 calls = told[2];
	host_start(2);
	CU_ASSERT(told[2] > calls);
	CU_ASSERT(height_of(2) + 3 >= before); /* from its own log */
	CU_ASSERT_FATAL(until(height_of, 2, height_of(0), 20));
	CU_ASSERT_EQUAL(transfer(2, 1, false, 0), 0);
}

static void test_lost_disk(void)
{
	u64 start = epoch_of(0);

	host_stop(3);
	fog_test_tree_remove(hosts[3].dir);
	/* Long enough for the others to forget the first blocks. */
	CU_ASSERT_FATAL(until(epoch_of, 0, start + 4, 30));
	CU_ASSERT_EQUAL(transfer(0, 5, false, 0), 0);
	host_start(3);
	CU_ASSERT_EQUAL(epoch_of(3), 1);
	/* What it voted for is forgotten: it does not vote, also after another start. */
	CU_ASSERT_FALSE(votes(3));
	host_stop(3);
	host_start(3);
	CU_ASSERT_FALSE(votes(3));
	u64 began = fog_monotonic_ms();
	CU_ASSERT_FATAL(until(height_of, 3, height_of(0), 30));
	CU_ASSERT_EQUAL(transfer(3, 5, false, 0), 0);
	CU_ASSERT_EQUAL(nonce_now(3), nonce_now(0));
	/* And from its own disk once more. */
	u64 before = height_of(3);
	host_stop(3);
	host_start(3);
	CU_ASSERT(height_of(3) + 3 >= before);
	CU_ASSERT_FATAL(until(votes, 3, 1, 30));
	CU_ASSERT(fog_monotonic_ms() - began > 2 * SKEW_MS);
	/* Two others and it are enough: its votes count. */
	host_stop(1);
	CU_ASSERT_EQUAL(transfer(0, 5, false, 0), 0);
	host_start(1);
	CU_ASSERT_TRUE(votes(1)); /* its log is there */
}

static void test_end(void)
{
	json_t *proof = NULL;
	const char *why;

	CU_ASSERT_FATAL(until(height_of, 4, height_of(0), 20)); /* the follower, too */
	/* As of now: hosts forget old blocks. The newest heights are in no header yet. */
	u64 most = height_of(0);
	for (u64 h = most; proof == NULL && h > 0 && h + 20 > most; h--)
		proof = fog_node_proof_json(hosts[0].node, h, 1);
	CU_ASSERT_PTR_NOT_NULL(proof);
	json_decref(proof);
	for (u32 i = 0; i < HOSTS; i++) {
		const struct fog_chain *chain = fog_ledger_app_chain(hosts[i].app);
		CU_ASSERT_EQUAL(fog_chain_audit(chain, &why), 0); /* all money is there */
		CU_ASSERT(fog_state_conserved(fog_chain_state(chain)));
	}
	for (u32 i = 0; i < HOSTS; i++)
		host_stop(i);
	fog_test_tree_remove(dir);
}

int main(void)
{
	static const struct fog_test tests[] = {FOG_TEST(test_agreement), FOG_TEST(test_restart),
						FOG_TEST(test_rules_by_vote),
						FOG_TEST(test_lost_disk), FOG_TEST(test_end)};

	fog_log_set_level(getenv("FOG_TEST_LOG") != NULL ? FOG_LOG_DEBUG : FOG_LOG_ERROR);
	loop = ev_loop_new(EVFLAG_AUTO);
	if (loop == NULL || mkdtemp(dir) == NULL)
		return 2;
	int rc = fog_test_run("controlplane/validator/node", tests, FOG_ARRAY_COUNT(tests));
	ev_loop_destroy(loop);
	return rc;
}
