/* SPDX-License-Identifier: BSD-3-Clause */
/* Certificate and key of a TLS listener, from PEM files, to be read again at any time. The loop's
 * thread only. */
#ifndef FOG_GATEWAY_TLS_H
#define FOG_GATEWAY_TLS_H

#include <gnutls/abstract.h>

#include "crypto/types.h"

#define FOG_TLS_CHAIN_MAX 8           /* certificates of a chain */
#define FOG_TLS_FILE_MAX  (64 * 1024) /* bytes of a file */
#define FOG_TLS_WHY_SIZE  256

struct fog_tls_pair {
	gnutls_pcert_st chain[FOG_TLS_CHAIN_MAX];
	unsigned count; /* 0: nothing loaded */
	gnutls_privkey_t key;
};

/* What was loaded last, and what before: handshakes under way go on with that. */
struct fog_tls {
	struct fog_tls_pair now, before;
};

/* Read both files and use them from now on. 0, or -errno with `why`; then all stays as it was. */
int fog_tls_load(struct fog_tls *t, const char *cert_path, const char *key_path,
		 char why[FOG_TLS_WHY_SIZE]);
void fog_tls_clear(struct fog_tls *t);

#endif
