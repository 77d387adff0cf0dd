/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/cli/api.h"

#include <errno.h>

#include "controlplane/cli/lab.h"
#include "controlplane/cli/output.h"

#define SOCKET_DEFAULT "/run/fog/api.sock"

/* Socket of a host of the lab; with `why` NULL silently. */
static int lab_socket(const struct fog_cli *cli, const char *name, char path[FOG_LAB_PATH_MAX],
		      char why[FOG_LAB_NOTE_MAX])
{
	char dir[FOG_LAB_DIR_MAX];

	if (fog_lab_dir(cli, dir) != 0) {
		snprintf(why, FOG_LAB_NOTE_MAX, "path of the lab is longer than %d bytes",
			 FOG_LAB_DIR_MAX - 1);
		return -ENAMETOOLONG;
	}
	json_t *lab = fog_lab_load(dir, "lab.json");
	const json_t *host = lab != NULL ? fog_lab_host(lab, name) : NULL;
	int rc = host != NULL ? 0 : -ENOENT;
	if (lab == NULL)
		snprintf(why, FOG_LAB_NOTE_MAX, "there is no lab in %s", dir);
	else if (host == NULL)
		snprintf(why, FOG_LAB_NOTE_MAX, "the lab in %s has no host \"%s\"", dir, name);
	else
		snprintf(path, FOG_LAB_PATH_MAX, "%s", fog_pick_text(host, "api", ""));
	json_decref(lab);
	return rc;
}

int fog_api_open(const struct fog_cli *cli, struct fog_client *client)
{
	const char *host = cli->option[FOG_OPTION_HOST];
	const char *given = cli->option[FOG_OPTION_SOCKET];
	const char *env = getenv("FOG_SOCKET");
	bool lab_named = cli->option[FOG_OPTION_LAB] != NULL;
	char path[FOG_LAB_PATH_MAX], why[FOG_LAB_NOTE_MAX];

	if (given != NULL)
		snprintf(path, sizeof(path), "%s", given);
	else if (host == NULL && !lab_named && env != NULL && *env != '\0')
		snprintf(path, sizeof(path), "%s", env);
	else if (lab_socket(cli, host, path, why) != 0) {
		if (host != NULL || lab_named)
			return fog_cli_fail(cli, "%s", why);
		snprintf(path, sizeof(path), "%s", SOCKET_DEFAULT);
	}
	int rc = fog_client_open(client, path);
	if (rc != 0)
		return fog_cli_fail(cli, "socket %s: %s", path, strerror(-rc));
	client->trace = cli->trace;
	return FOG_CLI_OK;
}

int fog_api_call(const struct fog_cli *cli, struct fog_client *client, const char *method,
		 const char *path, const json_t *body, json_t **out)
{
	if (fog_client_call(client, method, path, body, out) != 0)
		return fog_cli_fail(cli, "%s", client->error);
	return FOG_CLI_OK;
}

int fog_api_once(const struct fog_cli *cli, const char *method, const char *path,
		 const json_t *body, json_t **out)
{
	struct fog_client client;
	int rc = fog_api_open(cli, &client);

	*out = NULL;
	if (rc != FOG_CLI_OK)
		return rc;
	rc = fog_api_call(cli, &client, method, path, body, out);
	fog_client_close(&client);
	return rc;
}

int fog_api_get(const struct fog_cli *cli, const char *path, json_t **out)
{
	int rc = fog_api_once(cli, "GET", path, NULL, out);

	return rc == FOG_CLI_OK && *out == NULL ? fog_cli_fail(cli, "empty answer") : rc;
}

int fog_api_list(const struct fog_cli *cli, const char *path, const char *key,
		 const struct fog_column *columns, u32 count, const char *empty)
{
	json_t *answer;
	int rc = fog_api_get(cli, path, &answer);

	if (rc != FOG_CLI_OK)
		return rc;
	if (cli->json)
		fog_json_print(cli, answer);
	else
		(void)fog_table_print(cli, json_object_get(answer, key), columns, count, empty);
	json_decref(answer);
	return FOG_CLI_OK;
}

int fog_path_append(char *path, size_t size, const char *text)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "0123456789-._~";
	size_t used = strlen(path);

	for (; *text != '\0'; text++) {
		if (used + 4 > size)
			return -ENAMETOOLONG;
		if (strchr(plain, *text) != NULL)
			path[used++] = *text;
		else
			used += (size_t)snprintf(path + used, size - used, "%%%02X",
						 (unsigned char)*text);
	}
	path[used] = '\0';
	return 0;
}
