/* SPDX-License-Identifier: BSD-3-Clause */
#include "crypto/mem.h"

#include <sodium.h>

#include <errno.h>

#if defined(__has_include) && __has_include(<valgrind/memcheck.h>)
#include <valgrind/memcheck.h>
#endif

void fog_wipe(void *p, size_t len)
{
	/* Not sodium_memzero(): its call through a volatile pointer costs more than the bytes here.
	 */
	memset(p, 0, len);
	__asm__ __volatile__("" : : "r"(p) : "memory");
}

void *fog_secret_alloc(size_t len)
{
	return sodium_malloc(len);
}

void fog_secret_free(void *p)
{
	sodium_free(p);
}

void fog_publish(const void *p, size_t len)
{
#ifdef VALGRIND_MAKE_MEM_DEFINED
	(void)VALGRIND_MAKE_MEM_DEFINED(p, len);
#else
	(void)p;
	(void)len;
#endif
}

bool fog_equal(const void *a, const void *b, size_t len)
{
	return sodium_memcmp(a, b, len) == 0;
}

bool fog_is_zero(const void *p, size_t len)
{
	return sodium_is_zero(p, len) == 1;
}

int fog_hex_encode(const void *in, size_t len, char *out, size_t out_cap)
{
	if (out_cap < 1 || len > (out_cap - 1) / 2)
		return -ENOSPC;
	sodium_bin2hex(out, out_cap, in, len);
	return 0;
}

int fog_hex_decode(const char *hex, u8 *out, size_t out_len)
{
	size_t len = strlen(hex), read_len;

	if (len % 2 == 0 && len / 2 == out_len &&
	    sodium_hex2bin(out, out_len, hex, len, NULL, &read_len, NULL) == 0 &&
	    read_len == out_len)
		return 0;
	if (out_len > 0)
		memset(out, 0, out_len);
	return -EINVAL;
}
