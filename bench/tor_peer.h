/* SPDX-License-Identifier: BSD-3-Clause */
/* C-tor's own benchmark of its CGO relay step, built by bench/tor-bench. */
#ifndef FOG_BENCH_TOR_PEER_H
#define FOG_BENCH_TOR_PEER_H

#include "crypto/types.h"

/* ns a cell, the mean of both directions as C-tor 0.4.9.11 measured itself on the machine the bars
 * were set on (284 to 297). */
#define TOR_CGO_RECORDED 290.0

/* Runs the program at $FOG_TOR_BENCH or ~/.cache/fog/tor-bench/src/test/bench, about a second, and
 * returns ns a cell, the mean of both directions; negative when it is not there or says nothing. */
double tor_cgo_measure(void);

#endif
