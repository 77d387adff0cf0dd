/* SPDX-License-Identifier: BSD-3-Clause */
#include "crypto/sphinx/internal.h"

#include "crypto/mem.h"

#include <errno.h>

enum command {
	COMMAND_NULL = 0x00,
	COMMAND_NEXT = 0x01,
	COMMAND_RECIPIENT = 0x02,
	COMMAND_SURB = 0x03,
	COMMAND_DELAY = 0x80,
};

struct reader {
	const u8 *at;
	size_t left;
};

static bool take(struct reader *r, bool *has, void *out, size_t len)
{
	if (*has || r->left < len)
		return false;
	*has = true;
	memcpy(out, r->at, len);
	r->at += len;
	r->left -= len;
	return true;
}

int fog_sphinx_commands_parse(struct fog_sphinx_commands *c, const u8 *block, size_t len)
{
	struct reader r = {block, len};
	u8 both[FOG_SPHINX_ID_SIZE + FOG_SPHINX_MAC_SIZE], delay[4];
	bool good;

	memset(c, 0, sizeof(*c));
	while (r.left > 0) {
		u8 command = *r.at++;
		r.left--;
		switch (command) {
		case COMMAND_NULL:
			return fog_is_zero(r.at, r.left) ? 0 : -EPROTO;
		case COMMAND_NEXT:
			good = take(&r, &c->has_next, both, sizeof(both));
			if (!good)
				break;
			memcpy(c->next, both, FOG_SPHINX_ID_SIZE);
			memcpy(c->next_mac, both + FOG_SPHINX_ID_SIZE, FOG_SPHINX_MAC_SIZE);
			break;
		case COMMAND_RECIPIENT:
			good = take(&r, &c->has_recipient, c->recipient, sizeof(c->recipient));
			break;
		case COMMAND_SURB:
			good = take(&r, &c->has_surb, c->surb, sizeof(c->surb));
			break;
		case COMMAND_DELAY:
			good = take(&r, &c->has_delay, delay, sizeof(delay));
			if (good)
				c->delay = __builtin_bswap32(fog_load_u32(delay));
			break;
		default:
			good = false;
		}
		if (!good)
			return -EPROTO;
	}
	return 0;
}

static bool put(u8 **at, size_t *left, u8 command, const void *data, size_t len)
{
	if (*left < 1 + len)
		return false;
	**at = command;
	memcpy(*at + 1, data, len);
	*at += 1 + len;
	*left -= 1 + len;
	return true;
}

int fog_sphinx_commands_write(const struct fog_sphinx_commands *c, u8 *block, size_t len)
{
	u8 both[FOG_SPHINX_ID_SIZE + FOG_SPHINX_MAC_SIZE], delay[4];
	size_t left = len;
	u8 *at = block;

	fog_store_u32(delay, __builtin_bswap32(c->delay));
	memcpy(both, c->next, FOG_SPHINX_ID_SIZE);
	memcpy(both + FOG_SPHINX_ID_SIZE, c->next_mac, FOG_SPHINX_MAC_SIZE);
	if ((c->has_delay && !put(&at, &left, COMMAND_DELAY, delay, sizeof(delay))) ||
	    (c->has_recipient &&
	     !put(&at, &left, COMMAND_RECIPIENT, c->recipient, sizeof(c->recipient))) ||
	    (c->has_surb && !put(&at, &left, COMMAND_SURB, c->surb, sizeof(c->surb))) ||
	    (c->has_next && !put(&at, &left, COMMAND_NEXT, both, sizeof(both))))
		return -ENOSPC;
	memset(at, 0, left);
	return 0;
}
