/* SPDX-License-Identifier: BSD-3-Clause */
/* Figures in the Prometheus text format 0.0.4. The same calls serve alert rules: a reader of
 * samples in place of, or beside, the text.
 *
 *	fog_metrics_family(m, "fog_links", "gauge", "links by state");
 *	fog_metrics_add(m, up, "state=\"up\"");
 *
 * All samples of a family follow its head. Names: fog_.. or process_.., base units as suffix
 * (_seconds, _bytes), counters end in _total. Label values that are not constants of ours go
 *through fog_metrics_label(). */
#ifndef FOG_METRICS_H
#define FOG_METRICS_H

#include "controlplane/health/histogram.h"

#define FOG_METRICS_LABELS_MAX 256 /* bytes of a sample's labels with their zero; longer: cut */

struct fog_metrics {
	FILE *out; /* NULL: no text */
	/* NULL: nobody else reads. Histograms tell only NAME_count and NAME_sum. */
	void (*sample)(void *ctx, const char *name, const char *labels, double value);
	void *ctx;
	const char *family; /* of the last head */
};

void fog_metrics_family(struct fog_metrics *m, const char *name, const char *type,
			const char *help);
/* labels as a format: name="value",.. or "" for none. */
__attribute__((format(printf, 3, 4))) void fog_metrics_add(struct fog_metrics *m, double value,
							   const char *labels, ...);
/* A family of one sample. */
void fog_metrics_one(struct fog_metrics *m, const char *name, const char *type, const char *help,
		     double value);
/* One histogram of the family that began with type "histogram". */
__attribute__((format(printf, 3, 4))) void fog_metrics_histogram(struct fog_metrics *m,
								 const struct fog_histogram *h,
								 const char *labels, ...);
/* Escapes \, " and line ends into out; what does not fit is left out. Returns out. */
const char *fog_metrics_label(const char *text, char *out, size_t size);

#endif
