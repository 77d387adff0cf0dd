/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/executor/wasm/artifact.h"

#include <errno.h>

#include "crypto/hash/hash.h"

#define MAGIC      "FOGWASM1"
#define LABEL      "fog wasm 1"
#define AT_TARGET  8
#define AT_MODULE  40
#define AT_BUILDER 72
#define AT_SIZE    104
#define AT_SIG     112

/* 1.0.32 is the wabt of Debian 12; its generated code and runtime share structs without a version
 * of their own. */
#if defined(__x86_64__)
const char fog_wasm_target[] = "x86_64-linux wabt-1.0.32";
#elif defined(__aarch64__)
const char fog_wasm_target[] = "aarch64-linux wabt-1.0.32";
#else
const char fog_wasm_target[] = "unknown";
#endif

struct signed_message {
	u8 bytes[sizeof(LABEL) + AT_SIG + 32];
};

static void message_fill(struct signed_message *m, const u8 *header, const u8 *code, size_t size)
{
	memcpy(m->bytes, LABEL, sizeof(LABEL));
	memcpy(m->bytes + sizeof(LABEL), header, AT_SIG);
	fog_hash_sha256(m->bytes + sizeof(LABEL) + AT_SIG, code, size);
}

int fog_wasm_artifact_parse(const u8 *data, size_t size, struct fog_wasm_artifact *out,
			    const char **why)
{
	struct signed_message m;

	*why = "not a compiled WebAssembly module";
	if (size < FOG_WASM_HEADER_SIZE || memcmp(data, MAGIC, sizeof(MAGIC) - 1) != 0)
		return -EBADMSG;
	*why = "truncated or with bytes behind its end";
	u64 code_size = fog_load_u64(data + AT_SIZE);
	if (code_size > FOG_WASM_CODE_MAX || code_size != size - FOG_WASM_HEADER_SIZE)
		return -EBADMSG;
	memcpy(out->target, data + AT_TARGET, FOG_WASM_TARGET_SIZE);
	out->target[FOG_WASM_TARGET_SIZE] = '\0';
	memcpy(out->module_sha256, data + AT_MODULE, sizeof(out->module_sha256));
	memcpy(out->builder, data + AT_BUILDER, sizeof(out->builder));
	out->code = data + FOG_WASM_HEADER_SIZE;
	out->code_size = (size_t)code_size;
	message_fill(&m, data, out->code, out->code_size);
	*why = "its builder's signature is wrong";
	if (fog_sign_verify(data + AT_SIG, m.bytes, sizeof(m.bytes), out->builder) != 0)
		return -EBADMSG;
	*why = NULL;
	return 0;
}

void fog_wasm_artifact_seal(u8 header[FOG_WASM_HEADER_SIZE], const struct fog_wasm_artifact *a,
			    const u8 sk[FOG_SIGN_SECRET_SIZE])
{
	struct signed_message m;

	memset(header, 0, FOG_WASM_HEADER_SIZE);
	memcpy(header, MAGIC, sizeof(MAGIC) - 1);
	memcpy(header + AT_TARGET, a->target, strnlen(a->target, FOG_WASM_TARGET_SIZE));
	memcpy(header + AT_MODULE, a->module_sha256, sizeof(a->module_sha256));
	memcpy(header + AT_BUILDER, sk + FOG_SIGN_SEED_SIZE, FOG_SIGN_PUBLIC_SIZE);
	fog_store_u64(header + AT_SIZE, a->code_size);
	message_fill(&m, header, a->code, a->code_size);
	fog_sign(header + AT_SIG, m.bytes, sizeof(m.bytes), sk);
}
