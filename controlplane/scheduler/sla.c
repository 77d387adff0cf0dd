/* SPDX-License-Identifier: BSD-3-Clause */
/* See sla.h. */
#include "controlplane/scheduler/sla.h"

static const char *const names[FOG_SLA_COUNT] = {"", "B", "A", "S"};
static const char *const long_names[FOG_SLA_COUNT] = {"", "B_CLASS", "A_CLASS", "S_CLASS"};

const char *fog_sla_class_name(enum fog_sla_class sla)
{
	return sla < FOG_SLA_COUNT ? names[sla] : "";
}

/* Is `text` that name, in any letter case? The names are in capitals. */
static bool same(const char *text, const char *name)
{
	for (; *name != '\0'; name++, text++)
		if (*text != *name && !(*text >= 'a' && *text <= 'z' && *text - 'a' + 'A' == *name))
			return false;
	return *text == '\0';
}

enum fog_sla_class fog_sla_class_parse(const char *name)
{
	for (u32 i = 1; i < FOG_SLA_COUNT; i++)
		if (same(name, names[i]) || same(name, long_names[i]))
			return (enum fog_sla_class)i;
	return FOG_SLA_INVALID;
}
