/* SPDX-License-Identifier: BSD-3-Clause */
/* One real job through a lab, told step by step from what the control planes of both sides say.
 * Every step is also a check: the story fails when something in it is not as it should be. */
#include <stdarg.h>
#include <unistd.h>

#include "controlplane/cli/api.h"
#include "controlplane/cli/job.h"
#include "controlplane/cli/lab.h"
#include "controlplane/cli/output.h"
#include "controlplane/cli/units.h"
#include "controlplane/core/identity.h"
#include "crypto/mem.h"

#define JOB_TIMEOUT_MS    120000
#define SETTLE_TIMEOUT_MS 30000 /* for the worker to have been told of its pay */
#define POLL_MS           100
#define OUTPUT_LINES_MAX  40
#define GREETING          "hello from inside the fog"
#define RECEIPT_LABEL     "fog receipt 1"

static const char program[] = "echo " GREETING "\n"
			      "echo \"user $(id -u), process $$ of its own world, $(ls /proc | "
			      "grep -c '^[0-9]') visible\"\n"
			      "echo \"network interfaces: $(tail -n +3 /proc/net/dev | wc -l)\"\n"
			      "sort /input/stdin | sha256sum\n";

struct story {
	const struct fog_cli *cli;
	const json_t *lab;
	struct fog_client client[FOG_LAB_HOSTS_MAX];
	u32 clients;
	json_t *before[FOG_LAB_HOSTS_MAX]; /* accounts of each host */
	json_t *job;
	const json_t *attempt; /* in job: the one that counts */
	json_t *receipt;
	json_t *hosts; /* the submitter's directory */
};

__attribute__((format(printf, 3, 4))) static void say(const struct story *s, const char *what,
						      const char *fmt, ...)
{
	va_list args;

	if (s->cli->json)
		return;
	fprintf(s->cli->out, "  %s%-11s%s ", fog_color(s->cli, "bold"), what,
		fog_color(s->cli, NULL));
	va_start(args, fmt);
	vfprintf(s->cli->out, fmt, args);
	va_end(args);
	fputc('\n', s->cli->out);
}

static void heading(const struct story *s, const char *text)
{
	if (!s->cli->json)
		fprintf(s->cli->out, "\n%s%s%s\n", fog_color(s->cli, "bold"), text,
			fog_color(s->cli, NULL));
}

static const char *host_name(const struct story *s, const char *node_id)
{
	size_t index;
	const json_t *host;

	json_array_foreach(json_object_get(s->hosts, "hosts"), index, host)
	{
		if (node_id != NULL && strcmp(fog_pick_text(host, "node_id", ""), node_id) == 0)
			return fog_pick_text(host, "name", "?");
	}
	return "?";
}

static int begin(struct story *s)
{
	size_t index;
	const json_t *host;

	json_array_foreach(json_object_get(s->lab, "hosts"), index, host)
	{
		if (fog_client_open(&s->client[index], fog_pick_text(host, "api", "")) != 0)
			return fog_cli_fail(s->cli, "out of memory");
		s->clients++;
		int rc = fog_api_call(s->cli, &s->client[index], "GET", "/v1/accounts", NULL,
				      &s->before[index]);
		if (rc != FOG_CLI_OK)
			return rc;
	}
	return fog_api_call(s->cli, &s->client[0], "GET", "/v1/hosts", NULL, &s->hosts);
}

static void end(struct story *s)
{
	for (u32 i = 0; i < s->clients; i++) {
		fog_client_close(&s->client[i]);
		json_decref(s->before[i]);
	}
	json_decref(s->receipt);
	json_decref(s->job);
	json_decref(s->hosts);
}

static void hosts_show(const struct story *s)
{
	static const struct fog_column columns[] = {
		{"NAME", "name", FOG_FORMAT_TEXT, false},
		{"ID", "node_id", FOG_FORMAT_ID, false},
		{"LINK", "link.address", FOG_FORMAT_TEXT, false},
		{"ROLES", "roles", FOG_FORMAT_LIST, false},
		{"OPERATOR", "attributes.operator", FOG_FORMAT_TEXT, false},
		{"COUNTRY", "attributes.country", FOG_FORMAT_TEXT, false},
		{"MFOG/CORE HOUR", "price.cpu_hour", FOG_FORMAT_TEXT, true},
	};

	if (s->cli->json)
		return;
	heading(s, "Hosts");
	json_t *rows = fog_rows_sort(json_object_get(s->hosts, "hosts"), "name");
	fog_table_print(s->cli, rows, columns, FOG_ARRAY_COUNT(columns), "none");
	json_decref(rows);
}

/* The job: not on the submitter's own host, so that it has a way to go. */
static json_t *request(const struct story *s)
{
	static const char input[] = "pear\napple\nfig\n";
	char *stdin_text = fog_base64_text((const u8 *)input, sizeof(input) - 1);
	json_t *body = json_pack("{s:[s,s,s], s:s, s:s, s:{s:f, s:i, s:i}, s:{s:[s]}}", "argv",
				 "sh", "-c", program, "name", "story", "stdin_base64",
				 stdin_text != NULL ? stdin_text : "", "limits", "cpu_cores", 0.5,
				 "memory_mb", 64, "wall_seconds", 30, "constraints", "exclude",
				 fog_pick_text(fog_lab_host(s->lab, NULL), "name", ""));

	free(stdin_text);
	return body;
}

static bool settled(const json_t *job)
{
	const json_t *attempts = json_object_get(job, "attempts");
	const json_t *last = json_array_get(attempts, json_array_size(attempts) - 1);

	return json_is_true(fog_pick(last, "settlement.acknowledged"));
}

/* After the end of the job the worker is still to be told that it is paid. */
static int settlement_wait(struct story *s, const char *path)
{
	u64 start = fog_now_ms();

	while (!settled(s->job)) {
		if (fog_now_ms() - start > SETTLE_TIMEOUT_MS)
			return fog_cli_fail(s->cli, "the worker did not acknowledge its pay");
		usleep(POLL_MS * 1000);
		json_decref(s->job);
		s->job = NULL;
		int rc = fog_api_call(s->cli, &s->client[0], "GET", path, NULL, &s->job);
		if (rc != FOG_CLI_OK)
			return rc;
	}
	return FOG_CLI_OK;
}

static int job_run(struct story *s)
{
	char path[FOG_CLIENT_PATH_MAX], id[128];
	json_t *body = request(s);
	json_t *accepted = NULL;

	int rc = fog_api_call(s->cli, &s->client[0], "POST", "/v1/jobs", body, &accepted);
	json_decref(body);
	snprintf(id, sizeof(id), "%s", fog_pick_text(accepted, "id", ""));
	json_decref(accepted);
	if (rc == FOG_CLI_OK)
		rc = fog_job_wait(s->cli, &s->client[0], id, JOB_TIMEOUT_MS, &s->job);
	if (rc != FOG_CLI_OK)
		return rc;
	if (strcmp(fog_pick_text(s->job, "state", ""), "succeeded") != 0)
		return fog_cli_fail(s->cli, "the job ended as %s: %s",
				    fog_pick_text(s->job, "state", "?"),
				    fog_pick_text(s->job, "reason", ""));
	if (fog_job_path(path, sizeof(path), id, "") != 0)
		return fog_cli_fail(s->cli, "a strange job id");
	rc = settlement_wait(s, path);
	if (rc != FOG_CLI_OK)
		return rc;
	const json_t *attempts = json_object_get(s->job, "attempts");
	s->attempt = json_array_get(attempts, json_array_size(attempts) - 1);
	snprintf(path, sizeof(path), "/v1/receipts/%s", id);
	return fog_api_call(s->cli, &s->client[0], "GET", path, NULL, &s->receipt);
}

static i64 since(const struct story *s, const char *key)
{
	return fog_pick_number(s->attempt, key, 0) - fog_pick_number(s->job, "submitted_ms", 0);
}

/* Of the circuit with this path, if it is still there; -1 when not. */
static i64 circuit_build_ms(struct story *s, const json_t *path)
{
	json_t *answer = NULL;
	size_t index;
	const json_t *circuit;
	i64 ms = -1;

	if (fog_client_call(&s->client[0], "GET", "/v1/circuits", NULL, &answer) != 0)
		return -1;
	json_array_foreach(json_object_get(answer, "circuits"), index, circuit)
	{
		if (json_equal(json_object_get(circuit, "path"), path))
			ms = fog_pick_number(circuit, "build_ms", -1);
	}
	json_decref(answer);
	return ms;
}

static int path_tell(struct story *s)
{
	const json_t *path = json_object_get(s->attempt, "path");
	char text[256];
	size_t index, used = 0;
	const json_t *node;

	used += (size_t)snprintf(text, sizeof(text), "%s",
				 fog_pick_text(fog_lab_host(s->lab, NULL), "name", ""));
	json_array_foreach((json_t *)path, index, node)
	{
		if (used < sizeof(text))
			used += (size_t)snprintf(text + used, sizeof(text) - used, " > %s",
						 host_name(s, json_string_value(node)));
	}
	i64 build_ms = circuit_build_ms(s, path);
	if (build_ms >= 0)
		say(s, "circuit", "%s: %zu hops, built in %lld ms, one layer of encryption each",
		    text, json_array_size(path), (long long)build_ms);
	else
		say(s, "circuit", "%s: %zu hops, one layer of encryption each", text,
		    json_array_size(path));
	if (json_array_size(path) < 3)
		return fog_cli_fail(s->cli, "the circuit has %zu hops instead of 3",
				    json_array_size(path));
	return FOG_CLI_OK;
}

static int way_tell(struct story *s)
{
	char wall[FOG_UNITS_TEXT_SIZE], cpu[FOG_UNITS_TEXT_SIZE], memory[FOG_UNITS_TEXT_SIZE];
	const char *worker = host_name(s, fog_pick_text(s->attempt, "worker", NULL));

	heading(s, "One job on its way");
	say(s, "submitted", "to %s as job %.8s: sort three lines and look around",
	    fog_pick_text(fog_lab_host(s->lab, NULL), "name", ""),
	    fog_pick_text(s->job, "id", "?"));
	say(s, "placed",
	    "+%lld ms on %s; %s fog of the user's held in escrow, the price at the limit",
	    (long long)since(s, "created_ms"), worker,
	    fog_amount_format(1000 * fog_pick_number(s->attempt, "quote", 0), wall));
	int rc = path_tell(s);
	if (rc != FOG_CLI_OK)
		return rc;
	say(s, "accepted", "+%lld ms by %s; of the relays none knows both ends",
	    (long long)since(s, "accepted_ms"), worker);
	say(s, "ran", "%s of wall time, %s of processor, %s of memory at most; exit status %lld",
	    fog_duration_format((u64)fog_pick_number(s->attempt, "wall_ms", 0), wall),
	    fog_duration_format((u64)fog_pick_number(s->attempt, "cpu_ms", 0), cpu),
	    fog_size_format((u64)fog_pick_number(s->attempt, "memory_max_bytes", 0), memory),
	    (long long)fog_pick_number(s->attempt, "exit", -1));
	return FOG_CLI_OK;
}

static void sandbox_tell(const struct story *s)
{
	char namespaces[FOG_CELL_TEXT_SIZE], limits[FOG_CELL_TEXT_SIZE];
	const json_t *sandbox = json_object_get(s->attempt, "sandbox");

	fog_cell_format(json_object_get(sandbox, "namespaces"), FOG_FORMAT_LIST, 0, namespaces);
	fog_cell_format(json_object_get(sandbox, "cgroup_limits"), FOG_FORMAT_LIST, 0, limits);
	say(s, "sandbox",
	    "namespaces %s; system call filter %s; no new privileges %s; Landlock %s;", namespaces,
	    json_is_true(json_object_get(sandbox, "seccomp")) ? "yes" : "no",
	    json_is_true(json_object_get(sandbox, "no_new_privs")) ? "yes" : "no",
	    fog_pick_number(sandbox, "landlock_abi", 0) > 0 ? "yes" : "no");
	say(s, "", "control group limits %s", limits);
}

static int output_tell(const struct story *s)
{
	char path[FOG_CLIENT_PATH_MAX];
	char *data, *rest, *line;
	size_t size;

	if (fog_job_path(path, sizeof(path), fog_pick_text(s->job, "id", ""),
			 "/logs?stream=stdout") != 0 ||
	    fog_client_bytes((struct fog_client *)&s->client[0], path, &data, &size) != 0)
		return fog_cli_fail(s->cli, "the output cannot be read");
	bool greeted = strncmp(data, GREETING "\n", sizeof(GREETING)) == 0;
	u32 lines = 0;
	for (line = strtok_r(data, "\n", &rest); line != NULL && lines < OUTPUT_LINES_MAX;
	     line = strtok_r(NULL, "\n", &rest))
		say(s, lines++ == 0 ? "output" : "", "| %s", line);
	free(data);
	if (!greeted)
		return fog_cli_fail(s->cli, "the output is not what the job printed");
	return FOG_CLI_OK;
}

/* fogctl does not take the control plane's word for it: the signature is checked here again. */
static int receipt_tell(const struct story *s)
{
	const json_t *receipt = json_array_get(json_object_get(s->receipt, "receipts"), 0);
	const char *text = fog_pick_text(receipt, "text", "");
	const char *worker = fog_pick_text(receipt, "worker", "");
	u8 signature[64], node_id[32];

	if (fog_hex_decode(fog_pick_text(receipt, "signature", ""), signature, 64) != 0 ||
	    fog_hex_decode(worker, node_id, 32) != 0 ||
	    fog_signature_verify(node_id, fog_pick_text(receipt, "label", RECEIPT_LABEL), text,
				 strlen(text), signature) != 0)
		return fog_cli_fail(s->cli, "the receipt's signature is wrong");
	say(s, "receipt", "%zu bytes signed by %s (%.8s), Ed25519 verified here", strlen(text),
	    host_name(s, worker), worker);
	return FOG_CLI_OK;
}

static i64 balance(const json_t *accounts, const char *name)
{
	size_t index;
	const json_t *account;

	json_array_foreach(json_object_get(accounts, "accounts"), index, account)
	{
		if (strcmp(fog_pick_text(account, "name", ""), name) == 0)
			return fog_pick_number(account, "balance", 0);
	}
	return 0;
}

/* "host:<64 digits>" with the host's name in place of the digits. */
static void account_name(const struct story *s, const char *account, char *text, size_t size)
{
	if (strncmp(account, "host:", 5) == 0)
		snprintf(text, size, "host:%s", host_name(s, account + 5));
	else
		snprintf(text, size, "%.40s", account);
}

/* Every account of one host that this job moved, counted in *moved. All balances sum to 0. */
static int accounts_tell(struct story *s, u32 index, u32 *moved)
{
	const char *name =
		fog_pick_text(json_array_get(json_object_get(s->lab, "hosts"), index), "name", "");
	json_t *after = NULL;
	size_t i;
	const json_t *account;
	i64 sum = 0;

	int rc = fog_api_call(s->cli, &s->client[index], "GET", "/v1/accounts", NULL, &after);
	if (rc != FOG_CLI_OK)
		return rc;
	json_array_foreach(json_object_get(after, "accounts"), i, account)
	{
		const char *full = fog_pick_text(account, "name", "");
		i64 now = fog_pick_number(account, "balance", 0);
		i64 was = balance(s->before[index], full);
		char text[64];

		sum += now;
		if (now == was)
			continue;
		account_name(s, full, text, sizeof(text));
		char before[FOG_UNITS_TEXT_SIZE], then[FOG_UNITS_TEXT_SIZE],
			more[FOG_UNITS_TEXT_SIZE];
		say(s, *moved == 0 ? "paid" : "", "%-6s %-16s %10s -> %10s fog (%s%s)", name, text,
		    fog_amount_format(1000 * was, before), fog_amount_format(1000 * now, then),
		    now > was ? "+" : "", fog_amount_format(1000 * (now - was), more));
		(*moved)++;
	}
	json_decref(after);
	if (sum != 0)
		return fog_cli_fail(s->cli, "the ledger of %s sums to %lld", name, (long long)sum);
	return FOG_CLI_OK;
}

static int pay_tell(struct story *s)
{
	const char *worker = fog_pick_text(s->attempt, "worker_name", "");
	bool first = json_array_size(json_object_get(s->before[0], "accounts")) == 0;
	size_t index;
	const json_t *host;
	u32 moved = 0;

	int rc = accounts_tell(s, 0, &moved);
	u32 spent = moved;
	json_array_foreach(json_object_get(s->lab, "hosts"), index, host)
	{
		if (rc == FOG_CLI_OK && strcmp(fog_pick_text(host, "name", ""), worker) == 0)
			rc = accounts_tell(s, (u32)index, &moved);
	}
	if (rc == FOG_CLI_OK && first)
		say(s, "", "(the user's first job: a grant of the issuer came before it)");
	if (rc == FOG_CLI_OK && (spent == 0 || moved == spent))
		rc = fog_cli_fail(s->cli, "no money has moved on one of the two sides");
	return rc;
}

static int reputation_tell(const struct story *s)
{
	double before = json_number_value(json_object_get(s->attempt, "reputation_before"));
	double after = json_number_value(json_object_get(s->attempt, "reputation_after"));

	say(s, "reputation", "of %s with %s: %.3f -> %.3f",
	    fog_pick_text(s->attempt, "worker_name", "?"),
	    fog_pick_text(fog_lab_host(s->lab, NULL), "name", ""), before, after);
	if (after <= before)
		return fog_cli_fail(s->cli, "a good job did not raise the worker's reputation");
	return FOG_CLI_OK;
}

int fog_lab_story(const struct fog_cli *cli, const json_t *lab)
{
	struct story *s = calloc(1, sizeof(*s));
	int rc;

	if (s == NULL)
		return fog_cli_fail(cli, "out of memory");
	s->cli = cli;
	s->lab = lab;
	rc = begin(s);
	if (rc != FOG_CLI_OK)
		goto out;
	hosts_show(s);
	fflush(cli->out);
	rc = job_run(s);
	if (rc == FOG_CLI_OK)
		rc = way_tell(s);
	if (rc != FOG_CLI_OK)
		goto out;
	sandbox_tell(s);
	rc = output_tell(s);
	if (rc == FOG_CLI_OK)
		rc = receipt_tell(s);
	if (rc == FOG_CLI_OK)
		rc = pay_tell(s);
	if (rc == FOG_CLI_OK)
		rc = reputation_tell(s);
	if (rc == FOG_CLI_OK && cli->json)
		fog_json_print(cli, s->job);
out:
	end(s);
	free(s);
	return rc;
}
