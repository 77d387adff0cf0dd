/* SPDX-License-Identifier: BSD-3-Clause */
/* fog-config-gen: prints configs/fog.conf.example or docs/man/fog.conf.5. `ninja config-docs`
 * rewrites both; a unit test fails when they are out of date. */
#include "configs/config.h"

int main(int argc, char **argv)
{
	if (argc == 2 && strcmp(argv[1], "example") == 0)
		return fog_config_write_example(stdout) != 0;
	if (argc == 2 && strcmp(argv[1], "man") == 0)
		return fog_config_write_man(stdout) != 0;
	fprintf(stderr, "usage: fog-config-gen example|man\n");
	return 2;
}
