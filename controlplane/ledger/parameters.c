/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/ledger/parameters.h"

#include <errno.h>

const struct fog_parameter_info fog_parameters[] = {
#define X(name, number, text, initial, least, most, help) \
	{number, text, initial, least, most, help},
#include "controlplane/ledger/parameters.def"
#undef X
};

const u32 fog_parameters_count = FOG_ARRAY_COUNT(fog_parameters);

#define X(name, number, text, initial, least, most, help) \
	_Static_assert((initial) >= (least) && (initial) <= (most), text);
#include "controlplane/ledger/parameters.def"
#undef X

const struct fog_parameter_info *fog_parameter_find(u32 number)
{
	for (u32 i = 0; i < fog_parameters_count; i++)
		if (fog_parameters[i].number == number)
			return &fog_parameters[i];
	return NULL;
}

const struct fog_parameter_info *fog_parameter_named(const char *name)
{
	for (u32 i = 0; i < fog_parameters_count; i++)
		if (strcmp(fog_parameters[i].name, name) == 0)
			return &fog_parameters[i];
	return NULL;
}

i64 fog_parameter_get(const struct fog_state *s, enum fog_parameter number)
{
	const struct fog_parameter_info *info = fog_parameter_find(number);
	struct fog_rec_parameter record;
	u64 id = number;

	FOG_ASSERT(info != NULL);
	return fog_state_get(s, FOG_RECORD_PARAMETER, &id, &record) ? record.value : info->initial;
}

int fog_parameter_check(u32 number, i64 value)
{
	const struct fog_parameter_info *info = fog_parameter_find(number);

	if (info == NULL)
		return -ENOENT;
	return value < info->least || value > info->most ? -ERANGE : 0;
}

void fog_parameter_set(struct fog_state *s, u32 number, i64 value)
{
	struct fog_rec_parameter record = {.value = value};
	u64 id = number;

	FOG_ASSERT(fog_parameter_check(number, value) == 0);
	fog_state_put(s, FOG_RECORD_PARAMETER, &id, &record);
	s->global.parameters_version++;
}
