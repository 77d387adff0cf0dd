/* SPDX-License-Identifier: BSD-3-Clause */
/* JSON and HTML of a run. The HTML stands alone: no script, no outside resource. */
#include "bench/bench.h"

#include <errno.h>
#include <math.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <jansson.h>

#include "crypto/cpu.h"

static void cpu_model(char *out, size_t cap)
{
	char line[256];
	FILE *f = fopen("/proc/cpuinfo", "r");

	snprintf(out, cap, "unknown");
	if (f == NULL)
		return;
	while (fgets(line, sizeof(line), f) != NULL) {
		char *colon = strchr(line, ':');
		if (strncmp(line, "model name", 10) == 0 && colon != NULL) {
			colon[strcspn(colon, "\n")] = '\0';
			snprintf(out, cap, "%s", colon + 2);
			break;
		}
	}
	fclose(f);
}

static json_t *machine_json(void)
{
	struct utsname u;
	char model[128];

	cpu_model(model, sizeof(model));
	if (uname(&u) != 0)
		return NULL;
	return json_pack("{s:s, s:s, s:i, s:s}", "cpu", model, "kernel", u.release, "cpus",
			 (int)sysconf(_SC_NPROCESSORS_ONLN), "crypto", fog_crypto_cpu());
}

int bench_report_json(const struct bench *b, const char *path)
{
	json_t *list = json_array();
	json_t *root = NULL;
	int rc = -ENOMEM;

	if (list == NULL)
		return rc;
	for (unsigned i = 0; i < b->count; i++) {
		const struct bench_result *r = &b->results[i];
		json_t *one =
			json_pack("{s:s, s:f, s:s, s:s, s:f, s:f, s:i}", "name", r->name, "value",
				  r->value, "unit", r->unit, "peer", r->peer, "peer_value",
				  r->peer_value, "ratio", r->ratio, "samples", (int)r->samples);
		if (r->peer_recorded)
			json_object_set_new(one, "peer_recorded", json_true());
		json_array_append_new(list, one);
	}
	root = json_pack("{s:s, s:o, s:o}", "version", FOG_VERSION, "machine", machine_json(),
			 "results", list);
	if (root == NULL) {
		json_decref(list);
		return rc;
	}
	if (strcmp(path, "-") == 0)
		rc = json_dumpf(root, stdout, JSON_INDENT(2)) == 0 ? 0 : -EIO;
	else
		rc = json_dump_file(root, path, JSON_INDENT(2)) == 0 ? 0 : -EIO;
	json_decref(root);
	return rc;
}

static void html_bar(FILE *f, int y, double width, const char *class, const char *label)
{
	fprintf(f, "<rect class=\"%s\" x=\"240\" y=\"%d\" width=\"%.1f\" height=\"12\"/>", class, y,
		width);
	fprintf(f, "<text x=\"%.1f\" y=\"%d\">%s</text>\n", 246 + width, y + 10, label);
}

/* Bars of one suite (results whose names share the part before the dot), each pair scaled to the
 * longer: rows differ by orders of magnitude. */
static unsigned html_plot(FILE *f, const struct bench *b, unsigned first)
{
	size_t prefix = strcspn(b->results[first].name, ".");
	unsigned end = first;
	char label[64];

	while (end < b->count &&
	       strncmp(b->results[end].name, b->results[first].name, prefix + 1) == 0) {
		end++;
	}
	fprintf(f, "<h2>%.*s</h2><svg width=\"900\" height=\"%u\">\n", (int)prefix,
		b->results[first].name, 40 * (end - first) + 8);
	for (unsigned i = first; i < end; i++) {
		const struct bench_result *r = &b->results[i];
		int y = 40 * (int)(i - first) + 4;
		double max = fmax(r->value, r->peer_value);
		fprintf(f, "<text x=\"0\" y=\"%d\">%s</text>", y + 16, r->name);
		snprintf(label, sizeof(label), "%.4g %s", r->value, r->unit);
		html_bar(f, y, 480 * r->value / max, "ours", label);
		snprintf(label, sizeof(label), "%.4g %s", r->peer_value, r->unit);
		html_bar(f, y + 14, 480 * r->peer_value / max, "peer", label);
	}
	fprintf(f, "</svg>\n");
	return end;
}

int bench_report_html(const struct bench *b, const char *dir)
{
	char path[4096];
	char model[128];
	FILE *f;

	if (mkdir(dir, 0755) != 0 && errno != EEXIST)
		return -errno;
	if (snprintf(path, sizeof(path), "%s/index.html", dir) >= (int)sizeof(path))
		return -ENAMETOOLONG;
	f = fopen(path, "w");
	if (f == NULL)
		return -errno;
	cpu_model(model, sizeof(model));
	fprintf(f,
		"<!doctype html><meta charset=\"utf-8\"><title>fog-bench</title><style>"
		"body{font:14px system-ui,sans-serif;max-width:960px;margin:2em auto}"
		"td,th{padding:2px "
		"10px;text-align:right}td:first-child,td:last-child{text-align:left}"
		".ours{fill:#2a6f97}.peer{fill:#b0b7bd}text{font-size:11px}</style>"
		"<h1>fog-bench %s</h1><p>%s, crypto path %s. Lower is better; blue is Fog, grey is "
		"the "
		"peer or limit measured in the same run. Medians of %u "
		"samples.</p>\n<table><tr><th>name"
		"<th>ours<th>peer<th>unit<th>ratio<th>peer is</tr>\n",
		FOG_VERSION, model, fog_crypto_cpu(), b->samples);
	for (unsigned i = 0; i < b->count; i++) {
		const struct bench_result *r = &b->results[i];
		fprintf(f, "<tr><td>%s<td>%.4g<td>%.4g<td>%s<td>%.2f<td>%s%s</tr>\n", r->name,
			r->value, r->peer_value, r->unit, r->ratio, r->peer,
			r->peer_recorded ? " (recorded)" : "");
	}
	fprintf(f, "</table>\n");
	for (unsigned i = 0; i < b->count;)
		i = html_plot(f, b, i);
	bench_scheduler_html(f);
	return fclose(f) == 0 ? 0 : -errno;
}
