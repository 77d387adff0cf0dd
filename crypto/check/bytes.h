/* SPDX-License-Identifier: BSD-3-Clause */
/* Inside crypto/ only: reading and writing payloads without ever running past their end. */
#ifndef FOG_CRYPTO_CHECK_BYTES_H
#define FOG_CRYPTO_CHECK_BYTES_H

#include "crypto/types.h"

struct fog_reader {
	const u8 *at;
	size_t left;
	bool bad; /* asked for more than there was */
};

/* `len` bytes, or NULL and bad. */
static inline const u8 *fog_read(struct fog_reader *r, size_t len)
{
	const u8 *at = r->at;

	if (r->bad || len > r->left) {
		r->bad = true;
		return NULL;
	}
	r->at += len;
	r->left -= len;
	return at;
}

static inline u8 fog_read_u8(struct fog_reader *r)
{
	const u8 *at = fog_read(r, 1);

	return at == NULL ? 0 : *at;
}

static inline u16 fog_read_u16(struct fog_reader *r)
{
	const u8 *at = fog_read(r, 2);

	return at == NULL ? 0 : fog_load_u16(at);
}

static inline u64 fog_read_u64(struct fog_reader *r)
{
	const u8 *at = fog_read(r, 8);

	return at == NULL ? 0 : fog_load_u64(at);
}

struct fog_writer {
	u8 *at;
	size_t left, done;
	bool bad; /* more than fits was written */
};

static inline void fog_write(struct fog_writer *w, const void *data, size_t len)
{
	if (w->bad || len > w->left) {
		w->bad = true;
		return;
	}
	if (len != 0)
		memcpy(w->at, data, len);
	w->at += len;
	w->left -= len;
	w->done += len;
}

static inline void fog_write_u8(struct fog_writer *w, u8 v)
{
	fog_write(w, &v, 1);
}

static inline void fog_write_u16(struct fog_writer *w, u16 v)
{
	fog_write(w, &v, 2);
}

static inline void fog_write_u64(struct fog_writer *w, u64 v)
{
	fog_write(w, &v, 8);
}

#endif
