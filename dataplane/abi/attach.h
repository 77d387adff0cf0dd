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

#define FOG_REGION_SIZE_MAX ((size_t)1 << 30) /* larger: -EINVAL */

/* Create and map a region of zeroes, fill its header (workers stays 0, the owner sets it). The
 * pages are kept out of core dumps. 0, -EINVAL (size, kind, name) or -errno of the kernel. */
int fog_region_create(struct fog_region *r, const char *name, size_t size, u32 kind, u64 boot_id);

/* Map the other side's region read-only after checking seals, size and header. Takes fd on success;
 * on failure fd stays the caller's and *r is empty. -EPROTO: not a memfd, not sealed, wrong size,
 * magic, ABI, kind or layout hash. */
int fog_region_map_peer(struct fog_region *r, int fd, size_t size, u32 kind);

/* Unmap and close. A closed or all-zero region with fd -1 or 0 size is left alone. */
void fog_region_close(struct fog_region *r);

/* FNV-1a over (name, offset, size) of every field of every shared struct and over every constant of
 * the ABI, as listed in abi.c. */
u64 fog_abi_layout_hash(void);

/* Print one line a field, "struct.field offset size", one a constant, "NAME value 0", and last
 * "layout_hash <16 hex digits>": the text of tests/abi/golden.txt. */
void fog_abi_layout_print(FILE *out);

const char *fog_drop_name(enum fog_drop d); /* "link_auth"; "unknown" out of range */
const char *fog_drop_text(enum fog_drop d); /* likewise */
/* Counter i of the X-macro list: name, unit, help (each may be NULL); false past the end. */
bool fog_counter_info(unsigned i, const char **name, const char **unit, const char **help);
/* Relaxed load of counter i; 0 past the end. Drops: fog_counter_drop(). */
u64 fog_counter_read(const struct fog_counters *c, unsigned i);
u64 fog_counter_drop(const struct fog_counters *c, enum fog_drop d);

/* A client's attachment (control plane or edge). Every fd is -1 when absent. */
struct fog_attachment {
	int sock;   /* SOCK_SEQPACKET; readable with EOF when the data plane is gone */
	int notify; /* eventfd the data plane writes */
	int wake[FOG_WORKERS_MAX]; /* control: one per worker; edge: [0], its one worker */
	int wake_verify[FOG_VERIFY_WORKERS_MAX]; /* control only: one per verify worker */
	int steer[FOG_WORKERS_MAX]; /* control only: AF_XDP socket of worker w, bound to queue w */
	u32 workers;
	u32 verify_workers;
	u32 role;               /* enum fog_hello_role */
	u64 number;             /* reply.attachment */
	struct fog_region own;  /* written by us */
	struct fog_region peer; /* written by the data plane, read-only */
};

/* Connect to `path`, exchange HELLO, map the regions. Blocks at most timeout_ms. 0 or -errno; with
 * -EPROTO `why` (256 bytes) says what disagreed. The rings of a control attachment may be used once
 * fog_attachment_ready() (every worker took it up); an edge gets a fresh region pair with every
 * attachment, so it may start at once. */
int fog_attach(struct fog_attachment *a, const char *path, enum fog_hello_role role, u64 boot_id,
	       int timeout_ms, char why[256]);

/* The same in two steps that never block, for an event loop. start connects and sends HELLO: 0, or
 * -errno with nothing left open (-EAGAIN: the data plane's queue is full, come back later; -EPERM:
 * the listener is neither root nor us). finish, when a->sock is readable: 0, -EAGAIN (no answer
 * yet), or -errno with everything closed; a refusal gives the data plane's errno and text. */
int fog_attach_start(struct fog_attachment *a, const char *path, enum fog_hello_role role,
		     u64 boot_id, char why[256]);
int fog_attach_finish(struct fog_attachment *a, char why[256]);

bool fog_attachment_ready(const struct fog_attachment *a);
/* Write the eventfd of a worker (< a->workers; an edge passes 0) or of a verify worker. Cheap
 * enough to call whenever fog_ring_wants_wake() says so; never blocks. */
void fog_attachment_wake(const struct fog_attachment *a, u32 worker);
void fog_attachment_wake_verify(const struct fog_attachment *a, u32 worker);
/* Close the AF_XDP sockets: whoever keeps one keeps its queue from the next data plane. */
void fog_attachment_forget_steer(struct fog_attachment *a);
/* Close and unmap everything; safe on an attachment that is closed already. */
void fog_detach(struct fog_attachment *a);

/* Server side. receive takes one HELLO from an accepted socket without blocking: 0 and an owned
 * *region_fd; -EAGAIN (nothing sent yet), -ECONNRESET (hung up), or another -errno with `why` set
 * for the refusal and *region_fd -1: -EBADMSG (size or magic), -EPROTO (ABI, layout, role, fds).
 * reply sends without blocking; fds are still the caller's. count <= FOG_REPLY_FDS_MAX. */
#define FOG_REPLY_FDS_MAX (2 + 2 * FOG_WORKERS_MAX + FOG_VERIFY_WORKERS_MAX)
int fog_hello_receive(int sock, struct fog_hello *hello, int *region_fd, char why[72]);
int fog_hello_reply(int sock, const struct fog_hello_reply *reply, const int *fds, unsigned count);

/* Snapshot page: publish (writer) and copy out (reader: any number). read returns the sequence of
 * the copy, 0 when nothing was ever published or no stable copy was seen in 16 tries. The page may
 * belong to another process: the copy is stable, not trusted. */
void fog_snapshot_publish(struct fog_snapshot_page *page, const struct fog_snapshot *s);
u64 fog_snapshot_read(const struct fog_snapshot_page *page, struct fog_snapshot *out);

/* A consistent copy of the mix's public keys. False: none yet, or being written all the time. */
bool fog_mix_keys_read(const struct fog_mix_keys *keys, u64 epoch[FOG_MIX_KEYS],
		       u8 key[FOG_MIX_KEYS][32]);

#endif
