/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/ctl/placement.h"

#include <errno.h>

#define CPU_LIST_SIZE 64

struct core {
	int cpu[2];   /* first allowed PU and, with SMT, the second; -1 = none */
	unsigned pus; /* allowed ones */
	unsigned node;
	bool has_cpu0;
};

struct machine {
	struct core
		core[FOG_PLACEMENT_CORES_MAX]; /* in hwloc's logical order: by node, by package */
	unsigned cores;
	unsigned pus;
	unsigned order[2 * FOG_PLACEMENT_CORES_MAX]; /* PU slots, best first: core * 2 + sibling */
	unsigned slots;
	unsigned own; /* leading slots that are a core without neighbours */
};

static unsigned core_node(hwloc_topology_t topology, hwloc_obj_t core)
{
	int depth = hwloc_get_type_depth(topology, HWLOC_OBJ_NUMANODE);
	int nodes = hwloc_get_nbobjs_by_depth(topology, depth);

	for (int i = 0; i < nodes; i++) {
		hwloc_obj_t node = hwloc_get_obj_by_depth(topology, depth, (unsigned)i);

		if (hwloc_bitmap_isincluded(core->cpuset, node->cpuset))
			return (unsigned)i;
	}
	return 0;
}

/* Collect the cores that have at least one allowed PU. A machine without core objects (some virtual
 * ones) counts each PU as a core. */
static void machine_read(struct machine *m, hwloc_topology_t topology, hwloc_const_bitmap_t allowed)
{
	int count = hwloc_get_nbobjs_by_type(topology, HWLOC_OBJ_CORE);
	hwloc_obj_type_t type = count > 0 ? HWLOC_OBJ_CORE : HWLOC_OBJ_PU;

	memset(m, 0, sizeof(*m));
	count = hwloc_get_nbobjs_by_type(topology, type);
	for (int i = 0; i < count && m->cores < FOG_PLACEMENT_CORES_MAX; i++) {
		hwloc_obj_t obj = hwloc_get_obj_by_type(topology, type, (unsigned)i);
		struct core c = {.cpu = {-1, -1}};
		int cpu;

		for (cpu = hwloc_bitmap_first(obj->cpuset); cpu >= 0 && cpu < CPU_SETSIZE;
		     cpu = hwloc_bitmap_next(obj->cpuset, cpu)) {
			c.has_cpu0 |= cpu == 0;
			if (allowed != NULL && !hwloc_bitmap_isset(allowed, (unsigned)cpu))
				continue;
			if (c.pus < 2)
				c.cpu[c.pus] = cpu;
			c.pus++;
		}
		if (c.pus == 0)
			continue;
		c.node = core_node(topology, obj);
		m->pus += c.pus;
		m->core[m->cores++] = c;
	}
}

/* The core that is left to interrupts and to everything that is no worker. */
static unsigned spare_core(const struct machine *m)
{
	for (unsigned i = 0; i < m->cores; i++)
		if (m->core[i].has_cpu0)
			return i;
	return m->cores - 1;
}

/* The first node that holds `workers` cores beside the spare one, or -1. */
static int home_node(const struct machine *m, unsigned spare, u32 workers)
{
	for (unsigned i = 0; i < m->cores; i++) {
		unsigned n = 0;

		for (unsigned k = 0; k < m->cores; k++)
			n += k != spare && m->core[k].node == m->core[i].node;
		if (n >= workers)
			return (int)m->core[i].node;
	}
	return -1;
}

/* Best first: cores of the home node, cores elsewhere, the spare core, second siblings. */
static void machine_order(struct machine *m, u32 workers)
{
	unsigned spare = spare_core(m);
	int home = home_node(m, spare, workers);

	for (unsigned pass = 0; pass < 2; pass++)
		for (unsigned i = 0; i < m->cores; i++)
			if (i != spare && ((int)m->core[i].node == home) == (pass == 0))
				m->order[m->slots++] = i * 2;
	m->own = m->slots;
	m->order[m->slots++] = spare * 2;
	for (unsigned k = 0; k < m->cores; k++) {
		unsigned i = m->order[k] / 2;

		if (m->core[i].cpu[1] >= 0)
			m->order[m->slots++] = i * 2 + 1;
	}
}

static u32 workers_auto(const struct machine *m)
{
	return FOG_MIN(FOG_MAX(m->cores / 2, 1u), (u32)FOG_WORKERS_MAX);
}

static const char *plural(u32 n)
{
	return n == 1 ? "" : "s";
}

/* Whether to leave the CPUs to the kernel, and the sentence that says why. */
static bool unpinned(struct fog_placement *p, const struct machine *m, bool pin)
{
	u32 n = p->workers;

	if (!pin)
		snprintf(p->reason, sizeof(p->reason),
			 "%u worker%s, not pinned: the configuration "
			 "says so",
			 n, plural(n));
	else if (m->cores <= 2)
		snprintf(p->reason, sizeof(p->reason),
			 "%u worker%s, not pinned: %s for this and "
			 "everything else on the host",
			 n, plural(n), m->cores == 1 ? "there is one core" : "there are two cores");
	else if (n > m->slots)
		snprintf(p->reason, sizeof(p->reason),
			 "%u workers, not pinned: more than the %u "
			 "CPUs this process may use",
			 n, m->slots);
	else
		return false;
	return true;
}

static void rest_fill(struct fog_placement *p, const struct machine *m, hwloc_const_bitmap_t cpus)
{
	bool taken[FOG_PLACEMENT_CORES_MAX] = {false};
	unsigned left = 0;

	CPU_ZERO(&p->rest);
	for (u32 w = 0; p->pinned && w < p->workers; w++)
		taken[m->order[w] / 2] = true;
	for (unsigned i = 0; i < m->cores; i++)
		left += !taken[i];
	for (int cpu = hwloc_bitmap_first(cpus); cpu >= 0 && cpu < CPU_SETSIZE;
	     cpu = hwloc_bitmap_next(cpus, cpu))
		CPU_SET((size_t)cpu, &p->rest);
	/* With four siblings a core and more, the third and later ones stay usable. */
	for (unsigned i = 0; left != 0 && i < m->cores; i++)
		for (unsigned k = 0; taken[i] && k < 2; k++)
			if (m->core[i].cpu[k] >= 0)
				CPU_CLR((size_t)m->core[i].cpu[k], &p->rest);
}

static void pin(struct fog_placement *p, const struct machine *m)
{
	hwloc_bitmap_t used = hwloc_bitmap_alloc();
	char list[CPU_LIST_SIZE] = "?", mix[32] = "not pinned: no core left";
	const char *how;

	for (u32 w = 0; w < p->workers; w++) {
		unsigned slot = m->order[w];

		p->cpu[w] = m->core[slot / 2].cpu[slot % 2];
		if (used != NULL)
			hwloc_bitmap_set(used, (unsigned)p->cpu[w]);
	}
	/* One after the mix's. */
	for (u32 v = 0; v < FOG_VERIFY_WORKERS_MAX && p->workers + 1 + v < m->own; v++)
		p->verify_cpu[v] = m->core[m->order[p->workers + 1 + v] / 2].cpu[0];
	p->pinned = true;
	if (used != NULL)
		hwloc_bitmap_list_snprintf(list, sizeof(list), used);
	hwloc_bitmap_free(used);
	if (p->workers <= m->own)
		how = "each on a core of its own, one core left to interrupts and verification";
	else if (p->workers <= m->cores)
		how = "each on a core of its own, shared with interrupts and verification";
	else
		how = "some on SMT siblings: more workers than cores";
	if (p->workers < m->own) {
		p->mix_cpu = m->core[m->order[p->workers] / 2].cpu[0];
		snprintf(mix, sizeof(mix), "on CPU %d", p->mix_cpu);
	}
	snprintf(p->reason, sizeof(p->reason), "%u worker%s on CPU %s, %s; the mix %s", p->workers,
		 plural(p->workers), list, how, mix);
}

int fog_placement_choose(struct fog_placement *p, hwloc_topology_t topology,
			 hwloc_const_bitmap_t allowed, u32 workers, bool want_pin)
{
	int rc = 0;

	memset(p, 0, sizeof(*p));
	for (unsigned w = 0; w < FOG_WORKERS_MAX; w++)
		p->cpu[w] = -1;
	p->mix_cpu = -1;
	for (unsigned v = 0; v < FOG_VERIFY_WORKERS_MAX; v++)
		p->verify_cpu[v] = -1;
	if (workers > FOG_WORKERS_MAX)
		return -EINVAL;
	struct machine *m = malloc(sizeof(*m));
	hwloc_bitmap_t cpus = hwloc_bitmap_dup(hwloc_topology_get_topology_cpuset(topology));
	if (m == NULL || cpus == NULL) {
		rc = -ENOMEM;
		goto out;
	}
	if (allowed != NULL)
		hwloc_bitmap_and(cpus, cpus, allowed);
	machine_read(m, topology, cpus);
	if (m->cores == 0) {
		rc = -ENODEV;
		goto out;
	}
	p->workers = workers != 0 ? workers : workers_auto(m);
	machine_order(m, p->workers);
	if (!unpinned(p, m, want_pin))
		pin(p, m);
	rest_fill(p, m, cpus);
out:
	hwloc_bitmap_free(cpus);
	free(m);
	return rc;
}

int fog_placement_detect(struct fog_placement *p, u32 workers, bool want_pin)
{
	hwloc_topology_t topology;

	if (hwloc_topology_init(&topology) != 0)
		return -ENOMEM;
	/* hwloc drops what the cpuset cgroup forbids; taskset's mask is asked for below. */
	if (hwloc_topology_load(topology) != 0) {
		hwloc_topology_destroy(topology);
		return -EIO;
	}
	hwloc_bitmap_t allowed = hwloc_bitmap_alloc();
	if (allowed != NULL && hwloc_get_cpubind(topology, allowed, HWLOC_CPUBIND_PROCESS) != 0)
		hwloc_bitmap_fill(allowed);
	int rc = fog_placement_choose(p, topology, allowed, workers, want_pin);
	hwloc_bitmap_free(allowed);
	hwloc_topology_destroy(topology);
	return rc;
}
