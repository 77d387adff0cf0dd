/* SPDX-License-Identifier: BSD-3-Clause */
/* fogctl store. Check and backup are done by the running control plane; restore needs it stopped.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include "configs/config.h"
#include "controlplane/cli/api.h"
#include "controlplane/cli/commands.h"
#include "controlplane/cli/output.h"
#include "controlplane/core/store.h"

static int ask(struct fog_cli *cli, const char *path, const json_t *body, const char *done)
{
	struct fog_client client;
	json_t *answer = NULL;
	int rc = fog_api_open(cli, &client);

	if (rc != FOG_CLI_OK)
		return rc;
	rc = fog_api_call(cli, &client, "POST", path, body, &answer);
	fog_client_close(&client);
	if (rc == FOG_CLI_OK && cli->json)
		fog_json_print(cli, answer);
	else if (rc == FOG_CLI_OK)
		fprintf(cli->out, "%s (%s)\n", done, fog_pick_text(answer, "kind", "?"));
	json_decref(answer);
	return rc;
}

int fog_cmd_store_check(struct fog_cli *cli)
{
	json_t *body = json_object();
	int rc = ask(cli, "/v1/store/check", body, "good");

	json_decref(body);
	return rc;
}

/* The control plane writes it: the path is absolute, or from here. */
int fog_cmd_store_backup(struct fog_cli *cli)
{
	char path[4096], here[2048];

	if (cli->args[0][0] == '/')
		snprintf(path, sizeof(path), "%s", cli->args[0]);
	else if (getcwd(here, sizeof(here)) != NULL)
		snprintf(path, sizeof(path), "%s/%.2000s", here, cli->args[0]);
	else
		return fog_cli_fail(cli, "%s", strerror(errno));
	json_t *body = json_pack("{s:s}", "path", path);
	int rc = ask(cli, "/v1/store/backup", body, path);
	json_decref(body);
	return rc;
}

int fog_cmd_store_restore(struct fog_cli *cli)
{
	char path[4096], why[FOG_STORE_WHY_SIZE];
	struct fog_config config;

	if (fog_config_read(&config, cli->args[1], cli->err) != 0)
		return fog_cli_fail(cli, "%s cannot be read", cli->args[1]);
	snprintf(path, sizeof(path), "%s/lock", config.host_state_dir);
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600), rc;
	if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) != 0) {
		rc = fog_cli_fail(cli,
				  fd < 0 ? "%s: %s" : "%s: the control plane runs; stop it first",
				  path, strerror(errno));
		goto out;
	}
	snprintf(path, sizeof(path), "%s/fog.db", config.host_state_dir);
	const char *where = config.store_url[0] != '\0' ? config.store_url : path;
	rc = fog_store_restore(where, cli->args[0], why) == 0 ? FOG_CLI_OK
							      : fog_cli_fail(cli, "%s", why);
	if (rc == FOG_CLI_OK)
		fprintf(cli->out, cli->json ? "{\"restored\": true}\n" : "restored\n");
out:
	if (fd >= 0)
		close(fd);
	fog_config_free(&config);
	return rc;
}
