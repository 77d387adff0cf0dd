/* SPDX-License-Identifier: BSD-3-Clause */
/* Supply against demand, as numbers. */
#ifndef FOG_MARKET_RATIO_H
#define FOG_MARKET_RATIO_H

#include "controlplane/market/market.h"

/* The share of the supply in demand, at most all of it. */
static inline u32 fog_utilization_ppm(u64 supply, u64 demand)
{
	if (demand >= supply)
		return demand == 0 ? 0 : FOG_MARKET_PPM;
	return (u32)((unsigned __int128)demand * FOG_MARKET_PPM / supply);
}

/* Supply over demand, at most FOG_MARKET_RATIO_MAX_PPM, which is also what no demand gives. */
static inline u64 fog_ratio_ppm(u64 supply, u64 demand)
{
	if (demand == 0)
		return FOG_MARKET_RATIO_MAX_PPM;
	unsigned __int128 v = (unsigned __int128)supply * FOG_MARKET_PPM / demand;
	return v > FOG_MARKET_RATIO_MAX_PPM ? FOG_MARKET_RATIO_MAX_PPM : (u64)v;
}

#endif
