/* SPDX-License-Identifier: BSD-3-Clause */
/* Attestation between two hosts of this process: their talks are real, the line between them, the
 * directory and the enclaves are played. Then everything that a stranger may say instead. */
#include <errno.h>

#include "controlplane/daemon/enclave.h"
#include "controlplane/jobs/json.h"
#include "crypto/cpu.h"
#include "crypto/mem.h"
#include "crypto/random/random.h"
#include "crypto/sign/sign.h"
#include "tests/unit/fog_test.h"

#define QUEUE_MAX 64
#define WAIT_S    20.0

/* ---- what is played ------------------------------------------------------------------------- */

/* One end of a talk; a message waits in the queue of its receiver. */
struct fog_talk {
	struct fog_talk *other; /* NULL: that end is closed */
	struct fog_host *host;
	const struct fog_talk_events *events;
	void *ctx;
	u8 peer[32];
	bool closed, begun;
	bool deaf; /* a stranger's: what comes stays in the queue */
	json_t *queue[QUEUE_MAX];
	u32 count;
};

static struct fog_host host[2]; /* V and A, each the other's neighbour */
static struct fog_signed_descriptor card[2];
static struct fog_talk_server server[2];
static struct fog_talk *talks[QUEUE_MAX];
static u32 talk_count, given;
static struct fog_tee_launch launch;
static bool has_launch;

static u32 number(const struct fog_host *h)
{
	return h == &host[1];
}

static struct fog_talk *talk_make(struct fog_host *h)
{
	struct fog_talk *t = calloc(1, sizeof(*t));

	CU_ASSERT_TRUE_FATAL(t != NULL && talk_count < QUEUE_MAX);
	t->host = h;
	memcpy(t->peer, card[1 - number(h)].d.control_pk, 32);
	talks[talk_count++] = t;
	return t;
}

static int queue(struct fog_talk *t, json_t *m)
{
	if (m == NULL || t == NULL || t->count == QUEUE_MAX) {
		json_decref(m);
		return m == NULL ? -ENOMEM : 0;
	}
	t->queue[t->count++] = m;
	return 0;
}

int fog_peering_talk(struct fog_peering *p, const struct fog_address *address, const u8 pk[32],
		     json_t *first, const struct fog_talk_events *events, void *ctx,
		     struct fog_talk **out)
{
	struct fog_host *h = (struct fog_host *)p;
	struct fog_talk *near = talk_make(h), *far = talk_make(&host[1 - number(h)]);

	near->other = far;
	far->other = near;
	near->events = events;
	near->ctx = ctx;
	near->begun = true;
	*out = near;
	return queue(far, first);
}

void fog_peering_serve(struct fog_peering *p, const struct fog_talk_server *s)
{
	server[number((struct fog_host *)p)] = *s;
}

int fog_talk_send(struct fog_talk *t, json_t *m)
{
	return queue(t->other, m);
}

void fog_talk_close(struct fog_talk *t)
{
	t->closed = true;
	if (t->other != NULL)
		t->other->other = NULL;
}

const u8 *fog_talk_peer(const struct fog_talk *t)
{
	return t->peer;
}

u32 fog_directory_count(const struct fog_directory *dir)
{
	return 2;
}

const struct fog_signed_descriptor *fog_directory_at(const struct fog_directory *dir, u32 i)
{
	return &card[i];
}

bool fog_enclave_launch(struct fog_host *h, const char *id, struct fog_tee_launch *out)
{
	*out = launch;
	return has_launch && strcmp(id, launch.id) == 0;
}

void fog_host_tee_given(struct fog_host *h, const u8 verifier[32], const u8 evidence[32], u32 kind)
{
	given++;
}

/* ---- the line ------------------------------------------------------------------------------- */

static void end(struct fog_talk *t, const char *why)
{
	const struct fog_talk_events *e = t->events;

	t->closed = true;
	if (t->other != NULL)
		t->other->other = NULL;
	if (t->begun)
		e->end(t->ctx, why);
}

static bool deliver(struct fog_talk *t)
{
	if (t->deaf || t->closed || (t->count == 0 && t->other != NULL))
		return false;
	if (t->count == 0) {
		end(t, "the other side has closed");
		return true;
	}
	json_t *m = t->queue[0];
	t->count--;
	memmove(t->queue, t->queue + 1, t->count * sizeof(m));
	if (t->begun)
		t->events->message(t->ctx, t, m);
	else {
		struct fog_talk_server *s = &server[number(t->host)];
		t->begun = s->begin(s->server, t, m, &t->events, &t->ctx);
		if (!t->begun)
			end(t, "nobody answers");
	}
	json_decref(m);
	return true;
}

static void pump(void)
{
	for (bool more = true; more;) {
		more = false;
		for (u32 i = 0; i < talk_count; i++)
			more = deliver(talks[i]) || more;
	}
}

static void talks_drop(void)
{
	for (u32 i = 0; i < talk_count; i++) {
		for (u32 j = 0; j < talks[i]->count; j++)
			json_decref(talks[i]->queue[j]);
		free(talks[i]);
	}
	talk_count = 0;
}

/* ---- two hosts ------------------------------------------------------------------------------ */

static struct ev_loop *loop;
static u32 verdicts;
static struct fog_tee_ear verdict;
static bool has_verdict;
static char why[FOG_TEE_WHY_SIZE];
static u32 started;

static void on_verdict(void *ctx, const struct fog_tee_ear *ear, const char *token,
		       const char *text)
{
	verdicts++;
	has_verdict = ear != NULL;
	if (ear != NULL)
		verdict = *ear;
	snprintf(why, sizeof(why), "%s", text);
}

static void on_started(void *ctx, int rc, const char *text, const char *reason)
{
	CU_ASSERT_EQUAL(rc, 0);
	started++;
}

static void on_give_up(struct ev_loop *l, struct ev_timer *w, int revents)
{
	ev_break(l, EVBREAK_ALL);
}

/* Lets hosts and line work until cond holds; it must within WAIT_S. */
#define RUN_UNTIL(cond)                                           \
	do {                                                      \
		struct ev_timer give_up, tick;                    \
		ev_timer_init(&give_up, on_give_up, WAIT_S, 0.0); \
		ev_timer_init(&tick, on_give_up, 0.001, 0.001);   \
		ev_timer_start(loop, &give_up);                   \
		ev_timer_start(loop, &tick);                      \
		pump();                                           \
		while (!(cond) && ev_is_active(&give_up)) {       \
			ev_run(loop, EVRUN_ONCE);                 \
			pump();                                   \
		}                                                 \
		CU_ASSERT_TRUE(cond);                             \
		ev_timer_stop(loop, &give_up);                    \
		ev_timer_stop(loop, &tick);                       \
	} while (0)

static void host_up(u32 i)
{
	static const struct fog_tee_provider_config c = {
		.provider = "software", .tpm = "", .pcr = 23, .tsm_dir = "", .certs = ""};
	struct fog_host *h = &host[i];
	u8 seed[32] = {(u8)(i + 1)};

	h->loop = loop;
	h->peering = (struct fog_peering *)h;
	fog_sign_keypair(h->id.node_id, h->id.sign_sk, seed);
	memcpy(card[i].d.node_id, h->id.node_id, 32);
	memset(card[i].d.control_pk, (int)i + 1, 32);
	h->tee = calloc(1, sizeof(*h->tee));
	h->tee->ready = true;
	CU_ASSERT_EQUAL(fog_tee_policy_load(&h->tee->policy, "", why), 0);
	CU_ASSERT_EQUAL(fog_tee_makers_load(&h->tee->makers, NULL, 0, why), 0);
	h->tee->component_count = 1;
	snprintf(h->tee->component[0].name, sizeof(h->tee->component[0].name), "fog-exec");
	fog_tee_platform(h->tee->component, 1, h->tee->platform);
	CU_ASSERT_EQUAL(fog_tee_attester_start(&h->tee->attester, loop, &c, &h->id, on_started, h),
			0);
	u32 before = started;
	RUN_UNTIL(started > before);
	CU_ASSERT_EQUAL(
		fog_tee_attester_platform(h->tee->attester, h->tee->component, 1, on_started, h),
		0);
	before = started;
	RUN_UNTIL(started > before);
	fog_tee_talks_serve(h);
}

static void up(void)
{
	CU_ASSERT_EQUAL_FATAL(fog_crypto_init(), 0);
	loop = ev_loop_new(EVFLAG_AUTO);
	host_up(0);
	host_up(1);
	verdicts = given = 0;
	has_launch = false;
}

static void down(void)
{
	for (u32 i = 0; i < 2; i++) {
		fog_tee_attester_stop(host[i].tee->attester);
		fog_tee_talks_stop(&host[i]);
		fog_tee_makers_free(host[i].tee->makers);
		free(host[i].tee);
	}
	talks_drop();
	memset(host, 0, sizeof(host));
	ev_loop_destroy(loop);
}

/* Nothing is left of any talk on either side. */
static bool is_idle(void)
{
	return LIST_EMPTY(&host[0].tee->talks) && LIST_EMPTY(&host[1].tee->talks);
}

static void ask(const char *enclave)
{
	u32 before = verdicts;

	CU_ASSERT_EQUAL(fog_tee_ask(&host[0], &card[1].d, enclave, on_verdict, NULL), 0);
	RUN_UNTIL(verdicts > before && is_idle());
	CU_ASSERT_EQUAL(verdicts, before + 1);
	talks_drop();
}

/* ---- tests ---------------------------------------------------------------------------------- */

static void test_life_cycle(void)
{
	up();
	ask("");
	CU_ASSERT_TRUE(has_verdict && verdict.fault == FOG_TEE_KIND);
	CU_ASSERT_EQUAL(given, 0);
	host[0].tee->policy.accept |= 1u << FOG_TEE_SOFTWARE;
	ask("");
	CU_ASSERT_TRUE(has_verdict && verdict.fault == FOG_TEE_VALID);
	CU_ASSERT_EQUAL(verdict.status, FOG_TEE_STATUS_WARNING);
	CU_ASSERT_EQUAL(memcmp(verdict.node, host[1].id.node_id, 32), 0);
	CU_ASSERT_EQUAL(given, 1);
	/* The other way round: who is to be attested calls. */
	u32 before = verdicts;
	CU_ASSERT_EQUAL(fog_tee_be_asked(&host[1], &card[0].d, "", on_verdict, NULL), 0);
	RUN_UNTIL(verdicts > before && is_idle());
	CU_ASSERT_TRUE(has_verdict && verdict.fault == FOG_TEE_VALID);
	CU_ASSERT_EQUAL(memcmp(verdict.verifier, host[0].id.node_id, 32), 0);
	down();
}

/* Collateral was named and cannot be read: nobody knows who is revoked, so that nobody passes. */
static void test_collateral_lost(void)
{
	up();
	host[0].tee->policy.accept |= 1u << FOG_TEE_SOFTWARE;
	snprintf(host[0].tee->collateral_why, sizeof(host[0].tee->collateral_why),
		 "/lists: no such directory");
	ask("");
	CU_ASSERT_TRUE(has_verdict && verdict.fault == FOG_TEE_COLLATERAL);
	CU_ASSERT_PTR_NOT_NULL(strstr(verdict.why, "/lists: no such directory"));
	CU_ASSERT_EQUAL(given, 0);
	/* A later one that is wrong leaves the first. */
	host[0].tee->collateral = fog_tee_collateral_new();
	ask("");
	CU_ASSERT_TRUE(has_verdict && verdict.fault == FOG_TEE_VALID);
	fog_tee_collateral_free(host[0].tee->collateral);
	down();
}

static u32 recorded;

static void on_recorded(void *ctx, int rc, const char *text, const char *reason)
{
	recorded += rc == 0;
}

static void test_enclave(void)
{
	u8 digest[32];

	up();
	host[0].tee->policy.accept |= 1u << FOG_TEE_SOFTWARE;
	ask("enclave_0123456789ab");
	CU_ASSERT_FALSE(has_verdict);
	CU_ASSERT_PTR_NOT_NULL(strstr(why, "there is no enclave"));
	memset(&launch, 0, sizeof(launch));
	snprintf(launch.id, sizeof(launch.id), "enclave_0123456789ab");
	snprintf(launch.engine, sizeof(launch.engine), "native");
	memcpy(launch.engine_sha256, host[1].tee->platform, 32);
	has_launch = true;
	/* It is said to be there and is not in the log. */
	ask(launch.id);
	CU_ASSERT_TRUE(has_verdict && verdict.fault == FOG_TEE_LAUNCH);
	fog_tee_launch_digest(&launch, digest);
	CU_ASSERT_EQUAL(fog_tee_attester_record(host[1].tee->attester, FOG_TEE_EVENT_LAUNCH,
						launch.id, digest, on_recorded, NULL),
			0);
	RUN_UNTIL(recorded == 1);
	ask(launch.id);
	CU_ASSERT_TRUE(has_verdict && verdict.fault == FOG_TEE_VALID);
	CU_ASSERT_TRUE(verdict.has_enclave && memcmp(verdict.launch, digest, 32) == 0);
	CU_ASSERT_EQUAL(given, 0); /* of the host alone */
	down();
}

static void test_not_ready(void)
{
	up();
	host[1].tee->ready = false;
	ask("");
	CU_ASSERT_FALSE(has_verdict);
	CU_ASSERT_PTR_NOT_NULL(strstr(why, "nothing attests this host"));
	down();
}

/* A talk of a stranger with one of the hosts; what the host says is not read. */
static struct fog_talk *stranger(u32 to, const char *first)
{
	struct fog_talk *t = talk_make(&host[1 - to]), *far = talk_make(&host[to]);

	t->other = far;
	far->other = t;
	t->deaf = true;
	queue(far, json_loads(first, JSON_ALLOW_NUL, NULL));
	return far;
}

#define IDENTIFY "{\"talk\":\"tee\",\"op\":\"identify\",\"enclave\":\"\"}"
#define APPRAISE "{\"talk\":\"tee\",\"op\":\"appraise\",\"enclave\":\"\"}"

static void test_bad_arguments(void)
{
	static const struct {
		int number;
		const char *first, *next;
		bool goes_on; /* it may be said, and costs one of few messages */
	} cases[] = {
		{1, "{}", NULL},
		{2, "{\"talk\":\"tee\"}", NULL},
		{3, "{\"talk\":7,\"op\":\"identify\",\"enclave\":\"\"}", NULL},
		{4, "{\"talk\":\"tee\",\"op\":\"evidence\",\"enclave\":\"\"}", NULL},
		{5, "{\"talk\":\"tee\",\"op\":\"identify\"}", NULL},
		{6,
		 "{\"talk\":\"tee\",\"op\":\"identify\",\"enclave\":\"enclave_much_longer_than_"
		 "any\"}",
		 NULL},
		{7, IDENTIFY, "{}"},
		{8, IDENTIFY, "{\"op\":\"challenge\"}"},
		{9, IDENTIFY, "{\"op\":\"challenge\",\"nonce\":\"00\"}"},
		{10, IDENTIFY, "{\"op\":\"challenge\",\"nonce\":[]}"},
		{11, IDENTIFY, "{\"op\":\"challenge\",\"blob\":\"00\",\"seed\":\"00\"}"},
		{12, IDENTIFY, "{\"op\":\"identity\"}"},
		{13, IDENTIFY, "{\"op\":\"evidence\",\"evidence\":\"\"}"},
		{14, IDENTIFY, "{\"op\":\"result\"}"},
		{15, IDENTIFY, "{\"op\":\"result\",\"result\":\"a.b.c\"}"},
		{16, IDENTIFY, "{\"op\":\"refused\"}"},
		{17, IDENTIFY, "{\"op\":\"refused\",\"reason\":7}"},
		{18, IDENTIFY, IDENTIFY, true},
		{19, APPRAISE, "{\"op\":\"evidence\",\"evidence\":\"{}\"}"},
		{20, APPRAISE, "{\"op\":\"result\",\"result\":\"x\"}"},
		{21, APPRAISE, "{\"op\":\"challenge\",\"nonce\":\"00\"}"},
		{22, APPRAISE, APPRAISE},
		{23, APPRAISE, "{\"op\":7}"},
	};

	up();
	for (size_t i = 0; i < FOG_ARRAY_COUNT(cases); i++) {
		struct fog_talk *t = stranger(1, cases[i].first);
		pump();
		/* Who is asked waits for its attester first. */
		if (t->begun && !t->closed && t->other->count == 0)
			RUN_UNTIL(t->other->count > 0 || t->closed);
		u32 said = t->closed ? 0 : t->other->count;
		if (cases[i].next != NULL && !t->closed)
			queue(t, json_loads(cases[i].next, 0, NULL));
		RUN_UNTIL(t->closed || t->other->count > said);
		if (t->closed == cases[i].goes_on)
			printf("\n  case %d\n", cases[i].number);
		CU_ASSERT_EQUAL(t->closed, !cases[i].goes_on);
		if (!t->closed)
			end(t, "cut");
		RUN_UNTIL(is_idle());
		talks_drop();
	}
	CU_ASSERT_EQUAL(verdicts, 0);
	CU_ASSERT_EQUAL(given, 0);
	down();
}

/* Identity and evidence that mean nothing: a verdict, and it is bad. */
static void test_bad_evidence(void)
{
	static const char *const evidence[] = {"",
					       "{}",
					       "null",
					       "{\"statement\":\"\"}",
					       "{\"statement\":{},\"signature\":7}",
					       "\xf0\x9f"};

	up();
	for (size_t i = 0; i < FOG_ARRAY_COUNT(evidence); i++) {
		struct fog_talk *t = stranger(0, APPRAISE);
		pump();
		queue(t, json_loads("{\"op\":\"identity\",\"ak\":\"00\",\"ek_cert\":\"30\"}", 0,
				    NULL));
		pump();
		CU_ASSERT_EQUAL(t->other->count, 2); /* identify, challenge */
		queue(t, json_pack("{s:s, s:o}", "op", "evidence", "evidence",
				   json_stringn_nocheck(evidence[i], strlen(evidence[i]))));
		pump();
		CU_ASSERT_TRUE(t->closed && is_idle());
		talks_drop();
	}
	down();
}

static json_t *noise(struct fog_rng *rng)
{
	static const char *const ops[] = {"identity", "evidence", "identify", "challenge",
					  "result",   "refused",  "appraise", ""};
	static const char *const names[] = {"nonce",    "blob",   "seed",   "ak",      "ek_cert",
					    "evidence", "result", "reason", "enclave", "talk"};
	json_t *m = json_pack("{s:s}", "op", ops[fog_rng_below(rng, FOG_ARRAY_COUNT(ops))]);
	u8 bytes[300];

	for (u64 i = fog_rng_below(rng, 4); i > 0; i--) {
		size_t len = fog_rng_below(rng, sizeof(bytes));
		fog_rng_bytes(rng, bytes, len);
		if (fog_rng_below(rng, 3) == 0)
			len = 32;
		json_object_set_new(m, names[fog_rng_below(rng, FOG_ARRAY_COUNT(names))],
				    fog_rng_below(rng, 8) == 0 ? json_integer(7)
							       : fog_tee_hex_json(bytes, len));
	}
	return m;
}

/* Anything in any order, and ends at any time, also while the attester works. */
static void test_random(void)
{
	const char *text = getenv("FOG_SEED");
	u64 seed = text != NULL ? strtoull(text, NULL, 0) : 5;
	struct fog_rng rng;

	printf("seed %llu ", (unsigned long long)seed);
	fog_rng_init_u64(&rng, seed);
	up();
	for (u32 round = 0; round < 1500; round++) {
		struct fog_talk *t = stranger((u32)fog_rng_below(&rng, 2),
					      fog_rng_below(&rng, 2) == 0 ? IDENTIFY : APPRAISE);
		for (u64 i = fog_rng_below(&rng, 5); i > 0 && !t->closed; i--) {
			queue(t, noise(&rng));
			pump();
			if (fog_rng_below(&rng, 4) == 0)
				ev_run(loop, EVRUN_NOWAIT);
		}
		if (!t->closed && fog_rng_below(&rng, 2) == 0)
			end(t, "cut");
		else if (!t->closed)
			fog_talk_close(t->other);
		RUN_UNTIL(is_idle());
		talks_drop();
	}
	CU_ASSERT_EQUAL(given, 0);
	down();
}

FOG_TEST_MAIN("controlplane/daemon/tee_talk", FOG_TEST(test_life_cycle),
	      FOG_TEST(test_bad_arguments), FOG_TEST(test_collateral_lost), FOG_TEST(test_enclave),
	      FOG_TEST(test_not_ready), FOG_TEST(test_bad_evidence), FOG_TEST(test_random))
