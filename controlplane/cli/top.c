/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/cli/top.h"

#include "controlplane/cli/output.h"

/* Stages in the order a cell meets them. */
static const struct {
	const char *name;
	const char *counter;
	bool cipher;
	bool egress; /* a cell here is one that leaves */
} stages[] = {
	{"rx", "cycles_rx", false, false},
	{"open: sessions, replay", "cycles_open", false, false},
	{"open: link cipher", "cycles_open_cipher", true, false},
	{"parse", "cycles_parse", false, false},
	{"lookup", "cycles_lookup", false, false},
	{"crypt: slots, keys", "cycles_crypt", false, false},
	{"crypt: onion layer", "cycles_crypt_cipher", true, false},
	{"deliver", "cycles_deliver", false, false},
	{"control cells", "cycles_control", false, false},
	{"rings", "cycles_handoff", false, false},
	{"mix", "cycles_mix", false, true},
	{"seal: sessions", "cycles_seal", false, true},
	{"seal: link cipher", "cycles_seal_cipher", true, true},
	{"tx", "cycles_tx", false, true},
	{"housekeeping", "cycles_housekeeping", false, false},
};

/* Sums over rows first..last of both answers. */
struct span {
	const json_t *before, *after; /* arrays */
	size_t first, last;
	double seconds;
};

static double total(const json_t *rows, size_t first, size_t last, const char *group,
		    const char *name)
{
	double sum = 0;

	for (size_t i = first; i <= last; i++)
		sum += (double)json_integer_value(
			json_object_get(json_object_get(json_array_get(rows, i), group), name));
	return sum;
}

static double level(const struct span *s, const char *name)
{
	return total(s->after, s->first, s->last, "counters", name);
}

static double grown(const struct span *s, const char *group, const char *name)
{
	double now = total(s->after, s->first, s->last, group, name);
	double then = total(s->before, s->first, s->last, group, name);

	return now >= then ? now - then : now;
}

static double count(const struct span *s, const char *name)
{
	return grown(s, "counters", name);
}

static double ratio(double part, double whole)
{
	return whole > 0 ? part / whole : 0;
}

static json_t *drops_of(const struct span *s, double *dropped)
{
	json_t *drops = json_object();
	const char *reason;
	json_t *unused;

	*dropped = 0;
	for (size_t i = s->first; i <= s->last; i++) {
		json_t *row = json_object_get(json_array_get(s->after, i), "drops");
		json_object_foreach(row, reason, unused)
		{
			if (json_object_get(drops, reason) != NULL)
				continue;
			double n = grown(s, "drops", reason);
			/* Cover is dropped as intended. */
			if (strcmp(reason, "padding") != 0)
				*dropped += n / s->seconds;
			double all = total(s->after, s->first, s->last, "drops", reason);
			json_object_set_new(
				drops, reason,
				json_pack("{s:f, s:f}", "rate", n / s->seconds, "total", all));
		}
	}
	return drops;
}

static json_t *stages_of(const struct span *s, double awake, double *cycles, double *overhead)
{
	double in = count(s, "dgrams_rx"), out = count(s, "dgrams_tx");
	json_t *list = json_array();

	*cycles = *overhead = 0;
	for (size_t i = 0; i < FOG_ARRAY_COUNT(stages); i++) {
		double spent = count(s, stages[i].counter);
		double cells = stages[i].egress ? out : in;
		double each = ratio(spent, cells > 0 ? cells : FOG_MAX(in, out));
		*cycles += each;
		*overhead += stages[i].cipher ? 0 : each;
		json_array_append_new(list,
				      json_pack("{s:s, s:b, s:f, s:f}", "name", stages[i].name,
						"cipher", stages[i].cipher, "cycles", each, "share",
						ratio(spent, awake)));
	}
	return list;
}

static json_t *fills_of(const struct span *s)
{
	static const char *const names[] = {"batches_1", "batches_2_7", "batches_8_31",
					    "batches_32_63", "batches_64"};
	json_t *list = json_array();

	for (size_t i = 0; i < FOG_ARRAY_COUNT(names); i++)
		json_array_append_new(list,
				      json_real(ratio(count(s, names[i]), count(s, "batches"))));
	return list;
}

static json_t *row_of(const struct span *s)
{
	double spent = 0, cycles, overhead, dropped;
	double ticks = count(s, "ticks");

	for (size_t i = 0; i < FOG_ARRAY_COUNT(stages); i++)
		spent += count(s, stages[i].counter);
	json_t *list = stages_of(s, spent + count(s, "cycles_idle"), &cycles, &overhead);
	json_t *drops = drops_of(s, &dropped);
	json_t *row = json_pack(
		"{s:f, s:f, s:f, s:f, s:f, s:f, s:f, s:o}", "busy",
		FOG_MIN(ratio(spent, ticks), 1.0), "rx", count(s, "dgrams_rx") / s->seconds, "tx",
		count(s, "dgrams_tx") / s->seconds, "rx_bits",
		8 * count(s, "bytes_rx") / s->seconds, "tx_bits",
		8 * count(s, "bytes_tx") / s->seconds, "cells",
		(count(s, "cells_forward") + count(s, "cells_backward")) / s->seconds, "fill",
		ratio(count(s, "dgrams_rx"), count(s, "batches")), "fills", fills_of(s));
	json_t *more = json_pack(
		"{s:f, s:f, s:f, s:f, s:f, s:f, s:o, s:o, s:f, s:f}", "circuits",
		level(s, "circuits_live"), "opened", count(s, "circuits_opened") / s->seconds,
		"closed", count(s, "circuits_closed") / s->seconds, "mix_cells",
		level(s, "mix_cells"), "slab_free", level(s, "slab_free"), "dropped", dropped,
		"drops", drops, "stages", list, "cycles", cycles, "overhead", overhead);
	json_object_update(row, more);
	json_decref(more);
	return row;
}

json_t *fog_top_rates(const json_t *before, const json_t *after)
{
	struct span s = {
		.before = json_object_get(before, "traffic"),
		.after = json_object_get(after, "traffic"),
	};
	double elapsed = (double)(fog_pick_number(after, "monotonic_ns", 0) -
				  fog_pick_number(before, "monotonic_ns", 0));
	size_t workers = json_array_size(s.after);
	json_t *rows = json_array();

	if (!json_is_array(s.before) || !json_is_array(s.after) || elapsed <= 0) {
		json_decref(rows);
		return NULL;
	}
	s.seconds = elapsed / 1e9;
	for (size_t i = 0; i < workers; i++) {
		s.first = s.last = i;
		json_array_append_new(rows, row_of(&s));
	}
	s.first = 0;
	s.last = workers > 0 ? workers - 1 : 0;
	return json_pack("{s:s, s:s, s:s, s:s, s:I, s:I, s:I, s:f, s:o, s:o}", "host",
			 fog_pick_text(after, "name", "?"), "state",
			 fog_pick_text(after, "state", "?"), "io", fog_pick_text(after, "io", "-"),
			 "crypto", fog_pick_text(after, "crypto", "-"), "uptime_ms",
			 (json_int_t)fog_pick_number(after, "uptime_ms", 0), "links",
			 (json_int_t)fog_pick_number(after, "links", 0), "links_up",
			 (json_int_t)fog_pick_number(after, "links_up", 0), "seconds", s.seconds,
			 "total", row_of(&s), "workers", rows);
}
