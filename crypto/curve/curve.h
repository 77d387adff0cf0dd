/* SPDX-License-Identifier: BSD-3-Clause */
/* Inside crypto/ only: the curve25519 work that has a faster form on some CPUs, as one table of
 * functions per path. A path goes with the cipher path of the same rank in crypto/cpu.h:
 *
 *	portable	one operation at a time; any 64-bit CPU
 *	ifma		eight lanes of AVX-512 with 52-bit multiply-add */
#ifndef FOG_CRYPTO_CURVE_H
#define FOG_CRYPTO_CURVE_H

#include "crypto/types.h"

struct fog_curve {
	const char *name;
	unsigned rank; /* smallest index in fog_crypto_path() that this path goes with */
	bool (*supported)(void);
	/* As fog_x25519_many(). */
	void (*x25519_many)(u8 (*out)[32], const u8 (*scalar)[32], const u8 (*point)[32],
			    int *result, unsigned count);
};

extern const struct fog_curve fog_curve_portable;
extern const struct fog_curve fog_curve_ifma;

/* The path in use; written by fog_curve_select() only. Never NULL. */
extern const struct fog_curve *fog_curve;

/* Takes the fastest path that this CPU has and that goes with cipher paths up to `rank`. */
void fog_curve_select(unsigned rank);

#endif
