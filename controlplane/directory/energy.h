/* SPDX-License-Identifier: BSD-3-Clause */
/* The power a host draws. Measured by the processor itself where the kernel's powercap tells it
 * (RAPL: packages and memory, not the whole machine); else, if the operator declared the power of
 * the idle and of the busy machine, the point between them that the use of the processor gives
 * (Fan, Weber and Barroso, ISCA 2007); else unknown. Which of them it is, is always said. One
 * thread. */
#ifndef FOG_DIRECTORY_ENERGY_H
#define FOG_DIRECTORY_ENERGY_H

#include "controlplane/directory/report.h"

#define FOG_ENERGY_ZONES_MAX 16  /* packages looked at; more are left out */
#define FOG_ENERGY_PATH_MAX  160 /* of a file below the root */

struct fog_energy_zone {
	char path[FOG_ENERGY_PATH_MAX];
	u64 range_uj; /* where its counter starts again */
	u64 last_uj;
};

struct fog_energy_meter {
	char root[64]; /* "" in the daemon; a folder with sys/ and proc/ in tests */
	u32 idle_milliwatts, full_milliwatts; /* declared; 0 = not */
	u32 zone_count;
	struct fog_energy_zone zone[FOG_ENERGY_ZONES_MAX];
	u64 read_ms;                           /* 0 = not read yet */
	u64 busy, total;                       /* of /proc/stat, ticks */
	u32 least_milliwatts, most_milliwatts; /* measured so far; 0 = none */
};

/* Finds the zones. Unreadable ones are left out (RAPL wants root). */
void fog_energy_open(struct fog_energy_meter *m, const char *root, u32 idle_milliwatts,
		     u32 full_milliwatts);
/* Mean power since the last call; unknown at the first, and within less than a second. */
void fog_energy_read(struct fog_energy_meter *m, u64 now_ms, struct fog_energy *out);

#endif
