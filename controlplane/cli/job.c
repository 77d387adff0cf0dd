/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/cli/job.h"

#include <errno.h>

#include "controlplane/cli/units.h"

#define MIB 1048576u

char *fog_base64_text(const u8 *data, size_t size)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	char *text = malloc((size + 2) / 3 * 4 + 1);
	char *out = text;

	if (text == NULL)
		return NULL;
	for (size_t i = 0; i < size; i += 3) {
		size_t left = size - i;
		u32 group = (u32)data[i] << 16 | (left > 1 ? (u32)data[i + 1] << 8 : 0) |
			    (left > 2 ? data[i + 2] : 0);
		*out++ = digits[group >> 18];
		*out++ = digits[group >> 12 & 63];
		*out++ = left > 1 ? digits[group >> 6 & 63] : '=';
		*out++ = left > 2 ? digits[group & 63] : '=';
	}
	*out = '\0';
	return text;
}

/* The whole file, "-" for standard input, as base64; a new reference or NULL with why. */
static json_t *file_base64(const char *name, char why[FOG_JOB_WHY_SIZE])
{
	FILE *in = strcmp(name, "-") == 0 ? stdin : fopen(name, "re");
	u8 *data = malloc(FOG_JOB_STDIN_MAX + 1);
	json_t *value = NULL;

	if (in == NULL || data == NULL) {
		snprintf(why, FOG_JOB_WHY_SIZE, "%s: %s", name, strerror(errno));
		goto out;
	}
	size_t size = fread(data, 1, FOG_JOB_STDIN_MAX + 1, in);
	if (ferror(in)) {
		snprintf(why, FOG_JOB_WHY_SIZE, "%s: %s", name, strerror(errno));
	} else if (size > FOG_JOB_STDIN_MAX) {
		snprintf(why, FOG_JOB_WHY_SIZE, "%s has more than %u bytes", name,
			 FOG_JOB_STDIN_MAX);
	} else {
		char *text = fog_base64_text(data, size);
		value = json_string(text);
		free(text);
	}
out:
	if (in != NULL && in != stdin)
		fclose(in);
	free(data);
	return value;
}

static int stdin_add(json_t *body, const char *name, char why[FOG_JOB_WHY_SIZE])
{
	return json_object_set_new(body, "stdin_base64", file_base64(name, why));
}

/* Files, with commas between them; the job sees each under the last part of its name. */
static int inputs_add(json_t *body, const char *names, char why[FOG_JOB_WHY_SIZE])
{
	json_t *list = json_array();
	char *copy = strdup(names), *save = NULL;
	int rc = copy == NULL || json_object_set_new(body, "inputs", list) != 0 ? -ENOMEM : 0;

	for (char *name = rc == 0 ? strtok_r(copy, ",", &save) : NULL; rc == 0 && name != NULL;
	     name = strtok_r(NULL, ",", &save)) {
		const char *slash = strrchr(name, '/');
		json_t *data = file_base64(name, why);
		if (data == NULL)
			rc = -EINVAL;
		else
			json_array_append_new(list, json_pack("{s:s, s:o}", "name",
							      slash != NULL ? slash + 1 : name,
							      "data_base64", data));
	}
	free(copy);
	return rc;
}

/* N, N:TYPE or N:TYPE:MEMORY into the limits; NULL, and they are freed, when it is none of these.
 */
static json_t *accelerators_add(const struct fog_cli *cli, json_t *limits,
				char why[FOG_JOB_WHY_SIZE])
{
	const char *text = cli->option[FOG_OPTION_ACCELERATORS];
	char type[32] = "", memory_text[32] = "";
	u64 memory = 0;
	unsigned count = 0;
	int used = 0;

	if (text == NULL)
		return limits;
	(void)sscanf(text, "%4u%n:%31[^:]%n:%31s%n", &count, &used, type, &used, memory_text,
		     &used);
	if (count == 0 || text[used] != '\0' ||
	    (memory_text[0] != '\0' &&
	     (fog_size_parse(memory_text, &memory) != 0 || memory % MIB != 0))) {
		snprintf(why, FOG_JOB_WHY_SIZE,
			 "--accelerators \"%s\" is not N, N:TYPE or N:TYPE:MEMORY, like "
			 "2:tesla-t4:16G",
			 text);
		json_decref(limits);
		return NULL;
	}
	json_object_set_new(limits, "accelerators", json_integer((json_int_t)count));
	if (type[0] != '\0' && strcmp(type, "any") != 0)
		json_object_set_new(limits, "accelerator_type", json_string(type));
	if (memory != 0)
		json_object_set_new(limits, "accelerator_memory_mb",
				    json_integer((json_int_t)(memory / MIB)));
	return limits;
}

static json_t *limits_build(const struct fog_cli *cli, char why[FOG_JOB_WHY_SIZE])
{
	const char *cpu_text = cli->option[FOG_OPTION_CPU];
	const char *memory_text = cli->option[FOG_OPTION_MEMORY];
	const char *wall_text = cli->option[FOG_OPTION_WALL];
	u32 cpu = 1000;
	u64 memory = 256 * MIB, wall_ms = 60000;

	if (cpu_text != NULL && fog_cpu_parse(cpu_text, &cpu) != 0)
		snprintf(why, FOG_JOB_WHY_SIZE, "--cpu \"%s\" is not a number like 1, 0.5 or 250m",
			 cpu_text);
	else if (memory_text != NULL &&
		 (fog_size_parse(memory_text, &memory) != 0 || memory == 0 || memory % MIB != 0))
		snprintf(why, FOG_JOB_WHY_SIZE,
			 "--memory \"%s\" is not a whole number of M, like 64M or 1G", memory_text);
	else if (wall_text != NULL &&
		 (fog_duration_parse(wall_text, &wall_ms) != 0 || wall_ms == 0 || wall_ms % 1000))
		snprintf(why, FOG_JOB_WHY_SIZE,
			 "--wall \"%s\" is not a whole number of seconds, like 60s or 5m",
			 wall_text);
	else
		return accelerators_add(cli,
					json_pack("{s:f, s:I, s:I}", "cpu_cores",
						  (double)cpu / 1000, "memory_mb",
						  (json_int_t)(memory / MIB), "wall_seconds",
						  (json_int_t)(wall_ms / 1000)),
					why);
	return NULL;
}

/* The file, with the options of the command line over it. */
static json_t *body_of_file(const struct fog_cli *cli, char why[FOG_JOB_WHY_SIZE])
{
	const char *name = cli->option[FOG_OPTION_FILE];
	bool standard = strcmp(name, "-") == 0;
	json_error_t e;
	json_t *body = standard ? json_loadf(stdin, JSON_REJECT_DUPLICATES, &e)
				: json_load_file(name, JSON_REJECT_DUPLICATES, &e);

	if (body != NULL && json_is_object(body))
		return body;
	if (body != NULL)
		snprintf(why, FOG_JOB_WHY_SIZE, "%.100s: is not a JSON object", name);
	else
		snprintf(why, FOG_JOB_WHY_SIZE, "%.100s: line %d: %.100s", name, e.line, e.text);
	json_decref(body);
	return NULL;
}

static bool number_add(const struct fog_cli *cli, json_t *body, enum fog_option option, u64 max,
		       char why[FOG_JOB_WHY_SIZE])
{
	u64 value;

	if (cli->option[option] == NULL)
		return true;
	if (fog_count_parse(cli->option[option], 0, max, &value) != 0) {
		snprintf(why, FOG_JOB_WHY_SIZE, "--%s is a number up to %llu",
			 fog_options[option].name, (unsigned long long)max);
		return false;
	}
	json_object_set_new(body, fog_options[option].name, json_integer((json_int_t)value));
	return true;
}

/* What lies between commas. */
static json_t *words_list(const char *text)
{
	json_t *list = json_array();

	for (const char *at = text; *at != '\0';) {
		size_t len = strcspn(at, ",");
		if (len > 0)
			json_array_append_new(list, json_stringn(at, len));
		at += len + (at[len] == ',');
	}
	return list;
}

static bool terms_add(const struct fog_cli *cli, json_t *body, char why[FOG_JOB_WHY_SIZE])
{
	static const enum fog_option texts[] = {FOG_OPTION_CLASS, FOG_OPTION_TIER,
						FOG_OPTION_NAMESPACE, FOG_OPTION_WEBHOOK};
	u64 ms;

	for (u32 i = 0; i < FOG_ARRAY_COUNT(texts); i++)
		if (cli->option[texts[i]] != NULL)
			json_object_set_new(body, fog_options[texts[i]].name,
					    json_string(cli->option[texts[i]]));
	if (cli->option[FOG_OPTION_PREEMPTIBLE] != NULL)
		json_object_set_new(body, "preemptible", json_true());
	if (cli->option[FOG_OPTION_CHECKPOINT] != NULL)
		json_object_set_new(body, "checkpoint", json_true());
	if (cli->option[FOG_OPTION_ARTIFACTS] != NULL)
		json_object_set_new(body, "artifacts",
				    words_list(cli->option[FOG_OPTION_ARTIFACTS]));
	if (cli->option[FOG_OPTION_DEADLINE] != NULL) {
		if (fog_duration_parse(cli->option[FOG_OPTION_DEADLINE], &ms) != 0 || ms < 1000) {
			snprintf(why, FOG_JOB_WHY_SIZE, "--deadline is a time like 60s or 5m");
			return false;
		}
		json_object_set_new(body, "deadline_seconds",
				    json_integer((json_int_t)(ms / 1000)));
	}
	if (cli->option[FOG_OPTION_APART] != NULL) {
		json_t *constraints = json_object_get(body, "constraints");
		if (constraints == NULL) {
			constraints = json_object();
			json_object_set_new(body, "constraints", constraints);
		}
		json_object_set_new(constraints, "apart",
				    json_string(cli->option[FOG_OPTION_APART]));
	}
	return number_add(cli, body, FOG_OPTION_PRIORITY, 100, why) &&
	       number_add(cli, body, FOG_OPTION_ARRAY, 1024, why) &&
	       number_add(cli, body, FOG_OPTION_GANG, 64, why);
}

static json_t *body_of_words(const struct fog_cli *cli, char why[FOG_JOB_WHY_SIZE])
{
	json_t *limits = limits_build(cli, why);
	json_t *argv = json_array();

	if (limits == NULL) {
		json_decref(argv);
		return NULL;
	}
	for (u32 i = 0; i < cli->args_count; i++) {
		if (json_array_append_new(argv, json_string(cli->args[i])) != 0) {
			snprintf(why, FOG_JOB_WHY_SIZE, "word %u of the command is not UTF-8",
				 i + 1);
			json_decref(argv);
			json_decref(limits);
			return NULL;
		}
	}
	json_t *body = json_pack("{s:o, s:o}", "argv", argv, "limits", limits);
	static const enum fog_option texts[] = {FOG_OPTION_NAME, FOG_OPTION_TARGET,
						FOG_OPTION_ENGINE};
	for (u32 i = 0; i < FOG_ARRAY_COUNT(texts); i++) {
		const char *text = cli->option[texts[i]];
		if (text != NULL &&
		    json_object_set_new(body, fog_options[texts[i]].name, json_string(text)) != 0) {
			snprintf(why, FOG_JOB_WHY_SIZE, "--%s is not UTF-8",
				 fog_options[texts[i]].name);
			goto wrong;
		}
	}
	if (cli->option[FOG_OPTION_STDIN] != NULL &&
	    stdin_add(body, cli->option[FOG_OPTION_STDIN], why) != 0)
		goto wrong;
	if (cli->option[FOG_OPTION_INPUT] != NULL &&
	    inputs_add(body, cli->option[FOG_OPTION_INPUT], why) != 0)
		goto wrong;
	return body;
wrong:
	json_decref(body);
	return NULL;
}

json_t *fog_job_body(const struct fog_cli *cli, char why[FOG_JOB_WHY_SIZE])
{
	bool file = cli->option[FOG_OPTION_FILE] != NULL;

	if (file == (cli->args_count != 0)) {
		snprintf(why, FOG_JOB_WHY_SIZE,
			 file ? "a program or -f FILE, not both"
			      : "what is to run? -- PROGRAM ARGUMENTS, or -f FILE");
		return NULL;
	}
	json_t *body = file ? body_of_file(cli, why) : body_of_words(cli, why);
	if (body != NULL && !terms_add(cli, body, why)) {
		json_decref(body);
		return NULL;
	}
	return body;
}
