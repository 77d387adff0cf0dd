/* SPDX-License-Identifier: BSD-3-Clause */
/* Calls of the control plane's API as commands make them: which socket, one call, errors printed.
 */
#ifndef FOG_CLI_API_H
#define FOG_CLI_API_H

#include "controlplane/cli/client.h"
#include "controlplane/cli/command.h"
#include "controlplane/cli/output.h"

/* Open a client to the control plane this command line means: --socket, --host of the lab,
 * $FOG_SOCKET, the first host of the lab if one is up, /run/fog/api.sock. FOG_CLI_OK or what
 * fog_cli_fail() returned. */
int fog_api_open(const struct fog_cli *cli, struct fog_client *client);

/* One call on a client of fog_api_open(); errors are printed. */
int fog_api_call(const struct fog_cli *cli, struct fog_client *client, const char *method,
		 const char *path, const json_t *body, json_t **out);

/* Open, GET path, close. *out is the caller's to free. */
int fog_api_get(const struct fog_cli *cli, const char *path, json_t **out);

/* Open, one call, close. *out is the caller's to free; NULL when it failed. */
int fog_api_once(const struct fog_cli *cli, const char *method, const char *path,
		 const json_t *body, json_t **out);

/* GET path and print the list `key` of the answer as a table, or with --json the answer. */
int fog_api_list(const struct fog_cli *cli, const char *path, const char *key,
		 const struct fog_column *columns, u32 count, const char *empty);

/* Append `text` percent-encoded to path[size]; cut text makes the call fail, never another call. */
int fog_path_append(char *path, size_t size, const char *text);

#endif
