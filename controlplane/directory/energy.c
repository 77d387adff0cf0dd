/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/directory/energy.h"

#include <stdlib.h>

#define INTERVAL_MS_MIN 1000

static bool file_u64(const char *path, u64 *out)
{
	char text[32] = "", *end;
	FILE *f = fopen(path, "re");

	if (f == NULL)
		return false;
	bool ok = fgets(text, sizeof(text), f) != NULL;
	fclose(f);
	*out = strtoull(text, &end, 10);
	return ok && end != text;
}

/* intel-rapl:N is a package; N:M are parts of it, already in its figure, but for memory. */
static void zone_find(struct fog_energy_meter *m, const char *name, bool memory_only)
{
	char path[FOG_ENERGY_PATH_MAX], text[32] = "";
	struct fog_energy_zone *z = &m->zone[m->zone_count];
	u64 value;

	if (m->zone_count == FOG_ENERGY_ZONES_MAX)
		return;
	snprintf(path, sizeof(path), "%s/sys/class/powercap/%s/name", m->root, name);
	FILE *f = fopen(path, "re");
	if (f == NULL)
		return;
	bool ok = fgets(text, sizeof(text), f) != NULL;
	fclose(f);
	if (!ok || (memory_only && strncmp(text, "dram", 4) != 0))
		return;
	snprintf(path, sizeof(path), "%s/sys/class/powercap/%s/max_energy_range_uj", m->root, name);
	if (!file_u64(path, &z->range_uj))
		z->range_uj = 0;
	snprintf(path, sizeof(path), "%s/sys/class/powercap/%s/energy_uj", m->root, name);
	memcpy(z->path, path, sizeof(z->path));
	if (file_u64(z->path, &value)) {
		z->last_uj = value;
		m->zone_count++;
	}
}

void fog_energy_open(struct fog_energy_meter *m, const char *root, u32 idle_milliwatts,
		     u32 full_milliwatts)
{
	char name[32];

	memset(m, 0, sizeof(*m));
	snprintf(m->root, sizeof(m->root), "%s", root);
	m->idle_milliwatts = idle_milliwatts;
	m->full_milliwatts = full_milliwatts;
	for (u32 package = 0; package < 8; package++) {
		snprintf(name, sizeof(name), "intel-rapl:%u", package);
		zone_find(m, name, false);
		for (u32 part = 0; part < 4; part++) {
			snprintf(name, sizeof(name), "intel-rapl:%u:%u", package, part);
			zone_find(m, name, true);
		}
	}
}

/* Microjoules since the last time over all zones; false when one cannot be read. */
static bool zones_read(struct fog_energy_meter *m, u64 *spent_uj)
{
	*spent_uj = 0;
	for (u32 i = 0; i < m->zone_count; i++) {
		struct fog_energy_zone *z = &m->zone[i];
		u64 now;
		if (!file_u64(z->path, &now))
			return false;
		*spent_uj += now >= z->last_uj ? now - z->last_uj : now + z->range_uj - z->last_uj;
		z->last_uj = now;
	}
	return m->zone_count != 0;
}

/* Share of the processor in use since the last time, in ppm. */
static bool use_read(struct fog_energy_meter *m, u64 *ppm)
{
	char path[FOG_ENERGY_PATH_MAX];
	unsigned long long t[8] = {0};
	u64 total = 0;

	snprintf(path, sizeof(path), "%s/proc/stat", m->root);
	FILE *f = fopen(path, "re");
	if (f == NULL)
		return false;
	int n = fscanf(f, "cpu %llu %llu %llu %llu %llu %llu %llu %llu", &t[0], &t[1], &t[2], &t[3],
		       &t[4], &t[5], &t[6], &t[7]);
	fclose(f);
	for (u32 i = 0; i < 8; i++)
		total += t[i];
	u64 busy = total - t[3] - t[4]; /* all but idle and waiting for a disk */
	u64 of = total - m->total, used = busy - m->busy;
	m->total = total;
	m->busy = busy;
	*ppm = of != 0 ? FOG_MIN(used * 1000000 / of, 1000000) : 0;
	return n >= 5 && of != 0;
}

static void range_fill(struct fog_energy_meter *m, struct fog_energy *e)
{
	if (e->source == FOG_ENERGY_DECLARED) {
		e->idle_milliwatts = FOG_MIN(m->idle_milliwatts, m->full_milliwatts);
		e->full_milliwatts = m->full_milliwatts;
		return;
	}
	if (m->least_milliwatts == 0 || e->milliwatts < m->least_milliwatts)
		m->least_milliwatts = e->milliwatts;
	m->most_milliwatts = FOG_MAX(m->most_milliwatts, e->milliwatts);
	e->idle_milliwatts = m->least_milliwatts;
	e->full_milliwatts = m->most_milliwatts;
}

void fog_energy_read(struct fog_energy_meter *m, u64 now_ms, struct fog_energy *out)
{
	u64 spent_uj, ppm, before_ms = m->read_ms;

	*out = (struct fog_energy){.source = FOG_ENERGY_UNKNOWN};
	if (before_ms != 0 && now_ms < before_ms + INTERVAL_MS_MIN)
		return;
	m->read_ms = now_ms;
	bool measured = zones_read(m, &spent_uj), used = use_read(m, &ppm);
	if (before_ms == 0)
		return;
	u64 milliwatts = 0;
	if (measured) {
		milliwatts = spent_uj / (now_ms - before_ms);
		out->source = FOG_ENERGY_RAPL;
	} else if (used && m->full_milliwatts != 0) {
		u64 span = m->full_milliwatts - FOG_MIN(m->idle_milliwatts, m->full_milliwatts);
		milliwatts = m->idle_milliwatts + span * ppm / 1000000;
		out->source = FOG_ENERGY_DECLARED;
	}
	out->milliwatts = (u32)FOG_MIN(milliwatts, FOG_REPORT_WATTS_MAX * 1000ull);
	if (out->milliwatts == 0)
		*out = (struct fog_energy){.source = FOG_ENERGY_UNKNOWN};
	else
		range_fill(m, out);
}
