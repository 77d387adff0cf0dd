/* SPDX-License-Identifier: BSD-3-Clause */
/* fogctl top: rates from two looks at GET /v1/dataplane, and their picture. Pure. */
#ifndef FOG_CLI_TOP_H
#define FOG_CLI_TOP_H

#include <jansson.h>

#include "crypto/types.h"

/* What happened between two answers of the same host, oldest first. Totals that went backwards
 * (the data plane started again) count from zero. The caller's; NULL when an answer is not of this
 * kind or no time passed:
 *
 *	{"host","state","io","crypto","uptime_ms","links","links_up","seconds",
 *	 "total":ROW, "workers":[ROW..]}
 *	ROW  {"busy" (0..1), "rx","tx" (datagrams a second), "rx_bits","tx_bits",
 *	 "cells" (onion cells a second), "fill" (datagrams a receive batch), "fills":[5 shares: 1,
 *	 2-7, 8-31, 32-63, 64], "circuits","opened","closed" (a second), "mix_cells","slab_free",
 *	 "dropped" (a second), "drops":{REASON:{"rate","total"}},
 *	 "stages":[{"name","cipher","cycles" (a cell),"share" (of the time awake)}],
 *	 "cycles" (a cell, all stages), "overhead" (of that, outside the ciphers)} */
json_t *fog_top_rates(const json_t *before, const json_t *after);

struct fog_top_view {
	const json_t *hosts; /* array of fog_top_rates(); null where a host did not answer */
	const char *const *names;
	u32 selected;
	bool detail; /* one host alone */
	bool live;   /* on a terminal that is redrawn: ends of lines are cleared, keys are told */
	bool color;
	u32 width, height; /* cells of the terminal */
	u64 interval_ms;
};

/* At most height lines of at most width columns. */
void fog_top_draw(FILE *out, const struct fog_top_view *view);

#endif
