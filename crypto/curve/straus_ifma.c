/* SPDX-License-Identifier: BSD-3-Clause */
#include "crypto/curve/straus.h"

#include "crypto/curve/lanes.h"
#include "crypto/curve/window.h"

#if defined(__x86_64__)

#define LANES                   FE8_LANES
#define LANES_ATTR              FOG_IFMA
#define G(name)                 fog_ge8_##name
#define LANES_LOAD(form, r, p)  lanes_load_##form(r, p)
#define LANES_STORE(form, p, r) lanes_store_##form(p, r)
#define LANES_MASK(bits)        ((__mmask8)(bits))
#define LANES_STRAUS            fog_ifma_straus
#define LANES_SCRATCH           fog_ifma_straus_scratch_size
#include "crypto/curve/straus_lanes.h"

#endif
