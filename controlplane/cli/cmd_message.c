/* SPDX-License-Identifier: BSD-3-Clause */
/* Messages through the mixnet. */
#include <time.h>

#include "controlplane/cli/api.h"
#include "controlplane/cli/commands.h"
#include "controlplane/cli/output.h"
#include "controlplane/cli/units.h"

#define TEXT_MAX       32768
#define WAIT_MS        600000
#define LOOK_MS        200
#define MESSAGE_ID_LEN 32

static const struct fog_column out_columns[] = {
	{"MESSAGE", "message", FOG_FORMAT_ID, false},
	{"STATE", "state", FOG_FORMAT_STATE, false},
	{"TO MAILBOX", "mailbox", FOG_FORMAT_ID, false},
	{"PIECES", "fragments", FOG_FORMAT_TEXT, true},
	{"ACKNOWLEDGED", "acknowledged", FOG_FORMAT_TEXT, true},
	{"AGE", "accepted_ms", FOG_FORMAT_AGE, true},
};

static const struct fog_column in_columns[] = {
	{"MESSAGE", "message", FOG_FORMAT_ID, false},
	{"FROM MAILBOX", "from", FOG_FORMAT_ID, false},
	{"BYTES", "bytes", FOG_FORMAT_TEXT, true},
	{"AGE", "sent_ms", FOG_FORMAT_AGE, true},
};

static void pause_ms(unsigned ms)
{
	const struct timespec t = {.tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000};

	nanosleep(&t, NULL);
}

static int timeout_read(const struct fog_cli *cli, u64 *ms)
{
	const char *text = cli->option[FOG_OPTION_TIMEOUT];

	*ms = WAIT_MS;
	if (text != NULL && fog_duration_parse(text, ms) != 0)
		return fog_cli_usage(cli, "--timeout \"%s\": want a time such as 30s", text);
	return FOG_CLI_OK;
}

/* The text, allocated. */
static char *text_read(const struct fog_cli *cli)
{
	const char *path = cli->option[FOG_OPTION_STDIN];
	char *text = calloc(1, TEXT_MAX + 2);

	if (text == NULL)
		return NULL;
	if (path == NULL) {
		snprintf(text, TEXT_MAX + 2, "%s", cli->args_count > 1 ? cli->args[1] : "");
		return text;
	}
	FILE *f = strcmp(path, "-") == 0 ? stdin : fopen(path, "r");
	if (f == NULL) {
		free(text);
		return NULL;
	}
	(void)!fread(text, 1, TEXT_MAX + 1, f);
	if (f != stdin)
		fclose(f);
	return text;
}

/* The state of one of ours, or NULL. */
static const char *state_of(const json_t *list, const char *id)
{
	const json_t *m;
	size_t i;

	json_array_foreach(json_object_get(list, "outgoing"), i, m)
	{
		const char *name = json_string_value(json_object_get(m, "message"));
		if (name != NULL && strcmp(name, id) == 0)
			return json_string_value(json_object_get(m, "state"));
	}
	return NULL;
}

static int wait_over(struct fog_cli *cli, struct fog_client *client, const char *id, u64 timeout_ms)
{
	for (u64 waited = 0; waited < timeout_ms; waited += LOOK_MS) {
		json_t *list = NULL;
		int rc = fog_api_call(cli, client, "GET", "/v1/messages", NULL, &list);
		if (rc != FOG_CLI_OK)
			return rc;
		const char *state = state_of(list, id);
		bool delivered = state != NULL && strcmp(state, "delivered") == 0;
		bool gone = state == NULL || strcmp(state, "lost") == 0;
		json_decref(list);
		if (delivered && !cli->json)
			fprintf(cli->out, "delivered\n");
		if (delivered)
			return FOG_CLI_OK;
		if (gone)
			return fog_cli_fail(cli, "message %s is lost: nobody acknowledged it", id);
		pause_ms(LOOK_MS);
	}
	return fog_cli_fail(cli, "message %s is still under way", id);
}

int fog_cmd_message_send(struct fog_cli *cli)
{
	struct fog_client client;
	json_t *answer = NULL;
	u64 timeout_ms;

	if ((cli->args_count > 1) == (cli->option[FOG_OPTION_STDIN] != NULL))
		return fog_cli_usage(cli, "give TEXT, or --stdin FILE");
	if (timeout_read(cli, &timeout_ms) != FOG_CLI_OK)
		return FOG_CLI_USAGE;
	char *text = text_read(cli);
	if (text == NULL)
		return fog_cli_fail(cli, "cannot read %s", cli->option[FOG_OPTION_STDIN]);
	json_t *body = json_pack("{s:s, s:s}", "to", cli->args[0], "text", text);
	bool long_text = strlen(text) > TEXT_MAX;
	free(text);
	if (body == NULL || long_text) {
		json_decref(body);
		return fog_cli_fail(cli, long_text ? "the text is longer than 32768 bytes"
						   : "the text is not UTF-8");
	}
	int rc = fog_api_open(cli, &client);
	if (rc == FOG_CLI_OK) {
		rc = fog_api_call(cli, &client, "POST", "/v1/messages", body, &answer);
		const char *id = json_string_value(json_object_get(answer, "message"));
		if (rc == FOG_CLI_OK && cli->json)
			fog_json_print(cli, answer);
		else if (rc == FOG_CLI_OK)
			fprintf(cli->out, "message %s\n", id != NULL ? id : "?");
		if (rc == FOG_CLI_OK && id != NULL && cli->option[FOG_OPTION_WAIT] != NULL)
			rc = wait_over(cli, &client, id, timeout_ms);
		fog_client_close(&client);
	}
	json_decref(answer);
	json_decref(body);
	return rc;
}

int fog_cmd_message_list(struct fog_cli *cli)
{
	json_t *answer;
	int rc = fog_api_get(cli, "/v1/messages", &answer);

	if (rc != FOG_CLI_OK)
		return rc;
	if (cli->json) {
		fog_json_print(cli, answer);
	} else {
		(void)fog_table_print(cli, json_object_get(answer, "outgoing"), out_columns,
				      FOG_ARRAY_COUNT(out_columns), "nothing sent");
		fprintf(cli->out, "\n");
		(void)fog_table_print(cli, json_object_get(answer, "incoming"), in_columns,
				      FOG_ARRAY_COUNT(in_columns), "inbox empty");
	}
	json_decref(answer);
	return FOG_CLI_OK;
}

static int receive_one(struct fog_cli *cli, struct fog_client *client, const char *id,
		       json_t *printed)
{
	char path[FOG_CLIENT_PATH_MAX];
	json_t *m = NULL, *gone = NULL;

	snprintf(path, sizeof(path), "/v1/messages/%.*s", MESSAGE_ID_LEN, id);
	int rc = fog_api_call(cli, client, "GET", path, NULL, &m);
	if (rc != FOG_CLI_OK)
		return rc;
	const char *from = json_string_value(json_object_get(m, "from"));
	const char *text = json_string_value(json_object_get(m, "text"));
	if (!cli->json)
		fprintf(cli->out, "from %.8s:\n%s\n", from != NULL ? from : "?",
			text != NULL ? text : "");
	json_array_append_new(printed, m);
	if (cli->option[FOG_OPTION_KEEP] == NULL) {
		rc = fog_api_call(cli, client, "DELETE", path, NULL, &gone);
		json_decref(gone);
	}
	return rc;
}

int fog_cmd_message_receive(struct fog_cli *cli)
{
	json_t *printed = json_array(), *list = NULL;
	struct fog_client client;
	u64 timeout_ms;
	int rc;

	if (timeout_read(cli, &timeout_ms) != FOG_CLI_OK)
		return FOG_CLI_USAGE;
	rc = fog_api_open(cli, &client);
	if (rc != FOG_CLI_OK)
		return rc;
	for (u64 waited = 0; rc == FOG_CLI_OK; waited += LOOK_MS) {
		rc = fog_api_call(cli, &client, "GET", "/v1/messages", NULL, &list);
		const json_t *in = json_object_get(list, "incoming");
		for (size_t i = 0; rc == FOG_CLI_OK && i < json_array_size(in); i++) {
			const char *id = json_string_value(
				json_object_get(json_array_get(in, i), "message"));
			if (id != NULL)
				rc = receive_one(cli, &client, id, printed);
		}
		json_decref(list);
		list = NULL;
		if (json_array_size(printed) > 0 || cli->option[FOG_OPTION_WAIT] == NULL)
			break;
		if (rc == FOG_CLI_OK && waited >= timeout_ms)
			rc = fog_cli_fail(cli, "no message came");
		pause_ms(LOOK_MS);
	}
	if (rc == FOG_CLI_OK && cli->json)
		fog_json_print(cli, printed);
	else if (rc == FOG_CLI_OK && json_array_size(printed) == 0)
		fprintf(cli->out, "inbox empty\n");
	json_decref(printed);
	fog_client_close(&client);
	return rc;
}
