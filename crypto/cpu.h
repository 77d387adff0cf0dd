/* SPDX-License-Identifier: BSD-3-Clause */
/* Which instructions the ciphers use. Three paths give the same bytes:
 *
 *	portable	bitsliced AES, carry-less product by integer multiplication; any 64-bit CPU
 *	aesni		AES-NI and PCLMULQDQ
 *	vaes		VAES, VPCLMULQDQ and AVX-512 (F, BW, VL)
 *
 * X25519, Ed25519 and ECVRF in lanes of eight go with vaes, where the CPU also has AVX-512 IFMA; in
 * lanes of four (AVX2) with aesni; elsewhere they run one by one.
 *
 * All three are free of branches and memory addresses that depend on secrets. Until
 * fog_crypto_init() has run the portable path is in use, so an early call is slow, not wrong. */
#ifndef FOG_CRYPTO_CPU_H
#define FOG_CRYPTO_CPU_H

#define FOG_CRYPTO_PATHS_MAX 3

/* Starts libsodium and picks the fastest path this CPU has, or the one named by the environment
 * variable FOG_CPU. Call once before threads start; calling again does nothing and returns 0.
 * Returns 0, -EINVAL (FOG_CPU names no path), -ENOTSUP (this CPU or build lacks the path named) or
 * -EIO (libsodium found no source of randomness). */
int fog_crypto_init(void);

/* Name of the path in use. Never NULL. */
const char *fog_crypto_cpu(void);

/* Switches to the path `name`, for tests and benchmarks. Not thread-safe: no other thread may be
 * inside a cipher. Keys expanded under one path stay valid under every other. Returns 0, -EINVAL or
 * -ENOTSUP as above. */
int fog_crypto_select(const char *name);

/* Name of the i-th path, slowest first, whether or not this CPU has it; NULL past the end. */
const char *fog_crypto_path(unsigned i);

#endif
