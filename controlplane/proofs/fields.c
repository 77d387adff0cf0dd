/* SPDX-License-Identifier: BSD-3-Clause */
/* Both forms of a proof from one table of fields. */
#include <errno.h>
#include <stdarg.h>

#include "controlplane/proofs/hex.h"
#include "controlplane/proofs/proof.h"
#include "crypto/check/bytes.h"

#define MAGIC "fog proof 1" /* with its terminating zero */

enum field_type { BYTES = 1, U32, I32, U64, PATH, VOTES };

struct field {
	const char *name;
	u16 offset; /* in struct fog_proof */
	u16 size;   /* of BYTES */
	u8 type;
};

#define AT(member) offsetof(struct fog_proof, member)
#define B(member, name)                                                          \
	{                                                                        \
		name, AT(member), sizeof(((struct fog_proof *)0)->member), BYTES \
	}
#define N(member, name, type)             \
	{                                 \
		name, AT(member), 0, type \
	}

static const struct field execution_fields[] = {
	B(execution.job, "job"),
	B(execution.submitter, "submitter"),
	B(execution.code, "code"),
	B(execution.input, "input"),
	B(execution.output, "output"),
	B(execution.attestation, "attestation"),
	N(execution.attestation_kind, "attestation_kind", U32),
	N(execution.slot, "slot", U32),
	N(execution.exit_code, "exit_code", I32),
	N(execution.outcome, "outcome", U32),
	N(execution.cpu_us, "cpu_us", U64),
	N(execution.wall_us, "wall_us", U64),
	N(execution.memory_peak, "memory_peak", U64),
	N(execution.io_bytes, "io_bytes", U64),
	N(execution.started_ms, "started_ms", U64),
	N(execution.ended_ms, "ended_ms", U64),
};

static const struct field audit_fields[] = {
	B(audit.subject, "subject"),
	B(audit.roster, "roster"),
	N(audit.round, "round", U64),
	N(audit.votes, "votes", VOTES),
};

static const struct field sla_fields[] = {
	B(sla.service, "service"),
	B(sla.measurer, "measurer"),
	B(sla.measurements, "measurements"),
	N(sla.from_s, "from", U64),
	N(sla.to_s, "to", U64),
	N(sla.samples, "samples", U64),
	N(sla.within, "within", U64),
	N(sla.permille, "permille", U32),
	N(sla.limit_us, "limit_us", U64),
	B(sla.commitment, "commitment"),
	B(sla.measured, "measured"),
	B(sla.range, "range"),
};

static const struct field batch_fields[] = {
	B(batch.root, "root"),         N(batch.size, "size", U64),
	B(batch.old_root, "old_root"), N(batch.old_size, "old_size", U64),
	N(batch.path, "path", PATH),
};

static const struct field inclusion_fields[] = {
	B(inclusion.root, "root"),        N(inclusion.size, "size", U64),
	N(inclusion.index, "index", U64), B(inclusion.leaf, "leaf"),
	N(inclusion.path, "path", PATH),
};

static const struct kind {
	const char *name, *type;
	const struct field *field;
	unsigned count;
} kinds[] = {
	[FOG_PROOF_EXECUTION] = {"execution", "fog.proof.execution.v1", execution_fields,
				 FOG_ARRAY_COUNT(execution_fields)},
	[FOG_PROOF_AUDIT] = {"audit", "fog.proof.audit.v1", audit_fields,
			     FOG_ARRAY_COUNT(audit_fields)},
	[FOG_PROOF_SLA] = {"sla", "fog.proof.sla.v1", sla_fields, FOG_ARRAY_COUNT(sla_fields)},
	[FOG_PROOF_BATCH] = {"batch", "fog.proof.batch.v1", batch_fields,
			     FOG_ARRAY_COUNT(batch_fields)},
	[FOG_PROOF_INCLUSION] = {"inclusion", "fog.proof.inclusion.v1", inclusion_fields,
				 FOG_ARRAY_COUNT(inclusion_fields)},
};

__attribute__((format(printf, 2, 3))) static int say(char why[FOG_PROOF_WHY], const char *format,
						     ...)
{
	va_list ap;

	va_start(ap, format);
	vsnprintf(why, FOG_PROOF_WHY, format, ap);
	va_end(ap);
	return -EINVAL;
}

static const struct kind *kind_of(u32 kind)
{
	return kind >= FOG_PROOF_EXECUTION && kind < FOG_ARRAY_COUNT(kinds) ? &kinds[kind] : NULL;
}

const char *fog_proof_kind_name(u32 kind)
{
	const struct kind *k = kind_of(kind);

	return k == NULL ? NULL : k->name;
}

/* ---- binary -----------------------------------------------------------------------------------
 */

static bool list_write(struct fog_writer *w, const struct field *f, const void *at)
{
	if (f->type == PATH) {
		const struct fog_proof_path *path = at;

		if (path->count > FOG_PROOF_PATH_MAX)
			return false;
		fog_write_u8(w, (u8)path->count);
		fog_write(w, path->hash, path->count * sizeof(path->hash[0]));
		return true;
	}
	/* VOTES stand behind their count. */
	const struct fog_proof_audit *a =
		(const void *)((const u8 *)at - offsetof(struct fog_proof_audit, votes));
	if (a->votes > FOG_PROOF_VOTES_MAX)
		return false;
	fog_write_u8(w, (u8)a->votes);
	for (u32 i = 0; i < a->votes; i++) {
		fog_write(w, a->vote[i].auditor, sizeof(a->vote[i].auditor));
		fog_write_u8(w, a->vote[i].right != 0);
		fog_write(w, a->vote[i].signature, sizeof(a->vote[i].signature));
	}
	return true;
}

int fog_proof_encode(const struct fog_proof *p, u8 *out, size_t cap)
{
	const struct kind *k = kind_of(p->kind);
	struct fog_writer w = {.at = out, .left = cap};

	if (k == NULL)
		return -EINVAL;
	fog_write(&w, MAGIC, sizeof(MAGIC));
	fog_write_u8(&w, (u8)p->kind);
	fog_write(&w, p->id, sizeof(p->id));
	fog_write(&w, p->issuer, sizeof(p->issuer));
	fog_write_u64(&w, p->issued_s);
	for (unsigned i = 0; i < k->count; i++) {
		const struct field *f = &k->field[i];
		const void *at = (const u8 *)p + f->offset;

		if (f->type == BYTES)
			fog_write(&w, at, f->size);
		else if (f->type == U64)
			fog_write(&w, at, sizeof(u64));
		else if (f->type == U32 || f->type == I32)
			fog_write(&w, at, sizeof(u32));
		else if (!list_write(&w, f, at))
			return -EINVAL;
	}
	fog_write(&w, p->signature, sizeof(p->signature));
	return w.bad ? -ENOSPC : (int)w.done;
}

static bool take(struct fog_reader *r, void *out, size_t len)
{
	const u8 *at = fog_read(r, len);

	if (at == NULL)
		return false;
	memcpy(out, at, len);
	return true;
}

static bool list_read(struct fog_reader *r, const struct field *f, void *at)
{
	u8 count = fog_read_u8(r);

	if (f->type == PATH) {
		struct fog_proof_path *path = at;

		path->count = count;
		return count <= FOG_PROOF_PATH_MAX && take(r, path->hash, count * 32u);
	}
	struct fog_proof_audit *a = (void *)((u8 *)at - offsetof(struct fog_proof_audit, votes));
	a->votes = count;
	if (count > FOG_PROOF_VOTES_MAX)
		return false;
	for (u32 i = 0; i < count; i++) {
		if (!take(r, a->vote[i].auditor, sizeof(a->vote[i].auditor)))
			return false;
		a->vote[i].right = fog_read_u8(r);
		if (a->vote[i].right > 1 ||
		    !take(r, a->vote[i].signature, sizeof(a->vote[i].signature)))
			return false;
	}
	return true;
}

int fog_proof_decode(struct fog_proof *p, const u8 *in, size_t len, char why[FOG_PROOF_WHY])
{
	struct fog_reader r = {.at = in, .left = len};
	const u8 *magic = fog_read(&r, sizeof(MAGIC));

	memset(p, 0, sizeof(*p));
	why[0] = '\0';
	if (magic == NULL || memcmp(magic, MAGIC, sizeof(MAGIC)) != 0)
		return say(why, "this is no proof of the first format");
	p->kind = fog_read_u8(&r);
	const struct kind *k = kind_of(p->kind);
	if (k == NULL)
		return say(why, "a proof of unknown kind %u", p->kind);
	bool good = take(&r, p->id, sizeof(p->id)) && take(&r, p->issuer, sizeof(p->issuer));
	p->issued_s = fog_read_u64(&r);
	for (unsigned i = 0; i < k->count && good; i++) {
		const struct field *f = &k->field[i];
		void *at = (u8 *)p + f->offset;

		if (f->type == BYTES)
			good = take(&r, at, f->size);
		else if (f->type == U64)
			good = take(&r, at, sizeof(u64));
		else if (f->type == U32 || f->type == I32)
			good = take(&r, at, sizeof(u32));
		else
			good = list_read(&r, f, at);
		if (!good)
			return say(why, "%s: the field %s is cut short or out of range", k->name,
				   f->name);
	}
	if (!good || !take(&r, p->signature, sizeof(p->signature)))
		return say(why, "%s: the proof is cut short", k->name);
	return r.left == 0 ? 0 : say(why, "%s: %zu bytes too many", k->name, r.left);
}

/* ---- JSON -------------------------------------------------------------------------------------
 */

static json_t *list_json(const struct field *f, const void *at)
{
	json_t *list = json_array();

	if (f->type == PATH) {
		const struct fog_proof_path *path = at;

		for (u32 i = 0; i < path->count; i++)
			json_array_append_new(list, fog_hex_json(path->hash[i], 32));
		return list;
	}
	const struct fog_proof_audit *a =
		(const void *)((const u8 *)at - offsetof(struct fog_proof_audit, votes));
	for (u32 i = 0; i < a->votes; i++)
		json_array_append_new(list, json_pack("{s:o, s:b, s:o}", "auditor",
						      fog_hex_json(a->vote[i].auditor, 32), "right",
						      (int)a->vote[i].right, "signature",
						      fog_hex_json(a->vote[i].signature, 64)));
	return list;
}

json_t *fog_proof_json(const struct fog_proof *p)
{
	const struct kind *k = kind_of(p->kind);
	u32 u;
	u64 wide;
	i32 number;

	if (k == NULL)
		return NULL;
	json_t *o = json_pack("{s:s, s:o, s:o, s:I}", "type", k->type, "id",
			      fog_hex_json(p->id, sizeof(p->id)), "issuer",
			      fog_hex_json(p->issuer, sizeof(p->issuer)), "issued",
			      (json_int_t)p->issued_s);
	for (unsigned i = 0; i < k->count && o != NULL; i++) {
		const struct field *f = &k->field[i];
		const void *at = (const u8 *)p + f->offset;
		json_t *value;

		if (f->type == BYTES) {
			value = fog_hex_json(at, f->size);
		} else if (f->type == U64) {
			memcpy(&wide, at, sizeof(wide));
			value = json_integer((json_int_t)wide);
		} else if (f->type == U32) {
			memcpy(&u, at, sizeof(u));
			value = json_integer(u);
		} else if (f->type == I32) {
			memcpy(&number, at, sizeof(number));
			value = json_integer(number);
		} else {
			value = list_json(f, at);
		}
		json_object_set_new(o, f->name, value);
	}
	if (o != NULL)
		json_object_set_new(o, "signature",
				    fog_hex_json(p->signature, sizeof(p->signature)));
	return o;
}

static int number_json(const struct field *f, const json_t *value, void *at)
{
	json_int_t n = json_integer_value(value);
	json_int_t low = f->type == I32 ? INT32_MIN : 0;
	json_int_t high = f->type == I32 ? INT32_MAX : f->type == U32 ? UINT32_MAX : INT64_MAX;

	if (!json_is_integer(value) || n < low || n > high)
		return -EINVAL;
	memcpy(at, &n, f->type == U64 ? sizeof(u64) : sizeof(u32));
	return 0;
}

static int list_from_json(const struct field *f, const json_t *list, void *at)
{
	size_t count = json_array_size(list);

	if (!json_is_array(list))
		return -EINVAL;
	if (f->type == PATH) {
		struct fog_proof_path *path = at;

		if (count > FOG_PROOF_PATH_MAX)
			return -EINVAL;
		path->count = (u32)count;
		for (u32 i = 0; i < count; i++)
			if (fog_hex_bytes(json_array_get(list, i), path->hash[i], 32) != 0)
				return -EINVAL;
		return 0;
	}
	struct fog_proof_audit *a = (void *)((u8 *)at - offsetof(struct fog_proof_audit, votes));
	if (count > FOG_PROOF_VOTES_MAX)
		return -EINVAL;
	a->votes = (u32)count;
	for (u32 i = 0; i < count; i++) {
		const json_t *o = json_array_get(list, i), *right = json_object_get(o, "right");

		if (json_object_size(o) != 3 || !json_is_boolean(right) ||
		    fog_hex_bytes(json_object_get(o, "auditor"), a->vote[i].auditor, 32) != 0 ||
		    fog_hex_bytes(json_object_get(o, "signature"), a->vote[i].signature, 64) != 0)
			return -EINVAL;
		a->vote[i].right = json_is_true(right);
	}
	return 0;
}

static int field_from_json(struct fog_proof *p, const struct field *f, const json_t *value)
{
	void *at = (u8 *)p + f->offset;

	if (f->type == BYTES)
		return fog_hex_bytes(value, at, f->size);
	if (f->type == PATH || f->type == VOTES)
		return list_from_json(f, value, at);
	return number_json(f, value, at);
}

int fog_proof_from_json(struct fog_proof *p, const json_t *o, char why[FOG_PROOF_WHY])
{
	const char *type = json_string_value(json_object_get(o, "type"));
	const struct field issued = N(issued_s, "issued", U64);

	memset(p, 0, sizeof(*p));
	why[0] = '\0';
	for (u32 i = FOG_PROOF_EXECUTION; type != NULL && i < FOG_ARRAY_COUNT(kinds); i++)
		if (strcmp(kinds[i].type, type) == 0)
			p->kind = i;
	const struct kind *k = kind_of(p->kind);
	if (k == NULL)
		return say(why, "type: no proof that is known here");
	if (fog_hex_bytes(json_object_get(o, "id"), p->id, sizeof(p->id)) != 0)
		return say(why, "id: want 16 bytes in hex");
	if (fog_hex_bytes(json_object_get(o, "issuer"), p->issuer, sizeof(p->issuer)) != 0)
		return say(why, "issuer: want 32 bytes in hex");
	if (fog_hex_bytes(json_object_get(o, "signature"), p->signature, 64) != 0)
		return say(why, "signature: want 64 bytes in hex");
	if (field_from_json(p, &issued, json_object_get(o, "issued")) != 0)
		return say(why, "issued: want Unix time in seconds");
	for (unsigned i = 0; i < k->count; i++)
		if (field_from_json(p, &k->field[i], json_object_get(o, k->field[i].name)) != 0)
			return say(why, "%s: missing, or not of its form", k->field[i].name);
	if (json_object_size(o) != k->count + 5)
		return say(why, "%s: members that do not belong there", k->name);
	return 0;
}
