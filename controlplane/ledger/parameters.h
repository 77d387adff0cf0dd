/* SPDX-License-Identifier: BSD-3-Clause */
/* The registry of parameters that the governance may change: parameters.def says which, with
 * bounds. A parameter nobody has voted on has its default and no record. */
#ifndef FOG_LEDGER_PARAMETERS_H
#define FOG_LEDGER_PARAMETERS_H

#include "controlplane/ledger/state.h"

enum fog_parameter {
#define X(name, number, text, initial, least, most, help) FOG_PARAMETER_##name = number,
#include "controlplane/ledger/parameters.def"
#undef X
};

struct fog_parameter_info {
	u32 number;
	const char *name;
	i64 initial, least, most;
	const char *help;
};

extern const struct fog_parameter_info fog_parameters[];
extern const u32 fog_parameters_count;

/* NULL when there is none. */
const struct fog_parameter_info *fog_parameter_find(u32 number);
const struct fog_parameter_info *fog_parameter_named(const char *name);

i64 fog_parameter_get(const struct fog_state *s, enum fog_parameter number);
/* 0, -ENOENT (no such parameter) or -ERANGE. */
int fog_parameter_check(u32 number, i64 value);
/* As checked. Raises GLOBAL.parameters_version. */
void fog_parameter_set(struct fog_state *s, u32 number, i64 value);

#endif
