/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/tee/statement.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "controlplane/jobs/json.h"
#include "crypto/hash/hash.h"
#include "crypto/mem.h"

#define VERSION  1
#define TIME_MAX (1ull << 53)

static const char *const event_names[FOG_TEE_EVENT_KINDS] = {
	[FOG_TEE_EVENT_PLATFORM] = "platform",
	[FOG_TEE_EVENT_LAUNCH] = "launch",
	[FOG_TEE_EVENT_END] = "end",
};

/* With its zero, so that no text runs into the next. */
static void text_update(struct fog_sha256 *h, const char *text)
{
	fog_sha256_update(h, text, strlen(text) + 1);
}

void fog_tee_platform(const struct fog_tee_component *c, u32 count, u8 out[32])
{
	struct fog_sha256 h;

	fog_sha256_init(&h);
	text_update(&h, "fog tee platform 1");
	for (u32 i = 0; i < count; i++) {
		text_update(&h, c[i].name);
		fog_sha256_update(&h, c[i].sha256, 32);
	}
	fog_sha256_final(&h, out);
}

void fog_tee_launch_digest(const struct fog_tee_launch *l, u8 out[32])
{
	struct fog_sha256 h;

	fog_sha256_init(&h);
	text_update(&h, "fog tee launch 1");
	fog_sha256_update(&h, l->code, 32);
	fog_sha256_update(&h, l->config, 32);
	text_update(&h, l->engine);
	fog_sha256_update(&h, l->engine_sha256, 32);
	fog_sha256_final(&h, out);
}

void fog_tee_event_digest(const struct fog_tee_event *e, u8 out[32])
{
	struct fog_sha256 h;

	fog_sha256_init(&h);
	text_update(&h, "fog tee event 1");
	text_update(&h, event_names[e->kind]);
	text_update(&h, e->name);
	fog_sha256_update(&h, e->digest, 32);
	fog_sha256_final(&h, out);
}

void fog_tee_log_register(const struct fog_tee_log *log, u8 out[32])
{
	u8 both[64];

	memset(out, 0, 32);
	for (u32 i = 0; i < log->count; i++) {
		memcpy(both, out, 32);
		fog_tee_event_digest(&log->event[i], both + 32);
		fog_hash_sha256(out, both, sizeof(both));
	}
}

int fog_tee_log_add(struct fog_tee_log *log, enum fog_tee_event_kind kind, const char *name,
		    const u8 digest[32])
{
	if (log->count == FOG_TEE_LOG_MAX)
		return -ENOSPC;
	struct fog_tee_event *e = &log->event[log->count++];
	*e = (struct fog_tee_event){.kind = kind};
	snprintf(e->name, sizeof(e->name), "%s", name);
	memcpy(e->digest, digest, 32);
	return 0;
}

const struct fog_tee_event *fog_tee_log_running(const struct fog_tee_log *log, const char *name)
{
	const struct fog_tee_event *found = NULL;

	for (u32 i = 0; i < log->count; i++) {
		const struct fog_tee_event *e = &log->event[i];
		if (e->kind == FOG_TEE_EVENT_PLATFORM || strcmp(e->name, name) != 0)
			continue;
		found = e->kind == FOG_TEE_EVENT_LAUNCH ? e : NULL;
	}
	return found;
}

const struct fog_tee_event *fog_tee_log_platform(const struct fog_tee_log *log)
{
	for (u32 i = log->count; i > 0; i--)
		if (log->event[i - 1].kind == FOG_TEE_EVENT_PLATFORM)
			return &log->event[i - 1];
	return NULL;
}

void fog_tee_binding(const char *text, u8 out[32])
{
	struct fog_sha256 h;

	fog_sha256_init(&h);
	text_update(&h, FOG_TEE_LABEL);
	fog_sha256_update(&h, text, strlen(text));
	fog_sha256_final(&h, out);
}

/* ---- text ----------------------------------------------------------------------------------- */

static json_t *enclave_json(const struct fog_tee_launch *l)
{
	return json_pack("{s:s, s:s, s:o, s:o, s:o, s:o}", "id", l->id, "engine", l->engine, "code",
			 fog_json_hex_new(l->code, 32), "config", fog_json_hex_new(l->config, 32),
			 "engine_sha256", fog_json_hex_new(l->engine_sha256, 32), "key",
			 fog_json_hex_new(l->key, 32));
}

char *fog_tee_statement_text(const struct fog_tee_statement *s)
{
	json_t *components = json_array(), *log = json_array();

	for (u32 i = 0; i < s->component_count; i++)
		json_array_append_new(components,
				      json_pack("[s, o]", s->component[i].name,
						fog_json_hex_new(s->component[i].sha256, 32)));
	for (u32 i = 0; i < s->log.count; i++)
		json_array_append_new(log, json_pack("[s, s, o]", event_names[s->log.event[i].kind],
						     s->log.event[i].name,
						     fog_json_hex_new(s->log.event[i].digest, 32)));
	json_t *o = json_pack(
		"{s:i, s:s, s:o, s:o, s:o, s:I, s:o, s:o, s:o}", "version", VERSION, "kind",
		fog_tee_kind_name(s->kind), "nonce", fog_json_hex_new(s->nonce, 32), "node_id",
		fog_json_hex_new(s->node, 32), "verifier", fog_json_hex_new(s->verifier, 32),
		"made_ms", (json_int_t)s->made_ms, "components", components, "log", log, "enclave",
		s->has_enclave ? enclave_json(&s->enclave) : json_null());
	char *text = o != NULL ? fog_json_text(o) : NULL;
	json_decref(o);
	return text;
}

/* Item `index` of a list as text shorter than size, or as 32 bytes. */
static bool item_text(const json_t *list, size_t index, char *out, size_t size)
{
	const json_t *v = json_array_get(list, index);

	if (!json_is_string(v) || json_string_length(v) >= size ||
	    strlen(json_string_value(v)) != json_string_length(v))
		return false;
	memcpy(out, json_string_value(v), json_string_length(v) + 1);
	return true;
}

static bool item_hex(const json_t *list, size_t index, u8 out[32])
{
	const char *text = json_string_value(json_array_get(list, index));

	return text != NULL && fog_hex_decode(text, out, 32) == 0;
}

static void components_read(struct fog_json_reader *r, struct fog_tee_statement *s)
{
	const json_t *list = fog_json_array(r, "components", 1, FOG_TEE_COMPONENTS_MAX), *e;
	size_t i;

	json_array_foreach(list, i, e)
	{
		struct fog_tee_component *c = &s->component[i];
		if (json_array_size(e) != 2 || !item_text(e, 0, c->name, sizeof(c->name)) ||
		    !item_hex(e, 1, c->sha256)) {
			fog_json_wrong(r, "components", "wants pairs of a name and 64 hex digits");
			return;
		}
		s->component_count++;
	}
}

static bool event_read(const json_t *list, struct fog_tee_event *out)
{
	char kind[16];

	if (json_array_size(list) != 3 || !item_text(list, 0, kind, sizeof(kind)) ||
	    !item_text(list, 1, out->name, sizeof(out->name)) || !item_hex(list, 2, out->digest))
		return false;
	for (u32 i = FOG_TEE_EVENT_PLATFORM; i < FOG_TEE_EVENT_KINDS; i++)
		if (strcmp(kind, event_names[i]) == 0)
			out->kind = i;
	return out->kind != 0;
}

static void log_read(struct fog_json_reader *r, struct fog_tee_log *log)
{
	const json_t *list = fog_json_array(r, "log", 1, FOG_TEE_LOG_MAX), *e;
	size_t i;

	json_array_foreach(list, i, e)
	{
		if (!event_read(e, &log->event[i])) {
			fog_json_wrong(r, "log", "wants events: kind, name, 64 hex digits");
			return;
		}
		log->count++;
	}
}

static void enclave_read(struct fog_json_reader *r, struct fog_tee_statement *s)
{
	struct fog_tee_launch *l = &s->enclave;
	struct fog_json_reader e;

	if (!fog_json_has(r, "enclave"))
		return;
	s->has_enclave = true;
	fog_json_begin(&e, fog_json_object(r, "enclave"), "enclave.");
	fog_json_copy(&e, "id", l->id, sizeof(l->id));
	fog_json_copy(&e, "engine", l->engine, sizeof(l->engine));
	fog_json_hex(&e, "code", l->code, 32);
	fog_json_hex(&e, "config", l->config, 32);
	fog_json_hex(&e, "engine_sha256", l->engine_sha256, 32);
	fog_json_hex(&e, "key", l->key, 32);
	fog_json_end(&e);
	if (fog_json_ok(r) && !fog_json_ok(&e))
		memcpy(r->error, e.error, sizeof(r->error));
}

int fog_tee_statement_parse(struct fog_tee_statement *out, const char *text,
			    char why[FOG_TEE_WHY_SIZE])
{
	struct fog_json_reader r;

	memset(out, 0, sizeof(*out));
	_Static_assert(FOG_TEE_WHY_SIZE >= FOG_JSON_ERROR_SIZE, "one buffer for both");
	snprintf(why, FOG_TEE_WHY_SIZE, "a statement is too long");
	json_t *root = strlen(text) <= FOG_TEE_STATEMENT_MAX
			       ? fog_json_parse(text, strlen(text), why)
			       : NULL;
	if (root == NULL)
		return -EINVAL;
	fog_json_begin(&r, root, "statement.");
	fog_json_u64(&r, "version", VERSION, VERSION);
	out->kind = fog_tee_kind_parse(fog_json_text_of(&r, "kind", 16));
	if (out->kind == FOG_TEE_NONE)
		fog_json_wrong(&r, "kind", "unknown");
	fog_json_hex(&r, "nonce", out->nonce, 32);
	fog_json_hex(&r, "node_id", out->node, 32);
	fog_json_hex(&r, "verifier", out->verifier, 32);
	out->made_ms = fog_json_u64(&r, "made_ms", 0, TIME_MAX);
	components_read(&r, out);
	log_read(&r, &out->log);
	enclave_read(&r, out);
	fog_json_end(&r);
	memcpy(why, r.error, sizeof(r.error));
	json_decref(root);
	return why[0] == '\0' ? 0 : -EINVAL;
}
