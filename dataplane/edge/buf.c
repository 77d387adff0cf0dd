/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/edge/buf.h"

#include <errno.h>

void fog_buf_init(struct fog_buf *b, struct fog_budget *budget)
{
	memset(b, 0, sizeof(*b));
	b->budget = budget;
}

static void head_free(struct fog_buf *b)
{
	struct fog_buf_chunk *c = b->head;

	b->head = c->next;
	if (b->head == NULL)
		b->tail = NULL;
	if (b->cursor == c) {
		b->cursor = b->head;
		b->cursor_offset = b->head != NULL ? b->head->start : 0;
	}
	free(c);
	b->budget->size -= sizeof(*c);
}

void fog_buf_clear(struct fog_buf *b)
{
	while (b->head != NULL)
		head_free(b);
	b->size = 0;
	b->unread = 0;
}

static int tail_add(struct fog_buf *b)
{
	if (b->budget->size + sizeof(struct fog_buf_chunk) > b->budget->size_max)
		return -ENOBUFS;
	struct fog_buf_chunk *c = malloc(sizeof(*c));
	if (c == NULL)
		return -ENOMEM;
	c->next = NULL;
	c->start = 0;
	c->end = 0;
	b->budget->size += sizeof(*c);
	if (b->tail != NULL)
		b->tail->next = c;
	else
		b->head = c;
	b->tail = c;
	return 0;
}

int fog_buf_reserve(struct fog_buf *b, u8 **room, size_t *size)
{
	if (b->tail == NULL || b->tail->end == FOG_BUF_CHUNK) {
		int rc = tail_add(b);

		if (rc != 0)
			return rc;
	}
	*room = b->tail->data + b->tail->end;
	*size = FOG_BUF_CHUNK - b->tail->end;
	return 0;
}

void fog_buf_commit(struct fog_buf *b, size_t size)
{
	FOG_ASSERT(b->tail != NULL);
	FOG_ASSERT(size <= FOG_BUF_CHUNK - b->tail->end);
	if (size == 0)
		return;
	if (b->cursor == NULL) {
		b->cursor = b->tail;
		b->cursor_offset = b->tail->end;
	}
	b->tail->end += (u32)size;
	b->size += size;
	b->unread += size;
}

int fog_buf_append(struct fog_buf *b, const void *data, size_t size)
{
	const u8 *from = data;
	size_t room = b->tail != NULL ? FOG_BUF_CHUNK - b->tail->end : 0;
	size_t chunks = size > room ? (size - room + FOG_BUF_CHUNK - 1) / FOG_BUF_CHUNK : 0;

	if (b->budget->size + chunks * sizeof(struct fog_buf_chunk) > b->budget->size_max)
		return -ENOBUFS;
	while (size != 0) {
		u8 *to;
		size_t n;
		int rc = fog_buf_reserve(b, &to, &n);

		if (rc != 0)
			return rc;
		n = FOG_MIN(n, size);
		memcpy(to, from, n);
		fog_buf_commit(b, n);
		from += n;
		size -= n;
	}
	return 0;
}

size_t fog_buf_peek(const struct fog_buf *b, const u8 **data)
{
	if (b->size == 0)
		return 0;
	*data = b->head->data + b->head->start;
	return b->head->end - b->head->start;
}

size_t fog_buf_copy(const struct fog_buf *b, void *out, size_t size)
{
	size_t done = 0;

	for (const struct fog_buf_chunk *c = b->head; c != NULL && done < size; c = c->next) {
		size_t n = FOG_MIN((size_t)(c->end - c->start), size - done);

		memcpy((u8 *)out + done, c->data + c->start, n);
		done += n;
	}
	return done;
}

void fog_buf_drop(struct fog_buf *b, size_t size)
{
	FOG_ASSERT(size <= b->size);
	while (size != 0) {
		struct fog_buf_chunk *c = b->head;
		size_t n = FOG_MIN(size, (size_t)(c->end - c->start));

		if (b->cursor == c && b->cursor_offset < c->start + n) {
			b->unread -= c->start + n - b->cursor_offset;
			b->cursor_offset = c->start + (u32)n;
		}
		c->start += (u32)n;
		b->size -= n;
		size -= n;
		if (c->start == c->end)
			head_free(b);
	}
}

size_t fog_buf_cursor_peek(const struct fog_buf *b, const u8 **data)
{
	if (b->cursor == NULL)
		return 0;
	*data = b->cursor->data + b->cursor_offset;
	return b->cursor->end - b->cursor_offset;
}

void fog_buf_cursor_advance(struct fog_buf *b, size_t size)
{
	FOG_ASSERT(size <= b->unread);
	while (size != 0) {
		size_t n = FOG_MIN(size, (size_t)(b->cursor->end - b->cursor_offset));

		b->cursor_offset += (u32)n;
		b->unread -= n;
		size -= n;
		if (b->cursor_offset != b->cursor->end)
			break;
		if (b->cursor == b->tail) {
			b->cursor = NULL;
			b->cursor_offset = 0;
			break;
		}
		b->cursor = b->cursor->next;
		b->cursor_offset = b->cursor->start;
	}
}
