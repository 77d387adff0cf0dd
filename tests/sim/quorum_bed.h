/* SPDX-License-Identifier: BSD-3-Clause */
/* Validators in one process: the protocol as it is, with disks that lose what was not synced, a
 * network that delays, reorders, drops and splits, and clocks that differ. Everything from a seed.
 */
#ifndef FOG_TESTS_QUORUM_BED_H
#define FOG_TESTS_QUORUM_BED_H

#include "controlplane/quorum/quorum.h"
#include "controlplane/quorum/sync.h"
#include "crypto/random/random.h"

#define BED_NODES_MAX  24
#define BED_OPS_MAX    4096
#define BED_HEIGHT_MAX 65536
#define BED_EPOCHS_MAX 256
#define BED_STASH_MAX  64
#define BED_START_MS   1700000000000ull
#define BED_SKEW_MS    4500 /* clocks differ by less */

enum { BED_TX = FOG_MESSAGE_OWNERS, BED_STATUS, BED_SYNC_ASK, BED_SYNC };

struct bed_record {
	u8 kind; /* enum fog_quorum_action_kind; 0 = executed */
	u64 height;
	u8 *data;
	u32 len;
	struct fog_block *block;
};

struct bed_node {
	struct bed *bed;
	u32 index, validator;
	bool up, byzantine;
	u64 restart_ms, skew_ms, status_ms, asked_ms, tick_ms;
	u32 group;
	u64 groups_see; /* Byzantine: sees these groups; 0 = as `group` */
	u8 node_id[32];
	struct fog_quorum *q;

	struct bed_record *disk;
	u32 disk_count, disk_cap, disk_synced;
	u64 crash_at;   /* number of the persistence point at which it dies; 0 = never */
	u64 points;     /* passed so far */
	bool loses;     /* all of its disk with the next crash */
	bool observes;  /* on a disk of its own: it lost the other one */
	u64 started_ms; /* by its clock */

	/* The application: an ordered list of operations. */
	u64 height;
	u8 root[32];
	struct fog_app_rules rules;
	u32 op_count;
	u32 *ops;
	bool seen[BED_OPS_MAX];
	struct fog_block **chain; /* [BED_HEIGHT_MAX] final blocks */
	struct fog_certificate **certs;

	u32 pool_count;
	u32 pool[BED_OPS_MAX];
	struct {
		u8 *data;
		u32 len, from;
	} stash[BED_STASH_MAX];
	u32 stash_count;
};

struct bed_packet {
	u64 at_ms, order;
	u32 from, to;
	u8 *data;
	u32 len;
};

struct bed_op {
	u64 submitted_ms, acked_ms; /* 0 = never */
	u32 node;
	u64 height; /* where it ended up */
	u32 position;
};

struct bed {
	u64 seed, now_ms, calm_ms;
	u64 fragile; /* validators that may lose their disks */
	struct fog_rng rng;
	u32 node_count;
	struct bed_node node[BED_NODES_MAX];
	struct fog_validators genesis;

	struct bed_packet *heap;
	u32 heap_count, heap_cap;
	u64 order;
	u32 drop_per_mille, delay_ms_max;

	u32 op_count;
	struct bed_op op[BED_OPS_MAX];
	u8 (*canon)[32]; /* hash by height, of whoever came first */
	u64 height;
	struct fog_validators *sets[BED_EPOCHS_MAX]; /* by epoch, once somebody is in it */
	u64 evidence, evidence_late, losses, rejoins, crashes, catchups, epochs;
	bool verbose;
};

__attribute__((noreturn, format(printf, 2, 3))) void bed_fail(struct bed *b, const char *format,
							      ...);
u64 bed_below(struct bed *b, u64 bound);

/* Validators of `genesis`; twins[i] more copies of validator i, Byzantine as the first is. */
void bed_init(struct bed *b, u64 seed, const struct fog_validators *genesis, const u8 *twins);
void bed_free(struct bed *b);
void bed_node_start(struct bed_node *n);
void bed_node_crash(struct bed_node *n, u64 for_ms);
/* A client gives an operation to a node. Returns its number. */
u32 bed_submit(struct bed *b, struct bed_node *n);
/* Everything up to this time. */
void bed_run(struct bed *b, u64 until_ms);

#endif
