/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/voucher/token.h"

#include <errno.h>

#include "crypto/mem.h"

/* ---- base64url ------------------------------------------------------------------------------ */

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/* out has 4 bytes for each 3 begun, and a zero. With padding, as the published tokens have it. */
static void base64_write(const u8 *data, size_t len, char *out)
{
	for (size_t i = 0; i < len; i += 3) {
		u32 left = (u32)FOG_MIN(len - i, 3u);
		u32 v = (u32)data[i] << 16 | (left > 1 ? (u32)data[i + 1] << 8 : 0) |
			(left > 2 ? data[i + 2] : 0);
		*out++ = alphabet[v >> 18];
		*out++ = alphabet[v >> 12 & 63];
		*out++ = left > 1 ? alphabet[v >> 6 & 63] : '=';
		*out++ = left > 2 ? alphabet[v & 63] : '=';
	}
	*out = '\0';
}

/* Both alphabets, padding or none. Length, or -EINVAL. */
static long base64_read(const char *text, u8 *out)
{
	u32 bits = 0, have = 0;
	long len = 0;

	for (; *text != '\0' && *text != '='; text++) {
		const char *at = strchr(alphabet, *text == '+' ? '-' : *text == '/' ? '_' : *text);
		if (at == NULL)
			return -EINVAL;
		bits = bits << 6 | (u32)(at - alphabet);
		have += 6;
		if (have >= 8) {
			have -= 8;
			out[len++] = (u8)(bits >> have);
		}
	}
	return text[strspn(text, "=")] == '\0' ? len : -EINVAL;
}

/* ---- CBOR (RFC 8949), what NUT-00 needs of it ------------------------------------------------ */

struct writer {
	u8 *out;
	size_t len;
};

static void head_write(struct writer *w, u32 major, u64 value)
{
	u32 bytes = value < 24 ? 0 : value < 256 ? 1 : value < 65536 ? 2 : value >> 32 == 0 ? 4 : 8;
	static const u8 code[] = {0, 24, 25, 0, 26, 0, 0, 0, 27};

	w->out[w->len++] = (u8)(major << 5 | (bytes == 0 ? (u32)value : code[bytes]));
	for (u32 i = bytes; i-- != 0;)
		w->out[w->len++] = (u8)(value >> (8 * i));
}

static void data_write(struct writer *w, u32 major, const void *data, size_t len)
{
	head_write(w, major, len);
	memcpy(w->out + w->len, data, len);
	w->len += len;
}

static void text_write(struct writer *w, const char *text)
{
	data_write(w, 3, text, strlen(text));
}

struct reader {
	const u8 *at, *end;
	bool bad;
};

static u64 head_read(struct reader *r, u32 *major)
{
	u64 value = 0;

	*major = 8;
	if (r->bad || r->at == r->end) {
		r->bad = true;
		return 0;
	}
	*major = *r->at >> 5;
	u32 info = *r->at++ & 31;
	if (info < 24)
		return info;
	u32 bytes = info == 24 ? 1 : info == 25 ? 2 : info == 26 ? 4 : info == 27 ? 8 : 0;
	if (bytes == 0 || (size_t)(r->end - r->at) < bytes) {
		r->bad = true;
		return 0;
	}
	for (u32 i = 0; i < bytes; i++)
		value = value << 8 | *r->at++;
	return value;
}

static u64 expect(struct reader *r, u32 major)
{
	u32 got;
	u64 value = head_read(r, &got);

	r->bad = r->bad || got != major;
	return r->bad ? 0 : value;
}

static const u8 *data_read(struct reader *r, u32 major, size_t *len)
{
	u64 size = expect(r, major);

	if (r->bad || size > (u64)(r->end - r->at)) {
		r->bad = true;
		*len = 0;
		return r->at;
	}
	const u8 *data = r->at;
	r->at += size;
	*len = (size_t)size;
	return data;
}

static void text_read(struct reader *r, char *out, size_t size)
{
	size_t len;
	const u8 *data = data_read(r, 3, &len);

	if (len >= size || memchr(data, 0, len) != NULL) {
		r->bad = true;
		len = 0;
	}
	memcpy(out, data, len);
	out[len] = '\0';
}

/* A key of one letter. */
static char key_read(struct reader *r)
{
	char key[2];

	text_read(r, key, sizeof(key));
	return key[0];
}

/* ---- version 4 ------------------------------------------------------------------------------ */

static u32 same_id(const struct fog_token *t, u32 from)
{
	u32 to = from;

	while (to < t->count && strcmp(t->proof[to].id, t->proof[from].id) == 0)
		to++;
	return to;
}

static void proof_write(struct writer *w, const struct fog_voucher *p)
{
	head_write(w, 5, 3);
	text_write(w, "a");
	head_write(w, 0, p->amount);
	text_write(w, "s");
	text_write(w, p->secret);
	text_write(w, "c");
	data_write(w, 2, p->c, sizeof(p->c));
}

static void groups_write(struct writer *w, const struct fog_token *t)
{
	u32 groups = 0;
	u8 id[FOG_VOUCHER_ID_SIZE];

	for (u32 i = 0; i < t->count; i = same_id(t, i))
		groups++;
	head_write(w, 4, groups);
	for (u32 i = 0, to; i < t->count; i = to) {
		to = same_id(t, i);
		size_t len = strlen(t->proof[i].id) / 2;
		(void)fog_hex_decode(t->proof[i].id, id, len);
		head_write(w, 5, 2);
		text_write(w, "i");
		data_write(w, 2, id, len);
		text_write(w, "p");
		head_write(w, 4, to - i);
		for (u32 n = i; n < to; n++)
			proof_write(w, &t->proof[n]);
	}
}

char *fog_token_write(const struct fog_token *t)
{
	struct writer w = {malloc(1024 + (size_t)t->count * 320), 0};
	char *text;

	if (w.out == NULL)
		return NULL;
	head_write(&w, 5, t->memo[0] != '\0' ? 4 : 3);
	text_write(&w, "t");
	groups_write(&w, t);
	if (t->memo[0] != '\0') {
		text_write(&w, "d");
		text_write(&w, t->memo);
	}
	text_write(&w, "m");
	text_write(&w, t->mint);
	text_write(&w, "u");
	text_write(&w, t->unit);
	text = malloc(6 + 4 * (w.len / 3 + 1) + 1);
	if (text != NULL) {
		memcpy(text, "cashuB", 6);
		base64_write(w.out, w.len, text + 6);
	}
	free(w.out);
	return text;
}

static void proof_parse(struct reader *r, struct fog_token *out, const char *id)
{
	u64 fields = expect(r, 5);

	if (out->count == FOG_VOUCHERS_MAX || r->bad) {
		r->bad = true;
		return;
	}
	struct fog_voucher *p = &out->proof[out->count++];
	memset(p, 0, sizeof(*p));
	snprintf(p->id, sizeof(p->id), "%s", id);
	for (u64 i = 0; i < fields && !r->bad; i++) {
		size_t len;
		const u8 *data;
		switch (key_read(r)) {
		case 'a':
			p->amount = expect(r, 0);
			break;
		case 's':
			text_read(r, p->secret, sizeof(p->secret));
			break;
		case 'c':
			data = data_read(r, 2, &len);
			if (len == sizeof(p->c))
				memcpy(p->c, data, len);
			else
				r->bad = true;
			break;
		default:
			r->bad = true;
		}
	}
	r->bad = r->bad || p->amount == 0 || p->secret[0] == '\0' || p->c[0] == 0;
}

static void group_parse(struct reader *r, struct fog_token *out)
{
	char id[FOG_VOUCHER_ID_SIZE] = "";
	u64 fields = expect(r, 5);

	for (u64 i = 0; i < fields && !r->bad; i++) {
		char key = key_read(r);
		if (key == 'i') {
			size_t len;
			const u8 *data = data_read(r, 2, &len);
			r->bad = r->bad || fog_hex_encode(data, len, id, sizeof(id)) != 0;
		} else if (key == 'p' && id[0] != '\0') {
			u64 count = expect(r, 4);
			for (u64 n = 0; n < count && !r->bad; n++)
				proof_parse(r, out, id);
		} else {
			r->bad = true;
		}
	}
}

static int read_v4(struct fog_token *out, const u8 *data, size_t len)
{
	struct reader r = {data, data + len, false};
	u64 fields = expect(&r, 5);

	for (u64 i = 0; i < fields && !r.bad; i++) {
		u64 groups;
		switch (key_read(&r)) {
		case 't':
			groups = expect(&r, 4);
			for (u64 n = 0; n < groups && !r.bad; n++)
				group_parse(&r, out);
			break;
		case 'm':
			text_read(&r, out->mint, sizeof(out->mint));
			break;
		case 'u':
			text_read(&r, out->unit, sizeof(out->unit));
			break;
		case 'd':
			text_read(&r, out->memo, sizeof(out->memo));
			break;
		default:
			r.bad = true;
		}
	}
	return r.bad || r.at != r.end ? -EINVAL : 0;
}

/* ---- JSON ----------------------------------------------------------------------------------- */

static bool string_get(const json_t *o, const char *key, char *out, size_t size)
{
	const char *text = json_string_value(json_object_get(o, key));

	if (text == NULL || strlen(text) >= size ||
	    json_string_length(json_object_get(o, key)) != strlen(text))
		return false;
	snprintf(out, size, "%s", text);
	return true;
}

json_t *fog_voucher_json(const struct fog_voucher *p)
{
	char c[2 * FOG_VOUCHER_POINT_SIZE + 1];

	(void)fog_hex_encode(p->c, sizeof(p->c), c, sizeof(c));
	return json_pack("{s:I, s:s, s:s, s:s}", "amount", (json_int_t)p->amount, "id", p->id,
			 "secret", p->secret, "C", c);
}

int fog_voucher_read(struct fog_voucher *out, const json_t *o)
{
	char c[2 * FOG_VOUCHER_POINT_SIZE + 1];
	json_int_t amount = json_integer_value(json_object_get(o, "amount"));

	memset(out, 0, sizeof(*out));
	if (amount <= 0 || !string_get(o, "id", out->id, sizeof(out->id)) ||
	    !string_get(o, "secret", out->secret, sizeof(out->secret)) || out->secret[0] == '\0' ||
	    !string_get(o, "C", c, sizeof(c)) || strlen(c) != 2 * sizeof(out->c) ||
	    fog_hex_decode(c, out->c, sizeof(out->c)) != 0)
		return -EINVAL;
	out->amount = (u64)amount;
	return 0;
}

static int read_v3(struct fog_token *out, const char *text, size_t len)
{
	json_t *root = json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL), *row;
	const json_t *part = json_array_get(json_object_get(root, "token"), 0);
	size_t i;
	int rc = string_get(part, "mint", out->mint, sizeof(out->mint)) ? 0 : -EINVAL;

	(void)string_get(root, "unit", out->unit, sizeof(out->unit));
	(void)string_get(root, "memo", out->memo, sizeof(out->memo));
	json_array_foreach(json_object_get(part, "proofs"), i, row)
	{
		if (rc == 0 && (out->count == FOG_VOUCHERS_MAX ||
				fog_voucher_read(&out->proof[out->count++], row) != 0))
			rc = -EINVAL;
	}
	json_decref(root);
	return rc;
}

int fog_token_read(struct fog_token *out, const char *text, const char **why)
{
	size_t size = strnlen(text, FOG_TOKEN_TEXT_MAX);
	int rc = -EINVAL;

	memset(out, 0, sizeof(*out));
	*why = "this is no token: they begin with cashuA or cashuB";
	if (size < 7 || size == FOG_TOKEN_TEXT_MAX || strncmp(text, "cashu", 5) != 0)
		return rc;
	u8 *data = malloc(size);
	long len = data != NULL ? base64_read(text + 6, data) : -ENOMEM;
	*why = "the token is damaged";
	if (len > 0 && text[5] == 'B')
		rc = read_v4(out, data, (size_t)len);
	else if (len > 0 && text[5] == 'A')
		rc = read_v3(out, (const char *)data, (size_t)len);
	free(data);
	return rc != 0 || out->count == 0 ? -EINVAL : 0;
}

u64 fog_token_amount(const struct fog_token *t)
{
	u64 sum = 0;

	for (u32 i = 0; i < t->count; i++)
		if (__builtin_add_overflow(sum, t->proof[i].amount, &sum))
			return UINT64_MAX;
	return sum;
}
