/* SPDX-License-Identifier: BSD-3-Clause */
/* Byte queue of fixed chunks: what waits in a stream, either way. Bytes keep their addresses until
 * they are dropped, so that QUIC can send them again from here. All queues of a process share one
 * budget. One thread. */
#ifndef FOG_EDGE_BUF_H
#define FOG_EDGE_BUF_H

#include "crypto/types.h"

#define FOG_BUF_CHUNK 16384

struct fog_buf_chunk {
	struct fog_buf_chunk *next;
	u32 start;
	u32 end;
	u8 data[FOG_BUF_CHUNK];
};

/* Memory of all queues; size counts whole chunks, so it bounds what is really held. */
struct fog_budget {
	u64 size;
	u64 size_max;
};

struct fog_buf {
	struct fog_buf_chunk *head;
	struct fog_buf_chunk *tail;
	struct fog_buf_chunk *cursor; /* first chunk not wholly read; NULL = at the end */
	u32 cursor_offset;            /* in it */
	u64 size;                     /* bytes held */
	u64 unread;                   /* of these, not yet passed by the cursor */
	struct fog_budget *budget;
};

void fog_buf_init(struct fog_buf *b, struct fog_budget *budget);
/* Drop everything. */
void fog_buf_clear(struct fog_buf *b);

/* Copy bytes in. 0, -ENOBUFS (over budget) or -ENOMEM; nothing is taken then. */
int fog_buf_append(struct fog_buf *b, const void *data, size_t size);
/* Room for a read(2) straight into the tail: a pointer and at least 1 byte. -ENOBUFS or -ENOMEM. */
int fog_buf_reserve(struct fog_buf *b, u8 **room, size_t *size);
void fog_buf_commit(struct fog_buf *b, size_t size);

/* The first contiguous bytes held; 0 when empty. */
size_t fog_buf_peek(const struct fog_buf *b, const u8 **data);
/* Copy the first bytes held, at most `size`, without taking them. Returns how many. */
size_t fog_buf_copy(const struct fog_buf *b, void *out, size_t size);
/* Forget the first bytes; size <= b->size. The cursor moves along when it stood in them. */
void fog_buf_drop(struct fog_buf *b, size_t size);

/* The contiguous bytes at the cursor; 0 when all is read. Advance past what was taken. */
size_t fog_buf_cursor_peek(const struct fog_buf *b, const u8 **data);
void fog_buf_cursor_advance(struct fog_buf *b, size_t size);

#endif
