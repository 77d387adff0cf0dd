/* SPDX-License-Identifier: BSD-3-Clause */
/* libconfig before 1.7 cuts whole numbers without an L suffix to 32 bits and says nothing. So the
 * text is prepared first: long numbers get their L, and what cannot be read safely is refused.
 * Private to configs/. */
#ifndef FOG_CONFIGS_TEXT_H
#define FOG_CONFIGS_TEXT_H

#include "crypto/types.h"

#define FOG_CONFIG_DIGITS_MAX 18 /* of a decimal number; 15 of a hexadecimal one */

/* Write the prepared form of `text` to a new string *out (free()). Line numbers stay. Returns 0,
 * -ENOMEM, or -EINVAL with the line and the reason: a number is too long, or the file includes
 * another. */
int fog_config_text_prepare(const char *text, char **out, unsigned *line, const char **why);

#endif
