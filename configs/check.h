/* SPDX-License-Identifier: BSD-3-Clause */
/* What single keys of fog.conf demand beyond their type; private to configs/. */
#ifndef FOG_CONFIGS_CHECK_H
#define FOG_CONFIGS_CHECK_H

#include "configs/config.h"

/* Check one string value (of a list: one entry). Returns 0, or -EINVAL with the reason in `why`. */
int fog_config_check_value(const struct fog_config_key *k, const char *value, char why[160]);

#endif
