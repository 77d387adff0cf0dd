/* SPDX-License-Identifier: BSD-3-Clause */
/* The job engine in the daemon: its actions on the loop's streams, fog-exec and the data plane's
 *verify rings, their answers as its events, and the HTTP routes.
 *
 *	fog_jobs_runtime_start(&rt, &config, why);
 *	fog_jobs_runtime_routes(rt, gateway);
 *	..
 *	fog_jobs_runtime_stop(rt);	jobs that run go on running
 *
 * The loop's thread only. */
#ifndef FOG_JOBS_RUNTIME_H
#define FOG_JOBS_RUNTIME_H

#include "controlplane/core/dpclient.h"
#include "controlplane/core/identity.h"
#include "controlplane/core/loop.h"
#include "controlplane/gateway/gateway.h"
#include "controlplane/jobs/engine.h"
#include "controlplane/jobs/view.h"

#define FOG_JOBS_RUNTIME_WHY  512
#define FOG_JOBS_TICK_IDLE_MS 1000
#define FOG_JOBS_LINGER_MS    10000 /* for the last frames of a stream we closed */

struct fog_jobs_runtime;

struct fog_jobs_runtime_config {
	struct ev_loop *loop;
	struct fog_store *store;
	const struct fog_identity *identity; /* outlives the runtime */
	struct fog_dpclient *dataplane;      /* NULL or not attached: signatures are checked here */
	struct fog_jobs_config engine;       /* node_id and seed are filled in */
	const char *edge_sock;               /* copied, as the paths below */
	const char *jobs_sock;
	const char *spool_dir;      /* made when it is not there, mode 0700 */
	const char *exec_path;      /* fog-exec; NULL: the one beside this program */
	const char *const *engines; /* that jobs may use; copied */
	u32 engine_count;           /* 0: only "native" */
	const u8 (*builders)[32];   /* whose WebAssembly we run; copied */
	u32 builder_count;
	u64 disk_bytes; /* of a job that names no limit; 0: none */

	/* The directory: as the port `hosts` of engine.h, and names for people. */
	u32 (*hosts)(void *context, struct fog_placement_host *out, u32 cap, u64 now_ms);
	/* When hosts are closed by their operators; NULL: never. */
	u32 (*closed)(void *context, struct fog_closed *out, u32 cap);
	fog_host_name_fn host_name;
	/* As the port `told` of engine.h; NULL: nobody is asked. */
	void (*told)(void *context, const u8 node[32], double *good, double *bad);
	/* As the port `backed` of engine.h. */
	bool (*backed)(void *context, const struct fog_attempt_key *key, const char *offer,
		       i64 amount, char error[128]);
	/* As the port `funded` of engine.h. */
	bool (*funded)(void *context, const struct fog_offer *offer, const char *text,
		       char error[128]);
	/* As the ports receipted, proof and proven of engine.h. */
	void (*receipted)(void *context, const struct fog_receipt *receipt, const char *text,
			  const struct fog_job_spec *spec);
	char *(*proof)(void *context, const char *receipt_text);
	bool (*proven)(void *context, const struct fog_receipt *receipt, const char *text,
		       const struct fog_job_spec *spec, const char *proof, bool attested,
		       char error[FOG_JSON_ERROR_SIZE]);
	void *context;
};

/* 0, or -errno with why. */
int fog_jobs_runtime_start(struct fog_jobs_runtime **out,
			   const struct fog_jobs_runtime_config *config,
			   char why[FOG_JOBS_RUNTIME_WHY]);
/* NULL is fine. Before the gateway, the data plane client and the store go. */
void fog_jobs_runtime_stop(struct fog_jobs_runtime *rt);

void fog_jobs_runtime_routes(struct fog_jobs_runtime *rt, struct fog_gateway *gateway);
/* New prices and limits; node_id and seed are filled in. */
void fog_jobs_runtime_reconfigure(struct fog_jobs_runtime *rt,
				  const struct fog_jobs_config *engine);

/* See fog_hooks_allow(). */
void fog_jobs_runtime_hooks_allow(struct fog_jobs_runtime *rt, char *const *networks, u32 count);

/* For the rest of the daemon: reputation in [0,1] (lower credible bound), and jobs not ended. The
 * context is the runtime. */
double fog_jobs_runtime_weight(void *rt, const u8 node[32]);
u32 fog_jobs_runtime_open(void *rt);
int fog_jobs_runtime_evidence(void *rt, const u8 node[32], enum fog_evidence_source source,
			      enum fog_evidence_kind kind, double quality, const char *reference,
			      const char *detail);
void fog_jobs_runtime_told_changed(void *rt);
const struct fog_jobs_totals *fog_jobs_runtime_totals(const struct fog_jobs_runtime *rt);
void fog_jobs_runtime_demand(void *rt, struct fog_jobs_demand *out);
/* When this host is closed to others, see fog_jobs_closed(). */
u32 fog_jobs_runtime_closed(struct fog_jobs_runtime *rt, struct fog_closed out[FOG_CLOSED_MAX]);

/* ---- between the files of jobs/ ------------------------------------------------------------- */
struct fog_jobs *fog_jobs_runtime_engine(struct fog_jobs_runtime *rt);
u64 fog_jobs_runtime_now(const struct fog_jobs_runtime *rt);
/* Carries out what the engine asks for; after every event. */
void fog_jobs_runtime_pump(struct fog_jobs_runtime *rt);
/* Has the next tick come at once: there is something new to place. */
void fog_jobs_runtime_kick(struct fog_jobs_runtime *rt);
const struct fog_jobs_runtime_config *fog_jobs_runtime_config(const struct fog_jobs_runtime *rt);

#endif
