/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/edge/message.h"

#include <errno.h>

#include <jansson.h>

#include "crypto/mem.h"

static const char *const purpose_names[] = {
	[FOG_PURPOSE_EXIT] = "exit",
	[FOG_PURPOSE_JOB] = "job",
	[FOG_PURPOSE_NODE] = "node",
};

static const char *const code_names[] = {
	[FOG_OPEN_OK] = "ok",
	[FOG_OPEN_REFUSED] = "refused",
	[FOG_OPEN_UNREACHABLE] = "unreachable",
	[FOG_OPEN_TIMEOUT] = "timeout",
	[FOG_OPEN_POLICY] = "policy",
	[FOG_OPEN_RESOLVE] = "resolve",
	[FOG_OPEN_NO_ROUTE] = "no route",
	[FOG_OPEN_RESOURCE] = "resource",
	[FOG_OPEN_PROTOCOL] = "protocol",
};

/* Services that travel. */
static const char *const service_names[] = {
	[FOG_SERVICE_TCP] = "tcp",
	[FOG_SERVICE_JOB] = "job",
	[FOG_SERVICE_PAY] = "pay",
	[FOG_SERVICE_DATA] = "data",
};

/* Codes that may travel. */
#define CODE_WIRE_MAX FOG_OPEN_RESOLVE

const char *fog_purpose_name(enum fog_purpose p)
{
	FOG_ASSERT(p >= FOG_PURPOSE_EXIT && p <= FOG_PURPOSE_NODE);
	return purpose_names[p];
}

const char *fog_service_name(enum fog_service s)
{
	FOG_ASSERT(s >= FOG_SERVICE_TCP && s <= FOG_SERVICE_DATA);
	return service_names[s];
}

const char *fog_open_code_name(enum fog_open_code code)
{
	FOG_ASSERT(code < FOG_ARRAY_COUNT(code_names));
	return code_names[code];
}

static int fail(char why[FOG_ERROR_TEXT_MAX], const char *text)
{
	snprintf(why, FOG_ERROR_TEXT_MAX, "%s", text);
	return -EPROTO;
}

/* ---- members ------------------------------------------------------------------------------ */

static bool text_get(const json_t *object, const char *key, char *out, size_t out_size)
{
	const json_t *v = json_object_get(object, key);

	if (!json_is_string(v))
		return false;
	size_t n = json_string_length(v);
	if (n >= out_size || memchr(json_string_value(v), '\0', n) != NULL)
		return false;
	memcpy(out, json_string_value(v), n);
	out[n] = '\0';
	return true;
}

static bool key_get(const json_t *object, const char *key, u8 out[32])
{
	char hex[65];

	return text_get(object, key, hex, sizeof(hex)) && fog_hex_decode(hex, out, 32) == 0;
}

static bool number_get(const json_t *object, const char *key, u64 min, u64 max, u64 *out)
{
	const json_t *v = json_object_get(object, key);

	if (!json_is_integer(v) || json_integer_value(v) < 0)
		return false;
	*out = (u64)json_integer_value(v);
	return *out >= min && *out <= max;
}

static bool equals(const json_t *object, const char *key, const char *text)
{
	const json_t *v = json_object_get(object, key);

	return json_is_string(v) && strcmp(json_string_value(v), text) == 0;
}

static json_t *object_load(const char *line, size_t size)
{
	json_t *root = json_loadb(line, size, JSON_REJECT_DUPLICATES, NULL);

	if (root != NULL && !json_is_object(root)) {
		json_decref(root);
		root = NULL;
	}
	return root;
}

/* ---- control.sock ------------------------------------------------------------------------- */

static int rules_parse(struct fog_policy *p, const json_t *list,
		       int (*add)(struct fog_policy *, const char *), char *why)
{
	size_t i;
	json_t *item;

	if (list == NULL)
		return 0;
	if (!json_is_array(list))
		return fail(why, "exit rules are no list");
	json_array_foreach(list, i, item)
	{
		if (!json_is_string(item))
			return fail(why, "exit rule is no text");
		int rc = add(p, json_string_value(item));
		if (rc != 0)
			return fail(why, rc == -ENOSPC ? "too many exit rules" : "bad exit rule");
	}
	return 0;
}

static int config_parse(struct fog_edge_config *c, const json_t *root, char *why)
{
	const json_t *socks = json_object_get(root, "socks");
	const json_t *exit = json_object_get(root, "exit");
	u64 hops;

	if (!key_get(root, "node_id", c->node_id))
		return fail(why, "bad node_id");
	if (!number_get(root, "hops", 1, FOG_HOPS_MAX, &hops))
		return fail(why, "bad hops");
	c->hops = (u32)hops;
	if (socks != NULL && !json_is_null(socks) &&
	    !text_get(root, "socks", c->socks, sizeof(c->socks)))
		return fail(why, "bad socks");
	if (exit == NULL || json_is_null(exit))
		return 0;
	if (!json_is_object(exit) || !json_is_boolean(json_object_get(exit, "enabled")))
		return fail(why, "bad exit");
	c->policy.enabled = json_is_true(json_object_get(exit, "enabled"));
	int rc = rules_parse(&c->policy, json_object_get(exit, "allow"), fog_policy_allow, why);
	if (rc == 0)
		rc = rules_parse(&c->policy, json_object_get(exit, "deny"), fog_policy_deny, why);
	return rc;
}

static int route_parse(struct fog_route *r, const json_t *root, char *why)
{
	const json_t *ok = json_object_get(root, "ok");
	const json_t *path = json_object_get(root, "path");
	const json_t *terminus = json_object_get(root, "terminus");
	size_t i;
	json_t *item;

	if (!json_is_boolean(ok))
		return fail(why, "bad ok");
	r->ok = json_is_true(ok);
	if (!r->ok) {
		if (!text_get(root, "error", r->error, sizeof(r->error)))
			snprintf(r->error, sizeof(r->error), "no route");
		return 0;
	}
	if (!json_is_array(path) || json_array_size(path) == 0 ||
	    json_array_size(path) > FOG_HOPS_MAX)
		return fail(why, "bad path");
	json_array_foreach(path, i, item)
	{
		if (!key_get(item, "node_id", r->path[i].node_id) ||
		    !key_get(item, "onion_pk", r->path[i].onion_pk))
			return fail(why, "bad hop");
		for (size_t k = 0; k < i; k++) {
			if (memcmp(r->path[k].node_id, r->path[i].node_id, FOG_NODE_ID_SIZE) == 0)
				return fail(why, "one host twice in a path");
		}
	}
	r->hops = (unsigned)json_array_size(path);
	if (!key_get(terminus, "node_id", r->terminus) || !key_get(terminus, "quic_pk", r->quic_pk))
		return fail(why, "bad terminus");
	if (memcmp(r->path[r->hops - 1].node_id, r->terminus, FOG_NODE_ID_SIZE) != 0)
		return fail(why, "path does not end at its terminus");
	return 0;
}

static int message_fill(struct fog_control_message *m, const json_t *root, char *why)
{
	u64 value;

	if (equals(root, "op", "config")) {
		m->op = FOG_CONTROL_CONFIG;
		return config_parse(&m->config, root, why);
	}
	if (!number_get(root, "id", 0, INT64_MAX, &m->id))
		return fail(why, "bad id");
	if (equals(root, "op", "route")) {
		m->op = FOG_CONTROL_ROUTE;
		m->route.id = m->id;
		return route_parse(&m->route, root, why);
	}
	if (equals(root, "op", "circuits")) {
		m->op = FOG_CONTROL_CIRCUITS;
		return 0;
	}
	if (equals(root, "op", "ping")) {
		m->op = FOG_CONTROL_PING;
		return 0;
	}
	if (equals(root, "op", "close")) {
		m->op = FOG_CONTROL_CLOSE;
		if (!number_get(root, "handle", 1, UINT32_MAX, &value))
			return fail(why, "bad handle");
		m->handle = (u32)value;
		m->has_owner = json_object_get(root, "owner") != NULL;
		if (m->has_owner && !text_get(root, "owner", m->owner, sizeof(m->owner)))
			return fail(why, "bad owner");
		return 0;
	}
	return fail(why, "unknown op");
}

int fog_message_parse(struct fog_control_message *m, const char *line, size_t size,
		      char why[FOG_ERROR_TEXT_MAX])
{
	memset(m, 0, sizeof(*m));
	if (size > FOG_MESSAGE_LINE_MAX)
		return fail(why, "line too long");
	json_t *root = object_load(line, size);
	if (root == NULL)
		return fail(why, "not a JSON object");
	int rc = message_fill(m, root, why);
	json_decref(root);
	return rc;
}

static json_t *key_json(const u8 key[32])
{
	char hex[65];

	fog_hex_encode(key, 32, hex, sizeof(hex));
	return json_string(hex);
}

static char *line_dump(json_t *root)
{
	char *text = root != NULL ? json_dumps(root, JSON_COMPACT) : NULL;

	json_decref(root);
	if (text == NULL)
		return NULL;
	size_t n = strlen(text);
	char *line = realloc(text, n + 2);
	if (line == NULL) {
		free(text);
		return NULL;
	}
	line[n] = '\n';
	line[n + 1] = '\0';
	return line;
}

char *fog_message_hello(const u8 quic_pk[FOG_TLS_KEY_SIZE], const u8 *mailbox)
{
	return line_dump(json_pack("{s:s, s:i, s:o, s:o*}", "op", "hello", "version", 1, "quic_pk",
				   key_json(quic_pk), "mailbox",
				   mailbox != NULL ? key_json(mailbox) : NULL));
}

char *fog_message_route(const struct fog_route_request *r)
{
	json_t *exclude = json_array();

	for (u32 i = 0; i < r->exclude_count; i++)
		json_array_append_new(exclude, key_json(r->exclude[i]));
	json_t *root = json_pack("{s:s, s:I, s:s, s:o, s:i, s:o}", "op", "route", "id",
				 (json_int_t)r->id, "purpose", fog_purpose_name(r->purpose),
				 "target", r->has_target ? key_json(r->target) : json_null(),
				 "hops", (int)r->hops, "exclude", exclude);
	if (root != NULL && r->host[0] != '\0') {
		json_object_set_new(root, "host", json_string(r->host));
		json_object_set_new(root, "port", json_integer(r->port));
	}
	return line_dump(root);
}

/* ---- stream lines ------------------------------------------------------------------------- */

static int destination_fill(struct fog_stream_header *h, const json_t *root)
{
	u64 port;

	if (!text_get(root, "host", h->host, sizeof(h->host)) || h->host[0] == '\0' ||
	    !number_get(root, "port", 1, 65535, &port))
		return -EPROTO;
	for (const char *p = h->host; *p != '\0'; p++) {
		if (*p <= ' ' || *p > '~')
			return -EPROTO;
	}
	h->port = (u16)port;
	return 0;
}

static int header_fill(struct fog_stream_header *h, const json_t *root)
{
	for (unsigned i = FOG_SERVICE_TCP; i <= FOG_SERVICE_DATA; i++)
		if (equals(root, "service", service_names[i]))
			h->service = i;
	if (h->service == FOG_SERVICE_TCP)
		return destination_fill(h, root);
	return h->service != 0 ? 0 : -EPROTO;
}

int fog_header_parse(struct fog_stream_header *h, const char *line, size_t size)
{
	memset(h, 0, sizeof(*h));
	json_t *root = size <= FOG_HEADER_LINE_MAX ? object_load(line, size) : NULL;
	if (root == NULL)
		return -EPROTO;
	int rc = header_fill(h, root);
	json_decref(root);
	return rc;
}

/* A circuit leads to a host, or to an exit for a destination. */
static int circuit_fill(struct fog_stream_header *h, const json_t *root)
{
	h->service = FOG_SERVICE_CIRCUIT;
	h->purpose = FOG_PURPOSE_JOB;
	for (unsigned i = FOG_PURPOSE_EXIT; i <= FOG_PURPOSE_NODE; i++)
		if (equals(root, "purpose", purpose_names[i]))
			h->purpose = i;
	return h->purpose == FOG_PURPOSE_EXIT ? destination_fill(h, root) : 0;
}

static int open_fill(struct fog_stream_header *h, const json_t *root)
{
	int rc = equals(root, "service", "circuit") ? circuit_fill(h, root) : header_fill(h, root);
	bool exits = h->service == FOG_SERVICE_TCP || h->purpose == FOG_PURPOSE_EXIT;
	u64 hops;

	if (rc != 0 || (!exits && !key_get(root, "target", h->target)))
		return -EPROTO;
	h->fresh = json_is_true(json_object_get(root, "fresh"));
	if (json_object_get(root, "owner") != NULL &&
	    !text_get(root, "owner", h->owner, sizeof(h->owner)))
		return -EPROTO;
	if (json_object_get(root, "hops") == NULL)
		return 0;
	if (!number_get(root, "hops", 1, FOG_HOPS_MAX, &hops))
		return -EPROTO;
	h->hops = (u32)hops;
	return 0;
}

int fog_open_parse(struct fog_stream_header *h, const char *line, size_t size)
{
	memset(h, 0, sizeof(*h));
	json_t *root = size <= FOG_HEADER_LINE_MAX ? object_load(line, size) : NULL;
	if (root == NULL)
		return -EPROTO;
	int rc = equals(root, "op", "open") ? open_fill(h, root) : -EPROTO;
	json_decref(root);
	return rc;
}

/* A short object to a fixed buffer with a newline. */
static size_t line_format(json_t *root, char out[FOG_HEADER_LINE_MAX + 1])
{
	size_t n = json_dumpb(root, out, FOG_HEADER_LINE_MAX, JSON_COMPACT | JSON_ENSURE_ASCII);

	json_decref(root);
	FOG_ASSERT(n != 0);
	FOG_ASSERT(n <= FOG_HEADER_LINE_MAX);
	out[n] = '\n';
	return n + 1;
}

size_t fog_header_format(const struct fog_stream_header *h, char out[FOG_HEADER_LINE_MAX + 1])
{
	if (h->service != FOG_SERVICE_TCP)
		return line_format(json_pack("{s:s}", "service", fog_service_name(h->service)),
				   out);
	return line_format(json_pack("{s:s, s:s, s:i}", "service", "tcp", "host", h->host, "port",
				     (int)h->port),
			   out);
}

int fog_answer_parse(enum fog_open_code *code, char error[FOG_ERROR_TEXT_MAX], const char *line,
		     size_t size)
{
	json_t *root = size <= FOG_HEADER_LINE_MAX ? object_load(line, size) : NULL;
	int rc = -EPROTO;

	error[0] = '\0';
	*code = FOG_OPEN_OK;
	if (root == NULL || !json_is_boolean(json_object_get(root, "ok")))
		goto out;
	rc = 0;
	if (json_is_true(json_object_get(root, "ok")))
		goto out;
	*code = FOG_OPEN_UNREACHABLE; /* when the far side names a code we do not know */
	for (unsigned i = FOG_OPEN_REFUSED; i <= CODE_WIRE_MAX; i++) {
		if (equals(root, "code", code_names[i]))
			*code = i;
	}
	text_get(root, "error", error, FOG_ERROR_TEXT_MAX);
out:
	json_decref(root);
	return rc;
}

size_t fog_answer_format(enum fog_open_code code, const char *error, bool far,
			 char out[FOG_HEADER_LINE_MAX + 1])
{
	if (code == FOG_OPEN_OK)
		return line_format(json_pack("{s:b}", "ok", 1), out);
	if (far && code > CODE_WIRE_MAX)
		code = FOG_OPEN_UNREACHABLE;
	char text[FOG_ERROR_TEXT_MAX];

	snprintf(text, sizeof(text), "%s", error);
	for (char *p = text; *p != '\0'; p++) {
		if (*p < ' ' || *p > '~')
			*p = '?';
	}
	return line_format(json_pack("{s:b, s:s, s:s}", "ok", 0, "error", text, "code",
				     fog_open_code_name(code)),
			   out);
}
