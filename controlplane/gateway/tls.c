/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/gateway/tls.h"

#include <errno.h>

#include "crypto/mem.h"

static void pair_clear(struct fog_tls_pair *p)
{
	for (unsigned i = 0; i < p->count; i++)
		gnutls_pcert_deinit(&p->chain[i]);
	if (p->key != NULL)
		gnutls_privkey_deinit(p->key);
	memset(p, 0, sizeof(*p));
}

static int fail(char why[FOG_TLS_WHY_SIZE], const char *path, const char *what, int rc)
{
	snprintf(why, FOG_TLS_WHY_SIZE, "%.160s: %.80s", path, what);
	return rc;
}

/* The whole file with a zero behind it; malloc. */
static int file_read(const char *path, gnutls_datum_t *out, char why[FOG_TLS_WHY_SIZE])
{
	FILE *f = fopen(path, "re");

	if (f == NULL)
		return fail(why, path, strerror(errno), -errno);
	out->data = malloc(FOG_TLS_FILE_MAX + 1);
	size_t n = out->data != NULL ? fread(out->data, 1, FOG_TLS_FILE_MAX + 1, f) : 0;
	bool good = out->data != NULL && !ferror(f) && n <= FOG_TLS_FILE_MAX;
	fclose(f);
	if (!good) {
		free(out->data);
		return fail(why, path, "cannot be read, or is too large", -EIO);
	}
	out->data[n] = '\0';
	out->size = (unsigned)n;
	return 0;
}

static int chain_load(struct fog_tls_pair *p, const char *path, char why[FOG_TLS_WHY_SIZE])
{
	gnutls_datum_t pem;
	unsigned count = FOG_TLS_CHAIN_MAX;
	int rc = file_read(path, &pem, why);

	if (rc != 0)
		return rc;
	rc = gnutls_pcert_list_import_x509_raw(p->chain, &count, &pem, GNUTLS_X509_FMT_PEM,
					       GNUTLS_X509_CRT_LIST_FAIL_IF_UNSORTED);
	free(pem.data);
	if (rc < 0)
		return fail(why, path, gnutls_strerror(rc), -EINVAL);
	p->count = count;
	return 0;
}

static int key_load(struct fog_tls_pair *p, const char *path, char why[FOG_TLS_WHY_SIZE])
{
	gnutls_datum_t pem;
	int rc = file_read(path, &pem, why);

	if (rc != 0)
		return rc;
	rc = gnutls_privkey_init(&p->key);
	if (rc == 0)
		rc = gnutls_privkey_import_x509_raw(p->key, &pem, GNUTLS_X509_FMT_PEM, NULL, 0);
	fog_wipe(pem.data, pem.size);
	free(pem.data);
	return rc < 0 ? fail(why, path, gnutls_strerror(rc), -EINVAL) : 0;
}

/* A key of another certificate would fail at each handshake, so it is found here. */
static int pair_check(const struct fog_tls_pair *p, const char *path, char why[FOG_TLS_WHY_SIZE])
{
	u8 a[64], b[64];
	size_t a_len = sizeof(a), b_len = sizeof(b);
	gnutls_pubkey_t pk;

	if (gnutls_pubkey_init(&pk) != 0)
		return -ENOMEM;
	int rc = gnutls_pubkey_import_privkey(pk, p->key, 0, 0);
	if (rc == 0)
		rc = gnutls_pubkey_get_key_id(pk, 0, a, &a_len);
	if (rc == 0)
		rc = gnutls_pubkey_get_key_id(p->chain[0].pubkey, 0, b, &b_len);
	gnutls_pubkey_deinit(pk);
	if (rc == 0 && a_len == b_len && memcmp(a, b, a_len) == 0)
		return 0;
	return fail(why, path, "is not the key of the certificate", -EINVAL);
}

int fog_tls_load(struct fog_tls *t, const char *cert_path, const char *key_path,
		 char why[FOG_TLS_WHY_SIZE])
{
	struct fog_tls_pair fresh = {0};
	int rc = chain_load(&fresh, cert_path, why);

	if (rc == 0)
		rc = key_load(&fresh, key_path, why);
	if (rc == 0)
		rc = pair_check(&fresh, key_path, why);
	if (rc != 0) {
		pair_clear(&fresh);
		return rc;
	}
	pair_clear(&t->before);
	t->before = t->now;
	t->now = fresh;
	return 0;
}

void fog_tls_clear(struct fog_tls *t)
{
	pair_clear(&t->now);
	pair_clear(&t->before);
}
