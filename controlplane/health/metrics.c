/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/health/metrics.h"

#include <math.h>
#include <stdarg.h>

#define EXACT_MAX 9007199254740992.0 /* 2^53: whole numbers below are printed whole */
#define NAME_SIZE 128

static void number_write(FILE *out, double v)
{
	if (isinf(v))
		fputs(v > 0 ? "+Inf" : "-Inf", out);
	else if (v == floor(v) && fabs(v) < EXACT_MAX)
		fprintf(out, "%.0f", v);
	else
		fprintf(out, "%.9g", v);
}

void fog_metrics_family(struct fog_metrics *m, const char *name, const char *type, const char *help)
{
	m->family = name;
	if (m->out != NULL)
		fprintf(m->out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void line(struct fog_metrics *m, const char *suffix, const char *labels, const char *more,
		 double value)
{
	bool both = labels[0] != '\0' && more[0] != '\0';

	if (m->out == NULL)
		return;
	fprintf(m->out, "%s%s", m->family, suffix);
	if (labels[0] != '\0' || more[0] != '\0')
		fprintf(m->out, "{%s%s%s}", labels, both ? "," : "", more);
	fputc(' ', m->out);
	number_write(m->out, value);
	fputc('\n', m->out);
}

static void tell(struct fog_metrics *m, const char *suffix, const char *labels, double value)
{
	char name[NAME_SIZE];

	if (m->sample == NULL)
		return;
	snprintf(name, sizeof(name), "%s%s", m->family, suffix);
	m->sample(m->ctx, name, labels, value);
}

void fog_metrics_add(struct fog_metrics *m, double value, const char *labels, ...)
{
	char text[FOG_METRICS_LABELS_MAX];
	va_list ap;

	va_start(ap, labels);
	vsnprintf(text, sizeof(text), labels, ap);
	va_end(ap);
	line(m, "", text, "", value);
	tell(m, "", text, value);
}

void fog_metrics_one(struct fog_metrics *m, const char *name, const char *type, const char *help,
		     double value)
{
	fog_metrics_family(m, name, type, help);
	fog_metrics_add(m, value, "%s", "");
}

void fog_metrics_histogram(struct fog_metrics *m, const struct fog_histogram *h, const char *labels,
			   ...)
{
	char text[FOG_METRICS_LABELS_MAX], bound[32];
	u64 below = 0;
	va_list ap;

	va_start(ap, labels);
	vsnprintf(text, sizeof(text), labels, ap);
	va_end(ap);
	for (u32 i = 0; i < FOG_HISTOGRAM_BUCKETS; i++) {
		below += h->bucket[i];
		snprintf(bound, sizeof(bound), "le=\"%g\"", fog_histogram_bounds[i]);
		line(m, "_bucket", text, bound, (double)below);
	}
	line(m, "_bucket", text, "le=\"+Inf\"", (double)h->count);
	line(m, "_sum", text, "", h->sum);
	line(m, "_count", text, "", (double)h->count);
	tell(m, "_sum", text, h->sum);
	tell(m, "_count", text, (double)h->count);
}

const char *fog_metrics_label(const char *text, char *out, size_t size)
{
	size_t used = 0;

	for (; *text != '\0' && used + 2 < size; text++) {
		if (*text == '\\' || *text == '"' || *text == '\n')
			out[used++] = '\\';
		out[used++] = *text == '\n' ? 'n' : *text;
	}
	out[used] = '\0';
	return out;
}
