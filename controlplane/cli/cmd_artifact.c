/* SPDX-License-Identifier: BSD-3-Clause */
/* Artifacts of jobs: what there is, and how it comes here. */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "configs/file.h"
#include "controlplane/cli/api.h"
#include "controlplane/cli/commands.h"
#include "controlplane/cli/job.h"
#include "controlplane/cli/output.h"
#include "controlplane/cli/units.h"
#include "controlplane/executor/kept.h"
#include "crypto/hash/hash.h"
#include "crypto/mem.h"

#define PART_BYTES (1u << 20)
#define PATH_SIZE  4096

static const struct fog_column artifact_columns[] = {
	{"NAME", "name", FOG_FORMAT_TEXT, false},
	{"SIZE", "size", FOG_FORMAT_SIZE, true},
	{"SHA256", "sha256", FOG_FORMAT_TEXT, false},
	{"ATTEMPT", "attempt", FOG_FORMAT_TEXT, true},
};

static const struct fog_column left_out_columns[] = {
	{"LEFT OUT", "name", FOG_FORMAT_TEXT, false},
	{"WHY", "why", FOG_FORMAT_TEXT, false},
};

/* One artifact on its way to a file. */
struct fetch {
	const struct fog_cli *cli;
	struct fog_client *client;
	const char *job, *name;
	u64 size;
	u8 sha256[FOG_SHA256_SIZE];
	bool executable;
	char path[PATH_SIZE]; /* where it will be */
	char part[PATH_SIZE]; /* where it grows */
};

static int list_get(struct fog_cli *cli, json_t **out)
{
	char path[FOG_CLIENT_PATH_MAX];

	if (fog_job_path(path, sizeof(path), cli->args[0], "/artifacts") != 0)
		return fog_cli_usage(cli, "the id is too long");
	return fog_api_get(cli, path, out);
}

int fog_cmd_job_artifacts(struct fog_cli *cli)
{
	json_t *answer;
	int rc = list_get(cli, &answer);

	if (rc != FOG_CLI_OK)
		return rc;
	const json_t *left_out = json_object_get(answer, "left_out");
	if (cli->json) {
		fog_json_print(cli, answer);
	} else {
		fog_table_print(cli, json_object_get(answer, "artifacts"), artifact_columns,
				FOG_ARRAY_COUNT(artifact_columns), "it left no artifacts");
		if (json_array_size(left_out) != 0)
			fog_table_print(cli, left_out, left_out_columns,
					FOG_ARRAY_COUNT(left_out_columns), "");
	}
	json_decref(answer);
	return FOG_CLI_OK;
}

/* ---- fetching ------------------------------------------------------------------------------- */

static void progress_draw(const struct fetch *f, u64 have)
{
	char done[FOG_CELL_TEXT_SIZE], all[FOG_CELL_TEXT_SIZE];
	json_t *now = json_integer((json_int_t)have), *end = json_integer((json_int_t)f->size);

	if (f->cli->terminal && !f->cli->json)
		fprintf(f->cli->err, "\r\033[K%s: %s of %s", f->name,
			fog_cell_format(now, FOG_FORMAT_SIZE, 0, done),
			fog_cell_format(end, FOG_FORMAT_SIZE, 0, all));
	json_decref(now);
	json_decref(end);
}

static int parents_make(const char *path)
{
	char copy[PATH_SIZE];

	snprintf(copy, sizeof(copy), "%s", path);
	for (char *slash = strchr(copy + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		if (mkdir(copy, 0777) < 0 && errno != EEXIST)
			return -errno;
		*slash = '/';
	}
	return 0;
}

/* What is there of it from another time, hashed; 0 when that is none. */
static u64 begun(int fd, u64 size, struct fog_sha256 *hash)
{
	struct stat st;
	u8 buf[65536];
	u64 have = 0;
	ssize_t n;

	fog_sha256_init(hash);
	if (fstat(fd, &st) < 0 || (u64)st.st_size > size)
		return ftruncate(fd, 0) < 0 ? UINT64_MAX : 0;
	while ((n = read(fd, buf, sizeof(buf))) > 0) {
		fog_sha256_update(hash, buf, (size_t)n);
		have += (u64)n;
	}
	return n < 0 ? UINT64_MAX : have;
}

/* The rest of it to fd. False after printing why. */
static bool rest_get(const struct fetch *f, int fd, u64 have, struct fog_sha256 *hash)
{
	char path[FOG_CLIENT_PATH_MAX];

	if (fog_job_path(path, sizeof(path), f->job, "/artifacts/") != 0 ||
	    fog_path_append(path, sizeof(path), f->name) != 0) {
		fog_cli_fail(f->cli, "%s: the name is too long", f->name);
		return false;
	}
	while (have < f->size) {
		size_t size;
		char *data;
		u64 want = FOG_MIN(f->size - have, (u64)PART_BYTES);
		if (fog_client_part(f->client, path, have, want, &data, &size) != 0) {
			fog_cli_fail(f->cli, "%s: %s", f->name, f->client->error);
			return false;
		}
		int rc = size == 0 ? -ENODATA : fog_file_write_all(fd, data, size);
		fog_sha256_update(hash, data, size);
		free(data);
		if (rc != 0) {
			fog_cli_fail(f->cli, "%s: %s", f->part, strerror(-rc));
			return false;
		}
		have += size;
		progress_draw(f, have);
	}
	return true;
}

/* Into its file, once it is whole and what it should be. */
static int file_fetch(const struct fetch *f)
{
	struct fog_sha256 hash;
	u8 sha256[FOG_SHA256_SIZE];
	int rc = FOG_CLI_FAILED;

	if (parents_make(f->part) < 0)
		return fog_cli_fail(f->cli, "%s: %s", f->path, strerror(errno));
	int fd = open(f->part, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0666);
	if (fd < 0)
		return fog_cli_fail(f->cli, "%s: %s", f->part, strerror(errno));
	u64 have = begun(fd, f->size, &hash);
	if (have == UINT64_MAX) {
		fog_cli_fail(f->cli, "%s: %s", f->part, strerror(errno));
	} else if (rest_get(f, fd, have, &hash)) {
		fog_sha256_final(&hash, sha256);
		if (!fog_equal(sha256, f->sha256, sizeof(sha256))) {
			(void)unlink(f->part);
			fog_cli_fail(f->cli, "%s: it is not what its hash says", f->name);
		} else if ((f->executable && fchmod(fd, 0755) < 0) || fsync(fd) < 0 ||
			   rename(f->part, f->path) < 0) {
			fog_cli_fail(f->cli, "%s: %s", f->path, strerror(errno));
		} else {
			rc = FOG_CLI_OK;
		}
	}
	close(fd);
	return rc;
}

static int stream_fetch(const struct fetch *f)
{
	struct fog_sha256 hash;
	u8 sha256[FOG_SHA256_SIZE];

	fog_sha256_init(&hash);
	fflush(f->cli->out);
	if (!rest_get(f, fileno(f->cli->out), 0, &hash))
		return FOG_CLI_FAILED;
	fog_sha256_final(&hash, sha256);
	return fog_equal(sha256, f->sha256, sizeof(sha256))
		       ? FOG_CLI_OK
		       : fog_cli_fail(f->cli, "%s: it is not what its hash says", f->name);
}

/* The row of the list. False after printing why: a host may name its files as it likes, and none
 * of them may end up outside. */
static bool row_read(struct fetch *f, const json_t *row, const char *dir)
{
	char name[FOG_EXECUTOR_ARTIFACT_NAME_MAX + 1];
	const char *hex = fog_pick_text(row, "sha256", "");

	f->name = fog_pick_text(row, "name", "");
	f->size = (u64)json_integer_value(json_object_get(row, "size"));
	f->executable = json_is_true(json_object_get(row, "executable"));
	if (!fog_kept_name_decode(f->name, name) ||
	    fog_hex_decode(hex, f->sha256, sizeof(f->sha256)) != 0) {
		fog_cli_fail(f->cli, "\"%s\" is no name of an artifact", f->name);
		return false;
	}
	const char *base = strrchr(name, '/');
	base = base != NULL ? base + 1 : name;
	int n = snprintf(f->path, sizeof(f->path), "%s/%s", dir, name);
	int m = snprintf(f->part, sizeof(f->part), "%s/%.*s%.200s.%.16s.part", dir,
			 (int)(base - name), name, base, hex);
	if (n < (int)sizeof(f->path) && m < (int)sizeof(f->part))
		return true;
	fog_cli_fail(f->cli, "%s: the name is too long", f->name);
	return false;
}

static bool wanted(const char *name, const char *only)
{
	size_t len = only != NULL ? strlen(only) : 0;

	while (len > 0 && only[len - 1] == '/')
		len--;
	return only == NULL ||
	       (strncmp(name, only, len) == 0 && (name[len] == '\0' || name[len] == '/'));
}

static int rows_fetch(struct fetch *f, const json_t *list, const char *only, json_t *done)
{
	const char *dir = f->cli->option[FOG_OPTION_OUTPUT];
	bool stream = dir != NULL && strcmp(dir, "-") == 0;
	int rc = FOG_CLI_OK;
	size_t i;
	json_t *row;

	json_array_foreach((json_t *)list, i, row)
	{
		if (!wanted(fog_pick_text(row, "name", ""), only))
			continue;
		if (stream && json_array_size(done) != 0)
			return fog_cli_fail(f->cli,
					    "standard output takes one artifact: say which");
		if (!row_read(f, row, dir != NULL ? dir : "."))
			return FOG_CLI_FAILED;
		rc = stream ? stream_fetch(f) : file_fetch(f);
		if (f->cli->terminal && !f->cli->json)
			fputs("\r\033[K", f->cli->err);
		if (rc != FOG_CLI_OK)
			return rc;
		json_object_set_new(row, "path", json_string(f->path));
		json_array_append(done, row);
		if (!stream && !f->cli->json)
			fprintf(f->cli->out, "%s\n", f->path);
	}
	if (json_array_size(done) == 0)
		rc = only != NULL ? fog_cli_fail(f->cli, "job %.8s left no artifact \"%s\"", f->job,
						 only)
				  : fog_cli_fail(f->cli, "job %.8s left no artifacts", f->job);
	return rc;
}

int fog_cmd_job_fetch(struct fog_cli *cli)
{
	static struct fetch f;
	struct fog_client client;
	json_t *answer, *done;

	int rc = list_get(cli, &answer);
	if (rc != FOG_CLI_OK)
		return rc;
	rc = fog_api_open(cli, &client);
	if (rc != FOG_CLI_OK) {
		json_decref(answer);
		return rc;
	}
	done = json_array();
	f = (struct fetch){.cli = cli, .client = &client, .job = cli->args[0]};
	rc = rows_fetch(&f, json_object_get(answer, "artifacts"),
			cli->args_count > 1 ? cli->args[1] : NULL, done);
	if (rc == FOG_CLI_OK && cli->json) {
		json_t *all = json_pack("{s:O}", "fetched", done);
		fog_json_print(cli, all);
		json_decref(all);
	}
	json_decref(done);
	json_decref(answer);
	fog_client_close(&client);
	return rc;
}
