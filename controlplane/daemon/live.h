/* SPDX-License-Identifier: BSD-3-Clause */
/* The messages of /ws/fog, without any transport: JSON texts in, JSON texts out.
 *
 *	{"type":"ping"}                  -> {"type":"pong"}
 *	{"type":"get_fog_status"}        -> {"type":"fog_status_update","data":..}
 *	{"type":"subscribe_pricing"}     -> {"type":"pricing_update","data":..}, then with each
 *change
 *	{"type":"unsubscribe_pricing"}
 *	{"type":"subscribe","topics":["jobs","log"]} -> {"type":"subscribed","topics":[all of
 *them]}, then what there is of state, then what happens
 *	{"type":"unsubscribe","topics":[..]} -> {"type":"unsubscribed","topics":[those left]}
 *
 * Each message out has a "timestamp"; what is wrong is answered {"type":"error","code","message"}.
 *
 * Back-pressure. Topics are of two kinds. Of a state (status, pricing) a client that is slow gets
 * the newest when it can take it; nothing waits meanwhile. Of events (the others) it loses what
 *does not fit its queue and is told how many, {"type":"events_lost","topic","count"}, before the
 *next one. The loop's thread only. */
#ifndef FOG_DAEMON_LIVE_H
#define FOG_DAEMON_LIVE_H

#include <jansson.h>

#include "crypto/types.h"

#define FOG_LIVE_TEXT_MAX 1048576 /* characters of a message from a client */

enum fog_live_topic {
	FOG_LIVE_STATUS = 0, /* "fog_status_update" */
	FOG_LIVE_PRICING,    /* "pricing_update" */
	FOG_LIVE_JOBS,       /* "job_update" */
	FOG_LIVE_CIRCUITS,   /* "circuit_update" */
	FOG_LIVE_CONSENSUS,  /* "consensus_update" */
	FOG_LIVE_ALERTS,     /* "alert" */
	FOG_LIVE_LOG,        /* "log" */
	FOG_LIVE_TOPICS
};
const char *fog_live_topic_name(enum fog_live_topic t);

struct fog_live;
struct fog_live_client;

struct fog_live_ports {
	/* The state of STATUS or PRICING: new; NULL without memory. */
	json_t *(*state)(void *ctx, enum fog_live_topic t);
	/* To the client's peer. 0; -ENOBUFS: its queue is full; or another -errno: it is going. */
	int (*send)(void *peer, const char *text, size_t len);
	/* May this peer have the topic? NULL: yes. */
	bool (*may)(void *peer, enum fog_live_topic t);
	/* Is what belongs to `owner` this peer's to see? NULL: yes. */
	bool (*owns)(void *peer, const char *owner);
	void *ctx;
};

int fog_live_new(struct fog_live **out, const struct fog_live_ports *ports);
void fog_live_free(struct fog_live *l); /* no client is left; NULL is fine */

/* A client; it is greeted. NULL without memory. */
struct fog_live_client *fog_live_join(struct fog_live *l, void *peer);
void fog_live_leave(struct fog_live_client *c);
/* A text from it. */
void fog_live_message(struct fog_live_client *c, const char *text, size_t len);
/* Its queue has room again: state it missed is sent. */
void fog_live_writable(struct fog_live_client *c);

/* Is anybody subscribed? */
bool fog_live_wanted(const struct fog_live *l, enum fog_live_topic t);
u32 fog_live_clients(const struct fog_live *l);
/* Something happened, to all who subscribed; takes over data. Of a state, data NULL: ask for it.
 * owner: only to those who may see what is its; NULL: to all. */
void fog_live_publish(struct fog_live *l, enum fog_live_topic t, const char *owner, json_t *data);

#endif
