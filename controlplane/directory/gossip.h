/* SPDX-License-Identifier: BSD-3-Clause */
/* One exchange of descriptors between two hosts, as a state machine over messages: no sockets, no
 * clock. Both sides run the same:
 *
 *	digest ..	what I have: node ids and sequences, FOG_GOSSIP_PAGE a message, the last
 *says so want ..		after each page of the other's: what is newer there descriptors ..
 *the answer to a want; its last message says so done		I have the other's last page and all
 *answers to my wants
 *
 * The exchange is over when done was sent and received. docs/design/directory.md has the JSON. */
#ifndef FOG_DIRECTORY_GOSSIP_H
#define FOG_DIRECTORY_GOSSIP_H

#include "controlplane/directory/directory.h"

#define FOG_GOSSIP_PAGE        500
#define FOG_GOSSIP_BATCH_BYTES (40 * 1024) /* of descriptors in one message, at least one */
#define FOG_GOSSIP_MESSAGE_MAX (65535 - 16)
/* Pages, wants and batches of a full directory, with room; then -EOVERFLOW. */
#define FOG_GOSSIP_MESSAGES_MAX (FOG_DIRECTORY_HOSTS_MAX + 64)
#define FOG_GOSSIP_WHY_SIZE     160

struct fog_gossip;

struct fog_gossip_result {
	u32 offered;  /* by the other side and newer than ours, so we asked */
	u32 accepted; /* of those, taken into the directory */
	u32 sent;     /* descriptors we gave */
};

/* Send one message to the other side. 0; -EAGAIN: full, fog_gossip_pump() comes later; else -errno
 * ends the exchange. */
typedef int (*fog_gossip_send_fn)(void *ctx, const char *text, u32 len);

int fog_gossip_new(struct fog_gossip **out, struct fog_directory *dir, fog_gossip_send_fn send,
		   void *ctx);
void fog_gossip_free(struct fog_gossip *g);

/* Begin (or go on after -EAGAIN): sends as much as goes. 0 or -errno. */
int fog_gossip_pump(struct fog_gossip *g);
/* A message of the other side. 0, or -EPROTO / -EOVERFLOW: it breaks the rules, `why` says how. */
int fog_gossip_message(struct fog_gossip *g, const u8 *data, u32 len, u64 now_ms,
		       char why[FOG_GOSSIP_WHY_SIZE]);
bool fog_gossip_finished(const struct fog_gossip *g);
const struct fog_gossip_result *fog_gossip_result(const struct fog_gossip *g);

#endif
