/* SPDX-License-Identifier: BSD-3-Clause */
/* Files of the mail: what this host holds as a provider, what it has received, what it has promised
 * to send. A call that stores returns when the bytes are on disk, so what is acknowledged survives
 * a crash. One process, one thread.
 *
 *	DIR/held/MAILBOX/SEQUENCE	fragments for a mailbox, until its owner fetched them
 *	DIR/inbox/ID			received messages, until the user took them
 *	DIR/outbox/ID			accepted messages, until acknowledged or given up
 *	DIR/received[.before]		which messages were received lately: known.h
 *
 * Names are lower-case hex digits. */
#ifndef FOG_EDGE_MIX_STORE_H
#define FOG_EDGE_MIX_STORE_H

#include "crypto/types.h"
#include "dataplane/edge/mix/known.h"

#define FOG_STORE_HELD_MAX    4096 /* fragments of a mailbox; more are not acknowledged */
#define FOG_STORE_BOXES_MAX   1024 /* mailboxes; likewise */
#define FOG_STORE_INBOX_MAX   1024 /* messages; then nothing more is fetched */
#define FOG_STORE_OUTBOX_MAX  256  /* messages; then sending is refused */
#define FOG_STORE_MESSAGE_MAX 65536
#define FOG_STORE_ID          FOG_KNOWN_ID

/* What is held for a mailbox, as the folder says. */
struct fog_mailstore_box {
	u8 mailbox[32];
	u64 *sequence; /* ascending */
	u32 count, room;
};

struct fog_mailstore {
	int held, inbox, outbox, root; /* folders */
	struct fog_mailstore_box *box; /* FOG_STORE_BOXES_MAX; 32 KiB each when full */
	u32 boxes;
	u64 sequence; /* last one given to a held fragment */
	u64 held_count, inbox_count, outbox_count;
	struct fog_known known; /* what came; the caller adds */
};

/* Make and open the folders under `dir` (made too, mode 0700). 0, -ENOMEM, -ENOSPC when more lies
 * in them than the limits allow, or -errno. */
int fog_mailstore_open(struct fog_mailstore *s, const char *dir);
void fog_mailstore_close(struct fog_mailstore *s);

/* Provider. Sequences grow; hold gives the next. -ENOSPC: limits. */
int fog_mailstore_hold(struct fog_mailstore *s, const u8 mailbox[32], const void *data, size_t len);
struct fog_mailstore_fragment {
	void *data; /* the caller's, of `room` bytes */
	size_t room;
	size_t len;
	u64 sequence;
	u64 before; /* sequence of the one before it; 0 = it is the first */
	u32 more;   /* after it */
};

/* The fragment after the `skip` first ones after `after`. -ENOENT: none. */
int fog_mailstore_held(struct fog_mailstore *s, const u8 mailbox[32], u64 after, u32 skip,
		       struct fog_mailstore_fragment *out);
/* Forget those up to and with `upto`. */
int fog_mailstore_release(struct fog_mailstore *s, const u8 mailbox[32], u64 upto);

enum fog_mailbox_side {
	FOG_MAILSTORE_INBOX = 1,
	FOG_MAILSTORE_OUTBOX = 2,
};

/* -EEXIST: we have it. -ENOSPC: limits. */
int fog_mailstore_put(struct fog_mailstore *s, enum fog_mailbox_side side,
		      const u8 id[FOG_STORE_ID], const void *data, size_t len);
int fog_mailstore_get(struct fog_mailstore *s, enum fog_mailbox_side side,
		      const u8 id[FOG_STORE_ID], void *data, size_t cap, size_t *len);
int fog_mailstore_delete(struct fog_mailstore *s, enum fog_mailbox_side side,
			 const u8 id[FOG_STORE_ID]);
/* Up to `max` ids, oldest name order. Returns how many, or -errno. */
int fog_mailstore_list(struct fog_mailstore *s, enum fog_mailbox_side side, u8 (*id)[FOG_STORE_ID],
		       unsigned max);

#endif
