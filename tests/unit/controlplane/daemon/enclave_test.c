/* SPDX-License-Identifier: BSD-3-Clause */
/* The life of enclaves: their states, limits, patience and end, with programs that run for real.
 * What they call is played by the functions below: the API's exchange, the attester's register, the
 * verifier, the store, the clock's seconds. */
#include "controlplane/daemon/enclave.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <unistd.h>

#include "controlplane/daemon/draws.h"
#include "controlplane/executor/file.h"
#include "controlplane/proofs/archive.h"
#include "controlplane/tee/seal.h"
#include "crypto/cpu.h"
#include "crypto/mem.h"
#include "crypto/random/random.h"
#include "crypto/sign/sign.h"
#include "tests/unit/fog_test.h"

#define RUN_WAIT_S 20.0
#define EXCHANGES  512

/* ---- what is played ------------------------------------------------------------------------- */

struct fog_exchange {
	json_t *body, *answer;
	unsigned status; /* 0: not answered yet */
	char why[512];
};

static struct fog_host host;
/* Of the operations, each of which may be answered late; now: the last. */
static struct fog_exchange exchanges[EXCHANGES], *now = exchanges;
static u32 used;
static struct fog_signed_descriptor other;
static u32 others;             /* hosts that are known besides ours */
static enum fog_tee_kind kind; /* what attests us */
static int record_rc;
static fog_tee_done_fn *record_done;
static void *record_ctx;
static u32 records[8]; /* by event */
static fog_tee_verdict_fn *verdict_done;
static void *verdict_ctx;
static char *stored;
static const char *subject = "local";

void *fog_exchange_ctx(const struct fog_exchange *x)
{
	return &host;
}

const json_t *fog_exchange_body(const struct fog_exchange *x)
{
	return x->body;
}

const char *fog_exchange_subject(const struct fog_exchange *x)
{
	return subject;
}

bool fog_exchange_owns(const struct fog_exchange *x, const char *owner)
{
	return strcmp(owner, subject) == 0;
}

const struct fog_trace *fog_exchange_trace(const struct fog_exchange *x)
{
	static const struct fog_trace none;

	return &none;
}

const char *fog_exchange_request_id(const struct fog_exchange *x)
{
	return "request";
}

int fog_exchange_json(struct fog_exchange *x, unsigned status, json_t *value)
{
	CU_ASSERT_EQUAL(x->status, 0); /* once */
	x->status = status;
	x->answer = value;
	return 0;
}

int fog_exchange_problem(struct fog_exchange *x, unsigned status, const char *fmt, ...)
{
	va_list ap;

	CU_ASSERT_EQUAL(x->status, 0);
	x->status = status;
	va_start(ap, fmt);
	vsnprintf(x->why, sizeof(x->why), fmt, ap);
	va_end(ap);
	return 0;
}

unsigned fog_status_of_errno(int rc)
{
	return rc == -ENOSPC ? 507 : rc == -EINVAL ? 422 : 500;
}

u32 fog_directory_count(const struct fog_directory *dir)
{
	return others;
}

const struct fog_signed_descriptor *fog_directory_at(const struct fog_directory *dir, u32 i)
{
	return &other;
}

const struct fog_signed_descriptor *fog_directory_find(const struct fog_directory *dir,
						       const u8 node[32])
{
	return NULL;
}

int fog_directory_lookup(const struct fog_directory *dir, const char *text,
			 const struct fog_signed_descriptor **out)
{
	*out = &other;
	return others != 0 && strcmp(text, "birch") == 0 ? 0 : -ENOENT;
}

struct fog_committee *fog_host_committee(const struct fog_host *h)
{
	return NULL;
}

enum fog_tee_kind fog_tee_attester_kind(const struct fog_tee_attester *a)
{
	return kind;
}

int fog_tee_attester_record(struct fog_tee_attester *a, enum fog_tee_event_kind event,
			    const char *name, const u8 digest[32], fog_tee_done_fn *done, void *ctx)
{
	records[event]++;
	if (record_rc == 0 && done != NULL) {
		record_done = done;
		record_ctx = ctx;
	}
	return record_rc;
}

int fog_tee_be_asked(struct fog_host *h, const struct fog_descriptor *d, const char *enclave,
		     fog_tee_verdict_fn *done, void *ctx)
{
	verdict_done = done;
	verdict_ctx = ctx;
	return 0;
}

int fog_store_set(struct fog_store *st, const char *name, const void *value, size_t len)
{
	free(stored);
	stored = strndup(value, len);
	return 0;
}

int fog_store_get(struct fog_store *st, const char *name, void *out, size_t cap, size_t *len)
{
	if (stored == NULL)
		return -ENOENT;
	*len = strlen(stored);
	memcpy(out, stored, *len);
	return 0;
}

int fog_host_file_hash(const char *path, u8 out[32])
{
	memset(out, 7, 32);
	return 0;
}

int fog_proof_archive_put(struct fog_store *st, const struct fog_proof *p, u64 now_s)
{
	return 0;
}

/* ---- a host --------------------------------------------------------------------------------- */

static char dir[64];

static void host_up(void)
{
	u8 seed[32] = {3};

	CU_ASSERT_EQUAL_FATAL(fog_crypto_init(), 0);
	snprintf(dir, sizeof(dir), "/tmp/fog-enclave-test.XXXXXX");
	CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(dir));
	host.loop = ev_loop_new(EVFLAG_AUTO);
	host.config.host_run_dir = dir;
	host.tee = calloc(1, sizeof(*host.tee));
	host.tee->ready = true;
	host.tee->enclave_store = "none";
	host.tee->component_count = 1;
	snprintf(host.tee->component[0].name, sizeof(host.tee->component[0].name), "fog-exec");
	snprintf(host.tee->path[0], sizeof(host.tee->path[0]), "%s", FOG_EXEC_PATH);
	fog_sign_keypair(host.id.node_id, host.id.sign_sk, seed);
	memset(other.d.node_id, 5, 32);
	fog_rng_init_u64(&host.rng, 1);
	others = 1;
	kind = FOG_TEE_TPM;
	record_rc = 0;
	CU_ASSERT_EQUAL_FATAL(fog_enclaves_start(&host), 0);
}

static void exchanges_drop(void)
{
	for (u32 i = 0; i < EXCHANGES; i++) {
		json_decref(exchanges[i].body);
		json_decref(exchanges[i].answer);
	}
	memset(exchanges, 0, sizeof(exchanges));
	used = 0;
}

static void host_down(void)
{
	fog_enclaves_stop(&host);
	ev_loop_destroy(host.loop);
	free(host.tee);
	memset(&host, 0, sizeof(host));
	exchanges_drop();
	CU_ASSERT_EQUAL(fog_tree_remove(AT_FDCWD, dir), 0);
}

/* Takes over body. */
static unsigned call(int (*operation)(struct fog_exchange *), json_t *body)
{
	CU_ASSERT_TRUE_FATAL(used < EXCHANGES);
	now = &exchanges[used++];
	now->body = body;
	CU_ASSERT_EQUAL(operation(now), 0);
	return now->status;
}

static const json_t *data(void)
{
	return json_object_get(now->answer, "data");
}

static const char *text(const char *name)
{
	const char *value = json_string_value(json_object_get(data(), name));

	return value != NULL ? value : "";
}

/* As its owner sees it. */
static const char *state_of(const char *id)
{
	static char state[32];
	struct fog_exchange x = {0};
	json_t *list = fog_enclaves_json(&x), *o;
	size_t i;

	snprintf(state, sizeof(state), "gone");
	json_array_foreach(list, i,
			   o) if (strcmp(json_string_value(json_object_get(o, "enclave_id")), id) ==
				  0) snprintf(state, sizeof(state), "%s",
					      json_string_value(json_object_get(o, "state")));
	json_decref(list);
	return state;
}

static json_t *of(const char *id)
{
	return json_pack("{s:s}", "enclave_id", id);
}

static void measured(int rc)
{
	fog_tee_done_fn *done = record_done;

	record_done = NULL;
	CU_ASSERT_PTR_NOT_NULL_FATAL(done);
	done(record_ctx, rc, "", "the register is broken");
}

static char made[FOG_TEE_ID_SIZE];

/* Created and measured; its id in made. */
static void create(const char *code, u64 memory_mb)
{
	CU_ASSERT_EQUAL(call(fog_enclave_create,
			     json_pack("{s:s, s:{s:I, s:s}}", "code", code, "config", "memory_mb",
				       (json_int_t)memory_mb, "name", "test")),
			0);
	measured(0);
	CU_ASSERT_EQUAL_FATAL(now->status, 200);
	CU_ASSERT_STRING_EQUAL(text("state"), "measured");
	snprintf(made, sizeof(made), "%s", text("enclave_id"));
}

static void verdict(enum fog_tee_fault fault, u64 seconds)
{
	u64 now_s = fog_loop_now_ms(host.loop) / 1000;
	struct fog_tee_ear ear = {.fault = fault,
				  .issued_s = now_s,
				  .expires_s = now_s + seconds,
				  .kind = FOG_TEE_TPM,
				  .status = FOG_TEE_STATUS_AFFIRMING};
	fog_tee_verdict_fn *done = verdict_done;

	verdict_done = NULL;
	CU_ASSERT_PTR_NOT_NULL_FATAL(done);
	done(verdict_ctx, &ear, "token", fault == FOG_TEE_VALID ? "valid" : "it is revoked: x");
}

static void attest(u64 seconds)
{
	CU_ASSERT_EQUAL(call(fog_enclave_attest, of(made)), 0);
	verdict(FOG_TEE_VALID, seconds);
	CU_ASSERT_EQUAL(now->status, 200);
	CU_ASSERT_STRING_EQUAL(text("state"), "attested");
}

static unsigned deploy(const char *name, const char *secret)
{
	u8 key[32], sealed[128];
	struct fog_exchange x = {0};
	json_t *o = fog_enclave_json(&x, made);

	CU_ASSERT_EQUAL(fog_hex_decode(json_string_value(json_object_get(o, "key")), key, 32), 0);
	json_decref(o);
	size_t len = strlen(secret);
	CU_ASSERT_EQUAL(fog_tee_seal(sealed, (const u8 *)secret, len, key, made, name), 0);
	return call(fog_enclave_deploy,
		    json_pack("{s:s, s:{s:s, s:o}}", "enclave_id", made, "inputs", "name", name,
			      "sealed", fog_tee_hex_json(sealed, len + FOG_HPKE_OVERHEAD)));
}

static void on_give_up(struct ev_loop *l, struct ev_timer *w, int revents)
{
	ev_break(l, EVBREAK_ALL);
}

static void run_until_answered(void)
{
	struct ev_timer give_up;

	ev_timer_init(&give_up, on_give_up, RUN_WAIT_S, 0.0);
	ev_timer_start(host.loop, &give_up);
	while (now->status == 0 && ev_is_active(&give_up))
		ev_run(host.loop, EVRUN_ONCE);
	ev_timer_stop(host.loop, &give_up);
}

/* ---- tests ---------------------------------------------------------------------------------- */

static void test_life_cycle(void)
{
	struct fog_enclaves_load load;
	struct fog_tee_launch launch;

	host_up();
	create("cat /input/key; echo \"$1\"", 64);
	CU_ASSERT_EQUAL(strlen(made), 20);
	CU_ASSERT_EQUAL(strncmp(made, "enclave_", 8), 0);
	CU_ASSERT_TRUE(fog_enclave_launch(&host, made, &launch));
	CU_ASSERT_EQUAL(deploy("key", "horse"), 409);
	CU_ASSERT_EQUAL(call(fog_enclave_execute, of(made)), 409);
	attest(600);
	CU_ASSERT_EQUAL(deploy("key", "horse"), 200);
	CU_ASSERT_EQUAL(call(fog_enclave_execute, json_pack("{s:s, s:{s:[s]}}", "enclave_id", made,
							    "inputs", "args", " stable")),
			0);
	CU_ASSERT_STRING_EQUAL(state_of(made), "running");
	run_until_answered();
	CU_ASSERT_EQUAL(now->status, 200);
	CU_ASSERT_STRING_EQUAL(text("state"), "attested");
	const json_t *result = json_object_get(data(), "result");
	CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(result, "stdout")),
			       "horse stable\n");
	fog_enclaves_load(&host, &load);
	CU_ASSERT_TRUE(load.active == 1 && load.memory_mb == 64 && load.runs == 1 &&
		       load.attestations == 1);
	CU_ASSERT_EQUAL(call(fog_enclave_terminate, of(made)), 200);
	CU_ASSERT_STRING_EQUAL(text("state"), "terminated");
	CU_ASSERT_EQUAL(json_array_size(json_object_get(data(), "secrets")), 0);
	CU_ASSERT_FALSE(fog_enclave_launch(&host, made, &launch));
	CU_ASSERT_EQUAL(call(fog_enclave_execute, of(made)), 409);
	CU_ASSERT_TRUE(records[FOG_TEE_EVENT_LAUNCH] == 1 && records[FOG_TEE_EVENT_END] == 1);
	host_down();
}

static void test_bad_arguments(void)
{
	host_up();
	CU_ASSERT_EQUAL(call(fog_enclave_attest, json_object()), 422);
	CU_ASSERT_EQUAL(call(fog_enclave_execute, of("enclave_000000000000")), 404);
	CU_ASSERT_EQUAL(call(fog_enclave_create, json_pack("{s:s}", "code", "")), 422);
	CU_ASSERT_EQUAL(call(fog_enclave_create,
			     json_pack("{s:s, s:{s:s}}", "code", "x", "config", "engine", "slurm")),
			422);
	record_rc = -EAGAIN;
	CU_ASSERT_EQUAL(call(fog_enclave_create, json_pack("{s:s}", "code", "x")), 500);
	host.tee->ready = false;
	CU_ASSERT_EQUAL(call(fog_enclave_create, json_pack("{s:s}", "code", "x")), 503);
	host.tee->ready = true;
	record_rc = 0;
	create("true", 64);
	attest(600);
	CU_ASSERT_EQUAL(
		call(fog_enclave_deploy, json_pack("{s:s, s:{s:s, s:s}}", "enclave_id", made,
						   "inputs", "name", "../x", "sealed", "00")),
		422);
	CU_ASSERT_EQUAL(
		call(fog_enclave_deploy, json_pack("{s:s, s:{s:s, s:s}}", "enclave_id", made,
						   "inputs", "name", "x", "sealed", "00ff")),
		422);
	CU_ASSERT_PTR_NOT_NULL(strstr(now->why, "the seal is not for this enclave"));
	/* Somebody else's is not there. */
	subject = "mallory";
	CU_ASSERT_EQUAL(call(fog_enclave_terminate, of(made)), 404);
	CU_ASSERT_STRING_EQUAL(state_of(made), "gone");
	subject = "local";
	host_down();
}

/* What did not become of it. */
static void test_refused(void)
{
	host_up();
	CU_ASSERT_EQUAL(call(fog_enclave_create, json_pack("{s:s}", "code", "x")), 0);
	measured(-EIO);
	CU_ASSERT_EQUAL(now->status, 409);
	CU_ASSERT_PTR_NOT_NULL(strstr(now->why, "the register is broken"));
	create("true", 64);
	CU_ASSERT_EQUAL(call(fog_enclave_attest, of(made)), 0);
	verdict(FOG_TEE_REVOKED, 600);
	CU_ASSERT_EQUAL(now->status, 409);
	CU_ASSERT_PTR_NOT_NULL(strstr(now->why, "it is revoked: x"));
	CU_ASSERT_STRING_EQUAL(state_of(made), "measured");
	CU_ASSERT_EQUAL(call(fog_enclave_execute, of(made)), 409);
	CU_ASSERT_PTR_NOT_NULL(strstr(now->why, "it is revoked: x"));
	others = 0;
	CU_ASSERT_EQUAL(call(fog_enclave_attest, of(made)), 503);
	host_down();
}

/* An attestation lasts as long as its result says; then nothing opens. */
static void test_expiry(void)
{
	host_up();
	create("true", 64);
	attest(600);
	CU_ASSERT_EQUAL(deploy("key", "horse"), 200);
	/* Half an hour is the policy's; here the result is of a moment. */
	CU_ASSERT_EQUAL(call(fog_enclave_attest, of(made)), 0);
	verdict(FOG_TEE_VALID, 0);
	fog_enclaves_tick(&host);
	CU_ASSERT_STRING_EQUAL(state_of(made), "measured");
	CU_ASSERT_EQUAL(deploy("key", "mouse"), 409);
	CU_ASSERT_PTR_NOT_NULL(strstr(now->why, "the attestation has expired"));
	CU_ASSERT_EQUAL(call(fog_enclave_execute, of(made)), 409);
	attest(600);
	host_down();
}

static void test_busy(void)
{
	host_up();
	create("true", 64);
	CU_ASSERT_EQUAL(call(fog_enclave_attest, of(made)), 0);
	struct fog_exchange *first = now;
	CU_ASSERT_EQUAL(call(fog_enclave_attest, of(made)), 409);
	CU_ASSERT_PTR_NOT_NULL(strstr(now->why, "is busy"));
	CU_ASSERT_EQUAL(call(fog_enclave_execute, of(made)), 409);
	CU_ASSERT_EQUAL(first->status, 0);
	verdict(FOG_TEE_VALID, 600);
	CU_ASSERT_EQUAL(first->status, 200);
	host_down();
}

static void test_limits(void)
{
	static const struct {
		enum fog_tee_kind kind;
		u32 count;
		u64 memory_mb;
	} cases[] = {
		{FOG_TEE_SOFTWARE, 64, 8192},
		{FOG_TEE_TPM, 64, 8192},
		{FOG_TEE_SNP, 32, 16384},
		{FOG_TEE_TDX, 16, 32768},
	};
	struct fog_enclaves_load load;

	for (size_t i = 0; i < FOG_ARRAY_COUNT(cases); i++) {
		host_up();
		kind = cases[i].kind;
		fog_enclaves_load(&host, &load);
		CU_ASSERT_EQUAL(load.active_max, cases[i].count);
		CU_ASSERT_EQUAL(load.memory_mb_max, cases[i].memory_mb);
		host_down();
	}
	host_up();
	for (u32 i = 0; i < 64; i++)
		create("true", 64);
	CU_ASSERT_EQUAL(call(fog_enclave_create, json_pack("{s:s}", "code", "x")), 507);
	CU_ASSERT_PTR_NOT_NULL(strstr(now->why, "64 of 64 enclaves"));
	host_down();
	host_up();
	host.config.tee_enclave_memory_mb = 1000;
	create("true", 900);
	CU_ASSERT_EQUAL(call(fog_enclave_create, json_pack("{s:s}", "code", "x")), 507);
	CU_ASSERT_PTR_NOT_NULL(strstr(now->why, "900 of 1000 MiB"));
	/* The ended ones are kept for those who look, to a number. */
	char first[FOG_TEE_ID_SIZE];
	snprintf(first, sizeof(first), "%s", made);
	CU_ASSERT_EQUAL(call(fog_enclave_terminate, of(made)), 200);
	for (u32 i = 0; i < FOG_ENCLAVES_KEPT; i++) {
		create("true", 64);
		CU_ASSERT_EQUAL(call(fog_enclave_terminate, of(made)), 200);
	}
	CU_ASSERT_STRING_EQUAL(state_of(first), "gone");
	CU_ASSERT_STRING_EQUAL(state_of(made), "terminated");
	host_down();
}

/* Another program on this host: what was measured is not what runs any more. */
static void test_changed_platform(void)
{
	host_up();
	create("true", 64);
	attest(600);
	host.tee->platform[0] ^= 1;
	fog_enclaves_tick(&host);
	CU_ASSERT_STRING_EQUAL(state_of(made), "error");
	CU_ASSERT_EQUAL(call(fog_enclave_execute, of(made)), 409);
	CU_ASSERT_PTR_NOT_NULL(strstr(now->why, "have changed"));
	host_down();
}

static void test_terminate_while_it_runs(void)
{
	host_up();
	create("sleep 1000", 64);
	attest(600);
	CU_ASSERT_EQUAL(call(fog_enclave_execute, of(made)), 0);
	struct fog_exchange *first = now;
	CU_ASSERT_EQUAL(call(fog_enclave_execute, of(made)), 409);
	CU_ASSERT_EQUAL(call(fog_enclave_terminate, of(made)), 200);
	CU_ASSERT_EQUAL(first->status, 409);
	CU_ASSERT_PTR_NOT_NULL(strstr(first->why, "terminated"));
	/* And one that the control plane's own end finds. */
	create("sleep 1000", 64);
	attest(600);
	CU_ASSERT_EQUAL(call(fog_enclave_execute, of(made)), 0);
	host_down();
}

static void test_restart(void)
{
	host_up();
	create("true", 64);
	attest(600);
	char before[FOG_TEE_ID_SIZE];
	snprintf(before, sizeof(before), "%s", made);
	create("true", 64);
	CU_ASSERT_EQUAL(call(fog_enclave_terminate, of(made)), 200);
	host_down();
	host_up();
	CU_ASSERT_STRING_EQUAL(state_of(before), "terminated");
	CU_ASSERT_STRING_EQUAL(state_of(made), "gone"); /* that was known already */
	CU_ASSERT_EQUAL(call(fog_enclave_execute, of(before)), 409);
	CU_ASSERT_PTR_NOT_NULL(strstr(now->why, "the control plane ended while it lived"));
	host_down();
	/* Told once; and what a disk has made of it does no harm. */
	free(stored);
	stored = strdup("[{\"enclave_id\":7},[],null,{\"enclave_id\":\"x\"}]");
	host_up();
	CU_ASSERT_STRING_EQUAL(state_of(before), "gone");
	host_down();
	free(stored);
	stored = NULL;
}

FOG_TEST_MAIN("controlplane/daemon/enclave", FOG_TEST(test_life_cycle),
	      FOG_TEST(test_bad_arguments), FOG_TEST(test_refused), FOG_TEST(test_expiry),
	      FOG_TEST(test_busy), FOG_TEST(test_limits), FOG_TEST(test_changed_platform),
	      FOG_TEST(test_terminate_while_it_runs), FOG_TEST(test_restart))
