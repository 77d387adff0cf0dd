/* SPDX-License-Identifier: BSD-3-Clause */
/* Intel's recorded collateral with a recorded quote; and, for what nobody has recorded (a key that
 * is revoked, firmware of every standing), chains, lists and evidence of a maker of our own. This
 * program trusts both: fog_tee_roots() below stands before the one of roots.c. */
#include "controlplane/tee/collateral.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "controlplane/core/identity.h"
#include "controlplane/tee/appraise.h"
#include "controlplane/tee/ear.h"
#include "crypto/cpu.h"
#include "crypto/mem.h"
#include "crypto/sign/sign.h"
#include "tests/unit/controlplane/tee/maker.h"

#define CURRENT_AT 1751328000u /* 2025-07-01: collateral/ holds */
#define NEW_AT     1772323200u /* 2026-03-01: collateral_new/ holds */
#define TRUSTEE_AT 1762000000u /* 2025-11-01: collateral_trustee/ holds */
#define NOW_S      ((u64)time(NULL))
/* The platform's first level of collateral/tcb.json, up to its standing. */
#define LEVEL "{\"svn\":0}]},\"tcbDate\":\"2024-03-13T00:00:00Z\",\"tcbStatus\":"

static struct recorded file, quote;
static struct fog_tee_collateral *set;
static char why[FOG_TEE_WHY_SIZE];
static struct maker intel, amd;

const u8 *const *fog_tee_roots(enum fog_tee_kind kind)
{
	static const u8 intel_sgx[32] = {0xa0, 0xaf, 0x03, 0x12, 0x89, 0xf5, 0xd5, 0xd4,
					 0x13, 0x2f, 0x91, 0x86, 0x06, 0x8a, 0x7f, 0xc1,
					 0x36, 0x28, 0x63, 0x3b, 0xa2, 0x35, 0x77, 0x74,
					 0x72, 0xe2, 0x9b, 0x6b, 0x6c, 0x67, 0xa4, 0x9e};
	static const u8 *const roots[] = {intel_sgx, maker_root, NULL};

	return kind == FOG_TEE_SNP || kind == FOG_TEE_TDX ? roots : NULL;
}

static void load(const char *dir)
{
	char path[512];

	snprintf(path, sizeof(path), "%s/%s", FOG_TEE_VECTORS, dir);
	fog_tee_collateral_free(set);
	int rc = fog_tee_collateral_load(&set, path, why);
	if (rc != 0)
		printf("\n  %s\n", why);
	CU_ASSERT_EQUAL_FATAL(rc, 0);
}

static enum fog_tee_fault tdx(bool required, u64 now_s, enum fog_tee_tcb_status *status)
{
	return fog_tee_collateral_tdx(set, quote.data, quote.size, required, now_s, status, why);
}

static void test_life_cycle(void)
{
	enum fog_tee_tcb_status status;

	CU_ASSERT_EQUAL_FATAL(fog_crypto_init(), 0);
	load("collateral");
	recorded_quote(&quote, "tdx_quote_current.dat");
	CU_ASSERT_EQUAL(tdx(true, CURRENT_AT, &status), FOG_TEE_VALID);
	CU_ASSERT_EQUAL(status, FOG_TEE_TCB_UP_TO_DATE);
	json_t *o = fog_tee_collateral_json(set);
	CU_ASSERT_EQUAL(json_array_size(json_object_get(o, "files")), 4);
	json_decref(o);
	/* Long before and long after. */
	CU_ASSERT_EQUAL(tdx(true, CURRENT_AT - 400 * 86400, &status), FOG_TEE_COLLATERAL);
	CU_ASSERT_PTR_NOT_NULL(strstr(why, "out of date"));
	CU_ASSERT_EQUAL(tdx(true, CURRENT_AT + 60 * 86400, &status), FOG_TEE_COLLATERAL);
	CU_ASSERT_EQUAL(tdx(false, CURRENT_AT + 60 * 86400, &status), FOG_TEE_VALID);
	CU_ASSERT_EQUAL(status, FOG_TEE_TCB_NONE);
	/* A platform of which nothing is there. */
	recorded_quote(&quote, "tdx_quote_4.dat");
	CU_ASSERT_EQUAL(tdx(true, CURRENT_AT, &status), FOG_TEE_COLLATERAL);
	CU_ASSERT_PTR_NOT_NULL(strstr(why, "TCB info of this platform"));
	CU_ASSERT_EQUAL(tdx(false, CURRENT_AT, &status), FOG_TEE_VALID);
}

/* ---- files ---------------------------------------------------------------------------------- */

static int add(const char *name, const void *data, size_t size)
{
	return fog_tee_collateral_add(set, name, data, size, why);
}

static int add_recorded(const char *name)
{
	recorded_read(&file, name);
	return add(name, file.data, file.size);
}

static void begin(void)
{
	fog_tee_collateral_free(set);
	set = fog_tee_collateral_new();
	CU_ASSERT_PTR_NOT_NULL_FATAL(set);
}

static void test_bad_arguments(void)
{
	static const char id[] =
		"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef stolen \"x\"\n";
	static const struct {
		const char *name, *text;
	} bad[] = {
		{"a.crl", ""},
		{"a.crl", "x"},
		{"a.crl", "0"},
		{"a.pem", ""},
		{"a.pem", "0"},
		{"a.json", "{}"},
		{"a.json", ""},
		{"a.revoked", "00ff why\n"},
		{"a.revoked",
		 "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdefX\n"},
	};
	struct fog_tee_collateral *none = NULL;
	u8 bytes[32];

	begin();
	for (size_t i = 0; i < FOG_ARRAY_COUNT(bad); i++)
		CU_ASSERT_EQUAL(add(bad[i].name, bad[i].text, strlen(bad[i].text)), -EBADMSG);
	CU_ASSERT_EQUAL(add("notes.txt", "x", 1), 0);
	CU_ASSERT_EQUAL(add_recorded("collateral/tcb.json"), -EBADMSG);
	CU_ASSERT_PTR_NOT_NULL(strstr(why, "not signed"));
	/* Intel's, and good for nothing here. */
	CU_ASSERT_EQUAL(add_recorded("snp_azure_chain.pem"), -EBADMSG);
	CU_ASSERT_EQUAL(add("a.revoked", "# none\n\n", 8), 0);
	CU_ASSERT_EQUAL(add("a.revoked", id, sizeof(id) - 1), 0);
	CU_ASSERT_EQUAL(fog_hex_decode("0123456789abcdef0123456789abcdef"
				       "0123456789abcdef0123456789abcdef",
				       bytes, 32),
			0);
	CU_ASSERT_STRING_EQUAL(fog_tee_collateral_revoked(set, bytes), "stolen ?x?");
	bytes[0] ^= 1;
	CU_ASSERT_PTR_NULL(fog_tee_collateral_revoked(set, bytes));
	CU_ASSERT_PTR_NULL(fog_tee_collateral_revoked(NULL, bytes));
	CU_ASSERT_EQUAL(fog_tee_collateral_load(&none, "/nonexistent", why), -ENOENT);
	CU_ASSERT_PTR_NOT_NULL(strstr(why, "/nonexistent"));
	CU_ASSERT_EQUAL(fog_tee_collateral_load(&none, "", why), 0);
	fog_tee_collateral_free(none);
	fog_tee_collateral_free(NULL);
}

static void test_out_of_date(void)
{
	static const char *const names[] = {
		"collateral/intel_tcb_signing.pem", "collateral/intel_root.crl",
		"collateral_trustee/tcb.json", "collateral_trustee/qe.json"};
	enum fog_tee_tcb_status status;

	load("collateral_new");
	recorded_quote(&quote, "tdx_quote_old.dat");
	CU_ASSERT_EQUAL(tdx(true, NEW_AT, &status), FOG_TEE_OLD);
	CU_ASSERT_EQUAL(tdx(false, NEW_AT, &status), FOG_TEE_OLD);
	CU_ASSERT_STRING_EQUAL(why, "the platform is unknown");
	begin();
	for (size_t i = 0; i < FOG_ARRAY_COUNT(names); i++)
		CU_ASSERT_EQUAL(add_recorded(names[i]), 0);
	recorded_quote(&quote, "tdx_quote_6.dat");
	CU_ASSERT_EQUAL(tdx(false, TRUSTEE_AT, &status), FOG_TEE_VALID);
	CU_ASSERT_EQUAL(status, FOG_TEE_TCB_OUT_OF_DATE);
	CU_ASSERT_STRING_EQUAL(why, "the platform is OutOfDate of 2018-01-04");
	/* Nobody recorded the list of its PCK certificates. */
	CU_ASSERT_EQUAL(tdx(true, TRUSTEE_AT, &status), FOG_TEE_COLLATERAL);
}

static void test_directory(void)
{
	struct fog_tee_collateral *other = NULL;
	char dir[] = "/tmp/fog-collateral-XXXXXX", path[64];

	CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(dir));
	u64 empty = fog_tee_collateral_stamp(dir);
	CU_ASSERT_EQUAL(fog_tee_collateral_stamp(""), 0);
	CU_ASSERT_NOT_EQUAL(fog_tee_collateral_stamp("/nonexistent"), 0);
	CU_ASSERT_NOT_EQUAL(fog_tee_collateral_stamp("/nonexistent"), empty);
	snprintf(path, sizeof(path), "%s/bad.revoked", dir);
	FILE *f = fopen(path, "w");
	CU_ASSERT_PTR_NOT_NULL_FATAL(f);
	fputs("nothing\n", f);
	fclose(f);
	CU_ASSERT_NOT_EQUAL(fog_tee_collateral_stamp(dir), empty);
	CU_ASSERT_EQUAL(fog_tee_collateral_load(&other, dir, why), -EBADMSG);
	CU_ASSERT_PTR_NOT_NULL(strstr(why, "bad.revoked: line 1"));
	unlink(path);
	CU_ASSERT_EQUAL(fog_tee_collateral_load(&other, dir, why), 0);
	fog_tee_collateral_free(other);
	rmdir(dir);
}

/* Read once; which of them is changed. */
static const char *const parts[] = {"collateral/intel_tcb_signing.pem", "collateral/intel_root.crl",
				    "collateral/intel_pck_platform.crl", "collateral/tcb.json",
				    "collateral/qe.json"};
static struct recorded part[FOG_ARRAY_COUNT(parts)];
static size_t changed;

/* The changed file as early as it may come: what is wrong with it mostly shows at once. */
static enum fog_tee_fault with_changed(const u8 *data, size_t size)
{
	bool text = strstr(parts[changed], ".json") != NULL;
	enum fog_tee_tcb_status status;

	begin();
	if (text && add(parts[0], part[0].data, part[0].size) != 0)
		return FOG_TEE_COLLATERAL;
	if (add(parts[changed], data, size) != 0)
		return FOG_TEE_COLLATERAL;
	for (size_t i = 0; i < FOG_ARRAY_COUNT(parts); i++)
		if (i != changed && !(text && i == 0) &&
		    add(parts[i], part[i].data, part[i].size) != 0)
			return FOG_TEE_COLLATERAL;
	enum fog_tee_fault fault = tdx(true, CURRENT_AT, &status);
	return fault == FOG_TEE_VALID && status != FOG_TEE_TCB_UP_TO_DATE ? FOG_TEE_OLD : fault;
}

/* Every byte of Intel's collateral changed by a bit, every length cut: nothing passes. */
static void test_every_byte(void)
{
	recorded_quote(&quote, "tdx_quote_current.dat");
	for (size_t i = 0; i < FOG_ARRAY_COUNT(parts); i++)
		recorded_read(&part[i], parts[i]);
	for (changed = 0; changed < FOG_ARRAY_COUNT(parts); changed++) {
		file = part[changed];
		CU_ASSERT_EQUAL_FATAL(with_changed(file.data, file.size), FOG_TEE_VALID);
		recorded_mutate(&file, with_changed);
	}
}

/* ---- a maker of our own --------------------------------------------------------------------- */

static X509 *leaf_read(const char *name)
{
	struct fog_tee_certs certs = {file.data, 0};
	struct fog_tee_chain chain;

	recorded_read(&file, name);
	file.size = fog_tee_tdx_size(file.data, file.size);
	certs.size = file.size;
	const char *pem = memmem(file.data, file.size, "-----BEGIN", 10);
	if (pem != NULL)
		certs = (struct fog_tee_certs){pem, file.size - (size_t)(pem - (char *)file.data)};
	CU_ASSERT_EQUAL_FATAL(fog_tee_chain_parse(&certs, &chain), 0);
	X509_up_ref(chain.cert[0]);
	X509 *leaf = chain.cert[0];
	fog_tee_chain_free(&chain);
	return leaf;
}

static void test_makers_up(void)
{
	static const u8 data[32] = {7};
	struct fog_tee_claims claims;
	X509 *like = leaf_read("snp_azure_chain.pem");

	maker_up(&amd, "P-384", like);
	X509_free(like);
	recorded_read(&quote, "snp_azure_report.bin");
	maker_report(&amd, &quote, data);
	const struct fog_tee_certs certs = {amd.chain, strlen(amd.chain)};
	CU_ASSERT_EQUAL(fog_tee_snp_verify(quote.data, quote.size, &certs, NOW_S, &claims),
			FOG_TEE_VALID);
	CU_ASSERT_EQUAL(memcmp(claims.data, data, 32), 0);
	/* Trusted from here on is the other one. */
	like = leaf_read("tdx_quote_current.dat");
	maker_up(&intel, "P-256", like);
	X509_free(like);
	recorded_quote(&quote, "tdx_quote_current.dat");
	maker_quote(&intel, &quote, data);
	CU_ASSERT_EQUAL(fog_tee_tdx_verify(quote.data, quote.size, NOW_S, &claims), FOG_TEE_VALID);
	CU_ASSERT_EQUAL(memcmp(claims.data, data, 32), 0);
}

static void trust(const struct maker *m)
{
	static const u8 data[32] = {7};

	if (m == &intel) {
		recorded_quote(&quote, "tdx_quote_current.dat");
		maker_quote(&intel, &quote, data);
	}
	CU_ASSERT_TRUE(fog_tee_key_hash(m->root.cert, maker_root));
}

/* days: of the end from now; the list is of the day before yesterday. */
static void list_add(const struct made *by, long serial, long days)
{
	ASN1_INTEGER *n = ASN1_INTEGER_new();
	u8 *der;

	ASN1_INTEGER_set(n, serial);
	int len = maker_list(by, serial != 0 ? n : NULL, -2 * MAKER_DAY, days * MAKER_DAY, &der);
	CU_ASSERT_EQUAL(add("a.crl", der, (size_t)len), 0);
	ASN1_INTEGER_free(n);
	OPENSSL_free(der);
}

/* Intel's text with other dates and one word for another, signed by our signer or somebody. */
static int text_add(const char *recorded, const char *name, const char *word, const char *other,
		    const struct made *by)
{
	static char text[16384], out[20000];
	const char *inner;
	size_t len;
	u8 sig[64];
	char hex[129];

	recorded_read(&file, recorded);
	CU_ASSERT_TRUE_FATAL(
		fog_tee_tcb_split((const char *)file.data, file.size, name, &inner, &len, sig));
	snprintf(text, sizeof(text), "%.*s", (int)len, inner);
	memcpy(strstr(text, "\"issueDate\":\"") + 13, "2024", 4);
	memcpy(strstr(text, "\"nextUpdate\":\"") + 14, "2099", 4);
	char *at = word != NULL ? strstr(text, word) : NULL;
	snprintf(out, sizeof(out), "%s", at != NULL ? at + strlen(word) : "");
	if (at != NULL)
		snprintf(at, sizeof(text) - (size_t)(at - text), "%s%s", other, out);
	maker_sign(by->key, EVP_sha256(), text, strlen(text), sig, 32);
	fog_hex_encode(sig, sizeof(sig), hex, sizeof(hex));
	int size =
		snprintf(out, sizeof(out), "{\"%s\":%s,\"signature\":\"%s\"}\n", name, text, hex);
	return add("a.json", out, (size_t)size);
}

static void texts_add(const char *word, const char *other)
{
	CU_ASSERT_EQUAL(add("a.pem", intel.signers, strlen(intel.signers)), 0);
	CU_ASSERT_EQUAL(text_add("collateral/tcb.json", "tcbInfo", word, other, &intel.signer), 0);
	CU_ASSERT_EQUAL(
		text_add("collateral/qe.json", "enclaveIdentity", NULL, NULL, &intel.signer), 0);
}

/* Serials: 2 middle, 3 leaf, 4 who signs collateral. */
static void test_revoked_tdx(void)
{
	static const struct {
		int number;
		long root_serial, root_days, middle_serial, middle_days;
		bool required;
		enum fog_tee_fault fault;
		const char *why;
	} cases[] = {
		{1, 0, 9, 0, 9, true, FOG_TEE_VALID, ""},
		{2, 9, 9, 9, 9, true, FOG_TEE_VALID, ""},
		{3, 0, 9, 3, 9, true, FOG_TEE_REVOKED, "certificate 03 of Leaf of a test"},
		{4, 2, 9, 0, 9, true, FOG_TEE_REVOKED, "certificate 02 of Middle of a test"},
		{5, 4, 9, 0, 9, true, FOG_TEE_COLLATERAL, "Intel SGX TCB Signing"},
		{6, 0, 9, 0, -1, true, FOG_TEE_COLLATERAL, "out of date"},
		{7, 0, -1, 0, 9, true, FOG_TEE_COLLATERAL, "out of date"},
		{8, 0, -1, 0, -1, false, FOG_TEE_VALID, ""},
		{9, 0, 9, 3, -1, false, FOG_TEE_REVOKED, "certificate 03"},
		{10, 2, -1, 0, -1, false, FOG_TEE_REVOKED, "certificate 02"},
	};
	enum fog_tee_tcb_status status;

	trust(&intel);
	for (size_t i = 0; i < FOG_ARRAY_COUNT(cases); i++) {
		begin();
		list_add(&intel.root, cases[i].root_serial, cases[i].root_days);
		list_add(&intel.middle, cases[i].middle_serial, cases[i].middle_days);
		texts_add(NULL, NULL);
		enum fog_tee_fault fault = tdx(cases[i].required, NOW_S, &status);
		if (fault != cases[i].fault || strstr(why, cases[i].why) == NULL)
			printf("\n  case %d: %s: %s\n", cases[i].number, fog_tee_fault_code(fault),
			       why);
		CU_ASSERT_EQUAL(fault, cases[i].fault);
		CU_ASSERT_PTR_NOT_NULL(strstr(why, cases[i].why));
	}
}

static void test_lists_of_others(void)
{
	enum fog_tee_tcb_status status;
	struct made liar = {intel.middle.cert, amd.middle.key};

	trust(&intel);
	begin();
	texts_add(NULL, NULL);
	CU_ASSERT_EQUAL(tdx(true, NOW_S, &status), FOG_TEE_COLLATERAL);
	CU_ASSERT_PTR_NOT_NULL(strstr(why, "no revocation lists"));
	list_add(&intel.root, 0, 9);
	CU_ASSERT_EQUAL(tdx(true, NOW_S, &status), FOG_TEE_COLLATERAL);
	CU_ASSERT_PTR_NOT_NULL(strstr(why, "Leaf of a test has no revocation list"));
	/* In the name of the right one, by another's key. */
	list_add(&liar, 0, 9);
	CU_ASSERT_EQUAL(tdx(true, NOW_S, &status), FOG_TEE_COLLATERAL);
	CU_ASSERT_EQUAL(tdx(false, NOW_S, &status), FOG_TEE_COLLATERAL);
	/* Whoever signs quotes does not sign what is said of them. */
	begin();
	CU_ASSERT_EQUAL(add("a.pem", intel.chain, strlen(intel.chain)), -EBADMSG);
	CU_ASSERT_PTR_NOT_NULL(strstr(why, "does not sign collateral"));
	CU_ASSERT_EQUAL(add("a.pem", intel.signers, strlen(intel.signers)), 0);
	CU_ASSERT_EQUAL(text_add("collateral/tcb.json", "tcbInfo", NULL, NULL, &intel.leaf),
			-EBADMSG);
}

static void test_standings(void)
{
	static const struct {
		const char *word;
		enum fog_tee_tcb_status status;
		enum fog_tee_fault fault;
	} cases[] = {
		{"UpToDate", FOG_TEE_TCB_UP_TO_DATE, FOG_TEE_VALID},
		{"SWHardeningNeeded", FOG_TEE_TCB_SW_HARDENING, FOG_TEE_VALID},
		{"ConfigurationNeeded", FOG_TEE_TCB_CONFIGURATION, FOG_TEE_VALID},
		{"OutOfDate", FOG_TEE_TCB_OUT_OF_DATE, FOG_TEE_VALID},
		{"Revoked", FOG_TEE_TCB_REVOKED, FOG_TEE_REVOKED},
	};
	enum fog_tee_tcb_status status;
	char other[128];

	trust(&intel);
	for (size_t i = 0; i < FOG_ARRAY_COUNT(cases); i++) {
		begin();
		list_add(&intel.root, 0, 9);
		list_add(&intel.middle, 0, 9);
		snprintf(other, sizeof(other), LEVEL "\"%s\"", cases[i].word);
		texts_add(LEVEL "\"UpToDate\"", other);
		CU_ASSERT_EQUAL(tdx(true, NOW_S, &status), cases[i].fault);
		CU_ASSERT_EQUAL(status, cases[i].status);
	}
	/* What is revoked is so also where nothing is required and the lists are old. */
	begin();
	list_add(&intel.root, 0, -1);
	texts_add(LEVEL "\"UpToDate\"", LEVEL "\"Revoked\"");
	CU_ASSERT_EQUAL(tdx(false, NOW_S, &status), FOG_TEE_REVOKED);
}

static void test_revoked_snp(void)
{
	static const struct {
		int number;
		long root_serial, root_days, middle_serial;
		bool required;
		enum fog_tee_fault fault;
		const char *why;
	} cases[] = {
		{1, 0, 9, -1, true, FOG_TEE_VALID, ""},
		{2, 2, 9, -1, true, FOG_TEE_REVOKED, "certificate 02 of Middle of a test"},
		{3, 2, -1, -1, false, FOG_TEE_REVOKED, "certificate 02"},
		{4, 0, -1, -1, true, FOG_TEE_COLLATERAL, "out of date"},
		{5, 0, -1, -1, false, FOG_TEE_VALID, ""},
		/* AMD publishes none of chips; one that is there counts. */
		{6, 0, 9, 3, true, FOG_TEE_REVOKED, "certificate 03 of Leaf of a test"},
	};
	const struct fog_tee_certs certs = {amd.chain, strlen(amd.chain)};

	trust(&amd);
	begin();
	CU_ASSERT_EQUAL(fog_tee_collateral_snp(set, &certs, true, NOW_S, why), FOG_TEE_COLLATERAL);
	CU_ASSERT_EQUAL(fog_tee_collateral_snp(NULL, &certs, false, NOW_S, why), FOG_TEE_VALID);
	for (size_t i = 0; i < FOG_ARRAY_COUNT(cases); i++) {
		begin();
		list_add(&amd.root, cases[i].root_serial, cases[i].root_days);
		if (cases[i].middle_serial >= 0)
			list_add(&amd.middle, cases[i].middle_serial, 9);
		enum fog_tee_fault fault =
			fog_tee_collateral_snp(set, &certs, cases[i].required, NOW_S, why);
		if (fault != cases[i].fault || strstr(why, cases[i].why) == NULL)
			printf("\n  case %d: %s: %s\n", cases[i].number, fog_tee_fault_code(fault),
			       why);
		CU_ASSERT_EQUAL(fault, cases[i].fault);
		CU_ASSERT_PTR_NOT_NULL(strstr(why, cases[i].why));
	}
	/* Recorded, without any list: as AMD's are where an operator fetched none. */
	recorded_read(&file, "snp_azure_chain.pem");
	const struct fog_tee_certs real = {file.data, file.size};
	CU_ASSERT_EQUAL(fog_tee_collateral_snp(set, &real, false, RECORDED_AT, why), FOG_TEE_VALID);
	CU_ASSERT_EQUAL(fog_tee_collateral_snp(set, &real, true, RECORDED_AT, why),
			FOG_TEE_COLLATERAL);
}

/* ---- all of an appraisal --------------------------------------------------------------------- */

static struct fog_identity attester;
static struct fog_tee_policy policy;
static struct fog_tee_question question;
static struct fog_tee_appraisal verdict;

/* Evidence of a guest of our maker's machine: quoted, signed, bound. */
static char *evidence_make(enum fog_tee_kind kind)
{
	static struct fog_tee_statement s;
	u8 digest[32], binding[32], signature[64];

	memset(&s, 0, sizeof(s));
	s.kind = kind;
	s.component_count = 1;
	snprintf(s.component[0].name, sizeof(s.component[0].name), "fog-exec");
	fog_tee_platform(s.component, 1, digest);
	CU_ASSERT_EQUAL(fog_tee_log_add(&s.log, FOG_TEE_EVENT_PLATFORM, "", digest), 0);
	memcpy(s.node, attester.node_id, 32);
	question = (struct fog_tee_question){.asked_s = NOW_S, .now_s = NOW_S, .enclave = ""};
	memcpy(question.node, attester.node_id, 32);
	memcpy(question.platform, digest, 32);
	char *text = fog_tee_statement_text(&s);
	fog_tee_binding(text, binding);
	fog_identity_sign(&attester, FOG_TEE_LABEL, text, strlen(text), signature);
	recorded_read(&quote,
		      kind == FOG_TEE_SNP ? "snp_azure_report.bin" : "tdx_quote_current.dat");
	if (kind == FOG_TEE_SNP)
		maker_report(&amd, &quote, binding);
	else
		maker_quote(&intel, &quote, binding);
	json_t *o =
		kind == FOG_TEE_SNP
			? json_pack("{s:o, s:s}", "report",
				    fog_tee_hex_json(quote.data, quote.size), "certs", amd.chain)
			: json_pack("{s:o}", "quote", fog_tee_hex_json(quote.data, quote.size));
	char *evidence = fog_tee_evidence_text(text, signature, o);
	free(text);
	return evidence;
}

static void expect(char *evidence, enum fog_tee_fault fault, const char *words)
{
	fog_tee_appraise(evidence, &question, &policy, set, &verdict);
	if (verdict.fault != fault || strstr(verdict.why, words) == NULL)
		printf("\n  %s\n", verdict.why);
	CU_ASSERT_EQUAL(verdict.fault, fault);
	CU_ASSERT_PTR_NOT_NULL(strstr(verdict.why, words));
}

static void test_appraisal(void)
{
	u8 seed[32] = {1};
	struct fog_tee_ear ear;

	memset(&attester, 0, sizeof(attester));
	fog_sign_keypair(attester.node_id, attester.sign_sk, seed);
	CU_ASSERT_EQUAL(fog_tee_policy_load(&policy, "", why), 0);
	policy.snp.count = policy.tdx.count = 1; /* any */
	for (enum fog_tee_kind kind = FOG_TEE_SNP; kind <= FOG_TEE_TDX; kind++) {
		const struct maker *m = kind == FOG_TEE_SNP ? &amd : &intel;
		trust(m);
		char *evidence = evidence_make(kind);
		begin();
		expect(evidence, FOG_TEE_COLLATERAL, "there are no revocation lists");
		list_add(&m->root, 0, 9);
		list_add(&m->middle, 0, 9);
		if (kind == FOG_TEE_TDX)
			texts_add(NULL, NULL);
		expect(evidence, FOG_TEE_VALID, "valid");
		fog_tee_ear_of(&ear, &verdict, &question, &policy);
		CU_ASSERT_EQUAL(ear.tcb,
				kind == FOG_TEE_TDX ? FOG_TEE_TCB_UP_TO_DATE : FOG_TEE_TCB_NONE);
		begin();
		list_add(&m->root, 2, 9);
		list_add(&m->middle, 0, 9);
		expect(evidence, FOG_TEE_REVOKED, "it is revoked: certificate 02 of Middle");
		free(evidence);
	}
}

static void test_appraisal_firmware(void)
{
	trust(&intel);
	char *evidence = evidence_make(FOG_TEE_TDX);
	begin();
	list_add(&intel.root, 0, 9);
	list_add(&intel.middle, 0, 9);
	texts_add(LEVEL "\"UpToDate\"", LEVEL "\"ConfigurationNeeded\"");
	expect(evidence, FOG_TEE_OLD, "the platform is ConfigurationNeeded of 2024-03-13");
	policy.tcb_status |= 1u << FOG_TEE_TCB_CONFIGURATION;
	expect(evidence, FOG_TEE_VALID, "valid");
	free(evidence);
}

/* Lists of the operator's: the reason is theirs. */
static void test_appraisal_listed(void)
{
	char line[128], hex[65];

	trust(&amd);
	char *evidence = evidence_make(FOG_TEE_SNP);
	begin();
	list_add(&amd.root, 0, 9);
	expect(evidence, FOG_TEE_VALID, "valid");
	fog_hex_encode(verdict.hardware, 32, hex, sizeof(hex));
	int len = snprintf(line, sizeof(line), "%s stolen from rack 7\n", hex);
	CU_ASSERT_EQUAL(add("a.revoked", line, (size_t)len), 0);
	expect(evidence, FOG_TEE_REVOKED, "chip: stolen from rack 7");
	begin();
	list_add(&amd.root, 0, 9);
	fog_hex_encode(attester.node_id, 32, hex, sizeof(hex));
	len = snprintf(line, sizeof(line), "%s\n", hex);
	CU_ASSERT_EQUAL(add("a.revoked", line, (size_t)len), 0);
	expect(evidence, FOG_TEE_REVOKED, "it is revoked: the host");
	free(evidence);
}

static void test_makers_down(void)
{
	fog_tee_collateral_free(set);
	maker_down(&amd);
	maker_down(&intel);
}

FOG_TEST_MAIN("controlplane/tee/collateral", FOG_TEST(test_life_cycle),
	      FOG_TEST(test_bad_arguments), FOG_TEST(test_out_of_date), FOG_TEST(test_directory),
	      FOG_TEST(test_every_byte), FOG_TEST(test_makers_up), FOG_TEST(test_revoked_tdx),
	      FOG_TEST(test_lists_of_others), FOG_TEST(test_standings), FOG_TEST(test_revoked_snp),
	      FOG_TEST(test_appraisal), FOG_TEST(test_appraisal_firmware),
	      FOG_TEST(test_appraisal_listed), FOG_TEST(test_makers_down))
