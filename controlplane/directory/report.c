/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/directory/report.h"

#include "crypto/mem.h"

static const char *const source_names[] = {
	[FOG_ENERGY_UNKNOWN] = "unknown",
	[FOG_ENERGY_RAPL] = "rapl",
	[FOG_ENERGY_DECLARED] = "declared",
};

const char *fog_energy_source_name(enum fog_energy_source source)
{
	FOG_ASSERT(source < FOG_ARRAY_COUNT(source_names));
	return source_names[source];
}

static bool number(const json_t *o, const char *key, i64 min, i64 max, i64 *out)
{
	const json_t *v = json_object_get(o, key);

	*out = json_integer_value(v);
	return json_is_integer(v) && *out >= min && *out <= max;
}

static bool id_read(const json_t *v, u8 id[32])
{
	const char *hex = json_string_value(v);

	return hex != NULL && json_string_length(v) == 64 && fog_hex_decode(hex, id, 32) == 0;
}

static bool load_read(struct fog_load *l, const json_t *o)
{
	i64 cpu, memory, disk, jobs, accounts, largest, attested = 0, gpus = 0;

	if (!number(o, "cpu_millicores", 0, 1024000, &cpu) ||
	    !number(o, "memory_bytes", 0, 1ll << 56, &memory) ||
	    !number(o, "disk_bytes", 0, 1ll << 60, &disk) ||
	    !number(o, "jobs", 0, UINT32_MAX, &jobs) ||
	    !number(o, "accounts", 0, UINT32_MAX, &accounts) ||
	    !number(o, "largest_ppm", 0, 1000000, &largest) ||
	    (json_object_get(o, "attested_millicores") != NULL &&
	     !number(o, "attested_millicores", 0, 1024000, &attested)) ||
	    (json_object_get(o, "accelerators") != NULL &&
	     !number(o, "accelerators", 0, FOG_REPORT_ACCELERATORS_MAX, &gpus)))
		return false;
	*l = (struct fog_load){(u32)cpu,      (u32)jobs,    (u64)memory,   (u64)disk,
			       (u32)accounts, (u32)largest, (u64)attested, (u32)gpus};
	return true;
}

static bool place_read(struct fog_place *p, const json_t *o)
{
	const json_t *at = json_object_get(o, "us");
	i64 height, error;

	if (json_array_size(at) != 3 || !number(o, "height_us", 0, FOG_REPORT_REACH_US, &height) ||
	    !number(o, "error_ppm", 0, 1000000, &error))
		return false;
	for (u32 i = 0; i < 3; i++) {
		const json_t *v = json_array_get(at, i);
		i64 us = json_integer_value(v);
		if (!json_is_integer(v) || us < -FOG_REPORT_REACH_US || us > FOG_REPORT_REACH_US)
			return false;
		p->us[i] = (i32)us;
	}
	p->height_us = (u32)height;
	p->error_ppm = (u32)error;
	return true;
}

static bool energy_read(struct fog_energy *e, const json_t *o)
{
	const char *source = json_string_value(json_object_get(o, "source"));
	i64 milliwatts, idle, full;

	if (source == NULL ||
	    !number(o, "milliwatts", 1, FOG_REPORT_WATTS_MAX * 1000ll, &milliwatts) ||
	    !number(o, "full_milliwatts", 1, FOG_REPORT_WATTS_MAX * 1000ll, &full) ||
	    !number(o, "idle_milliwatts", 0, full, &idle))
		return false;
	e->milliwatts = (u32)milliwatts;
	e->idle_milliwatts = (u32)idle;
	e->full_milliwatts = (u32)full;
	for (u32 i = FOG_ENERGY_RAPL; i < FOG_ARRAY_COUNT(source_names); i++)
		if (strcmp(source, source_names[i]) == 0)
			e->source = (enum fog_energy_source)i;
	return e->source != FOG_ENERGY_UNKNOWN;
}

static bool opinions_read(struct fog_report *r, const json_t *list)
{
	if (!json_is_array(list) || json_array_size(list) > FOG_REPORT_OPINIONS_MAX)
		return false;
	for (size_t i = 0; i < json_array_size(list); i++) {
		struct fog_opinion_of *p = &r->opinion[i];
		const json_t *e = json_array_get(list, i), *good = json_array_get(e, 1),
			     *bad = json_array_get(e, 2);
		i64 g = json_integer_value(good), b = json_integer_value(bad);
		if (json_array_size(e) != 3 || !id_read(json_array_get(e, 0), p->node_id) ||
		    !json_is_integer(good) || !json_is_integer(bad) || g < 0 || b < 0 ||
		    g > FOG_REPORT_EVIDENCE_MAX || b > FOG_REPORT_EVIDENCE_MAX)
			return false;
		/* Each host once, so that nobody says a thing twice. */
		for (size_t k = 0; k < i; k++)
			if (memcmp(r->opinion[k].node_id, p->node_id, 32) == 0)
				return false;
		p->good = (u32)g;
		p->bad = (u32)b;
		r->opinion_count++;
	}
	return true;
}

/* Absent is fine: hosts of an earlier version keep theirs to themselves. */
static bool lot_read(const json_t *v, bool *has, u8 proof[FOG_VRF_BATCH_PROOF_SIZE])
{
	*has = v != NULL;
	return v == NULL ||
	       (json_string_length(v) == 2 * FOG_VRF_BATCH_PROOF_SIZE &&
		fog_hex_decode(json_string_value(v), proof, FOG_VRF_BATCH_PROOF_SIZE) == 0);
}

static bool draw_read(struct fog_report *r, const json_t *o)
{
	const json_t *list = json_object_get(o, "neighbours");
	i64 epoch;

	if (!number(o, "epoch", 1, INT64_MAX, &epoch) ||
	    !id_read(json_object_get(o, "digest"), r->draw_digest) || !json_is_array(list) ||
	    json_array_size(list) > FOG_REPORT_NEIGHBOURS_MAX)
		return false;
	for (size_t i = 0; i < json_array_size(list); i++)
		if (!id_read(json_array_get(list, i), r->neighbour[r->neighbour_count++]))
			return false;
	r->draw_epoch = (u64)epoch;
	return lot_read(json_object_get(o, "committee"), &r->has_committee_lot, r->committee_lot) &&
	       lot_read(json_object_get(o, "mix"), &r->has_mix_lot, r->mix_lot);
}

/* [begin, end, submitter or null] each, Unix ms. */
static bool closed_read(struct fog_report *r, const json_t *list)
{
	if (!json_is_array(list) || json_array_size(list) > FOG_CLOSED_MAX)
		return false;
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *e = json_array_get(list, i), *who = json_array_get(e, 2);
		struct fog_closed *c = &r->closed[i];
		json_int_t begin = json_integer_value(json_array_get(e, 0));
		json_int_t end = json_integer_value(json_array_get(e, 1));
		if (json_array_size(e) != 3 || begin <= 0 || end <= begin ||
		    (!json_is_null(who) && !id_read(who, c->submitter)))
			return false;
		c->begin_ms = (u64)begin;
		c->end_ms = (u64)end;
		r->closed_count++;
	}
	return true;
}

const char *fog_report_read(struct fog_report *out, const json_t *o)
{
	const json_t *v;

	memset(out, 0, sizeof(*out));
	if (o == NULL)
		return NULL;
	if (!json_is_object(o))
		return "report wants an object";
	if ((v = json_object_get(o, "load")) != NULL && !load_read(&out->load, v))
		return "report.load is malformed";
	out->has_load = v != NULL;
	if ((v = json_object_get(o, "coordinate")) != NULL && !place_read(&out->place, v))
		return "report.coordinate is malformed";
	out->has_place = v != NULL;
	if ((v = json_object_get(o, "energy")) != NULL && !energy_read(&out->energy, v))
		return "report.energy is malformed";
	if ((v = json_object_get(o, "opinions")) != NULL && !opinions_read(out, v))
		return "report.opinions is malformed";
	if ((v = json_object_get(o, "closed")) != NULL && !closed_read(out, v))
		return "report.closed is malformed";
	if ((v = json_object_get(o, "draw")) != NULL && !draw_read(out, v))
		return "report.draw is malformed";
	return NULL;
}

/* ---- writing -------------------------------------------------------------------------------- */

static json_t *id_json(const u8 id[32])
{
	char hex[65];

	fog_hex_encode(id, 32, hex, sizeof(hex));
	return json_string(hex);
}

static json_t *opinions_json(const struct fog_report *r)
{
	json_t *list = json_array();

	for (u32 i = 0; i < r->opinion_count; i++) {
		const struct fog_opinion_of *p = &r->opinion[i];
		json_array_append_new(list, json_pack("[o, I, I]", id_json(p->node_id),
						      (json_int_t)p->good, (json_int_t)p->bad));
	}
	return list;
}

static json_t *lot_json(const u8 proof[FOG_VRF_BATCH_PROOF_SIZE])
{
	char hex[2 * FOG_VRF_BATCH_PROOF_SIZE + 1];

	fog_hex_encode(proof, FOG_VRF_BATCH_PROOF_SIZE, hex, sizeof(hex));
	return json_string(hex);
}

static json_t *draw_json(const struct fog_report *r)
{
	json_t *list = json_array();

	for (u32 i = 0; i < r->neighbour_count; i++)
		json_array_append_new(list, id_json(r->neighbour[i]));
	json_t *o = json_pack("{s:I, s:o, s:o}", "epoch", (json_int_t)r->draw_epoch, "digest",
			      id_json(r->draw_digest), "neighbours", list);
	if (r->has_committee_lot)
		json_object_set_new(o, "committee", lot_json(r->committee_lot));
	if (r->has_mix_lot)
		json_object_set_new(o, "mix", lot_json(r->mix_lot));
	return o;
}

static json_t *load_json(const struct fog_load *l)
{
	json_t *o = json_pack("{s:I, s:I, s:I, s:I, s:I, s:I}", "cpu_millicores",
			      (json_int_t)l->cpu_millicores, "memory_bytes",
			      (json_int_t)l->memory_bytes, "disk_bytes", (json_int_t)l->disk_bytes,
			      "jobs", (json_int_t)l->jobs, "accounts", (json_int_t)l->accounts,
			      "largest_ppm", (json_int_t)l->largest_ppm);

	if (l->attested_millicores != 0)
		json_object_set_new(o, "attested_millicores",
				    json_integer((json_int_t)l->attested_millicores));
	if (l->accelerators != 0)
		json_object_set_new(o, "accelerators", json_integer(l->accelerators));
	return o;
}

static json_t *closed_json(const struct fog_report *r)
{
	json_t *list = json_array();

	for (u32 i = 0; i < r->closed_count; i++) {
		const struct fog_closed *c = &r->closed[i];
		bool open = !fog_is_zero(c->submitter, 32);
		json_array_append_new(list, json_pack("[I, I, o]", (json_int_t)c->begin_ms,
						      (json_int_t)c->end_ms,
						      open ? id_json(c->submitter) : json_null()));
	}
	return list;
}

json_t *fog_report_json(const struct fog_report *r)
{
	json_t *o = json_object();

	if (r->has_load)
		json_object_set_new(o, "load", load_json(&r->load));
	if (r->has_place)
		json_object_set_new(o, "coordinate",
				    json_pack("{s:[i, i, i], s:I, s:I}", "us", r->place.us[0],
					      r->place.us[1], r->place.us[2], "height_us",
					      (json_int_t)r->place.height_us, "error_ppm",
					      (json_int_t)r->place.error_ppm));
	if (r->energy.source != FOG_ENERGY_UNKNOWN)
		json_object_set_new(o, "energy",
				    json_pack("{s:I, s:I, s:I, s:s}", "milliwatts",
					      (json_int_t)r->energy.milliwatts, "idle_milliwatts",
					      (json_int_t)r->energy.idle_milliwatts,
					      "full_milliwatts",
					      (json_int_t)r->energy.full_milliwatts, "source",
					      fog_energy_source_name(r->energy.source)));
	if (r->closed_count != 0)
		json_object_set_new(o, "closed", closed_json(r));
	if (r->opinion_count != 0)
		json_object_set_new(o, "opinions", opinions_json(r));
	if (r->draw_epoch != 0)
		json_object_set_new(o, "draw", draw_json(r));
	return o;
}
