/* SPDX-License-Identifier: BSD-3-Clause */
/* What a chain begins with: {"name", "time_ms", "treasury", "accounts": [{"key", "balance", "bond",
 * "rank", "commission_ppm", "operator", "country", "power_region", "tee_vendor", "as"}],
 * "parameters":
 * {"group.key": value}}. Amounts in ufog. docs/design/ledger.md. */
#include <errno.h>

#include "controlplane/daemon/chain.h"
#include "controlplane/governance/governance.h"
#include "crypto/mem.h"

static int wrong(char why[FOG_HOST_WHY_SIZE], const char *path, const char *what)
{
	snprintf(why, FOG_HOST_WHY_SIZE, "%.300s: %.150s", path, what);
	return -EINVAL;
}

static void text_copy(const json_t *o, const char *key, char *out, size_t size)
{
	const char *text = json_string_value(json_object_get(o, key));

	snprintf(out, size, "%s", text != NULL ? text : "");
}

static u64 number(const json_t *o, const char *key)
{
	json_int_t v = json_integer_value(json_object_get(o, key));

	return v > 0 ? (u64)v : 0;
}

static int account_read(const json_t *o, struct fog_genesis_account *a)
{
	const char *key = json_string_value(json_object_get(o, "key"));
	const char *rank = json_string_value(json_object_get(o, "rank"));

	if (key == NULL || strlen(key) != 64 || fog_hex_decode(key, a->pk, 32) != 0)
		return -EINVAL;
	a->balance = number(o, "balance");
	a->bond = number(o, "bond");
	a->commission_ppm = (u32)FOG_MIN(number(o, "commission_ppm"), 1000000u);
	for (u32 i = 0; rank != NULL && i < FOG_RANK_COUNT; i++)
		if (strcmp(rank, fog_rank_name(i)) == 0)
			a->rank = i;
	struct fog_validator_attributes *v = &a->attributes;
	text_copy(o, "operator", v->operator_name, sizeof(v->operator_name));
	text_copy(o, "country", v->country, sizeof(v->country));
	text_copy(o, "power_region", v->power_region, sizeof(v->power_region));
	text_copy(o, "tee_vendor", v->tee_vendor, sizeof(v->tee_vendor));
	v->as = (u32)number(o, "as");
	return 0;
}

static int parameters_read(const json_t *o, struct fog_genesis_file *out)
{
	const char *name;
	json_t *value;

	out->parameter = calloc(json_object_size(o) + 1, sizeof(*out->parameter));
	if (out->parameter == NULL)
		return -ENOMEM;
	json_object_foreach((json_t *)o, name, value)
	{
		const struct fog_parameter_info *info = fog_parameter_named(name);
		if (info == NULL || !json_is_integer(value))
			return -EINVAL;
		out->parameter[out->g.parameter_count++] = (struct fog_genesis_parameter){
			.number = info->number, .value = json_integer_value(value)};
	}
	return 0;
}

int fog_genesis_read(struct fog_genesis_file *out, const char *path, char why[FOG_HOST_WHY_SIZE])
{
	json_error_t error;
	json_t *root = json_load_file(path, JSON_REJECT_DUPLICATES, &error), *row;
	const json_t *accounts = json_object_get(root, "accounts");
	size_t i;
	int rc = 0;

	memset(out, 0, sizeof(*out));
	if (root == NULL)
		return wrong(why, path, error.text);
	out->account = calloc(json_array_size(accounts) + 1, sizeof(*out->account));
	if (out->account == NULL || json_array_size(accounts) > FOG_CHAIN_GENESIS_MAX)
		rc = wrong(why, path, "too many accounts");
	text_copy(root, "name", out->g.name, sizeof(out->g.name));
	out->g.time_ms = number(root, "time_ms");
	out->g.treasury = number(root, "treasury");
	json_array_foreach(accounts, i, row)
	{
		if (rc == 0 && account_read(row, &out->account[i]) != 0)
			rc = wrong(why, path, "an account has no key of 64 hex digits");
	}
	if (rc == 0 && parameters_read(json_object_get(root, "parameters"), out) != 0)
		rc = wrong(why, path, "there is no such parameter, or its value is no integer");
	out->g.account_count = (u32)json_array_size(accounts);
	out->g.account = out->account;
	out->g.parameter = out->parameter;
	json_decref(root);
	if (rc != 0)
		fog_genesis_free(out);
	return rc;
}

/* The seed's split: 15 % treasury, the rest the operator's, of which a tenth is bonded. */
int fog_genesis_solo(struct fog_genesis_file *out, const struct fog_host *h, u64 time_ms)
{
	memset(out, 0, sizeof(*out));
	out->account = calloc(1, sizeof(*out->account));
	if (out->account == NULL)
		return -ENOMEM;
	snprintf(out->g.name, sizeof(out->g.name), "solo-%.20s", h->config.host_name);
	out->g.time_ms = time_ms;
	out->g.treasury = FOG_CHAIN_SUPPLY / 100 * 15;
	out->g.account_count = 1;
	out->g.account = out->account;
	memcpy(out->account->pk, h->id.node_id, 32);
	out->account->bond = FOG_CHAIN_SUPPLY / 10;
	out->account->balance = FOG_CHAIN_SUPPLY - out->g.treasury - out->account->bond;
	out->account->rank = FOG_RANK_GUARDIAN;
	return 0;
}

void fog_genesis_free(struct fog_genesis_file *f)
{
	free(f->account);
	free(f->parameter);
	memset(f, 0, sizeof(*f));
}
