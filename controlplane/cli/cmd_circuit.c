/* SPDX-License-Identifier: BSD-3-Clause */
/* Circuits by request: build one and keep it, send something over one of its own, close. */
#include "controlplane/cli/api.h"
#include "controlplane/cli/commands.h"
#include "controlplane/cli/output.h"
#include "controlplane/cli/units.h"

#define HOPS_MAX 8

/* --hops into body[name]. */
static int hops_add(const struct fog_cli *cli, json_t *body, const char *name)
{
	const char *text = cli->option[FOG_OPTION_HOPS];
	u64 hops;

	if (text == NULL)
		return FOG_CLI_OK;
	if (fog_count_parse(text, 1, HOPS_MAX, &hops) != 0)
		return fog_cli_usage(cli, "--hops \"%s\": want a number from 1 to %d", text,
				     HOPS_MAX);
	json_object_set_new(body, name, json_integer((json_int_t)hops));
	return FOG_CLI_OK;
}

/* POST; the body is taken over. */
static int post(const struct fog_cli *cli, const char *path, json_t *body, json_t **answer)
{
	struct fog_client client;
	int rc = fog_api_open(cli, &client);

	if (rc == FOG_CLI_OK) {
		rc = fog_api_call(cli, &client, "POST", path, body, answer);
		fog_client_close(&client);
	}
	json_decref(body);
	return rc;
}

static void names_print(const struct fog_cli *cli, const json_t *names)
{
	const json_t *e;
	size_t i;

	json_array_foreach((json_t *)names, i, e)
		fprintf(cli->out, "%s%s", i != 0 ? " > " : "", json_string_value(e));
	fputc('\n', cli->out);
}

int fog_cmd_circuit_build(struct fog_cli *cli)
{
	json_t *body = json_pack("{s:s}", "target", cli->args[0]), *answer = NULL;
	int rc = hops_add(cli, body, "hops");

	if (rc != FOG_CLI_OK) {
		json_decref(body);
		return rc;
	}
	rc = post(cli, "/v1/circuits", body, &answer);
	if (rc == FOG_CLI_OK && cli->json) {
		fog_json_print(cli, answer);
	} else if (rc == FOG_CLI_OK) {
		fprintf(cli->out, "circuit %lld built in %lld ms: ",
			(long long)json_integer_value(json_object_get(answer, "handle")),
			(long long)json_integer_value(json_object_get(answer, "build_ms")));
		names_print(cli, json_object_get(answer, "names"));
	}
	json_decref(answer);
	return rc;
}

static void sent_print(const struct fog_cli *cli, const json_t *data)
{
	const json_t *sha256 = json_object_get(json_object_get(data, "acknowledgement"), "sha256");
	const char *response = json_string_value(json_object_get(data, "response"));

	fputs("over ", cli->out);
	names_print(cli, json_object_get(json_object_get(data, "circuit"), "names"));
	if (sha256 != NULL)
		fprintf(cli->out, "received, sha256 %s\n", json_string_value(sha256));
	else if (response != NULL)
		fputs(response, cli->out);
}

int fog_cmd_circuit_send(struct fog_cli *cli)
{
	json_t *body = json_pack("{s:s, s:{s:s}}", "destination", cli->args[0], "data", "raw",
				 cli->args[1]),
	       *answer = NULL;
	int rc = hops_add(cli, body, "circuit_length");

	if (rc != FOG_CLI_OK) {
		json_decref(body);
		return rc;
	}
	rc = post(cli, "/v1/fog/onion/route", body, &answer);
	if (rc == FOG_CLI_OK && cli->json)
		fog_json_print(cli, json_object_get(answer, "data"));
	else if (rc == FOG_CLI_OK)
		sent_print(cli, json_object_get(answer, "data"));
	json_decref(answer);
	return rc;
}

int fog_cmd_circuit_close(struct fog_cli *cli)
{
	char path[FOG_CLIENT_PATH_MAX];
	struct fog_client client;
	json_t *answer = NULL;
	u64 handle;

	if (fog_count_parse(cli->args[0], 1, UINT32_MAX, &handle) != 0)
		return fog_cli_usage(cli, "HANDLE is a number of fogctl circuit list");
	int rc = fog_api_open(cli, &client);
	if (rc != FOG_CLI_OK)
		return rc;
	snprintf(path, sizeof(path), "/v1/circuits/%llu", (unsigned long long)handle);
	rc = fog_api_call(cli, &client, "DELETE", path, NULL, &answer);
	fog_client_close(&client);
	if (rc == FOG_CLI_OK && cli->json)
		fprintf(cli->out, "{\"closed\": %llu}\n", (unsigned long long)handle);
	else if (rc == FOG_CLI_OK)
		fprintf(cli->out, "circuit %llu closed\n", (unsigned long long)handle);
	json_decref(answer);
	return rc;
}
