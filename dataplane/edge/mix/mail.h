/* SPDX-License-Identifier: BSD-3-Clause */
/* The messages of one host: client and provider. Time and randomness are parameters, packets leave
 * through a callback; files are the store's. One thread.
 *
 * Client. Three Poisson streams (Loopix, Piotrowska et al. 2017): real, loop, drop. A packet leaves
 * only at a tick of a stream; when the real stream has nothing to send it sends a drop message, so
 * what leaves tells nothing of what is said. A message is cut into fragments, each sealed to the
 * recipient's mailbox and sent with a reply block, by which the provider acknowledges it once it is
 * on disk. Without an acknowledgement in time a fragment goes again, with new keys and another
 * path; after FOG_MAIL_TRIES or FOG_MAIL_LIFE_MS the message is reported lost. Mail is fetched from
 * the client's own provider, with reply blocks too; a provider on this host is read directly.
 *
 * Payloads (884 bytes, zero filled):
 *	MESSAGE	0 type | 1 zero 3 | 4 reply block 572 | 576 sealed fragment 308; recipient = mailbox
 *	FETCH	0 type | 1 zero 3 | 4 mailbox 32 | 36 after u64 | 44 release u64 | 52 skip u32 |
 *		56 signature 64 | 120 reply block 572
 *	ACK	0 type
 *	MAIL	0 type | 1 zero 3 | 4 more u32 | 8 sequence u64 | 16 sequence of the one before, or
 *0 | 24 sealed fragment 308 EMPTY	0 type A fragment in clear, 260 bytes: id 16 | index u16 |
 *count u16 | length u16 | text 238. A message: sender's mailbox 32 | its provider 32 | Unix ms u64
 *| text. The sender is what the message says: nothing signs it. */
#ifndef FOG_EDGE_MIX_MAIL_H
#define FOG_EDGE_MIX_MAIL_H

#include "crypto/sign/seal.h"
#include "dataplane/abi/wire.h"
#include "dataplane/edge/mix/monitor.h"
#include "dataplane/edge/mix/store.h"
#include "dataplane/edge/mix/topology.h"

#define FOG_MAIL_TEXT_MAX    32768
#define FOG_MAIL_TRIES       8
#define FOG_MAIL_REPLIES_MAX 2048 /* reply blocks in the world; more: sending waits */
#define FOG_MAIL_LOOPS_MAX   256  /* loops under way; more: the stream sends drops */
#define FOG_MAIL_PARTIAL_MAX \
	FOG_STORE_HELD_MAX /* messages being put together: one a fragment held */
/* From acceptance on; then it is lost, whatever the tries. What recipients know again rests on it:
 * known.h. */
#define FOG_MAIL_LIFE_MS      (24ull * 3600 * 1000)
#define FOG_MAIL_PARTIAL_NS   (FOG_MAIL_LIFE_MS * 1000000) /* without news; then it is given up */
#define FOG_MAIL_AHEAD_NS     (600ull * 1000000000)        /* a provider's clock, at most */
#define FOG_MAIL_FETCH_WINDOW 256 /* fragments asked for beyond the first one not here */
#define FOG_MAIL_OUT_MAX      FOG_STORE_OUTBOX_MAX
#define FOG_MAIL_FRAGMENT     238
#define FOG_MAIL_HEAD         72
#define FOG_MAIL_FRAGMENTS    ((FOG_MAIL_TEXT_MAX + FOG_MAIL_HEAD) / FOG_MAIL_FRAGMENT + 1)

struct fog_mail_rates {
	double real, loop, drop; /* packets a second; 0 = none */
	u64 slack_ns;            /* beyond the chosen delays, before a fragment goes again */
	u64 fetch_ns;            /* pause when there was no mail */
};

enum fog_mail_state {
	FOG_MAIL_SENDING = 1,
	FOG_MAIL_DELIVERED = 2, /* the provider has all of it on disk */
	FOG_MAIL_LOST = 3,
};

struct fog_mail_out {
	bool used;
	enum fog_mail_state state;
	u8 id[FOG_STORE_ID];
	u8 provider[32];
	u8 mailbox[32];
	u64 accepted_ms;
	u32 size;
	u16 fragments, acked;
	u16 next; /* where the search for work goes on */
	u8 *text; /* message with its head; freed when it is over */
	struct {
		u8 tries;
		bool acked;
		u64 due_ns; /* goes at the next tick after it */
	} fragment[FOG_MAIL_FRAGMENTS];
};

struct fog_mail_reply {
	u8 kind; /* 0 free, 1 acknowledgement, 2 fetch */
	u8 id[FOG_SPHINX_SURB_ID];
	u8 message[FOG_STORE_ID]; /* of an acknowledgement: places are used again */
	u32 out, fragment;
	u64 number; /* of a fetch */
	u64 deadline_ns;
	struct fog_sphinx_surb_keys keys;
};

struct fog_mail_fetch {
	u64 sequence; /* 0 = not here */
	u64 before;   /* of the one before it at the provider; 0 = none */
	u64 due_ns;   /* when it is asked for */
};

struct fog_mail_loop {
	bool used;
	u8 id[FOG_SPHINX_SURB_ID];
	u8 hops;
	u8 node_id[FOG_MIXNET_HOPS][32];
	u64 due_ns;      /* by the delays in it */
	u64 deadline_ns; /* then it is lost */
};

struct fog_mail_partial {
	bool used;
	u8 id[FOG_STORE_ID];
	u16 count, have;
	u32 size;
	u64 first, last; /* sequences at the provider */
	u64 used_at;
	u8 *text;
	bool got[FOG_MAIL_FRAGMENTS];
};

struct fog_mail_ops {
	/* A packet for the data plane. False: no room, it is lost as if by the network. */
	bool (*send)(void *user, const u8 first_hop[32], u64 epoch, const u8 *packet);
	/* A message of ours is over (text is gone by then). May be NULL. */
	void (*over)(void *user, const struct fog_mail_out *m);
	/* A message is in the inbox. May be NULL. */
	void (*received)(void *user, const u8 id[FOG_STORE_ID]);
	/* A mix is suspected. May be NULL. */
	void (*suspect)(void *user, const struct fog_suspicion *s);
};

struct fog_mail_counts {
	u64 sent_real, sent_cover, sent_loops, sent_drops, resent, acked, delivered, lost, fetched;
	u64 held, hold_failed, received, duplicates, malformed, loops_back, loops_late, loops_lost;
	u64 loops_altered, replies_unknown, replies_altered, no_path;
};

struct fog_mail {
	const struct fog_mail_ops *ops;
	void *user;
	struct fog_mailstore *store;
	struct fog_sphinx_geometry geometry;
	struct fog_topology topology;
	struct fog_mail_rates rates;
	struct fog_rng rng;
	i64 wall_offset_ms;            /* Unix ms minus now in ms */
	struct fog_seal_keys box;      /* id: our address at the provider */
	u8 provider[32];               /* zero = this host */
	u64 real_ns, loop_ns, drop_ns; /* next ticks */
	u64 fetch_ns, judge_ns;
	u64 fetch_base;  /* number of the first fragment not here .. */
	u64 fetch_after; /* .. sequence of the one before it */
	u64 fetch_end;   /* numbers below it are known to be there */
	struct fog_mail_fetch fetch[FOG_MAIL_FETCH_WINDOW]; /* by number */
	u32 out_next;
	u32 partial_end;                  /* places of `partial` from it on are free */
	struct fog_mail_out *out;         /* FOG_MAIL_OUT_MAX */
	struct fog_mail_reply *reply;     /* FOG_MAIL_REPLIES_MAX */
	struct fog_mail_loop *loop;       /* FOG_MAIL_LOOPS_MAX */
	struct fog_mail_partial *partial; /* FOG_MAIL_PARTIAL_MAX */
	struct fog_monitor monitor;
	struct fog_mail_counts counts;
};

/* seed: of the mailbox, 32 bytes, kept by the caller. Messages left in the outbox go on being sent.
 * 0, -ENOMEM or -errno of the store. */
int fog_mail_init(struct fog_mail *m, const struct fog_mail_ops *ops, void *user,
		  struct fog_mailstore *store, const u8 seed[32], const u8 rng_seed[32], u64 now_ns,
		  u64 now_ms);
void fog_mail_free(struct fog_mail *m);
void fog_mail_topology(struct fog_mail *m, const struct fog_topology *t, u64 now_ns);
void fog_mail_rates_set(struct fog_mail *m, const struct fog_mail_rates *r, u64 now_ns);
/* Who holds mail for us; zero = this host. */
void fog_mail_provider_set(struct fog_mail *m, const u8 provider[32]);

/* Accept a message: on disk on return. 0; -EMSGSIZE; -ENOSPC: FOG_MAIL_OUT_MAX under way; -errno of
 * the store. */
int fog_mail_send(struct fog_mail *m, const u8 provider[32], const u8 mailbox[32], const void *text,
		  size_t len, u64 now_ns, u8 id[FOG_STORE_ID]);
/* Forget one that is over. -ENOENT, -EBUSY. */
int fog_mail_forget(struct fog_mail *m, const u8 id[FOG_STORE_ID]);

/* What the data plane delivers: flags FOG_EDGE_MIX_*, data = payload tag and payload, which is
 * changed. Only what is authentic has any effect. */
void fog_mail_receive(struct fog_mail *m, u32 flags, const u8 recipient[32],
		      const u8 surb[FOG_SPHINX_SURB_ID], u64 epoch, u8 *data, size_t len,
		      u64 now_ns);
/* Ticks of the streams, time-outs. */
void fog_mail_poll(struct fog_mail *m, u64 now_ns);
u64 fog_mail_next(const struct fog_mail *m);

/* ---- between the files ---- */

enum fog_mail_type {
	FOG_MAIL_DROP = 0,
	FOG_MAIL_MESSAGE = 1,
	FOG_MAIL_FETCH = 2,
	FOG_MAIL_ACK = 3,
	FOG_MAIL_MAIL = 4,
	FOG_MAIL_EMPTY = 5,
};

#define FOG_MAIL_SEALED        308
#define FOG_MAIL_CLEAR         260
#define FOG_MAIL_SURB_AT       4
#define FOG_MAIL_SEAL_AT       576
#define FOG_MAIL_FETCH_SURB_AT 120
#define FOG_MAIL_REPLY_AT      24

/* mailbox.c: what arrives */
void fog_mail_fragment(struct fog_mail *m, const u8 sealed[FOG_MAIL_SEALED], u64 sequence,
		       u64 now_ns);
void fog_mail_local(struct fog_mail *m, u64 now_ns); /* our own box, when it is here */
/* What is whole but had no room in the inbox. */
void fog_mail_partials(struct fog_mail *m, u64 now_ns);
u64 fog_mail_release_upto(const struct fog_mail *m);
/* provider.c: what others ask of us */
void fog_mail_provide(struct fog_mail *m, const u8 recipient[32], u64 epoch, const u8 *payload,
		      u64 now_ns);
void fog_mail_fetch_sign(const struct fog_mail *m, u8 *payload, const u8 provider[32]);
/* mail.c */
bool fog_mail_provider_is_here(const struct fog_mail *m);

#endif
