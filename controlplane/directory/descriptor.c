/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/directory/descriptor.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>

#include "configs/config.h"
#include "crypto/mem.h"

static const struct {
	u32 role;
	const char *name;
} roles[] = {{FOG_ROLE_RELAY, "relay"}, {FOG_ROLE_WORKER, "worker"}, {FOG_ROLE_EXIT, "exit"}};

char *fog_node_id_hex(const u8 node_id[32], char out[65])
{
	fog_hex_encode(node_id, 32, out, 65);
	return out;
}

#define ACCELERATORS_MAX 64

/* ---- reading: the first error sticks -------------------------------------------------------- */

struct reader {
	char *why;
	int rc;
};

__attribute__((format(printf, 2, 3))) static void fail(struct reader *r, const char *fmt, ...)
{
	va_list ap;

	if (r->rc != 0)
		return;
	r->rc = -EINVAL;
	va_start(ap, fmt);
	vsnprintf(r->why, FOG_DESCRIPTOR_WHY_SIZE, fmt, ap);
	va_end(ap);
}

static json_t *get(struct reader *r, const json_t *o, const char *key, json_type type)
{
	json_t *v = json_object_get(o, key);

	if (v == NULL || json_typeof(v) != type) {
		fail(r, "%s is missing or of the wrong type", key);
		return NULL;
	}
	return v;
}

static u64 get_u64(struct reader *r, const json_t *o, const char *key, u64 max)
{
	json_t *v = get(r, o, key, JSON_INTEGER);

	if (v == NULL)
		return 0;
	json_int_t n = json_integer_value(v);
	if (n < 0 || (u64)n > max) {
		fail(r, "%s is out of range", key);
		return 0;
	}
	return (u64)n;
}

/* At most size - 1 bytes, none of them a control character. */
static void get_text(struct reader *r, const json_t *o, const char *key, char *out, size_t size)
{
	json_t *v = get(r, o, key, JSON_STRING);

	if (v == NULL)
		return;
	size_t len = json_string_length(v);
	const char *s = json_string_value(v);
	if (len >= size || strlen(s) != len) {
		fail(r, "%s is too long", key);
		return;
	}
	for (size_t i = 0; i < len; i++)
		if (iscntrl((unsigned char)s[i]))
			fail(r, "%s holds control characters", key);
	memcpy(out, s, len + 1);
}

static void get_key(struct reader *r, const json_t *o, const char *key, u8 out[32])
{
	json_t *v = get(r, o, key, JSON_STRING);

	if (v == NULL)
		return;
	const char *s = json_string_value(v);
	for (const char *p = s; *p != '\0'; p++)
		if (isupper((unsigned char)*p))
			fail(r, "%s wants lower-case hex digits", key);
	if (json_string_length(v) != 64 || fog_hex_decode(s, out, 32) != 0)
		fail(r, "%s wants 64 hex digits", key);
	else if (fog_is_zero(out, 32))
		fail(r, "%s is zero", key);
}

static void get_endpoint(struct reader *r, const json_t *o, const char *key,
			 struct fog_address *address, u8 pk[32])
{
	json_t *v = get(r, o, key, JSON_OBJECT);
	char text[FOG_ADDRESS_TEXT_SIZE] = "";

	if (v == NULL)
		return;
	get_text(r, v, "address", text, sizeof(text));
	if (r->rc == 0 && (fog_address_parse(text, address) != 0 || fog_address_is_any(address)))
		fail(r, "%s.address is no address of a host", key);
	get_key(r, v, "pk", pk);
}

static void get_name(struct reader *r, const json_t *o, struct fog_descriptor *d)
{
	get_text(r, o, "name", d->name, sizeof(d->name));
	if (r->rc != 0)
		return;
	if (!isalnum((unsigned char)d->name[0]))
		fail(r, "name wants a letter or digit first");
	for (const char *p = d->name; *p != '\0'; p++)
		if (!isalnum((unsigned char)*p) && *p != '-' && *p != '.')
			fail(r, "name wants letters, digits, '-' and '.'");
}

static void get_roles(struct reader *r, const json_t *o, struct fog_descriptor *d)
{
	json_t *v = get(r, o, "roles", JSON_ARRAY), *e;
	size_t i;

	if (v == NULL)
		return;
	if (json_array_size(v) > 16) {
		fail(r, "roles has too many entries");
		return;
	}
	json_array_foreach(v, i, e)
	{
		if (!json_is_string(e)) {
			fail(r, "roles wants strings");
			return;
		}
		/* A role of a later version is not ours to judge. */
		for (unsigned k = 0; k < FOG_ARRAY_COUNT(roles); k++)
			if (strcmp(json_string_value(e), roles[k].name) == 0)
				d->roles |= roles[k].role;
	}
}

static void get_rules(struct reader *r, const json_t *o, const char *key,
		      struct fog_exit_rule rules[FOG_DESCRIPTOR_RULES_MAX], u32 *count)
{
	json_t *v = get(r, o, key, JSON_ARRAY), *e;
	size_t i;

	if (v == NULL)
		return;
	if (json_array_size(v) > FOG_DESCRIPTOR_RULES_MAX) {
		fail(r, "exit_policy.%s has more than %d rules", key, FOG_DESCRIPTOR_RULES_MAX);
		return;
	}
	json_array_foreach(v, i, e)
	{
		const char *s = json_string_value(e);
		if (s == NULL || fog_exit_rule_parse(s, &rules[i]) != 0) {
			fail(r, "exit_policy.%s: rule %zu is malformed", key, i + 1);
			return;
		}
	}
	*count = (u32)json_array_size(v);
}

/* Only where there are some. */
static void get_accelerators(struct reader *r, const json_t *capacity, struct fog_descriptor *d)
{
	json_t *v = json_object_get(capacity, "accelerators");

	if (v == NULL)
		return;
	d->accelerator_count = (u32)get_u64(r, v, "count", ACCELERATORS_MAX);
	d->accelerator_memory_bytes = get_u64(r, v, "memory_bytes", 1ull << 50);
	get_text(r, v, "type", d->accelerator_type, sizeof(d->accelerator_type));
	if (strspn(d->accelerator_type, "abcdefghijklmnopqrstuvwxyz0123456789._-") !=
	    strlen(d->accelerator_type))
		fail(r, "capacity.accelerators.type is malformed");
}

static void get_work(struct reader *r, const json_t *o, struct fog_descriptor *d)
{
	json_t *v = get(r, o, "capacity", JSON_OBJECT);

	if (v != NULL) {
		d->cpu_millicores = (u32)get_u64(r, v, "cpu_millicores", 1024000);
		d->memory_bytes = get_u64(r, v, "memory_bytes", 1ull << 56);
		d->disk_bytes = get_u64(r, v, "disk_bytes", 1ull << 60);
		get_accelerators(r, v, d);
	}
	v = get(r, o, "price", JSON_OBJECT);
	if (v != NULL) {
		char currency[8] = "";
		d->price.cpu_hour = get_u64(r, v, "cpu_hour", 1000000000);
		d->price.memory_gb_hour = get_u64(r, v, "memory_gb_hour", 1000000000);
		if (json_object_get(v, "accelerator_hour") != NULL)
			d->price.accelerator_hour = get_u64(r, v, "accelerator_hour", 1000000000);
		get_text(r, v, "currency", currency, sizeof(currency));
		if (strcmp(currency, "mfog") != 0)
			fail(r, "price.currency wants \"mfog\"");
	}
}

static void get_attributes(struct reader *r, const json_t *o, struct fog_descriptor *d)
{
	json_t *v = get(r, o, "attributes", JSON_OBJECT);

	if (v == NULL)
		return;
	get_text(r, v, "operator", d->operator_name, sizeof(d->operator_name));
	get_text(r, v, "country", d->country, sizeof(d->country));
	get_text(r, v, "region", d->region, sizeof(d->region));
	get_text(r, v, "power_region", d->power_region, sizeof(d->power_region));
	get_text(r, v, "tee_vendor", d->tee_vendor, sizeof(d->tee_vendor));
	d->as = (u32)get_u64(r, v, "as", UINT32_MAX);
}

static void get_mix(struct reader *r, const json_t *o, struct fog_descriptor *d)
{
	json_t *v = json_object_get(o, "mix"), *keys, *e;
	size_t i;

	/* Hosts of an earlier version, and those without a mix, say nothing. */
	if (v == NULL || json_is_null(v))
		return;
	if (!json_is_object(v)) {
		fail(r, "mix is no object");
		return;
	}
	d->has_mix = true;
	get_key(r, v, "mailbox", d->mailbox);
	get_key(r, v, "provider", d->mail_provider);
	keys = get(r, v, "keys", JSON_ARRAY);
	if (keys == NULL || json_array_size(keys) > FOG_DESCRIPTOR_MIX_MAX) {
		fail(r, "mix.keys is missing or too long");
		return;
	}
	json_array_foreach(keys, i, e)
	{
		d->mix[i].epoch = get_u64(r, e, "epoch", INT64_MAX);
		get_key(r, e, "pk", d->mix[i].key);
	}
	d->mix_count = (u32)json_array_size(keys);
}

static void get_tee(struct reader *r, const json_t *o, struct fog_descriptor *d)
{
	json_t *v = json_object_get(o, "tee");

	if (v == NULL || json_is_null(v))
		return;
	if (!json_is_object(v)) {
		fail(r, "tee is no object");
		return;
	}
	get_text(r, v, "kind", d->tee_kind, sizeof(d->tee_kind));
	get_key(r, v, "platform", d->tee_platform);
}

static void get_all(struct reader *r, const json_t *o, struct fog_descriptor *d)
{
	if (get_u64(r, o, "version", UINT32_MAX) != 1)
		fail(r, "version is not 1");
	get_key(r, o, "node_id", d->node_id);
	get_name(r, o, d);
	d->sequence = get_u64(r, o, "sequence", INT64_MAX);
	d->published_ms = get_u64(r, o, "published_ms", INT64_MAX);
	d->expires_ms = get_u64(r, o, "expires_ms", INT64_MAX);
	if (r->rc == 0 && (d->sequence == 0 || d->expires_ms <= d->published_ms ||
			   d->expires_ms - d->published_ms > FOG_DESCRIPTOR_LIFE_MS_MAX))
		fail(r, "sequence or life is out of range");
	get_endpoint(r, o, "control", &d->control, d->control_pk);
	get_endpoint(r, o, "link", &d->link, d->link_pk);
	get_key(r, o, "onion_pk", d->onion_pk);
	d->has_quic = !json_is_null(json_object_get(o, "quic_pk"));
	if (d->has_quic)
		get_key(r, o, "quic_pk", d->quic_pk);
	get_roles(r, o, d);
	json_t *policy = get(r, o, "exit_policy", JSON_OBJECT);
	if (policy != NULL) {
		get_rules(r, policy, "allow", d->allow, &d->allow_count);
		get_rules(r, policy, "deny", d->deny, &d->deny_count);
	}
	get_work(r, o, d);
	get_attributes(r, o, d);
	get_mix(r, o, d);
	get_tee(r, o, d);
	const char *error = fog_report_read(&d->report, json_object_get(o, "report"));
	if (error != NULL)
		fail(r, "%s", error);
}

int fog_descriptor_parse(struct fog_descriptor *d, const char *text, size_t len,
			 char why[FOG_DESCRIPTOR_WHY_SIZE])
{
	struct reader r = {.why = why};
	json_error_t error;

	memset(d, 0, sizeof(*d));
	why[0] = '\0';
	if (len > FOG_DESCRIPTOR_TEXT_MAX) {
		fail(&r, "the text is longer than %d bytes", FOG_DESCRIPTOR_TEXT_MAX);
		return r.rc;
	}
	json_t *o = json_loadb(text, len, JSON_REJECT_DUPLICATES, &error);
	if (!json_is_object(o))
		fail(&r, "the text is no JSON object");
	else
		get_all(&r, o, d);
	json_decref(o);
	return r.rc;
}

int fog_descriptor_accept(struct fog_signed_descriptor *out, const char *text, size_t len,
			  const u8 signature[64], u64 now_ms, char why[FOG_DESCRIPTOR_WHY_SIZE])
{
	int rc = fog_descriptor_parse(&out->d, text, len, why);

	if (rc != 0)
		return rc;
	if (out->d.expires_ms <= now_ms) {
		snprintf(why, FOG_DESCRIPTOR_WHY_SIZE, "expired");
		return -ETIME;
	}
	if (out->d.published_ms > now_ms + FOG_DESCRIPTOR_SKEW_MS) {
		snprintf(why, FOG_DESCRIPTOR_WHY_SIZE, "published in the future: a clock is wrong");
		return -ETIME;
	}
	rc = fog_signature_verify(out->d.node_id, FOG_DESCRIPTOR_LABEL, text, len, signature);
	if (rc != 0) {
		snprintf(why, FOG_DESCRIPTOR_WHY_SIZE, "the signature does not verify");
		return rc;
	}
	out->text = malloc(len + 1);
	if (out->text == NULL)
		return -ENOMEM;
	memcpy(out->text, text, len);
	out->text[len] = '\0';
	out->text_len = (u32)len;
	memcpy(out->signature, signature, 64);
	return 0;
}

void fog_signed_descriptor_free(struct fog_signed_descriptor *s)
{
	free(s->text);
	s->text = NULL;
}

/* ---- writing -------------------------------------------------------------------------------- */

static json_t *key_json(const u8 key[32])
{
	char hex[65];

	return json_string(fog_node_id_hex(key, hex));
}

static json_t *endpoint_json(const struct fog_address *a, const u8 pk[32])
{
	char text[FOG_ADDRESS_TEXT_SIZE];

	return json_pack("{s:s, s:o}", "address", fog_address_format(a, text), "pk", key_json(pk));
}

static json_t *roles_json(u32 set)
{
	json_t *a = json_array();

	for (unsigned i = 0; i < FOG_ARRAY_COUNT(roles); i++)
		if (set & roles[i].role)
			json_array_append_new(a, json_string(roles[i].name));
	return a;
}

static json_t *list_json(const struct fog_config_list *l)
{
	json_t *a = json_array();

	for (u32 i = 0; l != NULL && i < l->count; i++)
		json_array_append_new(a, json_string(l->items[i]));
	return a;
}

static json_t *mix_json(const struct fog_descriptor *d)
{
	json_t *keys = json_array();

	for (u32 i = 0; i < d->mix_count; i++)
		json_array_append_new(keys,
				      json_pack("{s:I, s:o}", "epoch", (json_int_t)d->mix[i].epoch,
						"pk", key_json(d->mix[i].key)));
	return json_pack("{s:o, s:o, s:o}", "mailbox", key_json(d->mailbox), "provider",
			 key_json(d->mail_provider), "keys", keys);
}

static json_t *body_json(const struct fog_descriptor *d, json_t *allow, json_t *deny)
{
	json_t *o = json_pack(
		"{s:i, s:o, s:s, s:I, s:I, s:I, s:o, s:o, s:o, s:o, s:o, s:{s:o, s:o},"
		" s:{s:I, s:I, s:I}, s:{s:I, s:I, s:s}, s:{s:s, s:s, s:s, s:I, s:s, s:s}, s:o}",
		"version", 1, "node_id", key_json(d->node_id), "name", d->name, "sequence",
		(json_int_t)d->sequence, "published_ms", (json_int_t)d->published_ms, "expires_ms",
		(json_int_t)d->expires_ms, "control", endpoint_json(&d->control, d->control_pk),
		"link", endpoint_json(&d->link, d->link_pk), "onion_pk", key_json(d->onion_pk),
		"quic_pk", d->has_quic ? key_json(d->quic_pk) : json_null(), "roles",
		roles_json(d->roles), "exit_policy", "allow", allow, "deny", deny, "capacity",
		"cpu_millicores", (json_int_t)d->cpu_millicores, "memory_bytes",
		(json_int_t)d->memory_bytes, "disk_bytes", (json_int_t)d->disk_bytes, "price",
		"cpu_hour", (json_int_t)d->price.cpu_hour, "memory_gb_hour",
		(json_int_t)d->price.memory_gb_hour, "currency", "mfog", "attributes", "operator",
		d->operator_name, "country", d->country, "region", d->region, "as",
		(json_int_t)d->as, "power_region", d->power_region, "tee_vendor", d->tee_vendor,
		"report", fog_report_json(&d->report));

	if (d->accelerator_count != 0)
		json_object_set_new(json_object_get(o, "capacity"), "accelerators",
				    json_pack("{s:s, s:I, s:I}", "type", d->accelerator_type,
					      "count", (json_int_t)d->accelerator_count,
					      "memory_bytes",
					      (json_int_t)d->accelerator_memory_bytes));
	if (d->price.accelerator_hour != 0)
		json_object_set_new(json_object_get(o, "price"), "accelerator_hour",
				    json_integer((json_int_t)d->price.accelerator_hour));
	if (d->has_mix)
		json_object_set_new(o, "mix", mix_json(d));
	if (d->tee_kind[0] != '\0')
		json_object_set_new(o, "tee",
				    json_pack("{s:s, s:o}", "kind", d->tee_kind, "platform",
					      key_json(d->tee_platform)));
	return o;
}

int fog_descriptor_build(struct fog_signed_descriptor *out, const struct fog_descriptor *d,
			 const struct fog_config_list *allow, const struct fog_config_list *deny,
			 const struct fog_identity *id)
{
	char why[FOG_DESCRIPTOR_WHY_SIZE];
	u8 signature[64];

	FOG_ASSERT(memcmp(d->node_id, id->node_id, 32) == 0);
	json_t *o = body_json(d, list_json(allow), list_json(deny));
	if (o == NULL)
		return -EINVAL;
	char *text = json_dumps(o, JSON_COMPACT);
	json_decref(o);
	if (text == NULL)
		return -ENOMEM;
	size_t len = strlen(text);
	int rc = len > FOG_DESCRIPTOR_TEXT_MAX ? -EMSGSIZE : 0;
	if (rc == 0)
		rc = fog_identity_sign(id, FOG_DESCRIPTOR_LABEL, text, len, signature);
	/* Reading our own text back finds what others would refuse. */
	if (rc == 0)
		rc = fog_descriptor_accept(out, text, len, signature, d->published_ms, why);
	free(text);
	return rc;
}

static json_t *rules_json(const struct fog_exit_rule *rules, u32 count)
{
	json_t *a = json_array();
	char address[FOG_ADDRESS_TEXT_SIZE], text[FOG_RULE_TEXT_SIZE];

	for (u32 i = 0; i < count; i++) {
		struct fog_address net = {.port = rules[i].port_low};
		memcpy(net.ip, rules[i].ip, 16);
		fog_address_format(&net, address);
		bool v6 = address[0] == '[';
		*strrchr(address, ':') = '\0';
		u32 bits = rules[i].prefix_bits - (v6 ? 0 : 96);
		if (rules[i].port_low == rules[i].port_high)
			snprintf(text, sizeof(text), "%s/%u:%u", address, bits, rules[i].port_low);
		else
			snprintf(text, sizeof(text), "%s/%u:%u-%u", address, bits,
				 rules[i].port_low, rules[i].port_high);
		json_array_append_new(a, json_string(text));
	}
	return a;
}

json_t *fog_descriptor_to_json(const struct fog_descriptor *d)
{
	return body_json(d, rules_json(d->allow, d->allow_count),
			 rules_json(d->deny, d->deny_count));
}

bool fog_descriptor_exit_allows(const struct fog_descriptor *d, const u8 ip[16], u16 port)
{
	if ((d->roles & FOG_ROLE_EXIT) == 0)
		return false;
	for (u32 i = 0; ip != NULL && i < d->deny_count; i++)
		if (fog_exit_rule_match(&d->deny[i], ip, port))
			return false;
	for (u32 i = 0; i < d->allow_count; i++)
		if (ip != NULL ? fog_exit_rule_match(&d->allow[i], ip, port)
			       : fog_exit_rule_match_port(&d->allow[i], port))
			return true;
	return false;
}
