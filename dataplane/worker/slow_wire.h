/* SPDX-License-Identifier: BSD-3-Clause */
/* Layout of the handshake datagrams; all 1440 bytes, all padding random. The link header comes
 * first in each (dataplane/abi/wire.h).
 *
 *	INIT      4 receiver 0 | 8 sender index u32, zero u32 | 16 Noise message 1 (120) | padding
 *	          | 1408 mac1 (16) over 0..1407 | 1424 mac2 (16) over 0..1423, random without cookie
 *	RESPONSE  4 receiver | 8 zero u64 | 16 Noise message 2 (64) | padding
 *	          | 1408 mac1 (32) over 0..1407
 *	COOKIE    4 receiver | 8 zero u64 | 16 salt (32) | 48 sealed cookie (16 + 16) | padding
 *
 *	payload of message 1   0 timestamp u64 | 8 boot id u64 | 16 sender index u32 | 20 version
 *u32 payload of message 2   0 boot id u64 | 8 sender index u32 | 12 version u32
 *
 * The Noise prologue is "fog link 2". */
#ifndef FOG_SLOW_WIRE_H
#define FOG_SLOW_WIRE_H

#include "crypto/noise/noise.h"
#include "dataplane/abi/wire.h"

#define FOG_LINK_VERSION 2

#define FOG_INIT_SENDER       8
#define FOG_INIT_NOISE        16
#define FOG_INIT_PAYLOAD_SIZE 24
#define FOG_INIT_NOISE_SIZE   (FOG_NOISE_MSG1_OVERHEAD + FOG_INIT_PAYLOAD_SIZE)
#define FOG_INIT_MAC1         1408
#define FOG_INIT_MAC2         1424

#define FOG_RESPONSE_NOISE        16
#define FOG_RESPONSE_PAYLOAD_SIZE 16
#define FOG_RESPONSE_NOISE_SIZE   (FOG_NOISE_MSG2_OVERHEAD + FOG_RESPONSE_PAYLOAD_SIZE)
#define FOG_RESPONSE_MAC          1408

#define FOG_COOKIE_SALT      16
#define FOG_COOKIE_SALT_SIZE 32
#define FOG_COOKIE_SEALED    48
#define FOG_COOKIE_PAD       80

_Static_assert(FOG_INIT_MAC2 + 16 == FOG_DGRAM_SIZE, "");
_Static_assert(FOG_RESPONSE_MAC + 32 == FOG_DGRAM_SIZE, "");
_Static_assert(FOG_INIT_NOISE + FOG_INIT_NOISE_SIZE < FOG_INIT_MAC1, "");

#endif
