/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/tee/collateral.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509_vfy.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "controlplane/jobs/json.h"
#include "crypto/mem.h"

#define SIGNERS_MAX  8
#define INFOS_MAX    64 /* platforms' TCB info */
#define NAME_SIZE    64 /* kept of a file's name */
#define REASON_SIZE  96
#define SIGNER_NAME  "Intel SGX TCB Signing"
#define LINE_MAX_LEN 256

struct list {
	X509_CRL *crl;
	char name[NAME_SIZE];
};

struct info {
	struct fog_tee_tcb_info tcb;
	const struct fog_tee_chain *signer;
	char name[NAME_SIZE];
};

struct listed {
	u8 id[32];
	char why[REASON_SIZE];
};

struct fog_tee_collateral {
	X509_STORE *store; /* empty: OpenSSL wants one */
	u32 list_count, signer_count, info_count, listed_count;
	struct list list[FOG_TEE_COLLATERAL_FILES_MAX];
	struct fog_tee_chain signer[SIGNERS_MAX];
	struct info *info[INFOS_MAX];
	struct fog_tee_qe_identity qe;
	const struct fog_tee_chain *qe_signer; /* NULL: there is none */
	char qe_name[NAME_SIZE];
	struct listed *listed;
};

struct fog_tee_collateral *fog_tee_collateral_new(void)
{
	struct fog_tee_collateral *c = calloc(1, sizeof(*c));

	if (c != NULL && (c->store = X509_STORE_new()) == NULL) {
		free(c);
		return NULL;
	}
	return c;
}

void fog_tee_collateral_free(struct fog_tee_collateral *c)
{
	if (c == NULL)
		return;
	for (u32 i = 0; i < c->list_count; i++)
		X509_CRL_free(c->list[i].crl);
	for (u32 i = 0; i < c->signer_count; i++)
		fog_tee_chain_free(&c->signer[i]);
	for (u32 i = 0; i < c->info_count; i++)
		free(c->info[i]);
	X509_STORE_free(c->store);
	free(c->listed);
	free(c);
}

/* ---- files ---------------------------------------------------------------------------------- */

static int wrong(char why[FOG_TEE_WHY_SIZE], const char *what)
{
	snprintf(why, FOG_TEE_WHY_SIZE, "%s", what);
	return -EBADMSG;
}

/* Again as bytes: nothing may hide in them. */
static bool crl_exact(X509_CRL *crl, const u8 *der, size_t size)
{
	unsigned char *again = NULL;
	int len = i2d_X509_CRL(crl, &again);
	bool same = len > 0 && (size_t)len == size && memcmp(again, der, size) == 0;

	OPENSSL_free(again);
	return same;
}

static X509_CRL *crl_parse(const u8 *data, size_t size)
{
	const unsigned char *at = data;

	if (size > 0 && data[0] == 0x30) {
		X509_CRL *crl = d2i_X509_CRL(NULL, &at, (long)size);
		if (crl != NULL && !crl_exact(crl, data, size)) {
			X509_CRL_free(crl);
			crl = NULL;
		}
		return crl;
	}
	BIO *in = BIO_new_mem_buf(data, (int)size);
	X509_CRL *crl = in != NULL ? PEM_read_bio_X509_CRL(in, NULL, NULL, NULL) : NULL;
	BIO_free(in);
	return crl;
}

static int crl_add(struct fog_tee_collateral *c, const char *name, const u8 *data, size_t size,
		   char why[FOG_TEE_WHY_SIZE])
{
	if (c->list_count == FOG_TEE_COLLATERAL_FILES_MAX)
		return -E2BIG;
	X509_CRL *crl = crl_parse(data, size);
	ERR_clear_error();
	if (crl == NULL)
		return wrong(why, "no certificate revocation list");
	struct list *l = &c->list[c->list_count++];
	l->crl = crl;
	snprintf(l->name, sizeof(l->name), "%s", name);
	return 0;
}

static bool is_tcb_signer(X509 *cert)
{
	char text[64] = "";

	return X509_NAME_get_text_by_NID(X509_get_subject_name(cert), NID_commonName, text,
					 sizeof(text)) > 0 &&
	       strcmp(text, SIGNER_NAME) == 0;
}

static int signer_add(struct fog_tee_collateral *c, const u8 *data, size_t size,
		      char why[FOG_TEE_WHY_SIZE])
{
	const struct fog_tee_certs certs = {data, size};
	struct fog_tee_chain chain;

	if (c->signer_count == SIGNERS_MAX)
		return -E2BIG;
	if (fog_tee_chain_parse(&certs, &chain) < 0)
		return wrong(why, "no chain of certificates in PEM and nothing else");
	enum fog_tee_fault fault = fog_tee_chain_verify(&chain, FOG_TEE_TDX, 0);
	if (fault == FOG_TEE_VALID && is_tcb_signer(chain.cert[0])) {
		c->signer[c->signer_count++] = chain;
		return 0;
	}
	fog_tee_chain_free(&chain);
	return wrong(why, fault != FOG_TEE_VALID ? fog_tee_fault_name(fault)
						 : "this certificate does not sign collateral");
}

static const struct fog_tee_chain *signer_of(const struct fog_tee_collateral *c, const char *text,
					     size_t len, const u8 signature[64])
{
	for (u32 i = 0; i < c->signer_count; i++)
		if (fog_tee_ecdsa_verify(X509_get0_pubkey(c->signer[i].cert[0]), "SHA256", text,
					 len, signature, signature + 32, 32))
			return &c->signer[i];
	return NULL;
}

static int info_add(struct fog_tee_collateral *c, const char *name, const char *text, size_t len,
		    const struct fog_tee_chain *signer, char why[FOG_TEE_WHY_SIZE])
{
	struct info *i = calloc(1, sizeof(*i));

	if (i == NULL || c->info_count == INFOS_MAX) {
		free(i);
		return i == NULL ? -ENOMEM : -E2BIG;
	}
	if (fog_tee_tcb_info_parse(&i->tcb, text, len, why) != 0) {
		free(i);
		return -EBADMSG;
	}
	i->signer = signer;
	snprintf(i->name, sizeof(i->name), "%s", name);
	c->info[c->info_count++] = i;
	return 0;
}

static int qe_add(struct fog_tee_collateral *c, const char *name, const char *text, size_t len,
		  const struct fog_tee_chain *signer, char why[FOG_TEE_WHY_SIZE])
{
	struct fog_tee_qe_identity qe;

	if (fog_tee_qe_identity_parse(&qe, text, len, why) != 0)
		return -EBADMSG;
	if (c->qe_signer != NULL && c->qe.issued_s >= qe.issued_s)
		return 0; /* the newer one is there */
	c->qe = qe;
	c->qe_signer = signer;
	snprintf(c->qe_name, sizeof(c->qe_name), "%s", name);
	return 0;
}

static int json_add(struct fog_tee_collateral *c, const char *name, const char *text, size_t len,
		    char why[FOG_TEE_WHY_SIZE])
{
	size_t inner_len = 0;
	const char *inner = NULL;
	u8 signature[64];

	bool info = fog_tee_tcb_split(text, len, "tcbInfo", &inner, &inner_len, signature);
	if (!info &&
	    !fog_tee_tcb_split(text, len, "enclaveIdentity", &inner, &inner_len, signature))
		return wrong(why, "neither TCB info nor the identity of an enclave");
	const struct fog_tee_chain *signer = signer_of(c, inner, inner_len, signature);
	if (signer == NULL)
		return wrong(why, "not signed by any chain of the .pem files");
	return (info ? info_add : qe_add)(c, name, inner, inner_len, signer, why);
}

static bool line_read(const char *line, size_t len, struct listed *out)
{
	char hex[65];

	if (len < 64 || (len > 64 && line[64] != ' ' && line[64] != '\t'))
		return false;
	snprintf(hex, sizeof(hex), "%.64s", line);
	snprintf(out->why, sizeof(out->why), "%.*s", len > 65 ? (int)(len - 65) : 0, line + 65);
	for (char *p = out->why; *p != '\0'; p++)
		if ((unsigned char)*p < ' ' || *p == '"' || *p == '\x7f')
			*p = '?';
	return fog_hex_decode(hex, out->id, 32) == 0;
}

static int listed_add(struct fog_tee_collateral *c, const char *text, size_t len,
		      char why[FOG_TEE_WHY_SIZE])
{
	u32 number = 0;

	for (size_t at = 0, end; at < len; at = end + 1) {
		const char *stop = memchr(text + at, '\n', len - at);
		end = stop != NULL ? (size_t)(stop - text) : len;
		number++;
		if (end == at || text[at] == '#')
			continue;
		if (c->listed_count == FOG_TEE_LISTED_MAX)
			return -E2BIG;
		if (c->listed == NULL &&
		    (c->listed = calloc(FOG_TEE_LISTED_MAX, sizeof(*c->listed))) == NULL)
			return -ENOMEM;
		if (end - at > LINE_MAX_LEN ||
		    !line_read(text + at, end - at, &c->listed[c->listed_count])) {
			snprintf(why, FOG_TEE_WHY_SIZE,
				 "line %u: wants 64 hex digits, a space and a reason", number);
			return -EBADMSG;
		}
		c->listed_count++;
	}
	return 0;
}

static bool ends_with(const char *name, const char *end)
{
	size_t len = strlen(name), tail = strlen(end);

	return len > tail && strcmp(name + len - tail, end) == 0;
}

int fog_tee_collateral_add(struct fog_tee_collateral *c, const char *name, const void *data,
			   size_t size, char why[FOG_TEE_WHY_SIZE])
{
	snprintf(why, FOG_TEE_WHY_SIZE, "too much of it");
	if (size > FOG_TEE_COLLATERAL_FILE_MAX)
		return -E2BIG;
	if (ends_with(name, ".crl"))
		return crl_add(c, name, data, size, why);
	if (ends_with(name, ".pem"))
		return signer_add(c, data, size, why);
	if (ends_with(name, ".json"))
		return json_add(c, name, data, size, why);
	if (ends_with(name, ".revoked"))
		return listed_add(c, data, size, why);
	return 0;
}

/* ---- a directory ---------------------------------------------------------------------------- */

static int file_add(struct fog_tee_collateral *c, int dir, const char *name,
		    char why[FOG_TEE_WHY_SIZE])
{
	int fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	FILE *in = fd >= 0 ? fdopen(fd, "r") : NULL;
	char *data = in != NULL ? malloc(FOG_TEE_COLLATERAL_FILE_MAX + 1) : NULL;
	int rc = in == NULL ? -errno : data == NULL ? -ENOMEM : 0;

	snprintf(why, FOG_TEE_WHY_SIZE, "%s", strerror(-rc));
	if (rc == 0) {
		size_t size = fread(data, 1, FOG_TEE_COLLATERAL_FILE_MAX + 1, in);
		rc = fog_tee_collateral_add(c, name, data, size, why);
	}
	free(data);
	if (in != NULL)
		fclose(in);
	else if (fd >= 0)
		close(fd);
	return rc;
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static int wanted(const struct dirent *e)
{
	return e->d_name[0] != '.' &&
	       (ends_with(e->d_name, ".crl") || ends_with(e->d_name, ".pem") ||
		ends_with(e->d_name, ".json") || ends_with(e->d_name, ".revoked"));
}

static int dir_add(struct fog_tee_collateral *c, int dir, char why[FOG_TEE_WHY_SIZE])
{
	char inner[FOG_TEE_WHY_SIZE];
	struct dirent **names = NULL;
	int count = scandirat(dir, ".", &names, wanted, by_name);
	int rc = count < 0 ? -errno : 0;

	if (rc == 0 && count > FOG_TEE_COLLATERAL_FILES_MAX)
		rc = -E2BIG;
	snprintf(why, FOG_TEE_WHY_SIZE, "%s", strerror(-rc));
	/* What signs comes first. */
	for (int i = 0; rc == 0 && i < 2 * count; i++) {
		const char *name = names[i % count]->d_name;
		if (ends_with(name, ".pem") != (i < count))
			continue;
		rc = file_add(c, dir, name, inner);
		if (rc != 0)
			snprintf(why, FOG_TEE_WHY_SIZE, "%.80s: %.150s", name, inner);
	}
	for (int i = 0; i < count; i++)
		free(names[i]);
	free(names);
	return rc;
}

int fog_tee_collateral_load(struct fog_tee_collateral **out, const char *dir,
			    char why[FOG_TEE_WHY_SIZE])
{
	struct fog_tee_collateral *c = fog_tee_collateral_new();
	char inner[FOG_TEE_WHY_SIZE] = "no memory";
	int rc = c != NULL ? 0 : -ENOMEM;

	*out = NULL;
	why[0] = '\0';
	if (rc == 0 && dir != NULL && dir[0] != '\0') {
		int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		rc = fd < 0 ? -errno : dir_add(c, fd, inner);
		if (fd < 0)
			snprintf(inner, sizeof(inner), "%s", strerror(-rc));
		else
			close(fd);
		if (rc != 0)
			snprintf(why, FOG_TEE_WHY_SIZE, "%.100s: %.140s", dir, inner);
	}
	if (rc == 0)
		*out = c;
	else
		fog_tee_collateral_free(c);
	return rc;
}

u64 fog_tee_collateral_stamp(const char *dir)
{
	bool named = dir != NULL && dir[0] != '\0';
	DIR *d = named ? opendir(dir) : NULL;
	struct dirent *e;
	struct stat st;
	u64 stamp = (u64)named + (d != NULL);

	/* In no order: a sum. */
	while (d != NULL && (e = readdir(d)) != NULL) {
		if (!wanted(e) || fstatat(dirfd(d), e->d_name, &st, 0) != 0)
			continue;
		u64 one = (u64)st.st_ino * 0x9e3779b97f4a7c15ull ^ (u64)st.st_size;
		one = one * 0x9e3779b97f4a7c15ull ^ (u64)st.st_mtim.tv_sec;
		stamp += one * 0x9e3779b97f4a7c15ull ^ (u64)st.st_mtim.tv_nsec;
	}
	if (d != NULL)
		closedir(d);
	return stamp;
}

/* ---- revocation ----------------------------------------------------------------------------- */

struct check {
	const struct fog_tee_collateral_rule *rule;
	int count;
	enum fog_tee_fault fault;
	char *why;
};

static int refuse(struct check *k, enum fog_tee_fault fault, X509 *cert, const char *what)
{
	char name[64] = "?", serial[48] = "?";
	BIGNUM *n = cert != NULL ? ASN1_INTEGER_to_BN(X509_get0_serialNumber(cert), NULL) : NULL;
	char *hex = n != NULL ? BN_bn2hex(n) : NULL;

	if (hex != NULL)
		snprintf(serial, sizeof(serial), "%.47s", hex);
	if (cert != NULL)
		(void)X509_NAME_get_text_by_NID(X509_get_subject_name(cert), NID_commonName, name,
						sizeof(name));
	OPENSSL_free(hex);
	BN_free(n);
	k->fault = fault;
	snprintf(k->why, FOG_TEE_WHY_SIZE, "certificate %.40s of %.60s %s", serial, name, what);
	return 0;
}

/* The chain was judged before: only what concerns lists counts here. */
static int on_problem(int ok, X509_STORE_CTX *ctx)
{
	struct check *k = X509_STORE_CTX_get_app_data(ctx);
	X509 *cert = X509_STORE_CTX_get_current_cert(ctx);
	int depth = X509_STORE_CTX_get_error_depth(ctx), problem = X509_STORE_CTX_get_error(ctx);
	bool wanted_here = k->rule->required && depth < k->count - 1 &&
			   (!k->rule->root_only || depth == k->count - 2);

	if (ok)
		return 1;
	switch (problem) {
	case X509_V_ERR_CERT_REVOKED:
		return refuse(k, FOG_TEE_REVOKED, cert, "is on its issuer's list");
	case X509_V_ERR_UNABLE_TO_GET_CRL:
	case X509_V_ERR_UNABLE_TO_GET_CRL_ISSUER:
		return wanted_here ? refuse(k, FOG_TEE_COLLATERAL, cert,
					    "has no revocation list of its issuer")
				   : 1;
	case X509_V_ERR_CRL_HAS_EXPIRED:
	case X509_V_ERR_CRL_NOT_YET_VALID:
		return wanted_here ? refuse(k, FOG_TEE_COLLATERAL, cert,
					    "has a revocation list that is out of date")
				   : 1;
	case X509_V_ERR_CRL_SIGNATURE_FAILURE:
	case X509_V_ERR_UNABLE_TO_DECRYPT_CRL_SIGNATURE:
	case X509_V_ERR_DIFFERENT_CRL_SCOPE:
	case X509_V_ERR_CRL_PATH_VALIDATION_ERROR:
	case X509_V_ERR_UNHANDLED_CRITICAL_CRL_EXTENSION:
	case X509_V_ERR_KEYUSAGE_NO_CRL_SIGN:
	case X509_V_ERR_ERROR_IN_CRL_LAST_UPDATE_FIELD:
	case X509_V_ERR_ERROR_IN_CRL_NEXT_UPDATE_FIELD:
		return refuse(k, FOG_TEE_COLLATERAL, cert, X509_verify_cert_error_string(problem));
	default:
		return 1;
	}
}

static STACK_OF(X509_CRL) * lists_stack(const struct fog_tee_collateral *c)
{
	STACK_OF(X509_CRL) *all = sk_X509_CRL_new_null();

	for (u32 i = 0; all != NULL && i < c->list_count; i++)
		if (sk_X509_CRL_push(all, c->list[i].crl) == 0)
			break;
	return all;
}

static STACK_OF(X509) * certs_stack(X509 *const *cert, u32 count)
{
	STACK_OF(X509) *all = sk_X509_new_null();

	for (u32 i = 0; all != NULL && i < count; i++)
		if (sk_X509_push(all, cert[i]) == 0)
			break;
	return all;
}

static void chain_walk(const struct fog_tee_collateral *c, X509 *const *cert, u32 count,
		       struct check *k)
{
	STACK_OF(X509_CRL) *lists = lists_stack(c);
	STACK_OF(X509) *above = certs_stack(cert + 1, count - 1);
	STACK_OF(X509) *root = certs_stack(cert + count - 1, 1);
	X509_STORE_CTX *ctx = X509_STORE_CTX_new();

	k->fault = FOG_TEE_COLLATERAL;
	if (lists != NULL && above != NULL && root != NULL && ctx != NULL &&
	    X509_STORE_CTX_init(ctx, c->store, cert[0], above) == 1) {
		X509_STORE_CTX_set0_trusted_stack(ctx, root);
		X509_STORE_CTX_set0_crls(ctx, lists);
		X509_STORE_CTX_set_app_data(ctx, k);
		X509_STORE_CTX_set_verify_cb(ctx, on_problem);
		X509_STORE_CTX_set_flags(ctx, X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL |
						      X509_V_FLAG_PARTIAL_CHAIN);
		if (k->rule->now_s != 0)
			X509_STORE_CTX_set_time(ctx, 0, (time_t)k->rule->now_s);
		else
			X509_STORE_CTX_set_flags(ctx, X509_V_FLAG_NO_CHECK_TIME);
		if (X509_verify_cert(ctx) == 1)
			k->fault = FOG_TEE_VALID;
	}
	X509_STORE_CTX_free(ctx);
	sk_X509_free(root);
	sk_X509_free(above);
	sk_X509_CRL_free(lists);
	ERR_clear_error();
}

enum fog_tee_fault fog_tee_collateral_chain(const struct fog_tee_collateral *c, X509 *const *cert,
					    u32 count, const struct fog_tee_collateral_rule *rule,
					    char why[FOG_TEE_WHY_SIZE])
{
	struct check k = {.rule = rule, .count = (int)count, .why = why};

	why[0] = '\0';
	if (c == NULL || c->list_count == 0) {
		snprintf(why, FOG_TEE_WHY_SIZE, "there are no revocation lists");
		return rule->required ? FOG_TEE_COLLATERAL : FOG_TEE_VALID;
	}
	if (count < 2)
		return FOG_TEE_VALID;
	chain_walk(c, cert, count, &k);
	return k.fault;
}

static enum fog_tee_fault certs_check(const struct fog_tee_collateral *c,
				      const struct fog_tee_certs *certs,
				      const struct fog_tee_collateral_rule *rule,
				      char why[FOG_TEE_WHY_SIZE])
{
	struct fog_tee_chain chain;

	why[0] = '\0';
	if (fog_tee_chain_parse(certs, &chain) < 0)
		return FOG_TEE_CHAIN;
	enum fog_tee_fault fault = fog_tee_collateral_chain(c, chain.cert, chain.count, rule, why);
	fog_tee_chain_free(&chain);
	return fault;
}

enum fog_tee_fault fog_tee_collateral_snp(const struct fog_tee_collateral *c,
					  const struct fog_tee_certs *certs, bool required,
					  u64 now_s, char why[FOG_TEE_WHY_SIZE])
{
	const struct fog_tee_collateral_rule rule = {required, true, now_s};

	return certs_check(c, certs, &rule, why);
}

const char *fog_tee_collateral_revoked(const struct fog_tee_collateral *c, const u8 id[32])
{
	for (u32 i = 0; c != NULL && i < c->listed_count; i++)
		if (memcmp(c->listed[i].id, id, 32) == 0)
			return c->listed[i].why;
	return NULL;
}

/* ---- firmware ------------------------------------------------------------------------------- */

/* The newest of this platform. */
static const struct info *info_find(const struct fog_tee_collateral *c,
				    const struct fog_tee_tdx_platform *p)
{
	const struct info *found = NULL;

	for (u32 i = 0; c != NULL && i < c->info_count; i++) {
		const struct info *one = c->info[i];
		if (memcmp(one->tcb.fmspc, p->fmspc, sizeof(p->fmspc)) == 0 &&
		    memcmp(one->tcb.pceid, p->pceid, sizeof(p->pceid)) == 0 &&
		    (found == NULL || one->tcb.issued_s > found->tcb.issued_s))
			found = one;
	}
	return found;
}

static bool holds(u64 issued_s, u64 next_s, u64 now_s)
{
	return now_s == 0 || (issued_s <= now_s && now_s <= next_s);
}

/* Who signed it is certified still. */
static bool certified(const struct fog_tee_collateral *c, const struct fog_tee_chain *signer,
		      u64 now_s, char why[FOG_TEE_WHY_SIZE])
{
	const struct fog_tee_collateral_rule rule = {true, false, now_s};
	enum fog_tee_fault fault = fog_tee_chain_verify(signer, FOG_TEE_TDX, now_s);

	snprintf(why, FOG_TEE_WHY_SIZE, "%s", fog_tee_fault_name(fault));
	return fault == FOG_TEE_VALID && fog_tee_collateral_chain(c, signer->cert, signer->count,
								  &rule, why) == FOG_TEE_VALID;
}

/* False: there is nothing that holds, why says what is missing. */
static bool firmware_known(const struct fog_tee_collateral *c, const struct info *info, u64 now_s,
			   char why[FOG_TEE_WHY_SIZE])
{
	char inner[FOG_TEE_WHY_SIZE] = "";

	if (info == NULL || c->qe_signer == NULL)
		snprintf(why, FOG_TEE_WHY_SIZE, "%s is not there",
			 info == NULL ? "TCB info of this platform"
				      : "the identity of the quoting enclave");
	else if (!holds(info->tcb.issued_s, info->tcb.next_s, now_s))
		snprintf(why, FOG_TEE_WHY_SIZE, "TCB info (%.60s) is out of date", info->name);
	else if (!holds(c->qe.issued_s, c->qe.next_s, now_s))
		snprintf(why, FOG_TEE_WHY_SIZE, "quoting enclave (%.60s): out of date", c->qe_name);
	else if (!certified(c, info->signer, now_s, inner))
		snprintf(why, FOG_TEE_WHY_SIZE, "TCB info (%.60s): %.180s", info->name, inner);
	else if (c->qe_signer != info->signer && !certified(c, c->qe_signer, now_s, inner))
		snprintf(why, FOG_TEE_WHY_SIZE, "quoting enclave (%.60s): %.170s", c->qe_name,
			 inner);
	else
		return true;
	return false;
}

enum fog_tee_fault fog_tee_collateral_tdx(const struct fog_tee_collateral *c, const u8 *quote,
					  size_t size, bool required, u64 now_s,
					  enum fog_tee_tcb_status *status,
					  char why[FOG_TEE_WHY_SIZE])
{
	const struct fog_tee_collateral_rule rule = {required, false, now_s};
	struct fog_tee_tdx_platform platform;
	struct fog_tee_certs certs;

	*status = FOG_TEE_TCB_NONE;
	why[0] = '\0';
	enum fog_tee_fault fault = fog_tee_tdx_platform(quote, size, &platform, &certs);
	if (fault == FOG_TEE_VALID)
		fault = certs_check(c, &certs, &rule, why);
	if (fault != FOG_TEE_VALID)
		return fault;
	const struct info *info = info_find(c, &platform);
	bool known = firmware_known(c, info, now_s, why);
	if (!known && (required || info == NULL || c->qe_signer == NULL))
		return required ? FOG_TEE_COLLATERAL : FOG_TEE_VALID;
	fault = fog_tee_tcb_judge(&platform, &info->tcb, &c->qe, status, why);
	if (fault == FOG_TEE_VALID && *status == FOG_TEE_TCB_REVOKED)
		return FOG_TEE_REVOKED;
	if (known)
		return fault == FOG_TEE_VALID && *status == FOG_TEE_TCB_NONE ? FOG_TEE_OLD : fault;
	*status = FOG_TEE_TCB_NONE;
	return FOG_TEE_VALID;
}

/* ---- view ----------------------------------------------------------------------------------- */

static u64 seconds_of(const ASN1_TIME *t)
{
	struct tm tm;

	return t != NULL && ASN1_TIME_to_tm(t, &tm) == 1 ? (u64)timegm(&tm) : 0;
}

static json_t *file_json(const char *name, const char *what, u64 issued_s, u64 next_s)
{
	return json_pack("{s:s, s:s, s:I, s:I}", "file", name, "about", what, "issued_s",
			 (json_int_t)issued_s, "next_s", (json_int_t)next_s);
}

static json_t *list_json(const struct list *l)
{
	int count = sk_X509_REVOKED_num(X509_CRL_get_REVOKED(l->crl));
	char issuer[64] = "", what[128];

	(void)X509_NAME_get_text_by_NID(X509_CRL_get_issuer(l->crl), NID_commonName, issuer,
					sizeof(issuer));
	snprintf(what, sizeof(what), "%s revokes %d", issuer, count > 0 ? count : 0);
	return file_json(l->name, what, seconds_of(X509_CRL_get0_lastUpdate(l->crl)),
			 seconds_of(X509_CRL_get0_nextUpdate(l->crl)));
}

static json_t *info_json(const struct info *i)
{
	const struct fog_tee_tcb_level *best = &i->tcb.levels.one[0];
	char fmspc[13], what[128];

	fog_hex_encode(i->tcb.fmspc, 6, fmspc, sizeof(fmspc));
	snprintf(what, sizeof(what), "firmware of TDX platforms %s, %s of %.10s at best", fmspc,
		 fog_tee_tcb_name(best->status), best->date);
	return file_json(i->name, what, i->tcb.issued_s, i->tcb.next_s);
}

json_t *fog_tee_collateral_json(const struct fog_tee_collateral *c)
{
	json_t *files = json_array();

	for (u32 i = 0; c != NULL && i < c->list_count; i++)
		json_array_append_new(files, list_json(&c->list[i]));
	for (u32 i = 0; c != NULL && i < c->info_count; i++)
		json_array_append_new(files, info_json(c->info[i]));
	if (c != NULL && c->qe_signer != NULL)
		json_array_append_new(files, file_json(c->qe_name, "quoting enclave of TDX",
						       c->qe.issued_s, c->qe.next_s));
	return json_pack("{s:o, s:I}", "files", files, "revoked",
			 (json_int_t)(c != NULL ? c->listed_count : 0));
}
