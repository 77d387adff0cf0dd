/* SPDX-License-Identifier: BSD-3-Clause */
/* What a host measured and observed, as a part of its descriptor ("report"): how much of it is in
 * use, where it lies in the network, what power it draws, what it thinks of others, which
 * neighbours it drew. Every member may be absent: what was not measured is not there. Pure. */
#ifndef FOG_DIRECTORY_REPORT_H
#define FOG_DIRECTORY_REPORT_H

#include <jansson.h>

#include "controlplane/scheduler/keep.h"
#include "crypto/types.h"
#include "crypto/vrf/vrf.h"

#define FOG_REPORT_ACCELERATORS_MAX 1000000
#define FOG_REPORT_OPINIONS_MAX     32 /* the ones with the most evidence; others are left out */
#define FOG_REPORT_NEIGHBOURS_MAX   16 /* of a draw */
#define FOG_REPORT_EVIDENCE_MAX     1000000  /* thousandths of a piece of evidence */
#define FOG_REPORT_REACH_US         10000000 /* coordinates: ten seconds each way */
#define FOG_REPORT_WATTS_MAX        1000000  /* one megawatt */

/* In use by jobs that run at the host, and wanted by jobs that wait for a host there. */
struct fog_load {
	u32 cpu_millicores;
	u32 jobs;
	u64 memory_bytes;
	u64 disk_bytes;
	u32 accounts;            /* that want it */
	u32 largest_ppm;         /* the share of the largest of them */
	u64 attested_millicores; /* of its own jobs of class S, wherever they run; absent: none */
	u32 accelerators;        /* absent: none */
};

/* See coordinates.h. */
struct fog_place {
	i32 us[3];
	u32 height_us;
	u32 error_ppm; /* of an estimate from it; 1,000,000 = worthless */
};

enum fog_energy_source {
	FOG_ENERGY_UNKNOWN = 0,
	FOG_ENERGY_RAPL,     /* measured by the processor (powercap) */
	FOG_ENERGY_DECLARED, /* the operator's two figures, between them by use of the processor */
};

struct fog_energy {
	u32 milliwatts;
	/* Declared, or the least and the most that were measured; idle <= full. */
	u32 idle_milliwatts, full_milliwatts;
	enum fog_energy_source source;
};
const char *fog_energy_source_name(enum fog_energy_source source);

/* First-hand evidence about another host. */
struct fog_opinion_of {
	u8 node_id[32];
	u32 good, bad; /* thousandths, without the prior */
};

struct fog_report {
	bool has_load, has_place;
	u32 closed_count; /* times in which the host is closed to others; node is its own */
	struct fog_closed closed[FOG_CLOSED_MAX];
	struct fog_load load;
	struct fog_place place;
	struct fog_energy energy;
	u32 opinion_count;
	struct fog_opinion_of opinion[FOG_REPORT_OPINIONS_MAX];
	u64 draw_epoch; /* 0 = none */
	u8 draw_digest[32];
	u32 neighbour_count;
	u8 neighbour[FOG_REPORT_NEIGHBOURS_MAX][32];
	/* Its lots of that epoch, as proofs nobody has checked yet (lots.h). */
	bool has_committee_lot, has_mix_lot;
	u8 committee_lot[FOG_VRF_BATCH_PROOF_SIZE], mix_lot[FOG_VRF_BATCH_PROOF_SIZE];
};

/* NULL, or what is wrong (a constant text). out is zeroed first; `o` NULL: an empty report. */
const char *fog_report_read(struct fog_report *out, const json_t *o);
/* A new reference; members that are not known are left out. NULL: no memory. */
json_t *fog_report_json(const struct fog_report *r);

#endif
