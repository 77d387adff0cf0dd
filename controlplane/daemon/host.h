/* SPDX-License-Identifier: BSD-3-Clause */
/* fog-controlplane as a whole: everything of one host, tied together. Everything runs on one loop
 * in one thread. Private to daemon/ and main.c. */
#ifndef FOG_DAEMON_HOST_H
#define FOG_DAEMON_HOST_H

#include "configs/config.h"
#include "controlplane/core/dpclient.h"
#include "controlplane/core/identity.h"
#include "controlplane/executor/accelerators.h"
#include "controlplane/core/loop.h"
#include "controlplane/core/store.h"
#include "controlplane/core/framed.h"
#include "controlplane/daemon/edge_server.h"
#include "controlplane/directory/coordinates.h"
#include "controlplane/directory/directory.h"
#include "controlplane/directory/energy.h"
#include "controlplane/directory/links.h"
#include "controlplane/directory/path.h"
#include "controlplane/directory/peering.h"
#include "controlplane/gateway/gateway.h"

#define FOG_HOST_WHY_SIZE    512
#define FOG_HOST_STATUS_SIZE 200
/* Silence of fog-edge after which the descriptor says that there is none. */
#define FOG_HOST_EDGE_GRACE_MS 30000
#define FOG_HOST_EXPIRE_S      5.0 /* between looks for expired descriptors */
/* Changes within this time make one descriptor. */
#define FOG_HOST_PUBLISH_MS     200
#define FOG_HOST_PUBLISH_GAP_MS 1000 /* at least, between two descriptors */
/* Between two looks at what our report says: at least this, and longer the more hosts there are. */
#define FOG_HOST_REPORT_S       30.0
#define FOG_HOST_REPORT_EACH_S  0.1
#define FOG_HOST_REPORT_FIRST_S 5.0
/* Admission policy given to the data plane: one neighbour's circuits and one source's handshakes.
 */
#define FOG_HOST_CREATES_PER_SECOND    200
#define FOG_HOST_CREATES_BURST         400
#define FOG_HOST_HANDSHAKES_PER_SECOND 50
#define FOG_HOST_PROBE_MS              30000 /* between bandwidth probes of a link: 6 kbit/s each */

/* Circuit events since the start. */
struct fog_host_counts {
	u64 circuits_built, circuits_failed, circuits_closed; /* of our edge, as it reports */
	u64 circuits_tagged, commands_rejected;               /* events of the data plane */
	u64 routes_given, routes_refused;
};

struct fog_jobs_runtime;
struct fog_host_chain;
struct fog_host_voucher;
struct fog_host_pay;
struct fog_xdp;
struct fog_exporter;
struct fog_host_market;
struct fog_metrics;
struct fog_host_trust;
struct fog_host_draws;
struct fog_host_tee;
struct fog_host_health;
struct fog_host_alerts;
struct fog_metrics;
struct fog_host_proofs;
struct fog_host_circuits;
struct fog_host_onion;
struct fog_host_usage;
struct fog_host_live;

/* mixnet.c */
struct fog_host_mix {
	u64 epoch, oldest; /* 0: no mix, or the clock was not looked at yet */
	bool mailbox_known;
	u8 mailbox[32]; /* of the local fog-edge */
	u32 key_count;
	struct {
		u64 epoch;
		u8 key[32];
	} key[FOG_DESCRIPTOR_MIX_MAX];
	char *told; /* the topology the edge has, as text */
	bool drawn; /* the layers told follow from lots; false: they are dealt */
	struct ev_timer timer;
	u64 suspicions;
};

struct fog_host {
	struct ev_loop *loop;
	struct fog_config config;
	char *config_path;
	struct fog_identity id;
	u32 roles; /* enum fog_role */
	u64 started_ms, started_mono_ms;
	int lock_fd; /* state_dir/lock: one control plane a state directory */

	struct fog_store *store;
	struct fog_directory *directory;
	struct ev_timer expire_timer;
	struct fog_links *links;
	struct fog_peering *peering;

	/* dataplane.c */
	struct fog_dpclient *dp;
	struct ev_io dp_io;
	struct ev_timer dp_timer;
	u64 dp_since_ms; /* Unix; 0 = not attached */
	char dp_why[160];
	bool dp_keys_known;
	u8 link_pk[32], onion_pk[32];

	/* xdp.c */
	struct fog_xdp *xdp; /* NULL: not wanted, or refused */
	struct ev_timer xdp_timer;
	bool xdp_dirty; /* links changed since the last generation */
	char xdp_why[FOG_HOST_WHY_SIZE];

	/* publish.c */
	struct ev_timer publish_timer;
	struct fog_descriptor published;      /* sequence 0 = nothing yet */
	struct fog_accelerators accelerators; /* as found; looked for at the start */
	u64 disk_bytes;

	/* edge */
	struct fog_edge_server *edge;
	struct ev_timer edge_grace;
	bool quic_known;
	u8 quic_pk[32];

	/* measure.c */
	struct ev_timer report_timer;
	struct ev_timer closed_timer; /* looks for reservations of this host */
	u64 reported_ms;              /* Unix: of the last report */
	struct fog_report report;     /* what our next descriptor says */
	struct fog_coordinate coordinate;
	u64 place_updates;
	struct fog_energy_meter energy;

	struct fog_host_mix mix;

	/* route.c */
	struct fog_guards guards;
	struct fog_rng rng;
	struct fog_path_host path_hosts[FOG_PATH_HOSTS_MAX];

	struct fog_gateway *gateway;
	bool api_socket_given;     /* by the service manager */
	struct fog_access *access; /* gateway.c */
	struct fog_tls *tls;       /* NULL: none */
	struct fog_host_counts counts;

	struct fog_jobs_runtime *jobs; /* NULL until started */
	struct fog_host_voucher *voucher;
	struct fog_host_pay *pay;       /* NULL: jobs are paid in our own book only */
	struct fog_host_chain *chain;   /* NULL: takes part in no shared ledger */
	struct fog_exporter *exporter;  /* NULL: spans go nowhere */
	struct fog_host_market *market; /* likewise */
	struct fog_host_trust *trust;   /* likewise */
	struct fog_host_draws *draws;   /* likewise */
	struct fog_host_tee *tee;       /* NULL until started */
	struct fog_host_health *health; /* likewise; what is asked for it answers later */
	struct fog_host_alerts *alerts; /* likewise */
	struct fog_host_proofs *proofs; /* likewise */
	struct fog_host_circuits *circuits;
	struct fog_host_onion *onion;
	struct fog_host_usage *usage;
	struct fog_host_live *live;
};

/* What this host offers to jobs: configured, or measured where the configuration says 0. All zero
 * without the role worker. */
struct fog_host_offer {
	u32 cpu_millicores;
	u64 memory_bytes, disk_bytes;
	struct fog_accelerators accelerators;
};
void fog_host_offer(const struct fog_host *h, struct fog_host_offer *out);

/* Start everything with the configuration `config` (taken over; read from `path`). 0, or -errno
 * with `why`. */
int fog_host_start(struct fog_host **out, struct ev_loop *loop, struct fog_config *config,
		   const char *path, char why[FOG_HOST_WHY_SIZE]);
/* Ends what runs, flushes the store. NULL is fine. */
void fog_host_stop(struct fog_host *h);
/* For people, one line: "healthy: 15 of 15 components, 6 of 6 links, 2 jobs". */
void fog_host_status_line(const struct fog_host *h, char out[FOG_HOST_STATUS_SIZE]);
/* SIGHUP: read the file again, take over what can change, say what cannot. */
void fog_host_reload(struct fog_host *h);

/* ---- between the files of daemon/ ----------------------------------------------------------- */

int fog_host_dataplane_start(struct fog_host *h);
void fog_host_dataplane_stop(struct fog_host *h);
/* Meets other control planes. */
int fog_host_peering_start(struct fog_host *h, char why[FOG_HOST_WHY_SIZE]);
/* Shared ledger, pay and vouchers. */
int fog_host_ledger_start(struct fog_host *h, char why[FOG_HOST_WHY_SIZE]);
/* How links of this host reach its data plane. */
extern const struct fog_links_sink fog_host_links_sink;

/* The XDP filter, where the configuration wants one. Without it traffic goes the kernel's way: not
 * fatal, logged. */
void fog_host_xdp_start(struct fog_host *h);
void fog_host_xdp_stop(struct fog_host *h);
void fog_host_xdp_attached(struct fog_host *h); /* in the callback that says UP */
void fog_host_xdp_links(struct fog_host *h);    /* a link changed */
void fog_host_xdp_reload(struct fog_host *h);
int fog_host_xdp_get(struct fog_exchange *x); /* GET /v1/xdp */
void fog_host_xdp_metrics(const struct fog_host *h, struct fog_metrics *m);

/* Have our descriptor made again if anything in it changed or its half life is over. */
void fog_host_publish_soon(struct fog_host *h);
void fog_host_publish_prepare(struct fog_host *h); /* before the directory is read */
void fog_host_publish_start(struct fog_host *h);   /* after it was read */

void fog_host_measure_start(struct fog_host *h);
void fog_host_measure_stop(struct fog_host *h);
double fog_host_report_s(const struct fog_host *h); /* between two reports */
/* LINK_RTT or LINK_BANDWIDTH. */
void fog_host_link_measured(struct fog_host *h, const struct fog_event *e);

/* Epochs, keys in our descriptor, topology for the edge. */
void fog_host_mix_start(struct fog_host *h);
void fog_host_mix_stop(struct fog_host *h);
void fog_host_mix_policy(const struct fog_host *h, struct fog_snapshot *policy);
void fog_host_mix_descriptor(const struct fog_host *h, struct fog_descriptor *d);
json_t *fog_host_mix_topology(struct fog_host *h);
void fog_host_mix_mailbox(struct fog_host *h, const u8 *mailbox);
void fog_host_mix_suspect(struct fog_host *h, const json_t *m);
void fog_host_mix_routes(struct fog_host *h);
/* The policy of the data plane again, after something in it changed. */
void fog_host_policy_set(struct fog_host *h);

int fog_host_edge_start(struct fog_host *h);
void fog_host_edge_stop(struct fog_host *h);

/* The answer to a route request of the edge, without "op" and "id". */
json_t *fog_host_route(struct fog_host *h, const json_t *request);
void fog_host_route_init(struct fog_host *h);

/* Needs gateway, data plane client and store. */
int fog_host_jobs_start(struct fog_host *h, char why[FOG_HOST_WHY_SIZE]);
void fog_host_jobs_stop(struct fog_host *h);
void fog_host_jobs_reload(struct fog_host *h);
/* schedule_api.c: after the jobs have started. */
void fog_host_schedule_routes(struct fog_host *h);
/* Reputation of a host in 0 .. 1; 1 before the job engine runs. */
double fog_host_weight(const struct fog_host *h, const u8 node_id[32]);
u32 fog_host_jobs_open(const struct fog_host *h);

/* Tokens and what holds for callers on TCP; needs the gateway. */
int fog_host_access_start(struct fog_host *h, char why[FOG_HOST_WHY_SIZE]);
/* TCP, when all routes are there. */
int fog_host_tcp_start(struct fog_host *h, char why[FOG_HOST_WHY_SIZE]);
void fog_host_tcp_reload(struct fog_host *h);
void fog_host_access_stop(struct fog_host *h); /* after the gateway is gone */

/* tracing.c: needs the identity. 0 or -ENOMEM. */
int fog_host_tracing_start(struct fog_host *h);
void fog_host_tracing_stop(struct fog_host *h);
void fog_host_tracing_reload(struct fog_host *h);
void fog_host_tracing_metrics(const struct fog_host *h, struct fog_metrics *m);

int fog_host_api_start(struct fog_host *h, char why[FOG_HOST_WHY_SIZE]);
void fog_host_api_stop(struct fog_host *h);
/* As fog_gateway_restart(); an api.sock that somebody removed is there again. 0 or -errno. */
int fog_host_api_restart(struct fog_host *h, char why[FOG_HOST_WHY_SIZE]);

#endif
