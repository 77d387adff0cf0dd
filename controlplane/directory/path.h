/* SPDX-License-Identifier: BSD-3-Clause */
/* Choosing the hosts of a circuit. Pure: hosts, guards, time and randomness are parameters, so that
 * the same code runs in the daemon, in tests and in the simulator.
 *
 * A path is: first hop from a small set of guards that is kept for months (an attacker who waits
 * for circuits to come by sees the same few first hops and nothing more), relays in the middle,
 * then the terminus. All hosts differ, their operators and networks too where enough are known.
 * New guards are taken in the order of the epoch's verifiable draw (draw.h), so that nobody, this
 * host's operator included, can choose them; else choice is random, weighted by reputation. */
#ifndef FOG_DIRECTORY_PATH_H
#define FOG_DIRECTORY_PATH_H

#include "controlplane/directory/descriptor.h"
#include "crypto/random/random.h"

#define FOG_PATH_HOPS_MAX    8  /* = FOG_HOPS_MAX of the wire */
#define FOG_PATH_EXCLUDE_MAX 64 /* hosts a request may exclude; more are refused */
#define FOG_PATH_HOSTS_MAX   4096
#define FOG_PATH_WHY_SIZE    256

#define FOG_GUARDS_MAX     20 /* ever tried; the oldest unusable one makes room */
#define FOG_GUARDS_PRIMARY 3  /* in use: the first usable ones of the list */
#define FOG_GUARD_LIFE_MS  (90ull * 24 * 3600 * 1000)

/* What this host's data plane says about its link to a host. */
enum fog_link_state {
	FOG_LINK_NONE = 0, /* we keep no link to it */
	FOG_LINK_DOWN,     /* not up, and not recently either */
	FOG_LINK_RECENT,   /* down for less than FOG_LINK_RECENT_MS */
	FOG_LINK_UP,
};

#define FOG_LINK_RECENT_MS 15000

struct fog_path_host {
	const struct fog_descriptor *d;
	enum fog_link_state link;
	double weight; /* reputation, > 0; 1.0 when nothing is known */
	u32 drawn;     /* place in the epoch's draw of relays, from 1; 0 = not in it */
};

/* Ordered: the first ones are used first. Kept by the caller (and stored when it changes). */
struct fog_guards {
	u32 count;
	struct {
		u8 node_id[32];
		u64 added_ms;
	} list[FOG_GUARDS_MAX];
};

enum fog_path_purpose {
	FOG_PATH_EXIT = 1, /* terminus: exit whose policy allows host:port */
	FOG_PATH_JOB,      /* terminus: the target, a worker */
	FOG_PATH_NODE,     /* terminus: the target */
};

struct fog_path_request {
	enum fog_path_purpose purpose;
	bool has_target; /* for EXIT: this exit and no other */
	u8 target[32];
	bool has_ip; /* the destination is an address; else a name: its port alone is checked */
	u8 ip[16];
	u16 port;
	u32 hops; /* 1 .. FOG_PATH_HOPS_MAX */
	u32 exclude_count;
	u8 exclude[FOG_PATH_EXCLUDE_MAX][32];
};

struct fog_path {
	u32 count;
	const struct fog_descriptor *hops[FOG_PATH_HOPS_MAX]; /* first hop first */
};

/* `self` is never in a path. *guards may be extended: *guards_changed tells. Returns 0; -EINVAL:
 * the request makes no sense; -ENOENT: no such target; -EHOSTUNREACH: not enough hosts. `why` is a
 * sentence for the user. Cost: one pass over the hosts per hop. */
int fog_path_choose(struct fog_path *out, const struct fog_path_request *request, const u8 self[32],
		    const struct fog_path_host *hosts, u32 host_count, struct fog_guards *guards,
		    bool *guards_changed, u64 now_ms, struct fog_rng *rng,
		    char why[FOG_PATH_WHY_SIZE]);

/* Forget guards older than their life. Returns whether any was. */
bool fog_guards_expire(struct fog_guards *guards, u64 now_ms);

#endif
