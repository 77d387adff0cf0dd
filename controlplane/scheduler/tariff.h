/* SPDX-License-Identifier: BSD-3-Clause */
/* What a host asks, and what a job of some size costs there. */
#ifndef FOG_SCHEDULER_TARIFF_H
#define FOG_SCHEDULER_TARIFF_H

#include "crypto/types.h"

/* mfog for an hour of one core, one GiB, one accelerator. */
struct fog_tariff {
	u64 cpu_hour;
	u64 memory_gb_hour;
	u64 accelerator_hour;
};

static inline bool fog_tariff_equal(const struct fog_tariff *a, const struct fog_tariff *b)
{
	return a->cpu_hour == b->cpu_hour && a->memory_gb_hour == b->memory_gb_hour &&
	       a->accelerator_hour == b->accelerator_hour;
}

#endif
