/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/quorum/sync.h"

#include <errno.h>

void fog_sync_status_encode(const struct fog_sync_status *s, u8 out[FOG_STATUS_SIZE])
{
	const u64 v[] = {s->epoch, s->view, s->height, s->first, s->snapshot, s->pool};

	for (u32 i = 0; i < FOG_ARRAY_COUNT(v); i++)
		fog_store_u64(out + 8 * i, v[i]);
}

int fog_sync_status_decode(struct fog_sync_status *s, const u8 *data, u32 len)
{
	u64 v[6];

	if (len != FOG_STATUS_SIZE)
		return -EBADMSG;
	for (u32 i = 0; i < 6; i++)
		v[i] = fog_load_u64(data + 8 * i);
	*s = (struct fog_sync_status){v[0], v[1], v[2], v[3], v[4], v[5]};
	return 0;
}

int fog_sync_range_make(const struct fog_sync_source *source, u64 from, u8 **out, u32 *len)
{
	struct fog_block *blocks[FOG_SYNC_BLOCKS_MAX];
	struct fog_certificate cert, best = {0};
	u32 count = 0, good = 0, bytes = 2, good_bytes = 0;

	/* Up to the last block with a certificate of its own: within one epoch, so that one set
	 * judges all. */
	while (count < FOG_SYNC_BLOCKS_MAX && (good == 0 || bytes < FOG_SYNC_BYTES_SOFT)) {
		struct fog_block *b = source->block(source->context, from + count, &cert);
		if (b == NULL)
			break;
		blocks[count++] = b;
		bytes += 4 + b->len;
		if (cert.kind != 0) {
			best = cert;
			good = count;
			good_bytes = bytes;
		}
		if (b->header.last)
			break;
	}
	u8 *p = good != 0 && good_bytes < FOG_SYNC_SIZE_MAX - FOG_CERTIFICATE_SIZE_MAX
			? malloc(good_bytes + FOG_CERTIFICATE_SIZE_MAX)
			: NULL;
	*out = p;
	if (p != NULL) {
		fog_store_u16(p, (u16)good);
		p += 2;
		for (u32 i = 0; i < good; i++) {
			fog_store_u32(p, blocks[i]->len);
			memcpy(p + 4, blocks[i]->bytes, blocks[i]->len);
			p += 4 + blocks[i]->len;
		}
		*len = good_bytes + fog_certificate_encode(&best, p);
	}
	for (u32 i = 0; i < count; i++)
		fog_block_unref(blocks[i]);
	return *out != NULL ? 0 : -ENOENT;
}

static int blocks_decode(struct fog_sync_range *r, u32 count, const u8 **p, const u8 *end)
{
	for (u32 i = 0; i < count; i++) {
		if (end - *p < 4)
			return -EBADMSG;
		u32 n = fog_load_u32(*p);
		*p += 4;
		if ((u64)(end - *p) < n)
			return -EBADMSG;
		int rc = fog_block_decode(&r->block[i], *p, n);
		if (rc != 0)
			return rc;
		*p += n;
		r->count++;
		if (i == 0)
			continue;
		const struct fog_header *h = &r->block[i]->header, *up = &r->block[i - 1]->header;
		if (memcmp(h->parent, r->block[i - 1]->hash, 32) != 0 ||
		    h->height != up->height + 1 || h->epoch != up->epoch)
			return -EBADMSG;
	}
	return 0;
}

int fog_sync_range_decode(struct fog_sync_range *r, const u8 *data, u32 len)
{
	const u8 *p = data + 2, *end = data + len;

	memset(r, 0, sizeof(*r));
	if (len < 2)
		return -EBADMSG;
	u32 count = fog_load_u16(data);
	if (count == 0 || count > FOG_SYNC_BLOCKS_MAX)
		return -EBADMSG;
	int rc = blocks_decode(r, count, &p, end);
	if (rc != 0)
		return rc;
	if (fog_certificate_decode(&r->cert, p, (u32)(end - p)) != end - p ||
	    r->cert.kind != FOG_VOTE_FINALIZE ||
	    memcmp(r->cert.hash, r->block[count - 1]->hash, 32) != 0 ||
	    r->cert.epoch != r->block[0]->header.epoch)
		return -EBADMSG;
	return 0;
}

void fog_sync_range_free(struct fog_sync_range *r)
{
	for (u32 i = 0; i < r->count; i++)
		fog_block_unref(r->block[i]);
	r->count = 0;
}
