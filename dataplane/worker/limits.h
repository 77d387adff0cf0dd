/* SPDX-License-Identifier: BSD-3-Clause */
/* Every maximum and interval of the data plane, with what happens when it is reached. Limits of the
 * shared-memory boundary are in dataplane/abi/abi.h. */
#ifndef FOG_DP_LIMITS_H
#define FOG_DP_LIMITS_H

#include "crypto/gcm/gcm.h"
#include "dataplane/abi/abi.h"
#include "dataplane/abi/wire.h"

#define FOG_NS_PER_MS 1000000ull
#define FOG_NS_PER_S  1000000000ull

/* Cells in one pass of the pipeline: fills the lanes of the ciphers, fits the caches. */
#define FOG_BATCH_MAX 64

/* Waiting cells per ingress worker (6 MiB). Empty: the cell is dropped, MIX_FULL. */
#define FOG_SLAB_CELLS 4096
/* Slots of each ring between two workers. Full: dropped, HANDOFF_FULL. */
#define FOG_HANDOFF_COUNT 4096
/* Cells waiting in one worker's mix. Full: dropped, MIX_FULL. */
#define FOG_MIX_CELLS 4096

/* Circuit halves per worker when the configuration says nothing, and at most: a million circuits
 * that come and leave by links of one worker, 2.3 GiB. Full: CIRCUIT_FULL. */
#define FOG_HALVES_DEFAULT (1u << 16)
#define FOG_HALVES_MIN     16u
#define FOG_HALVES_LIMIT   (1u << 21)

/* Circuit builds in flight per worker (about 1.2 KiB each). Full: CREATE_REFUSED, RESOURCE. */
#define FOG_PENDING_MAX 1024
/* CREATE is sent again this often, because a link may lose it .. */
#define FOG_CREATE_RETRY_NS (300 * FOG_NS_PER_MS)
/* .. and the build fails with TIMEOUT after this. Below FOG_CIRCUIT_STEP_NS of the client, so that
 * our DESTROY comes before its own timeout. */
#define FOG_CREATE_TIMEOUT_NS (4 * FOG_NS_PER_S)
/* A CREATED is kept this long, in case the CREATE comes again. */
#define FOG_CREATED_KEEP_NS (5 * FOG_NS_PER_S)

/* Slots of each ring between a worker and the slow path. Full: HANDSHAKE_FULL. */
#define FOG_SLOW_RING_COUNT 256
/* Slots an INIT, and a CREATE, must leave free: neither may shut out the other, nor what finishes a
 * handshake. */
#define FOG_SLOW_RESERVE_INIT   (FOG_SLOW_RING_COUNT / 4)
#define FOG_SLOW_RESERVE_CREATE (FOG_SLOW_RING_COUNT / 8)
/* Requests the slow path takes from one worker before it looks at the next. */
#define FOG_SLOW_BURST 32
/* Results one worker takes from the slow path in one turn. */
#define FOG_SLOW_RESULTS 32

/* Commands a worker takes at one housekeeping. More wait in the ring. */
#define FOG_COMMAND_BURST 64
/* Links looked at by one turn of the sweep, circuits announced by one, halves of a lost link closed
 * by one, halves scanned for idleness by one. */
#define FOG_SWEEP_BURST    64
#define FOG_ANNOUNCE_BURST 64
#define FOG_DOOMED_BURST   256
#define FOG_SCAN_BURST     256

/* Housekeeping comes at a random time in this range after the last, so that it is no beacon. */
#define FOG_TICK_MIN_NS (2 * FOG_NS_PER_MS)
#define FOG_TICK_MAX_NS (10 * FOG_NS_PER_MS)
/* The same for a worker that has nothing to do and is about to block. */
#define FOG_IDLE_TICK_MIN_NS (20 * FOG_NS_PER_MS)
#define FOG_IDLE_TICK_NS     (30 * FOG_NS_PER_MS)
/* Empty turns before a worker blocks. On a shared core, spinning long steals from others. */
#define FOG_SPIN_TURNS 64
/* Sessions whose link is remembered beside the table, by the low bits of their index: of two that
 * share a place, each asks the table again. */
#define FOG_RECENT_SESSIONS 1024

/* Defaults where the snapshot says 0. */
#define FOG_KEEPALIVE_MS_DEFAULT    1000
#define FOG_LINK_DEAD_MS_DEFAULT    5000
#define FOG_CIRCUIT_IDLE_MS_DEFAULT 600000
#define FOG_REKEY_MS_DEFAULT        120000
#define FOG_HANDSHAKE_RATE_DEFAULT  16
/* Handshakes a source may make at once before its rate counts. */
#define FOG_HANDSHAKE_BURST 8

/* Link handshake: first retry, doubled each time up to the last, each with a random quarter more.
 */
#define FOG_HANDSHAKE_RETRY_MIN_NS (400 * FOG_NS_PER_MS)
#define FOG_HANDSHAKE_RETRY_MAX_NS (5 * FOG_NS_PER_S)
/* The side with the greater key waits this long before it takes the initiative itself. */
#define FOG_HANDSHAKE_PATIENCE_NS (2 * FOG_NS_PER_S)
/* A session ends for good after rekey time * NUM / DEN. */
#define FOG_SESSION_LIFE_NUM 3
#define FOG_SESSION_LIFE_DEN 2
/* Cells after which a session is renewed, and after which it is refused: an observer gains at most
 * 2^-57 before the first, 2^-53 before the second. At 8 million cells a second half a minute, and
 * two. */
#define FOG_SESSION_REKEY_CELLS  FOG_GCM_CELLS_ADVISED
#define FOG_SESSION_REJECT_CELLS (4 * FOG_GCM_CELLS_ADVISED)

/* Probe trains: their length (23 KB), the first one after a link came up, and the shortest time
 * between two of a worker, which bounds them to 184 kbit/s. */
#define FOG_TRAIN_CELLS    16
#define FOG_TRAIN_FIRST_NS (2 * FOG_NS_PER_S)
#define FOG_TRAIN_GAP_NS   FOG_NS_PER_S

#define FOG_COOKIE_LIFE_NS (120 * FOG_NS_PER_S)
/* Sources the rate limiter tells apart; two that fall together share a bucket. */
#define FOG_SOURCES 1024

/* DESTROY answers to cells of unknown circuits, per worker and housekeeping. More are only dropped.
 */
#define FOG_STRAY_BURST 8
/* Closings for the local edge that wait for room in its ring. More: EDGE_FULL, the edge finds out
 * by its own idle timer. */
#define FOG_EDGE_BACKLOG 1024
/* Slots taken from the edge ring in one turn. */
#define FOG_EDGE_BURST 64

/* Link numbers. 0 is the pseudo-link of the local edge as client, the last that of circuits that
 * end here (circuit id = handle); both are never on the wire. */
#define FOG_LINK_EDGE     0u
#define FOG_LINK_TERMINUS (FOG_LINKS_MAX + 1u)
#define FOG_LINK_SLOTS    (FOG_LINKS_MAX + 2u)

_Static_assert((FOG_HANDOFF_COUNT & (FOG_HANDOFF_COUNT - 1)) == 0, "");
_Static_assert(FOG_HANDOFF_COUNT >= FOG_SLAB_CELLS, "the way home never fills");
_Static_assert(FOG_BATCH_MAX <= 64, "");

#endif
