/* SPDX-License-Identifier: BSD-3-Clause */
/* Which CPUs the workers, the mix and the verify workers run on. Rules, in order of weight:
 *
 *	1. a worker has a physical core of its own: SMT siblings share caches and execution ports
 *	2. CPU 0's core takes most interrupts: it and whatever runs beside the workers (slow path,
 *	   control thread) keep it, when there are more than two cores
 *	3. all workers on one NUMA node if one node can hold them: cells change owner between
 *	   workers
 *	4. the mix has the core that comes after the workers' by the same rules, if there is one,
 *and the verify workers one each of those after it: their batches take a core for half a
 *	   millisecond and more. They are not closed to the rest of the process, as a host that
 *mixes and verifies little would waste them
 *	5. with one or two cores nothing is pinned: the kernel shares them better than we can
 *
 * Pure but for fog_placement_detect(); any thread. */
#ifndef FOG_CTL_PLACEMENT_H
#define FOG_CTL_PLACEMENT_H

#include <hwloc.h>

#include <sched.h>

#include "dataplane/abi/abi.h"

#define FOG_PLACEMENT_CORES_MAX 1024 /* CPUs from CPU_SETSIZE on are left alone */

struct fog_placement {
	u32 workers;                            /* 1 .. FOG_WORKERS_MAX */
	int cpu[FOG_WORKERS_MAX];               /* of worker w, or -1 when not pinned */
	int mix_cpu;                            /* of the mix's thread, or -1: anywhere in rest */
	int verify_cpu[FOG_VERIFY_WORKERS_MAX]; /* of verify worker i, or -1: likewise */
	bool pinned;
	/* Everything else in the process belongs on these: the allowed CPUs without the workers'
	 * cores, or all allowed ones when none would be left. */
	cpu_set_t rest;
	char reason[160]; /* one sentence for people: fog_data_region.pin_reason */
};

/* Choose for a loaded topology. allowed: CPUs this process may use, by OS number; NULL = all of the
 * topology. workers 0 = choose: half of the cores, the rest is for jobs and the kernel. Returns 0,
 * -EINVAL (workers > FOG_WORKERS_MAX) or -ENODEV (no allowed CPU). */
int fog_placement_choose(struct fog_placement *p, hwloc_topology_t topology,
			 hwloc_const_bitmap_t allowed, u32 workers, bool pin);

/* The same for this machine and this process's affinity mask. Costs some milliseconds. */
int fog_placement_detect(struct fog_placement *p, u32 workers, bool pin);

#endif
