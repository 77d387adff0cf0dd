/* SPDX-License-Identifier: BSD-3-Clause */
/* Evidence of an emulated TPM, as it is and as liars would have it. */
#include "controlplane/tee/appraise.h"

#include <errno.h>
#include <time.h>

#include "controlplane/core/identity.h"
#include "controlplane/tee/ear.h"
#include "crypto/cpu.h"
#include "crypto/hash/hash.h"
#include "crypto/mem.h"
#include "crypto/sign/sign.h"
#include "tests/unit/controlplane/tee/maker.h"
#include "tests/unit/controlplane/tee/swtpm.h"

#define NOW_S ((u64)time(NULL))

static struct swtpm emulator;
static struct fog_tee_provider tpm;
static struct fog_tee_makers *makers;
static struct fog_tee_collateral *collateral; /* NULL: none */
static struct fog_tee_policy policy;
static struct fog_tee_question question;
static struct fog_tee_statement statement;
static struct fog_tee_appraisal verdict;
static struct fog_identity attester, verifier;
static char why[FOG_TEE_WHY_SIZE];

static void identity_make(struct fog_identity *id, u8 seed)
{
	u8 bytes[32] = {seed};

	memset(id, 0, sizeof(*id));
	fog_sign_keypair(id->node_id, id->sign_sk, bytes);
}

static void record(enum fog_tee_event_kind kind, const char *name, const u8 digest[32])
{
	struct fog_tee_log *log = &statement.log;
	u8 bytes[32];

	CU_ASSERT_EQUAL(fog_tee_log_add(log, kind, name, digest), 0);
	fog_tee_event_digest(&log->event[log->count - 1], bytes);
	CU_ASSERT_EQUAL(tpm.ops->extend(&tpm, bytes, why), 0);
}

/* A host with one program and one enclave, and the question for it. */
static void fill(void)
{
	u8 digest[32];

	CU_ASSERT_EQUAL(fog_tee_policy_load(&policy, "", why), 0);
	CU_ASSERT_EQUAL(tpm.ops->reset(&tpm, why), 0);
	memset(&statement, 0, sizeof(statement));
	statement.kind = FOG_TEE_TPM;
	statement.component_count = 1;
	snprintf(statement.component[0].name, sizeof(statement.component[0].name), "fog-exec");
	fog_tee_platform(statement.component, 1, digest);
	record(FOG_TEE_EVENT_PLATFORM, "", digest);
	struct fog_tee_launch *l = &statement.enclave;
	snprintf(l->id, sizeof(l->id), "enclave_0123456789ab");
	snprintf(l->engine, sizeof(l->engine), "native");
	memcpy(l->engine_sha256, digest, 32);
	fog_tee_launch_digest(l, digest);
	record(FOG_TEE_EVENT_LAUNCH, l->id, digest);
	statement.has_enclave = true;
	memcpy(statement.node, attester.node_id, 32);
	memcpy(statement.verifier, verifier.node_id, 32);
	question = (struct fog_tee_question){
		.asked_s = NOW_S, .now_s = NOW_S, .enclave = "enclave_0123456789ab"};
	memcpy(question.node, attester.node_id, 32);
	memcpy(question.verifier, verifier.node_id, 32);
	fog_tee_platform(statement.component, 1, question.platform);
	memset(question.nonce, 9, 32);
}

/* The TPM opens the nonce, as the attester would, and proves its key by knowing it. */
static void endorse(void)
{
	u8 ak[FOG_TEE_AK_MAX], cert[FOG_TEE_EK_CERT_MAX], spki[256], name[FOG_TEE_NAME_SIZE];
	struct fog_tee_credential credential;
	json_t *id = NULL;

	CU_ASSERT_EQUAL_FATAL(tpm.ops->identity(&tpm, &id, why), 0);
	long ak_len = fog_tee_hex_bytes(json_object_get(id, "ak"), ak, sizeof(ak));
	long len = fog_tee_hex_bytes(json_object_get(id, "ek_cert"), cert, sizeof(cert));
	json_decref(id);
	CU_ASSERT_TRUE_FATAL(ak_len > 0 && len > 0);
	CU_ASSERT_TRUE(fog_tee_ak_parse(ak, (size_t)ak_len, spki, sizeof(spki), name) > 0);
	fog_hash_sha256(question.ak_sha256, ak, (size_t)ak_len);
	enum fog_tee_fault fault = fog_tee_credential_make(
		&credential, makers, cert, (size_t)len, name, question.nonce, NOW_S,
		question.ek_sha256, collateral, false, question.ek_why);
	CU_ASSERT_EQUAL_FATAL(fault, FOG_TEE_VALID);
	CU_ASSERT_EQUAL_FATAL(tpm.ops->activate(&tpm, &credential, statement.nonce, why), 0);
	CU_ASSERT_EQUAL(memcmp(statement.nonce, question.nonce, 32), 0);
	question.endorsed = true;
	credential.blob[40] ^= 1;
	CU_ASSERT_EQUAL(tpm.ops->activate(&tpm, &credential, cert, why), -EIO);
}

static char *evidence_make(void)
{
	u8 binding[32], signature[64];
	json_t *quote = NULL;

	char *text = fog_tee_statement_text(&statement);
	fog_tee_binding(text, binding);
	CU_ASSERT_EQUAL_FATAL(tpm.ops->quote(&tpm, binding, &quote, why), 0);
	fog_identity_sign(&attester, FOG_TEE_LABEL, text, strlen(text), signature);
	char *evidence = fog_tee_evidence_text(text, signature, quote);
	free(text);
	return evidence;
}

static enum fog_tee_fault judge(void)
{
	char *evidence = evidence_make();
	enum fog_tee_fault fault =
		fog_tee_appraise(evidence, &question, &policy, collateral, &verdict);

	if (fault != FOG_TEE_VALID)
		CU_ASSERT_PTR_NOT_NULL(strstr(verdict.why, fog_tee_fault_name(fault)));
	free(evidence);
	return fault;
}

static void test_life_cycle(void)
{
	struct fog_tee_ear ear;

	fill();
	endorse();
	CU_ASSERT_EQUAL(judge(), FOG_TEE_VALID);
	if (verdict.fault != FOG_TEE_VALID)
		printf("\n  %s\n", verdict.why);
	fog_tee_ear_of(&ear, &verdict, &question, &policy);
	CU_ASSERT_EQUAL(ear.status, FOG_TEE_STATUS_AFFIRMING);
	CU_ASSERT_TRUE(ear.endorsed && ear.has_enclave);
}

static void test_bad_arguments(void)
{
	static const char *const bad[] = {"", "{", "[]", "{}", "{\"statement\":\"{}\"}"};

	fill();
	endorse();
	for (size_t i = 0; i < FOG_ARRAY_COUNT(bad); i++)
		CU_ASSERT_NOT_EQUAL(
			fog_tee_appraise(bad[i], &question, &policy, collateral, &verdict),
			FOG_TEE_VALID);
	char *evidence = evidence_make();
	size_t len = strlen(evidence), passed = 0;
	for (size_t i = 0; i < len; i++) {
		char kept = evidence[i];
		evidence[i] ^= 1;
		passed += fog_tee_appraise(evidence, &question, &policy, collateral, &verdict) ==
			  FOG_TEE_VALID;
		evidence[i] = '\0';
		passed += fog_tee_appraise(evidence, &question, &policy, collateral, &verdict) ==
			  FOG_TEE_VALID;
		evidence[i] = kept;
	}
	CU_ASSERT_EQUAL(passed, 0);
	free(evidence);
}

/* One lie each. */
static void test_refusals(void)
{
	u8 digest[32] = {1};

	fill();
	CU_ASSERT_EQUAL(judge(), FOG_TEE_NONCE);
	memcpy(statement.nonce, question.nonce, 32);
	CU_ASSERT_EQUAL(judge(), FOG_TEE_CREDENTIAL); /* not endorsed */
	endorse();
	question.asked_s -= FOG_TEE_NONCE_S + 1;
	CU_ASSERT_EQUAL(judge(), FOG_TEE_STALE);
	question.asked_s = question.now_s;
	question.node[0] ^= 1;
	CU_ASSERT_EQUAL(judge(), FOG_TEE_RELAYED);
	question.node[0] ^= 1;
	question.verifier[0] ^= 1;
	CU_ASSERT_EQUAL(judge(), FOG_TEE_RELAYED);
	question.verifier[0] ^= 1;
	question.ak_sha256[0] ^= 1;
	CU_ASSERT_EQUAL(judge(), FOG_TEE_CREDENTIAL);
	question.ak_sha256[0] ^= 1;
	question.enclave = "";
	CU_ASSERT_EQUAL(judge(), FOG_TEE_LAUNCH);
	question.enclave = "enclave_of_another";
	CU_ASSERT_EQUAL(judge(), FOG_TEE_LAUNCH);
	question.enclave = statement.enclave.id;
	/* Other code than was launched. */
	statement.enclave.code[0] ^= 1;
	CU_ASSERT_EQUAL(judge(), FOG_TEE_LAUNCH);
	statement.enclave.code[0] ^= 1;
	/* Another program than was recorded: a tampered binary that is not told. */
	statement.component[0].sha256[0] ^= 1;
	CU_ASSERT_EQUAL(judge(), FOG_TEE_LOG);
	statement.component[0].sha256[0] ^= 1;
	/* The register went on without the log. */
	CU_ASSERT_EQUAL(tpm.ops->extend(&tpm, digest, why), 0);
	CU_ASSERT_EQUAL(judge(), FOG_TEE_LOG);
	fill();
	endorse();
	/* An enclave that has ended. */
	fog_tee_launch_digest(&statement.enclave, digest);
	record(FOG_TEE_EVENT_END, statement.enclave.id, digest);
	CU_ASSERT_EQUAL(judge(), FOG_TEE_LAUNCH);
}

static void test_policy(void)
{
	fill();
	endorse();
	CU_ASSERT_EQUAL(judge(), FOG_TEE_VALID);
	/* A tampered binary that is told. */
	question.platform[0] ^= 1;
	CU_ASSERT_EQUAL(judge(), FOG_TEE_REFERENCE);
	question.platform[0] ^= 1;
	policy.code.count = 0;
	CU_ASSERT_EQUAL(judge(), FOG_TEE_REFERENCE);
	policy.code.count = 1;
	policy.accept = 1u << FOG_TEE_SNP;
	CU_ASSERT_EQUAL(judge(), FOG_TEE_KIND);
	policy.accept = 1u << FOG_TEE_TPM;
	policy.pcr[7] = (struct fog_tee_references){.count = 1, .one[0] = {.size = 32}};
	CU_ASSERT_EQUAL(judge(), FOG_TEE_VALID); /* nothing measured the boot of the emulator */
	policy.pcr[7].one[0].value[0] = 1;
	CU_ASSERT_EQUAL(judge(), FOG_TEE_REFERENCE);
	policy.pcr[7].count = 0;
	policy.pcr[20] = (struct fog_tee_references){.count = 1, .one[0] = {.size = 0}};
	CU_ASSERT_EQUAL(judge(), FOG_TEE_REFERENCE); /* is not quoted */
	policy.pcr[20].count = 0;
	u8 *revoked[] = {statement.node, verdict.hardware, question.ek_sha256};
	for (size_t i = 0; i < FOG_ARRAY_COUNT(revoked); i++) {
		policy.revoked_count = 1;
		policy.revoked[0].size = 32;
		memcpy(policy.revoked[0].value, revoked[i], 32);
		CU_ASSERT_EQUAL(judge(), FOG_TEE_REVOKED);
		memset(policy.revoked[0].value, 0, 32);
		policy.revoked_count = 0;
		CU_ASSERT_EQUAL(judge(), FOG_TEE_VALID);
	}
}

/* Registers other than those that were quoted; a quote without ours. */
static void test_registers(void)
{
	fill();
	endorse();
	char *evidence = evidence_make();
	json_t *root = json_loads(evidence, 0, NULL);
	json_t *quote = json_object_get(root, "quote"), *pcrs = json_object_get(quote, "pcrs");
	json_array_set_new(json_array_get(pcrs, 0), 1, fog_tee_hex_json(question.nonce, 32));
	char *changed = json_dumps(root, 0);
	CU_ASSERT_EQUAL(fog_tee_appraise(changed, &question, &policy, collateral, &verdict),
			FOG_TEE_PCR);
	free(changed);
	json_object_set_new(quote, "register", json_integer(0));
	changed = json_dumps(root, 0);
	CU_ASSERT_EQUAL(fog_tee_appraise(changed, &question, &policy, collateral, &verdict),
			FOG_TEE_FORMAT);
	free(changed);
	json_decref(root);
	free(evidence);
	/* Two statements: the quote is of the other. */
	evidence = evidence_make();
	root = json_loads(evidence, 0, NULL);
	statement.made_ms++;
	char *text = fog_tee_statement_text(&statement);
	u8 signature[64];
	fog_identity_sign(&attester, FOG_TEE_LABEL, text, strlen(text), signature);
	changed =
		fog_tee_evidence_text(text, signature, json_incref(json_object_get(root, "quote")));
	CU_ASSERT_EQUAL(fog_tee_appraise(changed, &question, &policy, collateral, &verdict),
			FOG_TEE_BINDING);
	free(text);
	free(changed);
	json_decref(root);
	free(evidence);
}

/* Nobody vouches for software: the shipped policy refuses it, another one warns. */
static void test_software(void)
{
	static const u8 nothing[64];
	struct fog_tee_ear ear;
	u8 signature[64];

	fill();
	statement.kind = FOG_TEE_SOFTWARE;
	memcpy(statement.nonce, question.nonce, 32);
	char *text = fog_tee_statement_text(&statement);
	fog_identity_sign(&attester, FOG_TEE_LABEL, text, strlen(text), signature);
	char *evidence = fog_tee_evidence_text(text, signature, json_object());
	CU_ASSERT_EQUAL(fog_tee_appraise(evidence, &question, &policy, collateral, &verdict),
			FOG_TEE_KIND);
	fog_tee_ear_of(&ear, &verdict, &question, &policy);
	CU_ASSERT_EQUAL(ear.status, FOG_TEE_STATUS_CONTRAINDICATED);
	policy.accept |= 1u << FOG_TEE_SOFTWARE;
	CU_ASSERT_EQUAL(fog_tee_appraise(evidence, &question, &policy, collateral, &verdict),
			FOG_TEE_VALID);
	fog_tee_ear_of(&ear, &verdict, &question, &policy);
	CU_ASSERT_EQUAL(ear.status, FOG_TEE_STATUS_WARNING);
	CU_ASSERT_FALSE(ear.endorsed);
	free(evidence);
	evidence = fog_tee_evidence_text(text, nothing, json_object());
	CU_ASSERT_EQUAL(fog_tee_appraise(evidence, &question, &policy, collateral, &verdict),
			FOG_TEE_SIGNATURE);
	free(evidence);
	free(text);
}

/* Another maker's TPM, or none: its key is as good as any key. */
static void test_makers(void)
{
	u8 name[FOG_TEE_NAME_SIZE] = {0}, secret[32] = {0}, hash[32];
	const char *none = "/dev/null", *real = emulator.maker;
	struct fog_tee_credential credential;
	struct fog_tee_makers *others = NULL;
	u8 cert[FOG_TEE_EK_CERT_MAX];
	json_t *id = NULL;

	CU_ASSERT_EQUAL(fog_tee_makers_load(&others, &none, 1, why), -EBADMSG);
	CU_ASSERT_EQUAL(fog_tee_makers_load(&others, NULL, 0, why), 0);
	CU_ASSERT_EQUAL_FATAL(tpm.ops->identity(&tpm, &id, why), 0);
	long len = fog_tee_hex_bytes(json_object_get(id, "ek_cert"), cert, sizeof(cert));
	json_decref(id);
	CU_ASSERT_TRUE_FATAL(len > 0);
	CU_ASSERT_EQUAL(fog_tee_credential_make(&credential, others, cert, (size_t)len, name,
						secret, NOW_S, hash, NULL, false, why),
			FOG_TEE_CREDENTIAL);
	fog_tee_makers_free(others);
	CU_ASSERT_EQUAL(fog_tee_makers_load(&others, &real, 1, why), 0);
	CU_ASSERT_EQUAL(fog_tee_credential_make(&credential, others, cert, (size_t)len, name,
						secret, 1, hash, NULL, false, why),
			FOG_TEE_EXPIRED);
	cert[len - 1] ^= 1;
	CU_ASSERT_EQUAL(fog_tee_credential_make(&credential, others, cert, (size_t)len, name,
						secret, NOW_S, hash, NULL, false, why),
			FOG_TEE_CREDENTIAL);
	fog_tee_makers_free(others);
}

/* ---- what a TPM's maker says later ---------------------------------------------------------- */

/* The emulator's maker may not sign lists: another one certifies the same endorsement key. */
static struct made list_maker, ek;
static struct fog_tee_makers *list_makers;

static void list_maker_up(void)
{
	u8 der[FOG_TEE_EK_CERT_MAX];
	char path[96];
	const u8 *at = der;
	const char *paths[] = {path};
	json_t *id = NULL;

	CU_ASSERT_EQUAL_FATAL(tpm.ops->identity(&tpm, &id, why), 0);
	long len = fog_tee_hex_bytes(json_object_get(id, "ek_cert"), der, sizeof(der));
	json_decref(id);
	X509 *given = d2i_X509(NULL, &at, len);
	CU_ASSERT_PTR_NOT_NULL_FATAL(given);
	list_maker = maker_issue("P-256", "Maker of TPMs", NULL, 1, true, NULL);
	ek = maker_issue("P-256", "TPM", &list_maker, 77, false, NULL);
	X509_set_pubkey(ek.cert, X509_get0_pubkey(given));
	CU_ASSERT_TRUE_FATAL(X509_sign(ek.cert, list_maker.key, EVP_sha256()) > 0);
	X509_free(given);
	snprintf(path, sizeof(path), "%s/lister.pem", emulator.dir);
	FILE *out = fopen(path, "we");
	CU_ASSERT_PTR_NOT_NULL_FATAL(out);
	PEM_write_X509(out, list_maker.cert);
	fclose(out);
	CU_ASSERT_EQUAL_FATAL(fog_tee_makers_load(&list_makers, paths, 1, why), 0);
}

static void list_maker_down(void)
{
	fog_tee_makers_free(list_makers);
	fog_tee_collateral_free(collateral);
	collateral = NULL;
	X509_free(ek.cert);
	EVP_PKEY_free(ek.key);
	X509_free(list_maker.cert);
	EVP_PKEY_free(list_maker.key);
}

/* What is revoked; until when the list holds, from now. */
static void list_set(bool revoked, long to)
{
	u8 *der;
	int len = maker_list(&list_maker, revoked ? X509_get0_serialNumber(ek.cert) : NULL,
			     -2 * MAKER_DAY, to, &der);

	fog_tee_collateral_free(collateral);
	collateral = fog_tee_collateral_new();
	CU_ASSERT_EQUAL(fog_tee_collateral_add(collateral, "tpm.crl", der, (size_t)len, why), 0);
	OPENSSL_free(der);
}

static enum fog_tee_fault judge_listed(bool required)
{
	u8 ak[FOG_TEE_AK_MAX], spki[256], name[FOG_TEE_NAME_SIZE], *der = NULL;
	struct fog_tee_credential credential;
	json_t *id = NULL;

	fill();
	memcpy(statement.nonce, question.nonce, 32);
	policy.collateral |= required ? 1u << FOG_TEE_TPM : 0;
	CU_ASSERT_EQUAL_FATAL(tpm.ops->identity(&tpm, &id, why), 0);
	long ak_len = fog_tee_hex_bytes(json_object_get(id, "ak"), ak, sizeof(ak));
	json_decref(id);
	CU_ASSERT_TRUE(fog_tee_ak_parse(ak, (size_t)ak_len, spki, sizeof(spki), name) > 0);
	fog_hash_sha256(question.ak_sha256, ak, (size_t)ak_len);
	int len = i2d_X509(ek.cert, &der);
	question.ek_fault = fog_tee_credential_make(&credential, list_makers, der, (size_t)len,
						    name, question.nonce, NOW_S, question.ek_sha256,
						    collateral, required, question.ek_why);
	question.endorsed = question.ek_fault == FOG_TEE_VALID;
	OPENSSL_free(der);
	return judge();
}

static void test_maker_lists(void)
{
	list_maker_up();
	CU_ASSERT_EQUAL(judge_listed(false), FOG_TEE_VALID);
	CU_ASSERT_EQUAL(judge_listed(true), FOG_TEE_COLLATERAL);
	list_set(false, MAKER_DAY);
	CU_ASSERT_EQUAL(judge_listed(true), FOG_TEE_VALID);
	list_set(true, MAKER_DAY);
	CU_ASSERT_EQUAL(judge_listed(false), FOG_TEE_REVOKED);
	CU_ASSERT_PTR_NOT_NULL(
		strstr(verdict.why, "its endorsement key: certificate 4D of TPM is on"));
	/* An old list says so as well. */
	list_set(true, -MAKER_DAY);
	CU_ASSERT_EQUAL(judge_listed(false), FOG_TEE_REVOKED);
	CU_ASSERT_EQUAL(judge_listed(true), FOG_TEE_COLLATERAL);
	list_set(false, -MAKER_DAY);
	CU_ASSERT_EQUAL(judge_listed(false), FOG_TEE_VALID);
	list_maker_down();
}

/* First and last: one emulator for all. */
static void test_up(void)
{
	struct fog_tee_provider_config c = {
		.provider = "tpm", .tpm = emulator.tcti, .pcr = 23, .tsm_dir = "", .certs = ""};
	const char *maker = emulator.maker;

	CU_ASSERT_EQUAL_FATAL(fog_crypto_init(), 0);
	identity_make(&attester, 1);
	identity_make(&verifier, 2);
	swtpm_up(&emulator);
	CU_ASSERT_EQUAL_FATAL(fog_tee_provider_open(&tpm, &c, why), 0);
	CU_ASSERT_EQUAL(tpm.kind, FOG_TEE_TPM);
	CU_ASSERT_PTR_NULL(strstr(tpm.about, "without"));
	CU_ASSERT_EQUAL_FATAL(fog_tee_makers_load(&makers, &maker, 1, why), 0);
}

static void test_down(void)
{
	fog_tee_makers_free(makers);
	fog_tee_provider_close(&tpm);
	swtpm_down(&emulator);
}

FOG_TEST_MAIN("controlplane/tee/appraise", FOG_TEST(test_up), FOG_TEST(test_life_cycle),
	      FOG_TEST(test_bad_arguments), FOG_TEST(test_refusals), FOG_TEST(test_policy),
	      FOG_TEST(test_registers), FOG_TEST(test_software), FOG_TEST(test_makers),
	      FOG_TEST(test_maker_lists), FOG_TEST(test_down))
