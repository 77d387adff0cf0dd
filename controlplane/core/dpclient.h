/* SPDX-License-Identifier: BSD-3-Clause */
/* The control plane's end of the shared memory: keeps a data plane programmed.
 *
 *	DOWN --backoff--> HELLO --reply--> READYING --workers took it up--> UP
 *	  ^                 |                 |                             |
 *	  +-----------------+---- hang-up, time-out, bad memory ------------+
 *
 * The caller states what it wants (links, policy); this remembers it and, at every attachment,
 * publishes the policy, replays all links under a new generation and then sends changes as they
 * come. A data plane that restarts, or a ring that is full for a while, loses nothing: wanted state
 * is bounded by FOG_LINKS_MAX, never queued without bound.
 *
 * A replay ends with a sweep: the data plane drops every link that was not named. So a caller that
 * restarts sets all links it knows before its first fog_dpclient_step().
 *
 * No loop of its own, no threads, nothing blocks: watch fog_dpclient_fd() for reading (it stays the
 * same for life), call fog_dpclient_step() when it is readable and when the time it returned has
 * come. Callbacks run inside fog_dpclient_step(); they may call everything but
 *fog_dpclient_close(). One thread. */
#ifndef FOG_CORE_DPCLIENT_H
#define FOG_CORE_DPCLIENT_H

#include "controlplane/core/verifier.h"
#include "dataplane/abi/abi.h"

#define FOG_DPCLIENT_LEASE_MS       10000 /* default; renewed every third of it */
#define FOG_DPCLIENT_BACKOFF_MIN_MS 50
#define FOG_DPCLIENT_BACKOFF_MAX_MS 2000
#define FOG_DPCLIENT_HELLO_MS       5000 /* from connecting to every worker being ready */
#define FOG_DPCLIENT_EVENTS_MAX     512  /* per worker and step; the rest comes in the next step */
#define FOG_DPCLIENT_CLOSES_MAX     256  /* circuit closes waiting; full: -EAGAIN */
#define FOG_DPCLIENT_VERIFY_MAX     FOG_VERIFIER_CLASS_MAX
#define FOG_DPCLIENT_VERIFY_TRIES   3 /* attachments a submission survives */
#define FOG_DPCLIENT_VERIFY_MS      FOG_VERIFIER_DEFAULT_MS

struct fog_dpclient;

enum fog_dpclient_state {
	FOG_DPCLIENT_DOWN = 1, /* nobody there, or waiting to try again */
	FOG_DPCLIENT_HELLO,
	FOG_DPCLIENT_READYING,
	FOG_DPCLIENT_UP,
};

const char *fog_dpclient_state_name(enum fog_dpclient_state state);

struct fog_dpclient_config {
	const char *socket_path; /* copied */
	u64 boot_id;             /* random per start of this process */
	u32 lease_ms;            /* 0 = default */
	/* May be NULL. why: one line for people, empty when the change is good news. */
	void (*state)(void *arg, enum fog_dpclient_state state, const char *why);
	/* May be NULL. A validated private copy: known type; link_id 1 .. FOG_LINKS_MAX, 0 for the
	 * local edge as client, FOG_LINKS_MAX + 1 for it as terminus. */
	void (*event)(void *arg, u32 worker, const struct fog_event *event);
	void *arg;
};

/* -EINVAL (no path, or one too long for a socket), -ENOMEM, -errno of epoll. Starts in DOWN. */
int fog_dpclient_open(struct fog_dpclient **c, const struct fog_dpclient_config *config);
/* Outstanding verifications end with -ECANCELED. The data plane goes on until the lease ends. */
void fog_dpclient_close(struct fog_dpclient *c);

int fog_dpclient_fd(const struct fog_dpclient *c);
/* Do all that can be done now. now_ns: CLOCK_MONOTONIC. Returns when to call again at the latest.
 */
u64 fog_dpclient_step(struct fog_dpclient *c, u64 now_ns);
enum fog_dpclient_state fog_dpclient_state(const struct fog_dpclient *c);

/* ---- what the data plane shall do --------------------------------------------------------- */

/* The policy from now on; lease_ns is filled in and renewed here. Nothing is published, and so no
 * circuit accepted, before the first call. */
void fog_dpclient_policy(struct fog_dpclient *c, const struct fog_snapshot *policy, u64 now_ns);

struct fog_dpclient_link {
	u8 node_id[32];
	u8 link_pk[32];
	u8 address[16]; /* IPv6 or IPv4-mapped, network order */
	u16 port;       /* host order */
};

/* Add a neighbour or change its key or address. Returns its link id (1 .. FOG_LINKS_MAX), which
 * depends on the node id alone unless two collide, so that it survives a restart of this process
 * and the link stays with its worker; -EINVAL (port 0), -ENOSPC. Setting what is set costs
 * nothing. */
int fog_dpclient_link_set(struct fog_dpclient *c, const struct fog_dpclient_link *link);
/* 0 or -ENOENT. */
int fog_dpclient_link_delete(struct fog_dpclient *c, const u8 node_id[32]);
/* The wanted link with this id; NULL when none. Valid until the next change. */
const struct fog_dpclient_link *fog_dpclient_link_get(const struct fog_dpclient *c, u32 link_id);
u32 fog_dpclient_link_count(const struct fog_dpclient *c);

/* Ask for the end of a circuit; link_id as events name it, 0 = one of the local edge. 0, -EINVAL,
 * -ENOTCONN (not UP) or -EAGAIN (too many waiting). Forgotten when the data plane is lost. */
int fog_dpclient_circuit_close(struct fog_dpclient *c, u32 link_id, u32 circuit_id);

/* True when UP, every command was taken and every worker has swept the current generation and uses
 * the current policy. */
bool fog_dpclient_synced(const struct fog_dpclient *c);

/* ---- verification ------------------------------------------------------------------------- */

typedef fog_verifier_fn fog_dpclient_verdict_fn;

/* Have the data plane check something; what and how is in verifier.h. Submissions wait while the
 * ring is full, survive the loss of the data plane and are sent again. To the results of verifier.h
 * this adds -ECONNRESET (data plane lost too often, or none within the time limit) and -EPROTO (a
 * result that does not exist); -ETIMEDOUT also means attached, but no verdict in time. -ECANCELED
 * (closing) comes as a result and, when closing already, as the answer. */
int fog_dpclient_check(struct fog_dpclient *c, const struct fog_verifier_request *r,
		       fog_dpclient_verdict_fn *fn, void *arg, u64 now_ns);

/* One Ed25519 signature, of class `class` and with the default time limit. */
int fog_dpclient_verify(struct fog_dpclient *c, const u8 key[32], const u8 signature[64],
			const void *message, size_t length, u8 class, fog_dpclient_verdict_fn *fn,
			void *arg, u64 now_ns);

/* For code that does not care who checks. */
struct fog_verifier fog_dpclient_verifier(struct fog_dpclient *c);

/* ---- what the data plane says ------------------------------------------------------------- */

struct fog_dpclient_worker {
	u64 heartbeat_ns;
	u64 applied_seq;
	u64 snapshot_seen;
	u64 generation;
	u32 cpu; /* ~0 = not pinned */
	u32 state;
};

struct fog_dpclient_info {
	u64 boot_id; /* of the data plane */
	u64 attachment;
	u32 workers;
	u32 pid;
	u8 link_pk[32];
	u8 onion_pk[32];
	char io_name[81]; /* terminated, printable */
	char crypto_name[17];
	u64 mix_epoch[FOG_MIX_KEYS]; /* 0 = none */
	u8 mix_key[FOG_MIX_KEYS][32];
	char pin_reason[161];
	struct fog_dpclient_worker worker[FOG_WORKERS_MAX];
};

/* 0, or -ENOTCONN (not UP; *out is zeroed). Copies, some hundred ns. */
int fog_dpclient_info(const struct fog_dpclient *c, struct fog_dpclient_info *out);

/* AF_XDP sockets of the workers, for the XDP filter: the number of workers, or 0 when the back end
 * has none. Only inside the state callback that says UP: they are closed when it returns, so that
 * nobody keeps a queue of a data plane that died. */
u32 fog_dpclient_steer(const struct fog_dpclient *c, const int **fds);

#define FOG_DPCLIENT_COUNTERS (offsetof(struct fog_counters, drops) / sizeof(u64))

struct fog_dpclient_counters {
	u32 workers;
	/* By index of fog_counter_info() and enum fog_drop; [workers] rows are filled. */
	u64 counter[FOG_WORKERS_MAX][FOG_DPCLIENT_COUNTERS];
	u64 drop[FOG_WORKERS_MAX][FOG_DROP_COUNT];
	u64 counter_sum[FOG_DPCLIENT_COUNTERS];
	u64 drop_sum[FOG_DROP_COUNT];
};

/* 0, or -ENOTCONN (*out is zeroed). Rows of different workers may be some ms apart. */
int fog_dpclient_counters(const struct fog_dpclient *c, struct fog_dpclient_counters *out);

/* Totals of this client since it was opened. */
struct fog_dpclient_totals {
	u64 attachments;
	u64 commands;
	u64 events;
	u64 events_lost;    /* gaps in the sequence: the ring was full */
	u64 events_invalid; /* failed validation */
	u64 verdicts;
	u64 verdicts_invalid; /* tags nobody waits for */
};
void fog_dpclient_totals(const struct fog_dpclient *c, struct fog_dpclient_totals *out);

#endif
