/* SPDX-License-Identifier: BSD-3-Clause */
/* The classes of service, by their names in the API. */
#ifndef FOG_SLA_H
#define FOG_SLA_H

#include "crypto/types.h"

/* Weakest first. */
enum fog_sla_class {
	FOG_SLA_INVALID = 0,
	FOG_SLA_B, /* best effort */
	FOG_SLA_A,
	FOG_SLA_S, /* replicated, by attestation class */
	FOG_SLA_COUNT
};

/* "S"; "" for none. */
const char *fog_sla_class_name(enum fog_sla_class sla);
/* "S" or "S_CLASS" in any letter case; FOG_SLA_INVALID when there is no such one. */
enum fog_sla_class fog_sla_class_parse(const char *name);

#endif
