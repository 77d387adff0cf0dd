/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdarg.h>

#include "controlplane/cli/output.h"
#include "controlplane/cli/top.h"
#include "controlplane/cli/units.h"

#define LINE_MAX_ 256
#define BAR_MAX   8

/* Bounds every line and the number of lines. */
struct canvas {
	FILE *out;
	const struct fog_top_view *v;
	u32 lines;
};

enum style { PLAIN = 0, BOLD, REVERSE, DIM, RED };

static const char *const escapes[] = {[PLAIN] = "",
				      [BOLD] = "\x1b[1m",
				      [REVERSE] = "\x1b[7m",
				      [DIM] = "\x1b[2m",
				      [RED] = "\x1b[31m"};

__attribute__((format(printf, 3, 4))) static void line(struct canvas *c, enum style style,
						       const char *fmt, ...)
{
	char text[LINE_MAX_];
	bool styled = c->v->color && style != PLAIN;
	va_list ap;

	if (c->lines >= c->v->height)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (c->lines++ > 0)
		fputs(c->v->live ? "\x1b[K\r\n" : "\n", c->out);
	/* A reversed line reaches to the edge. */
	int pad = styled && style == REVERSE ? (int)FOG_MIN(c->v->width, LINE_MAX_ - 1u) : 0;
	fprintf(c->out, "%s%-*.*s%s", styled ? escapes[style] : "", pad,
		(int)FOG_MIN(c->v->width, LINE_MAX_ - 1u), text, styled ? "\x1b[0m" : "");
}

static double num(const json_t *o, const char *path)
{
	return json_number_value(fog_pick(o, path));
}

/* 1234567 -> "1.23M"; into text[16]. */
static char *human(double v, char *text)
{
	static const char units[] = " kMGT";
	unsigned u = 0;

	while (v >= 999.5 && u < 4) {
		v /= 1000;
		u++;
	}
	if (u == 0)
		snprintf(text, 16, v >= 10 || v == 0 ? "%.0f" : "%.1f", v);
	else
		snprintf(text, 16, "%.*f%c", v < 10 ? 2 : v < 100 ? 1 : 0, v, units[u]);
	return text;
}

static char *bar(double share, char text[BAR_MAX + 1])
{
	int n = (int)(FOG_MIN(FOG_MAX(share, 0.0), 1.0) * BAR_MAX + 0.5);

	memset(text, '#', (size_t)n);
	text[n] = '\0';
	return text;
}

/* The reason that grows fastest now, or "". */
static const char *worst(const json_t *row, double *rate)
{
	const char *reason, *found = "";
	json_t *drop;

	*rate = 0;
	json_object_foreach(json_object_get((json_t *)(uintptr_t)row, "drops"), reason, drop)
	{
		double r = num(drop, "rate");
		if (r > *rate) {
			*rate = r;
			found = reason;
		}
	}
	return found;
}

static void draw_list(struct canvas *c)
{
	char a[16], b[16], d[16], e[16], f[16];

	line(c, BOLD, "%-10s %4s %6s %6s %6s %5s %8s %8s %7s  %s", "HOST", "BUSY", "IN/S", "OUT/S",
	     "BIT/S", "FILL", "CYC/CELL", "CIRCUITS", "DROPS/S", "MOST");
	for (u32 i = 0; i < json_array_size(c->v->hosts); i++) {
		const json_t *h = json_array_get(c->v->hosts, i), *t = json_object_get(h, "total");
		enum style style = c->v->live && i == c->v->selected ? REVERSE : PLAIN;
		double rate;
		if (!json_is_object(t)) {
			line(c, style, "%-10.10s does not answer", c->v->names[i]);
			continue;
		}
		const char *reason = worst(t, &rate);
		line(c, style, "%-10.10s %3.0f%% %6s %6s %6s %5.1f %8.0f %8s %7s  %s",
		     fog_pick_text(h, "host", "?"), 100 * num(t, "busy"), human(num(t, "rx"), a),
		     human(num(t, "tx"), b), human(num(t, "tx_bits"), d), num(t, "fill"),
		     num(t, "cycles"), human(num(t, "circuits"), e), human(num(t, "dropped"), f),
		     reason);
	}
}

static void draw_workers(struct canvas *c, const json_t *h)
{
	const json_t *rows = json_object_get(h, "workers"), *row;
	char a[16], b[16], d[16], e[16], g[16];
	size_t i;

	line(c, BOLD, "%-6s %5s %7s %7s %7s %5s %8s %7s %7s %6s", "WORKER", "BUSY", "IN/S", "OUT/S",
	     "BIT/S", "FILL", "CIRCUITS", "DROPS/S", "WAITING", "FREE");
	json_array_foreach(rows, i, row)
	{
		line(c, PLAIN, "w%-5zu %4.0f%% %7s %7s %7s %5.1f %8s %7s %7.0f %6.0f", i,
		     100 * num(row, "busy"), human(num(row, "rx"), a), human(num(row, "tx"), b),
		     human(num(row, "tx_bits"), d), num(row, "fill"),
		     human(num(row, "circuits"), e), human(num(row, "dropped"), g),
		     num(row, "mix_cells"), num(row, "slab_free"));
	}
}

/* Stages on the left, drops on the right while there are any. */
static void draw_stages(struct canvas *c, const json_t *t)
{
	json_t *stages = json_object_get(t, "stages"), *drops = json_object_get(t, "drops");
	void *at = json_object_iter(drops);
	char mark[BAR_MAX + 1], a[16], right[64];

	line(c, BOLD, "%-22s %7s %6s  %-10s%s", "STAGE", "CYCLES", "TIME", "",
	     at != NULL ? "DROPPED           NOW/S   TOTAL" : "");
	for (size_t i = 0; i < json_array_size(stages) + 2 || at != NULL; i++) {
		const json_t *s = json_array_get(stages, i);
		right[0] = '\0';
		if (at != NULL) {
			const json_t *d = json_object_iter_value(at);
			char total[16];
			snprintf(right, sizeof(right), "%-16.16s %6s %7s", json_object_iter_key(at),
				 human(num(d, "rate"), a), human(num(d, "total"), total));
			at = json_object_iter_next(drops, at);
		}
		if (s != NULL)
			line(c, PLAIN, "%-22s %7.1f %5.1f%%  %-8.8s  %s",
			     fog_pick_text(s, "name", ""), num(s, "cycles"), 100 * num(s, "share"),
			     bar(num(s, "share"), mark), right);
		else if (i == json_array_size(stages))
			line(c, PLAIN, "%-22s %7.1f %17s  %s", "all, a cell", num(t, "cycles"), "",
			     right);
		else
			line(c, PLAIN, "%-22s %7s %17s  %s",
			     i == json_array_size(stages) + 1 ? "  outside the ciphers" : "",
			     i == json_array_size(stages) + 1
				     ? (snprintf(a, sizeof(a), "%.1f", num(t, "overhead")), a)
				     : "",
			     "", right);
	}
}

static void draw_host(struct canvas *c, const json_t *h, const char *name)
{
	const json_t *t = json_object_get(h, "total"), *fills = json_object_get(t, "fills");
	char up[FOG_UNITS_TEXT_SIZE], a[16], b[16], d[16], e[16];

	if (!json_is_object(t)) {
		line(c, RED, "%s does not answer", name);
		return;
	}
	line(c, PLAIN, "%s: data plane %s, %s, %s, up %s; links %lld of %lld up",
	     fog_pick_text(h, "host", "?"), fog_pick_text(h, "state", "?"),
	     fog_pick_text(h, "io", "-"), fog_pick_text(h, "crypto", "-"),
	     fog_duration_format((u64)fog_pick_number(h, "uptime_ms", 0), up),
	     (long long)fog_pick_number(h, "links_up", 0),
	     (long long)fog_pick_number(h, "links", 0));
	line(c, PLAIN, "in %s bit/s, out %s bit/s, onion cells %s/s, circuits +%s/s -%s/s",
	     human(num(t, "rx_bits"), a), human(num(t, "tx_bits"), b), human(num(t, "cells"), d),
	     human(num(t, "opened"), e), human(num(t, "closed"), up));
	line(c, PLAIN,
	     "receive batches: 1 %.0f%%, 2-7 %.0f%%, 8-31 %.0f%%, 32-63 %.0f%%, 64 %.0f%%",
	     100 * json_number_value(json_array_get(fills, 0)),
	     100 * json_number_value(json_array_get(fills, 1)),
	     100 * json_number_value(json_array_get(fills, 2)),
	     100 * json_number_value(json_array_get(fills, 3)),
	     100 * json_number_value(json_array_get(fills, 4)));
	draw_workers(c, h);
	draw_stages(c, t);
}

void fog_top_draw(FILE *out, const struct fog_top_view *v)
{
	struct canvas c = {.out = out, .v = v};
	char every[FOG_UNITS_TEXT_SIZE];
	u32 hosts = (u32)json_array_size(v->hosts);
	const char *keys = !v->live     ? ""
			   : hosts == 1 ? "  q quit"
			   : v->detail  ? "  q quit, Esc all hosts, arrows next"
					: "  q quit, arrows choose, Enter one host";

	line(&c, BOLD, "fogctl top, every %s%s", fog_duration_format(v->interval_ms, every), keys);
	if (hosts == 0)
		line(&c, PLAIN, "no hosts");
	else if (v->detail)
		draw_host(&c, json_array_get(v->hosts, v->selected), v->names[v->selected]);
	else
		draw_list(&c);
	fputs(v->live ? "\x1b[J" : "\n", out);
}
