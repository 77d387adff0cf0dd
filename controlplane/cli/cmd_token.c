/* SPDX-License-Identifier: BSD-3-Clause */
/* Tokens and API keys of the gateway. */
#include "controlplane/cli/api.h"
#include "controlplane/cli/commands.h"
#include "controlplane/cli/output.h"
#include "controlplane/cli/units.h"

static const struct fog_column columns[] = {
	{"ID", "id", FOG_FORMAT_TEXT, false},
	{"KIND", "kind", FOG_FORMAT_TEXT, false},
	{"SUBJECT", "subject", FOG_FORMAT_TEXT, false},
	{"SCOPE", "scope", FOG_FORMAT_LIST, false},
	{"TIER", "tier", FOG_FORMAT_TEXT, false},
	{"AGE", "issued_ms", FOG_FORMAT_AGE, true},
	{"EXPIRES IN", "expires_in", FOG_FORMAT_TEXT, true},
	{"STATE", "state", FOG_FORMAT_STATE, false},
};

/* "read,write" as a list; the server says which words there are. */
static json_t *scopes_json(const char *text)
{
	json_t *list = json_array();

	while (*text != '\0') {
		size_t n = strcspn(text, ",");
		if (n != 0)
			json_array_append_new(list, json_stringn(text, n));
		text += n + (text[n] == ',');
	}
	return list;
}

static int body_make(struct fog_cli *cli, json_t *body)
{
	static const struct {
		enum fog_option option;
		const char *member;
	} texts[] = {
		{FOG_OPTION_TIER, "tier"},
		{FOG_OPTION_ALGORITHM, "algorithm"},
	};
	const char *scope = cli->option[FOG_OPTION_SCOPE];
	const char *expires = cli->option[FOG_OPTION_EXPIRES];
	u64 ms;

	for (size_t i = 0; i < FOG_ARRAY_COUNT(texts); i++)
		if (cli->option[texts[i].option] != NULL)
			json_object_set_new(body, texts[i].member,
					    json_string(cli->option[texts[i].option]));
	if (cli->option[FOG_OPTION_API_KEY] != NULL)
		json_object_set_new(body, "kind", json_string("key"));
	if (scope != NULL)
		json_object_set_new(body, "scope", scopes_json(scope));
	if (expires == NULL)
		return FOG_CLI_OK;
	if (fog_duration_parse(expires, &ms) != 0 || ms < 1000)
		return fog_cli_usage(cli, "--expires is a time like 12h or 30d");
	json_object_set_new(body, "expires_seconds", json_integer((json_int_t)(ms / 1000)));
	return FOG_CLI_OK;
}

int fog_cmd_token_create(struct fog_cli *cli)
{
	json_t *body = json_pack("{s:s}", "subject", cli->args[0]), *answer = NULL;
	int rc = body_make(cli, body);

	if (rc == FOG_CLI_OK)
		rc = fog_api_once(cli, "POST", "/v1/tokens", body, &answer);
	json_decref(body);
	if (rc == FOG_CLI_OK && cli->json)
		fog_json_print(cli, answer);
	else if (rc == FOG_CLI_OK)
		fprintf(cli->out, "%s\n",
			fog_pick_text(answer, "token", fog_pick_text(answer, "key", "")));
	json_decref(answer);
	return rc;
}

static void words_add(json_t *row)
{
	char text[FOG_UNITS_TEXT_SIZE];
	u64 now = fog_now_ms(), ends = (u64)fog_pick_number(row, "expires_ms", 0);

	fog_duration_format(ends > now ? ends - now : 0, text);
	json_object_set_new(row, "expires_in", json_string(text));
	json_object_set_new(
		row, "state",
		json_string(json_is_null(json_object_get(row, "revoked_ms")) ? "good" : "revoked"));
}

int fog_cmd_token_list(struct fog_cli *cli)
{
	json_t *answer = NULL, *row;
	int rc = fog_api_once(cli, "GET", "/v1/tokens", NULL, &answer);
	size_t i;

	if (rc == FOG_CLI_OK && cli->json) {
		fog_json_print(cli, answer);
	} else if (rc == FOG_CLI_OK) {
		json_array_foreach(json_object_get(answer, "tokens"), i, row)
		{
			words_add(row);
		}
		fog_table_print(cli, json_object_get(answer, "tokens"), columns,
				FOG_ARRAY_COUNT(columns), "no tokens");
	}
	json_decref(answer);
	return rc;
}

int fog_cmd_token_revoke(struct fog_cli *cli)
{
	char path[FOG_CLIENT_PATH_MAX] = "/v1/tokens/";
	json_t *answer = NULL;

	if (fog_path_append(path, sizeof(path), cli->args[0]) != 0)
		return fog_cli_usage(cli, "the id is too long");
	int rc = fog_api_once(cli, "DELETE", path, NULL, &answer);
	if (rc == FOG_CLI_OK && cli->json)
		fog_json_print(cli, answer);
	else if (rc == FOG_CLI_OK)
		fprintf(cli->out, "%s is revoked\n", cli->args[0]);
	json_decref(answer);
	return rc;
}
