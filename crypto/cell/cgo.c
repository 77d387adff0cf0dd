/* SPDX-License-Identifier: BSD-3-Clause */
#include "crypto/cell/cgo.h"

#include "crypto/cell/cipher.h"
#include "crypto/mem.h"

#include <errno.h>

/* T' | command. */
#define TWEAK_SIZE (FOG_CGO_TAG_SIZE + 1)

static void tweak_encode(u8 tweak[TWEAK_SIZE], const struct fog_cgo *cgo, u8 command)
{
	memcpy(tweak, cgo->chain, sizeof(cgo->chain));
	tweak[FOG_CGO_TAG_SIZE] = command;
}

/* The tag as it leaves the relay becomes T'. */
static void layer_add(struct fog_cgo *cgo, u8 command, u8 body[FOG_CGO_BODY_SIZE])
{
	u8 tweak[TWEAK_SIZE];

	tweak_encode(tweak, cgo, command);
	fog_uiv_encrypt(&cgo->key, tweak, sizeof(tweak), body, body, FOG_CGO_BODY_SIZE);
	memcpy(cgo->chain, body, sizeof(cgo->chain));
}

/* The inverse at the client: T' becomes the tag as the relay sees or saw it leave. */
static void layer_remove(struct fog_cgo *cgo, u8 command, u8 body[FOG_CGO_BODY_SIZE])
{
	u8 tweak[TWEAK_SIZE];

	tweak_encode(tweak, cgo, command);
	memcpy(cgo->chain, body, sizeof(cgo->chain));
	fog_uiv_decrypt(&cgo->key, tweak, sizeof(tweak), body, body, FOG_CGO_BODY_SIZE);
}

void fog_cgo_init(struct fog_cgo *cgo, const u8 keys[FOG_CGO_KEYS_SIZE])
{
	fog_uiv_key_init(&cgo->key, keys);
	memcpy(cgo->nonce, keys + FOG_UIV_SEED_SIZE, sizeof(cgo->nonce));
	memset(cgo->chain, 0, sizeof(cgo->chain));
}

void fog_cgo_wipe(struct fog_cgo *cgo)
{
	fog_wipe(cgo, sizeof(*cgo));
}

bool fog_cgo_relay_forward(struct fog_cgo *cgo, u8 command, u8 body[FOG_CGO_BODY_SIZE])
{
	struct fog_cgo_job job = {.cgo = cgo, .body = body, .command = command};

	fog_cgo_relay_many(&job, 1);
	return job.recognized;
}

void fog_cgo_relay_backward(struct fog_cgo *cgo, u8 command, u8 body[FOG_CGO_BODY_SIZE])
{
	(void)fog_cgo_relay_forward(cgo, command, body);
}

void fog_cgo_relay_many(struct fog_cgo_job *jobs, unsigned count)
{
	if (fog_cipher->cgo_many != NULL) {
		fog_cipher->cgo_many(jobs, count);
		return;
	}
	for (unsigned i = 0; i < count; i++) {
		struct fog_cgo *cgo = jobs[i].cgo;
		layer_add(cgo, jobs[i].command, jobs[i].body);
		jobs[i].recognized = fog_equal(jobs[i].body, cgo->nonce, sizeof(cgo->nonce));
		if (jobs[i].recognized)
			fog_uiv_update(&cgo->key, cgo->nonce);
	}
}

void fog_cgo_relay_originate(struct fog_cgo *cgo, u8 command, u8 body[FOG_CGO_BODY_SIZE])
{
	memcpy(body, cgo->nonce, sizeof(cgo->nonce));
	layer_add(cgo, command, body);
	fog_uiv_update(&cgo->key, cgo->nonce);
}

int fog_cgo_client_originate(struct fog_cgo *const *hop, unsigned target, u8 command,
			     u8 body[FOG_CGO_BODY_SIZE])
{
	if (target >= FOG_CGO_HOPS_MAX)
		return -EINVAL;
	memcpy(body, hop[target]->nonce, FOG_CGO_TAG_SIZE);
	for (unsigned i = target + 1; i-- > 0;)
		layer_remove(hop[i], command, body);
	fog_uiv_update(&hop[target]->key, hop[target]->nonce);
	return 0;
}

int fog_cgo_client_decrypt(struct fog_cgo *const *hop, unsigned count, u8 command,
			   u8 body[FOG_CGO_BODY_SIZE])
{
	if (count == 0 || count > FOG_CGO_HOPS_MAX)
		return -EINVAL;
	for (unsigned i = 0; i < count; i++) {
		layer_remove(hop[i], command, body);
		if (!fog_equal(body, hop[i]->nonce, FOG_CGO_TAG_SIZE))
			continue;
		fog_uiv_update(&hop[i]->key, hop[i]->nonce);
		return i;
	}
	return -EBADMSG;
}
