/* SPDX-License-Identifier: BSD-3-Clause */
/* Attestation: appraising recorded evidence of SEV-SNP and TDX beside the signatures in it alone,
 * as OpenSSL checks them; and an emulated TPM, beside what it takes itself. Without swtpm the TPM's
 * rows are left out, and it says so. */
#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "bench/bench.h"
#include "controlplane/core/identity.h"
#include "controlplane/executor/file.h"
#include "controlplane/tee/appraise.h"
#include "controlplane/tee/ear.h"
#include "controlplane/tee/provider.h"
#include "controlplane/tee/seal.h"
#include "crypto/hash/hash.h"
#include "crypto/mem.h"
#include "crypto/random/random.h"
#include "crypto/sign/sign.h"

#define SAMPLES       21
#define RECORDED_AT   1735689600u /* 2025-01-01 */
#define COLLATERAL_AT 1751328000u /* 2025-07-01: what is recorded holds */
#define FILE_MAX      16384

extern char **environ;

struct file {
	u8 data[FILE_MAX];
	size_t size;
};

/* One kind of evidence, and the signatures in it. */
struct recorded {
	struct file evidence, certs;
	struct fog_tee_chain chain;
	struct fog_tee_collateral *collateral;
};

static bool file_read(struct file *f, const char *name)
{
	char path[512];

	snprintf(path, sizeof(path), "%s/%s", FOG_TEE_VECTORS, name);
	FILE *in = fopen(path, "re");
	f->size = in != NULL ? fread(f->data, 1, sizeof(f->data), in) : 0;
	if (in != NULL)
		fclose(in);
	return f->size != 0;
}

static void must(bool good)
{
	if (!good) {
		fprintf(stderr, "fog-bench: tee: recorded evidence does not verify\n");
		exit(1);
	}
}

/* ---- recorded evidence ---------------------------------------------------------------------- */

static void snp_verify(void *arg, u64 rounds)
{
	const struct recorded *r = arg;
	const struct fog_tee_certs certs = {r->certs.data, r->certs.size};
	struct fog_tee_claims claims;

	for (u64 i = 0; i < rounds; i++)
		must(fog_tee_snp_verify(r->evidence.data, r->evidence.size, &certs, RECORDED_AT,
					&claims) == FOG_TEE_VALID);
}

static void tdx_verify(void *arg, u64 rounds)
{
	const struct recorded *r = arg;
	struct fog_tee_claims claims;

	for (u64 i = 0; i < rounds; i++)
		must(fog_tee_tdx_verify(r->evidence.data, r->evidence.size, COLLATERAL_AT,
					&claims) == FOG_TEE_VALID);
}

static void tdx_appraise(void *arg, u64 rounds)
{
	const struct recorded *r = arg;
	enum fog_tee_tcb_status status;
	char why[FOG_TEE_WHY_SIZE];

	for (u64 i = 0; i < rounds; i++) {
		tdx_verify(arg, 1);
		must(fog_tee_collateral_tdx(r->collateral, r->evidence.data, r->evidence.size, true,
					    COLLATERAL_AT, &status, why) == FOG_TEE_VALID);
	}
}

/* A chain is verified certificate by certificate, the root by itself. */
static void chain_signatures(const struct fog_tee_chain *c)
{
	for (unsigned i = 0; i < c->count; i++)
		must(X509_verify(c->cert[i],
				 X509_get0_pubkey(c->cert[FOG_MIN(i + 1, c->count - 1)])) == 1);
}

/* The report's signature costs the same whatever is signed. */
static void snp_signatures(void *arg, u64 rounds)
{
	const struct recorded *r = arg;
	u8 half[2][48];

	for (u64 n = 0; n < rounds; n++) {
		chain_signatures(&r->chain);
		for (size_t i = 0; i < 48; i++) {
			half[0][i] = r->evidence.data[0x2A0 + 47 - i];
			half[1][i] = r->evidence.data[0x2A0 + 72 + 47 - i];
		}
		must(fog_tee_ecdsa_verify(X509_get0_pubkey(r->chain.cert[0]), "SHA384",
					  r->evidence.data, 0x2A0, half[0], half[1], 48));
	}
}

/* Of the report of the quoting enclave, twice: the quote's is of the same kind and cost. */
static void tdx_signatures(void *arg, u64 rounds)
{
	enum { QE = 48 + 584 + 4 + 64 + 64 + 6 };
	const struct recorded *r = arg;
	const u8 *report = r->evidence.data + QE, *sig = report + 384;

	for (u64 n = 0; n < rounds; n++) {
		chain_signatures(&r->chain);
		for (u32 i = 0; i < 2; i++)
			must(fog_tee_ecdsa_verify(X509_get0_pubkey(r->chain.cert[0]), "SHA256",
						  report, 384, sig, sig + 32, 32));
	}
}

static bool collateral_load(struct recorded *r)
{
	char dir[512], why[FOG_TEE_WHY_SIZE];

	snprintf(dir, sizeof(dir), "%s/collateral", FOG_TEE_VECTORS);
	return fog_tee_collateral_load(&r->collateral, dir, why) == 0;
}

static void recorded_run(struct bench *b)
{
	static struct recorded snp, tdx;
	const struct bench_case cases[] = {
		{"tee.snp_verify", "ns", "limit: its signatures alone, OpenSSL", snp_verify,
		 snp_signatures, &snp, &snp},
		{"tee.tdx_verify", "ns", "limit: its signatures alone, OpenSSL", tdx_verify,
		 tdx_signatures, &tdx, &tdx},
		{"tee.tdx_appraise", "ns", "limit: the quote's signatures alone, OpenSSL",
		 tdx_appraise, tdx_signatures, &tdx, &tdx},
	};

	must(file_read(&snp.evidence, "snp_azure_report.bin") &&
	     file_read(&snp.certs, "snp_azure_chain.pem") &&
	     file_read(&tdx.evidence, "tdx_quote_current.dat") && collateral_load(&tdx));
	tdx.evidence.size = fog_tee_tdx_size(tdx.evidence.data, tdx.evidence.size);
	const u8 *pem = memmem(tdx.evidence.data, tdx.evidence.size, "-----BEGIN", 10);
	const struct fog_tee_certs certs[] = {
		{snp.certs.data, snp.certs.size},
		{pem, tdx.evidence.size - (size_t)(pem - tdx.evidence.data)}};
	must(fog_tee_chain_parse(&certs[0], &snp.chain) == 0 &&
	     fog_tee_chain_parse(&certs[1], &tdx.chain) == 0);
	for (size_t i = 0; i < FOG_ARRAY_COUNT(cases); i++)
		bench_run(b, &cases[i]);
	fog_tee_chain_free(&snp.chain);
	fog_tee_chain_free(&tdx.chain);
	fog_tee_collateral_free(tdx.collateral);
}

/* ---- an emulated TPM ------------------------------------------------------------------------ */

static struct {
	char dir[64];
	struct fog_tee_provider_config config;
	struct fog_tee_provider p;
	struct fog_identity id, verifier;
	struct fog_tee_policy policy;
	struct fog_tee_statement s;
	struct fog_hpke_keys key;
	char *evidence; /* the last one */
	char why[FOG_TEE_WHY_SIZE];
} tpm;

static struct fog_tee_question question_make(void)
{
	u64 now_s = (u64)time(NULL);
	struct fog_tee_question q = {.asked_s = now_s, .now_s = now_s, .enclave = tpm.s.enclave.id};

	memcpy(q.node, tpm.id.node_id, 32);
	memcpy(q.verifier, tpm.verifier.node_id, 32);
	memcpy(q.nonce, tpm.s.nonce, 32);
	fog_tee_platform(tpm.s.component, tpm.s.component_count, q.platform);
	return q;
}

static void record(enum fog_tee_event_kind kind, const char *name, const u8 digest[32])
{
	struct fog_tee_log *log = &tpm.s.log;
	u8 bytes[32];

	must(fog_tee_log_add(log, kind, name, digest) == 0);
	fog_tee_event_digest(&log->event[log->count - 1], bytes);
	must(tpm.p.ops->extend(&tpm.p, bytes, tpm.why) == 0);
}

static void host_begin(void)
{
	u8 platform[32];

	must(tpm.p.ops->reset(&tpm.p, tpm.why) == 0);
	memset(&tpm.s, 0, sizeof(tpm.s));
	tpm.s.kind = FOG_TEE_TPM;
	tpm.s.component_count = 1;
	snprintf(tpm.s.component[0].name, sizeof(tpm.s.component[0].name), "fog-exec");
	fog_tee_platform(tpm.s.component, 1, platform);
	memcpy(tpm.s.node, tpm.id.node_id, 32);
	memcpy(tpm.s.verifier, tpm.verifier.node_id, 32);
	record(FOG_TEE_EVENT_PLATFORM, "", platform);
}

static char *evidence_make(void)
{
	u8 binding[32], signature[64];
	json_t *quote = NULL;

	char *text = fog_tee_statement_text(&tpm.s);
	fog_tee_binding(text, binding);
	must(tpm.p.ops->quote(&tpm.p, binding, &quote, tpm.why) == 0);
	fog_identity_sign(&tpm.id, FOG_TEE_LABEL, text, strlen(text), signature);
	char *evidence = fog_tee_evidence_text(text, signature, quote);
	free(text);
	return evidence;
}

static void tpm_evidence(void *arg, u64 rounds)
{
	for (u64 i = 0; i < rounds; i++) {
		free(tpm.evidence);
		tpm.evidence = evidence_make();
	}
}

static void tpm_quote(void *arg, u64 rounds)
{
	static const u8 binding[32];
	json_t *quote = NULL;

	for (u64 i = 0; i < rounds; i++) {
		must(tpm.p.ops->quote(&tpm.p, binding, &quote, tpm.why) == 0);
		json_decref(quote);
	}
}

static void tpm_appraise(void *arg, u64 rounds)
{
	struct fog_tee_question q = question_make();
	static struct fog_tee_appraisal verdict;

	for (u64 i = 0; i < rounds; i++)
		must(fog_tee_appraise(tpm.evidence, &q, &tpm.policy, NULL, &verdict) ==
		     FOG_TEE_VALID);
}

/* The TPM's and the host's. */
static void tpm_signatures(void *arg, u64 rounds)
{
	static u8 signature[64], message[1024];
	static EVP_PKEY *key;
	static u8 r_s[64];

	if (key == NULL) {
		EVP_MD_CTX *ctx = EVP_MD_CTX_new();
		u8 der[80];
		const u8 *at = der;
		size_t len = sizeof(der);
		key = EVP_EC_gen("P-256");
		must(EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, key) == 1 &&
		     EVP_DigestSign(ctx, der, &len, message, 145) == 1);
		ECDSA_SIG *sig = d2i_ECDSA_SIG(NULL, &at, (long)len);
		BN_bn2binpad(ECDSA_SIG_get0_r(sig), r_s, 32);
		BN_bn2binpad(ECDSA_SIG_get0_s(sig), r_s + 32, 32);
		ECDSA_SIG_free(sig);
		EVP_MD_CTX_free(ctx);
		fog_sign(signature, message, sizeof(message), tpm.id.sign_sk);
	}
	for (u64 i = 0; i < rounds; i++)
		must(fog_tee_ecdsa_verify(key, "SHA256", message, 145, r_s, r_s + 32, 32) &&
		     fog_sign_verify(signature, message, sizeof(message), tpm.id.node_id) == 0);
}

/* From the program's bytes to a secret that it can open: measure, record, quote, appraise, sign and
 * check the result, seal and unseal. What is missing is the network between the three. */
static void enclave(void *arg, u64 rounds)
{
	static struct fog_tee_appraisal verdict;
	static u8 code[65536];
	u8 ikm[32], sealed[64 + FOG_HPKE_OVERHEAD], secret[64] = {1}, digest[32];
	struct fog_tee_ear ear;

	for (u64 i = 0; i < rounds; i++) {
		host_begin();
		struct fog_tee_launch *l = &tpm.s.enclave;
		tpm.s.has_enclave = true;
		snprintf(l->id, sizeof(l->id), "enclave_0123456789ab");
		snprintf(l->engine, sizeof(l->engine), "native");
		fog_hash_sha256(l->code, code, sizeof(code));
		fog_tee_platform(tpm.s.component, 1, l->engine_sha256);
		fog_random_bytes(ikm, sizeof(ikm));
		fog_hpke_derive(&tpm.key, ikm, sizeof(ikm));
		memcpy(l->key, tpm.key.pk, 32);
		fog_tee_launch_digest(l, digest);
		record(FOG_TEE_EVENT_LAUNCH, l->id, digest);
		tpm_evidence(NULL, 1);
		struct fog_tee_question q = question_make();
		must(fog_tee_appraise(tpm.evidence, &q, &tpm.policy, NULL, &verdict) ==
		     FOG_TEE_VALID);
		fog_tee_ear_of(&ear, &verdict, &q, &tpm.policy);
		char *token = fog_tee_ear_sign(&ear, tpm.verifier.sign_sk);
		must(fog_tee_ear_verify(&ear, token, q.now_s, tpm.why) == 0);
		free(token);
		must(fog_tee_seal(sealed, secret, sizeof(secret), ear.key, l->id, "key") == 0 &&
		     fog_tee_unseal(secret, sealed, sizeof(sealed), &tpm.key, l->id, "key") == 0);
	}
}

/* What the TPM does of that. */
static void enclave_tpm(void *arg, u64 rounds)
{
	static const u8 digest[32];

	for (u64 i = 0; i < rounds; i++) {
		must(tpm.p.ops->reset(&tpm.p, tpm.why) == 0 &&
		     tpm.p.ops->extend(&tpm.p, digest, tpm.why) == 0 &&
		     tpm.p.ops->extend(&tpm.p, digest, tpm.why) == 0);
		tpm_quote(NULL, 1);
	}
}

static void tpm_open(void *arg, u64 rounds)
{
	struct fog_tee_provider another;

	for (u64 i = 0; i < rounds; i++) {
		must(fog_tee_provider_open(&another, &tpm.config, tpm.why) == 0);
		fog_tee_provider_close(&another);
	}
}

/* The script, silent; its exit status, -1 when it cannot run. */
static int swtpm(const char *verb)
{
	char ca[80];
	const char *const argv[] = {FOG_SWTPM, verb, tpm.dir, ca, NULL};
	posix_spawn_file_actions_t actions;
	int status = -1;
	pid_t pid;

	snprintf(ca, sizeof(ca), "%s/ca", tpm.dir);
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
	posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
	int rc = posix_spawn(&pid, argv[0], &actions, NULL, (char *const *)argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	return rc == 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status) ? WEXITSTATUS(status)
									       : -1;
}

static bool tpm_up(void)
{
	static char tcti[96];

	snprintf(tpm.dir, sizeof(tpm.dir), "/tmp/fog-bench-tee.XXXXXX");
	if (mkdtemp(tpm.dir) == NULL || swtpm("up") != 0)
		return false;
	snprintf(tcti, sizeof(tcti), "swtpm:path=%s/sock", tpm.dir);
	tpm.config = (struct fog_tee_provider_config){
		.provider = "tpm", .tpm = tcti, .pcr = 23, .tsm_dir = "", .certs = ""};
	return fog_tee_policy_load(&tpm.policy, "", tpm.why) == 0;
}

static void tpm_down(void)
{
	free(tpm.evidence);
	tpm.evidence = NULL;
	fog_tee_provider_close(&tpm.p);
	(void)swtpm("down");
	(void)fog_tree_remove(AT_FDCWD, tpm.dir);
}

static double now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec * 1e9 + (double)ts.tv_nsec;
}

static double once(bench_fn fn)
{
	double start = now_ns();

	fn(NULL, 1);
	return now_ns() - start;
}

/* The TPM is another process: by the clock on the wall, in turn. */
static void wall_run(struct bench *b, const struct bench_case *c)
{
	double ours[SAMPLES], theirs[SAMPLES];

	if (!bench_wanted(b, c->name))
		return;
	for (unsigned i = 0; i < SAMPLES; i++) {
		ours[i] = once(c->ours);
		theirs[i] = once(c->theirs);
	}
	bench_record(b, c, ours, SAMPLES, bench_median(theirs, SAMPLES));
}

static void tpm_run(struct bench *b)
{
	static const struct bench_case cases[] = {
		{"tee.tpm_evidence", "ns", "limit: the TPM's quote alone", tpm_evidence, tpm_quote},
		{"tee.enclave_attested", "ns", "limit: what the TPM does of it alone", enclave,
		 enclave_tpm},
	};
	static const struct bench_case appraise = {"tee.tpm_appraise", "ns",
						   "limit: its signatures alone", tpm_appraise,
						   tpm_signatures};
	static const struct bench_case open_case = {"tee.tpm_open", "ns", "a quote of the same TPM",
						    tpm_open, tpm_quote};
	const u8 seeds[2][32] = {{1}, {2}};
	double opens[SAMPLES], quotes[SAMPLES];

	fog_sign_keypair(tpm.id.node_id, tpm.id.sign_sk, seeds[0]);
	fog_sign_keypair(tpm.verifier.node_id, tpm.verifier.sign_sk, seeds[1]);
	if (!tpm_up()) {
		printf("tee: swtpm is wanted for the rows of a TPM\n");
		return;
	}
	tpm.policy.endorsed = false; /* the emulator's maker is nobody's */
	/* An emulator has one caller at a time. */
	for (unsigned i = 0; i < SAMPLES; i++)
		opens[i] = once(tpm_open);
	must(fog_tee_provider_open(&tpm.p, &tpm.config, tpm.why) == 0);
	for (unsigned i = 0; i < SAMPLES; i++)
		quotes[i] = once(tpm_quote);
	if (bench_wanted(b, open_case.name))
		bench_record(b, &open_case, opens, SAMPLES, bench_median(quotes, SAMPLES));
	host_begin();
	tpm_evidence(NULL, 1);
	bench_run(b, &appraise);
	for (size_t i = 0; i < FOG_ARRAY_COUNT(cases); i++)
		wall_run(b, &cases[i]);
	tpm_down();
}

void bench_suite_tee(struct bench *b)
{
	static const char *const tpm_rows[] = {"tee.tpm_open", "tee.tpm_evidence",
					       "tee.tpm_appraise", "tee.enclave_attested"};
	bool wanted = false;

	recorded_run(b);
	for (size_t i = 0; i < FOG_ARRAY_COUNT(tpm_rows); i++)
		wanted = wanted || bench_wanted(b, tpm_rows[i]);
	if (wanted)
		tpm_run(b);
}
