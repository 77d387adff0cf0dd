/* SPDX-License-Identifier: BSD-3-Clause */
/* Idempotency keys of exchanges; what is kept is idempotency.h's. */
#include <ctype.h>
#include <errno.h>

#include "controlplane/core/log.h"
#include "controlplane/gateway/gateway_private.h"
#include "crypto/hash/hash.h"

static bool key_good(const char *key)
{
	size_t len = strlen(key);

	for (const char *p = key; *p != '\0'; p++)
		if (!isgraph((unsigned char)*p))
			return false;
	return len != 0 && len <= FOG_IDEMPOTENCY_KEY_MAX;
}

static enum MHD_Result argument_add(void *ctx, enum MHD_ValueKind kind, const char *name,
				    const char *value)
{
	fog_sha256_update(ctx, name, strlen(name) + 1);
	fog_sha256_update(ctx, value != NULL ? value : "", value != NULL ? strlen(value) + 1 : 1);
	return MHD_YES;
}

static void digest_make(const struct fog_exchange *x, u8 digest[FOG_SHA256_SIZE])
{
	struct fog_sha256 s;

	fog_sha256_init(&s);
	fog_sha256_update(&s, x->path, strlen(x->path) + 1);
	MHD_get_connection_values(x->connection, MHD_GET_ARGUMENT_KIND, argument_add, &s);
	fog_sha256_update(&s, x->body != NULL ? x->body : "", x->body_used);
	fog_sha256_final(&s, digest);
}

static void again(struct fog_exchange *x, struct fog_idempotency_answer *a)
{
	fog_exchange_header(x, "Idempotent-Replayed", "true");
	if (a->location[0] != '\0')
		fog_exchange_header(x, MHD_HTTP_HEADER_LOCATION, a->location);
	fog_exchange_answer(x, a->status, a->type, a->body, a->len);
}

bool fog_idempotent_begin(struct fog_exchange *x)
{
	struct fog_gateway *gw = x->gateway;
	const char *key = fog_exchange_header_in(x, "Idempotency-Key");
	struct fog_idempotency_answer answer;
	u8 digest[FOG_SHA256_SIZE];

	if (key[0] == '\0' || x->entry->route->operation == NULL ||
	    !x->entry->route->operation->creates || gw->policy.store == NULL)
		return true;
	if (!key_good(key)) {
		fog_exchange_problem(x, 400, "Idempotency-Key wants 1 to %d visible characters",
				     FOG_IDEMPOTENCY_KEY_MAX);
		return false;
	}
	digest_make(x, digest);
	int rc = fog_idempotency_begin(gw->policy.store, x->caller.subject, key, digest, gw->run,
				       fog_loop_now_ms(gw->loop) / 1000, &answer);
	switch (rc) {
	case FOG_IDEMPOTENCY_NEW:
		x->idempotency_key = strdup(key);
		return true;
	case FOG_IDEMPOTENCY_AGAIN:
		again(x, &answer);
		return false;
	case FOG_IDEMPOTENCY_OTHER:
		fog_exchange_problem(x, 422, "this Idempotency-Key was used for another request");
		return false;
	case FOG_IDEMPOTENCY_UNDERWAY:
		fog_exchange_header(x, MHD_HTTP_HEADER_RETRY_AFTER, "1");
		fog_exchange_problem(x, 409, "the request with this Idempotency-Key is under way");
		return false;
	case FOG_IDEMPOTENCY_LOST:
		fog_exchange_problem(x, 409,
				     "a crash came before the answer to this "
				     "Idempotency-Key: see whether the request took "
				     "effect before you send it under another");
		return false;
	default:
		fog_exchange_problem(x, 503, "the store does not take the key now");
		return false;
	}
}

/* Answers that may be other the next time are not kept. */
void fog_idempotent_end(struct fog_exchange *x, unsigned status, const char *type, char *body,
			size_t len)
{
	struct fog_idempotency_answer a = {.status = status, .body = body, .len = len};
	bool keep = status < 500 && status != 409 && status != 408 && status != 429;

	if (x->idempotency_key == NULL)
		return;
	snprintf(a.type, sizeof(a.type), "%s", type);
	for (u32 i = 0; i < x->header_count; i++)
		if (strcmp(x->headers[i].name, MHD_HTTP_HEADER_LOCATION) == 0)
			snprintf(a.location, sizeof(a.location), "%s", x->headers[i].value);
	int rc = fog_idempotency_end(x->gateway->policy.store, x->caller.subject,
				     x->idempotency_key, &a, keep);
	if (rc != 0)
		fog_log(FOG_LOG_WARNING, "gateway", "an answer is not kept reason=\"%s\"",
			strerror(-rc));
	free(x->idempotency_key);
	x->idempotency_key = NULL;
}
