/* SPDX-License-Identifier: BSD-3-Clause */
/* Sealed regions and the HELLO exchange, for both ends. Used by fog-dataplane (accepting),
 * fog-controlplane and fog-edge (connecting), and by tests. No threads, no globals. */
#ifndef FOG_ATTACH_H
#define FOG_ATTACH_H

#include "dataplane/abi/abi.h"
#include "dataplane/abi/edge.h"

/* A region this process writes: memfd mapped read-write, then sealed against growing, shrinking and
 * any further writable mapping (F_SEAL_SHRINK | GROW | FUTURE_WRITE | SEAL). */
struct fog_region {
	void *base;
	size_t size;
	int fd;
};

/* Create and map a region, fill its header. 0 or -errno. */
int fog_region_create(struct fog_region *r, const char *name, size_t size, u32 kind, u64 boot_id);

/* Map the other side's region read-only after checking seals, size and header. Takes fd on success.
 * -EPROTO: not sealed, wrong size, magic, ABI, kind or layout hash. */
int fog_region_map_peer(struct fog_region *r, int fd, size_t size, u32 kind);

void fog_region_close(struct fog_region *r);

/* FNV-1a over (name, offset, size) of every field of every shared struct, as listed in abi.c. */
u64 fog_abi_layout_hash(void);

/* Print one line a field, "struct.field offset size": the text of tests/abi/golden.txt. */
void fog_abi_layout_print(FILE *out);

const char *fog_drop_name(enum fog_drop d); /* "link_auth" */
const char *fog_drop_text(enum fog_drop d);
/* Counter i of the X-macro list: name, unit, help; false past the end. */
bool fog_counter_info(unsigned i, const char **name, const char **unit, const char **help);
u64 fog_counter_read(const struct fog_counters *c, unsigned i);

/* A client's attachment (control plane or edge). */
struct fog_attachment {
	int sock;   /* SOCK_SEQPACKET; readable with EOF when the data plane is gone */
	int notify; /* eventfd the data plane writes */
	int wake[FOG_WORKERS_MAX];
	u32 workers;
	u64 number; /* reply.attachment */
	struct fog_region own;  /* written by us */
	struct fog_region peer; /* written by the data plane, read-only */
};

/* Connect to `path`, exchange HELLO, map the regions. Blocks at most timeout_ms. 0 or -errno; with
 * -EPROTO `why` (256 bytes) says what disagreed. The rings of a control attachment may be used once
 * fog_attachment_ready() (every worker took it up); an edge gets a fresh region pair with every
 * attachment, so it may start at once. */
int fog_attach(struct fog_attachment *a, const char *path, enum fog_hello_role role, u64 boot_id,
	       int timeout_ms, char why[256]);
bool fog_attachment_ready(const struct fog_attachment *a);
void fog_attachment_wake(const struct fog_attachment *a, u32 worker);
void fog_detach(struct fog_attachment *a);

/* Server side: receive and check a HELLO on an accepted socket; send the reply with its fds. */
int fog_hello_receive(int sock, struct fog_hello *hello, int *region_fd, char why[72]);
int fog_hello_reply(int sock, const struct fog_hello_reply *reply, const int *fds, unsigned count);

/* Snapshot page: publish (writer) and copy out (reader: any number). read returns the sequence of
 * the copy, 0 when nothing was ever published or no stable copy was seen in 16 tries. */
void fog_snapshot_publish(struct fog_snapshot_page *page, const struct fog_snapshot *s);
u64 fog_snapshot_read(const struct fog_snapshot_page *page, struct fog_snapshot *out);

#endif
