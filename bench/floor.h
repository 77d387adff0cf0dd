/* SPDX-License-Identifier: BSD-3-Clause */
/* The bare passes any implementation of the onion layer must make at least: one of AES-128-CTR and
 * one of POLYVAL over the bytes of a cell, each by itself, with nothing that waits for the other.
 */
#ifndef FOG_BENCH_FLOOR_H
#define FOG_BENCH_FLOOR_H

#include "crypto/cell/uiv.h"

struct floor_job {
	const struct fog_uiv_key *key;
	u8 *data;
};

/* In place over len bytes of each; with VAES where the CPU has it, else by the path in use. */
void floor_ctr(const struct floor_job *jobs, unsigned count, size_t len);
/* The hashes are xored into the first 16 bytes of each. */
void floor_polyval(const struct floor_job *jobs, unsigned count, size_t len);

#endif
