/* SPDX-License-Identifier: BSD-3-Clause */
/* A whole fog in one process and virtual time: the testbed's data planes on the simulated network,
 * and on every host the job engine with its store, a QUIC end of its own and a model of fog-exec.
 * Jobs travel as in life: engine -> QUIC stream -> three-hop circuit -> cells on a bad network.
 *
 * What is modelled, not real: the directory (all hosts are known), fog-exec (a run takes virtual
 * time and prints a known text), HELLO and sockets. One thread; failures of the fixture abort.
 * Everything but the keys of TLS follows from the seed. */
#ifndef FOG_FOGBED_H
#define FOG_FOGBED_H

#include "controlplane/core/store.h"
#include "controlplane/jobs/engine.h"
#include "dataplane/edge/conn.h"
#include "tests/sim/testbed.h"

#define FB_HOSTS_MAX    TB_HOSTS_MAX
#define FB_TUNNELS_MAX  (FB_HOSTS_MAX * FB_HOSTS_MAX)
#define FB_SERVERS_MAX  256
#define FB_STREAMS_MAX  1024
#define FB_RUNS_MAX     1024
#define FB_CIDS_MAX     16
#define FB_STEP_NS      (2 * TB_MS)
#define FB_UNIX_BASE_MS 1700000000000ull

struct fb;

/* fog-exec of one run: outlives its control plane. */
struct fb_run {
	bool used;
	char name[FOG_WORK_RUN_SIZE];
	enum fog_run_state state;
	bool cancelled;
	u64 started_ms;
	u64 due_ms;
	char output[96];
};

/* One end of a stream between two engines. */
struct fb_stream {
	bool used;
	bool open; /* the engine knows it */
	bool opener;
	u32 host;
	u32 target;
	u32 number; /* the engine's */
	bool gone;  /* the engine closed it */
	struct fog_stream *quic;
	struct fb *fb;
};

/* Client end of one connection and the circuit that carries it now. */
struct fb_tunnel {
	bool used;
	u32 from, to;
	struct fog_conn *conn;
	struct tb_circuit *line;
	u64 serial; /* of the line: the connection's path */
	u64 retry_ns;
	u64 built_ns;
	struct fb *fb;
};

struct fb_server {
	bool used;
	u32 host;
	struct fog_conn *conn;
	ngtcp2_cid cid[FB_CIDS_MAX];
	u32 cid_count;
	struct fb *fb;
};

struct fb_host {
	bool control_alive;
	u32 index;
	u32 restarts; /* of the data plane: makes handles unique */
	char store_path[256];
	struct fog_store *store;
	struct fog_jobs *jobs;
	u8 node_id[32];
	u8 sign_sk[64];
	struct fog_tls tls;
	struct fb_run run[FB_RUNS_MAX];
	u64 executions; /* runs that came to their end */
	struct fb *fb;
};

struct fb {
	struct tb tb;
	struct fog_rng rng;
	char dir[128];
	u64 seed;
	struct fog_budget budget;
	u64 serial;
	struct fb_host host[FB_HOSTS_MAX];
	struct fb_tunnel tunnel[FB_TUNNELS_MAX];
	struct fb_server server[FB_SERVERS_MAX];
	struct fb_stream stream[FB_STREAMS_MAX];
	u64 rebuilt; /* circuits built after a connection's first */
	u64 resets;  /* streams that ended in a reset */
};

/* Hosts with all links up and their engines running. Aborts if the mesh does not come up. */
void fb_init(struct fb *fb, u64 seed, u32 hosts);
void fb_free(struct fb *fb);

u64 fb_unix_ms(const struct fb *fb);
/* Let virtual time pass. */
void fb_run(struct fb *fb, u64 ns);

/* kill -9 and start of one process of a host. */
void fb_control_kill(struct fb *fb, u32 i);
void fb_control_start(struct fb *fb, u32 i);
void fb_dataplane_kill(struct fb *fb, u32 i);
void fb_dataplane_start(struct fb *fb, u32 i);

/* Submit `sh -c ..`; the result of fog_jobs_submit(). */
int fb_submit(struct fb *fb, u32 host, const char *id);
/* One number from the host's store; -1 when there is no row. Control plane alive. */
i64 fb_query(struct fb *fb, u32 host, const char *sql, const char *text, const void *blob,
	     size_t blob_len);

#endif
