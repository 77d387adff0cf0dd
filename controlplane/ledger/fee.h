/* SPDX-License-Identifier: BSD-3-Clause */
/* The base price of a byte of block, by the integer rule of EIP-1559: with `target` used it stays,
 * with twice that it rises by an eighth (at least 1), with nothing it falls by an eighth. Divisions
 * round down. Pure. */
#ifndef FOG_LEDGER_FEE_H
#define FOG_LEDGER_FEE_H

#include "crypto/types.h"

#define FOG_FEE_CHANGE_PART 8

/* target > 0. The result is at least `least`; overflow saturates. */
static inline u64 fog_fee_next(u64 base, u64 used, u64 target, u64 least)
{
	unsigned __int128 off = used > target ? used - target : target - used;
	unsigned __int128 step = off * base / target / FOG_FEE_CHANGE_PART, next = base;

	if (used > target)
		next += step > 1 ? step : 1;
	else if (used < target)
		next -= step < next ? step : next;
	if (next > UINT64_MAX)
		next = UINT64_MAX;
	return next < least ? least : (u64)next;
}

#endif
