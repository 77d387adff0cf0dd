/* SPDX-License-Identifier: BSD-3-Clause */
/* The insides of the data plane client, shared by its three files: dpclient.c (attachment, events,
 * status), dpclient_links.c (commands), dpclient_verify.c. */
#ifndef FOG_CORE_DPCLIENT_PRIVATE_H
#define FOG_CORE_DPCLIENT_PRIVATE_H

#include "controlplane/core/dpclient.h"
#include "dataplane/abi/attach.h"
#include "dataplane/abi/feed.h"

#include <sys/queue.h>

#define FOG_DPCLIENT_MAGIC 0x6470636cu

/* Sending to one worker:  BEGIN -> LINKS (ids in order) -> END -> LIVE (changes as they come) */
enum fog_dpclient_phase {
	FOG_DPCLIENT_BEGIN = 1,
	FOG_DPCLIENT_LINKS,
	FOG_DPCLIENT_END,
	FOG_DPCLIENT_LIVE,
};

struct fog_dpclient_slot {
	struct fog_dpclient_link link;
	bool used;
	bool sent;     /* LINK_SET went out in this attachment */
	bool deleting; /* used is false; LINK_DELETE has to go out before the id is free */
	bool queued;   /* in the change queue of its worker */
};

/* Ids whose slot changed, each at most once. */
struct fog_dpclient_changes {
	u16 id[FOG_LINKS_MAX];
	u32 first, count;
};

struct fog_dpclient_port {
	struct fog_ring commands, events;
	struct fog_dpclient_changes changes;
	enum fog_dpclient_phase phase;
	u32 next_id;   /* LINKS: the id to look at next */
	u64 seq;       /* of the last command */
	u64 event_seq; /* of the last event; 0 = none yet */
};

struct fog_dpclient_close_request {
	u32 link_id;
	u32 circuit_id;
};

/* One verification on its way: in the list of free ones, of waiting ones, or of those in a ring. */
struct fog_dpclient_job {
	TAILQ_ENTRY(fog_dpclient_job) link;
	u32 tries;
	u32 length;
	u16 kind;
	u8 class;
	u8 worker; /* of the ring it is in */
	bool sent, used;
	u64 serial;
	u64 deadline_ns;
	fog_dpclient_verdict_fn *fn;
	void *arg;
	u8 *payload; /* owned */
};

TAILQ_HEAD(fog_dpclient_jobs, fog_dpclient_job);

struct fog_dpclient_verify_class {
	/* waiting: in order; sent: likewise, all older than those that wait */
	struct fog_dpclient_jobs unused, waiting, sent;
	struct fog_dpclient_job job[FOG_DPCLIENT_VERIFY_MAX];
};

struct fog_dpclient_verifier {
	u32 workers;
	u32 sent_count[FOG_VERIFY_WORKERS_MAX];
	struct fog_feed feed[FOG_VERIFY_WORKERS_MAX][FOG_VERIFY_CLASSES];
	struct fog_ring verdicts[FOG_VERIFY_WORKERS_MAX];
	u64 serial;
	struct fog_dpclient_verify_class class[FOG_VERIFY_CLASSES];
};

struct fog_dpclient {
	u32 magic;
	bool closing;
	struct fog_dpclient_config config;
	char path[108];
	int epoll_fd;
	enum fog_dpclient_state state;
	struct fog_attachment at;
	struct fog_control_region *control; /* at.own, while attached */
	const struct fog_data_region *data; /* at.peer, likewise */
	u64 data_boot_id;                   /* of the last data plane */
	u64 retry_ns, hello_deadline_ns, lease_renew_ns;
	u32 backoff_ms;
	u64 jitter; /* xorshift state */

	struct fog_snapshot policy;
	bool has_policy;
	u64 policy_sequence; /* published in this attachment */

	u64 generation;
	struct fog_dpclient_slot slot[FOG_LINKS_MAX + 1]; /* by link id; 0 unused */
	u32 link_count;
	struct fog_dpclient_close_request close_request[FOG_DPCLIENT_CLOSES_MAX];
	u32 close_first, close_count;
	struct fog_dpclient_port port[FOG_WORKERS_MAX];
	struct fog_dpclient_verifier verifier;
	struct fog_dpclient_totals totals;
};

/* dpclient_links.c */
void fog_dpclient_commands_attach(struct fog_dpclient *c, u64 now_ns);
void fog_dpclient_commands_pump(struct fog_dpclient *c);
/* Something waits for room in a command ring. */
bool fog_dpclient_commands_waiting(const struct fog_dpclient *c);
bool fog_dpclient_commands_broken(const struct fog_dpclient *c);
void fog_dpclient_commands_detach(struct fog_dpclient *c);

/* dpclient_verify.c */
void fog_dpclient_verify_init(struct fog_dpclient *c);
void fog_dpclient_verify_attach(struct fog_dpclient *c);
/* Push what waits, take verdicts, run callbacks. */
void fog_dpclient_verify_pump(struct fog_dpclient *c);
/* Ask for wake-ups; returns whether verdicts are there already. */
bool fog_dpclient_verify_sleep(struct fog_dpclient *c);
/* Fail what is past its time; returns the next such time or UINT64_MAX. */
u64 fog_dpclient_verify_expire(struct fog_dpclient *c, u64 now_ns);
bool fog_dpclient_verify_broken(const struct fog_dpclient *c);
/* Put what is in flight back into the queue; what was tried too often fails. */
void fog_dpclient_verify_detach(struct fog_dpclient *c);
void fog_dpclient_verify_cancel(struct fog_dpclient *c);

#endif
