/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/tee/attester.h"

#include <errno.h>

#include "controlplane/tee/appraise.h"
#include "crypto/cpu.h"
#include "crypto/sign/sign.h"
#include "tests/unit/controlplane/tee/swtpm.h"

static struct ev_loop *loop;
static struct fog_tee_attester *a;
static struct fog_identity id;
static struct fog_tee_policy policy;
static struct fog_tee_appraisal verdict;
static struct fog_tee_component component = {.name = "fog-exec"};
static char why[FOG_TEE_WHY_SIZE];

struct answer {
	bool come;
	int rc;
	char *text;
};

static void on_done(void *ctx, int rc, const char *text, const char *reason)
{
	struct answer *r = ctx;

	free(r->text);
	*r = (struct answer){true, rc, text != NULL ? strdup(text) : NULL};
	CU_ASSERT_TRUE((rc == 0) == (reason[0] == '\0'));
}

static int wait_for(struct answer *r, int rc)
{
	CU_ASSERT_EQUAL_FATAL(rc, 0);
	while (!r->come)
		ev_run(loop, EVRUN_ONCE);
	r->come = false;
	return r->rc;
}

static int begin(const char *provider, const char *tcti)
{
	struct fog_tee_provider_config c = {.provider = provider,
					    .tpm = tcti,
					    .pcr = 23,
					    .tsm_dir = "/nonexistent",
					    .certs = ""};
	struct answer r = {0};
	u8 seed[32] = {3};

	CU_ASSERT_EQUAL_FATAL(fog_crypto_init(), 0);
	loop = ev_default_loop(0);
	fog_sign_keypair(id.node_id, id.sign_sk, seed);
	CU_ASSERT_EQUAL(fog_tee_policy_load(&policy, "", why), 0);
	policy.accept = ~0u;
	policy.endorsed = false;
	int rc = wait_for(&r, fog_tee_attester_start(&a, loop, &c, &id, on_done, &r));
	free(r.text);
	return rc;
}

static enum fog_tee_fault ask(const char *enclave, const struct fog_tee_launch *launch)
{
	struct fog_tee_request request = {.nonce = {8}, .verifier = {9}};
	struct fog_tee_question q = {.nonce = {8}, .verifier = {9}, .enclave = enclave};
	struct answer r = {0};

	request.has_enclave = launch != NULL;
	if (launch != NULL)
		request.enclave = *launch;
	memcpy(q.node, id.node_id, 32);
	fog_tee_platform(&component, 1, q.platform);
	CU_ASSERT_EQUAL_FATAL(wait_for(&r, fog_tee_attester_quote(a, &request, on_done, &r)), 0);
	enum fog_tee_fault fault = fog_tee_appraise(r.text, &q, &policy, NULL, &verdict);
	free(r.text);
	return fault;
}

static void life(void)
{
	struct fog_tee_launch launch = {.id = "enclave_0123456789ab", .engine = "native"};
	struct answer r = {0};
	u8 digest[32];

	fog_tee_platform(&component, 1, launch.engine_sha256);
	fog_tee_launch_digest(&launch, digest);
	CU_ASSERT_EQUAL(wait_for(&r, fog_tee_attester_platform(a, &component, 1, on_done, &r)), 0);
	CU_ASSERT_EQUAL(ask("", NULL), FOG_TEE_VALID);
	CU_ASSERT_EQUAL(ask(launch.id, &launch), FOG_TEE_LAUNCH);
	CU_ASSERT_EQUAL(wait_for(&r, fog_tee_attester_record(a, FOG_TEE_EVENT_LAUNCH, launch.id,
							     digest, on_done, &r)),
			0);
	CU_ASSERT_EQUAL(ask(launch.id, &launch), FOG_TEE_VALID);
	/* Opened anew it knows what runs. */
	CU_ASSERT_EQUAL(wait_for(&r, fog_tee_attester_reopen(a, on_done, &r)), 0);
	CU_ASSERT_EQUAL(ask("", NULL), FOG_TEE_VALID);
	CU_ASSERT_EQUAL(ask(launch.id, &launch), FOG_TEE_VALID);
	/* The log begins anew when it is full, and what runs is in it. */
	for (unsigned i = 0; i < FOG_TEE_LOG_MAX; i++)
		CU_ASSERT_EQUAL(wait_for(&r, fog_tee_attester_record(a, FOG_TEE_EVENT_END,
								     "enclave_of_before", digest,
								     on_done, &r)),
				0);
	CU_ASSERT_EQUAL(ask(launch.id, &launch), FOG_TEE_VALID);
	CU_ASSERT_EQUAL(wait_for(&r, fog_tee_attester_record(a, FOG_TEE_EVENT_END, launch.id,
							     digest, on_done, &r)),
			0);
	CU_ASSERT_EQUAL(ask(launch.id, &launch), FOG_TEE_LAUNCH);
	/* A program changed, and it is told. */
	component.sha256[0] ^= 1;
	CU_ASSERT_EQUAL(wait_for(&r, fog_tee_attester_platform(a, &component, 1, on_done, &r)), 0);
	CU_ASSERT_EQUAL(ask("", NULL), FOG_TEE_VALID);
	CU_ASSERT_EQUAL(wait_for(&r, fog_tee_attester_identity(a, on_done, &r)), 0);
	free(r.text);
}

static void test_life_cycle(void)
{
	CU_ASSERT_EQUAL(begin("software", ""), 0);
	CU_ASSERT_EQUAL(fog_tee_attester_kind(a), FOG_TEE_SOFTWARE);
	life();
	fog_tee_attester_stop(a);
}

static void test_bad_arguments(void)
{
	struct fog_tee_request request = {.sealed = true};
	struct answer r = {0};

	CU_ASSERT_EQUAL(begin("tpm", "device:/nonexistent"), -EIO);
	CU_ASSERT_EQUAL(fog_tee_attester_kind(a), FOG_TEE_NONE);
	CU_ASSERT_EQUAL(wait_for(&r, fog_tee_attester_identity(a, on_done, &r)), -ENODEV);
	fog_tee_attester_stop(a);
	fog_tee_attester_stop(NULL);
	CU_ASSERT_EQUAL(begin("software", ""), 0);
	CU_ASSERT_EQUAL(wait_for(&r, fog_tee_attester_quote(a, &request, on_done, &r)), -ENOTSUP);
	/* Nobody takes answers: there is an end to it. Stopping forgets them. */
	unsigned n = 0;
	while (fog_tee_attester_identity(a, on_done, &r) == 0)
		n++;
	CU_ASSERT_EQUAL(n, FOG_TEE_QUEUE_MAX);
	fog_tee_attester_stop(a);
}

static void test_tpm(void)
{
	struct swtpm emulator;

	swtpm_up(&emulator);
	CU_ASSERT_EQUAL(begin("tpm", emulator.tcti), 0);
	CU_ASSERT_EQUAL(fog_tee_attester_kind(a), FOG_TEE_TPM);
	life();
	fog_tee_attester_stop(a);
	swtpm_down(&emulator);
}

FOG_TEST_MAIN("controlplane/tee/attester", FOG_TEST(test_life_cycle), FOG_TEST(test_bad_arguments),
	      FOG_TEST(test_tpm))
