/* SPDX-License-Identifier: BSD-3-Clause */
/* Circuit handshakes: ntor-v3 as server. */
#include <errno.h>

#include "crypto/mem.h"
#include "crypto/ntor/ntor.h"
#include "dataplane/worker/slow.h"

#define BACKWARD_FIRST_MAX 32767

_Static_assert(sizeof(((struct fog_slow_created *)0)->keys) == FOG_NTOR_CIRCUIT_KEYS, "");

static int handshake(struct fog_slow *s, const struct fog_slow_msg *m, struct fog_slow_created *c)
{
	struct fog_ntor_server server;
	u8 text[sizeof(struct fog_circuit_params)], secret[32];
	struct fog_circuit_params params;
	size_t text_len, out_len;

	int rc = fog_ntor_server_read(&server, m->key, s->onion_sk, s->onion_pk, NULL, 0, m->skin,
				      m->length, text, sizeof(text), &text_len);
	if (rc < 0)
		return rc;
	if (text_len != sizeof(params)) {
		rc = -EBADMSG;
		goto out_wipe;
	}
	memcpy(&params, text, sizeof(params));
	if (params.version != 1 || params.backward_first == 0 ||
	    params.backward_first > BACKWARD_FIRST_MAX || !fog_is_zero(params.zero, 3)) {
		rc = -EBADMSG;
		goto out_wipe;
	}
	fog_rng_bytes(&s->rng, secret, sizeof(secret));
	rc = fog_ntor_server_write(&server, NULL, 0, secret, c->body.skin, sizeof(c->body.skin),
				   &out_len, c->keys, sizeof(c->keys));
	fog_wipe(secret, sizeof(secret));
	if (rc < 0)
		goto out_wipe;
	c->body.length = (u16)out_len;
	c->backward_first = params.backward_first;
out_wipe:
	fog_ntor_server_wipe(&server);
	return rc;
}

void fog_slow_circuit(struct fog_slow *s, const struct fog_slow_msg *m)
{
	struct fog_slow_msg *out = fog_slow_result(s, m->worker);

	out->type = FOG_SLOW_CREATED;
	out->link = m->link;
	out->circuit = m->circuit;
	out->serial = m->serial;
	memset(&out->created, 0, sizeof(out->created));
	out->created.status = handshake(s, m, &out->created);
	if (out->created.status == 0) {
		u64 v = atomic_load_explicit(&s->handshakes_circuit, memory_order_relaxed);
		atomic_store_explicit(&s->handshakes_circuit, v + 1, memory_order_relaxed);
	}
	fog_slow_publish(s, m->worker);
}
