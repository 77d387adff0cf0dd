/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/validator/genesis.h"

#include <errno.h>
#include <jansson.h>
#include <stdarg.h>
#include <sys/stat.h>

#include "configs/address.h"
#include "controlplane/governance/governance.h"
#include "controlplane/quorum/quorum.h"
#include "crypto/hash/hash.h"
#include "crypto/mem.h"

void fog_genesis_chain(const struct fog_validators *set, u64 time_ms, const u8 root[32], u8 out[32])
{
	u8 bytes[16 + 32 + 8 + 32] = "fog chain 2";

	memcpy(bytes + 16, set->hash, 32);
	fog_store_u64(bytes + 48, time_ms);
	memcpy(bytes + 56, root, 32);
	fog_hash_sha256(out, bytes, sizeof(bytes));
}

static i64 parameter_of(const struct fog_genesis *g, enum fog_parameter number)
{
	for (u32 i = 0; i < g->parameter_count; i++)
		if (g->parameter[i].number == number)
			return g->parameter[i].value;
	return fog_parameter_find(number)->initial;
}

int fog_genesis_set(const struct fog_genesis *g, u32 residual_ppm, bool strict,
		    struct fog_validators *out, char why[FOG_APP_WHY_SIZE])
{
	memset(out, 0, sizeof(*out));
	out->epoch = 1;
	out->rules = (struct fog_validator_rules){
		.profile = (enum fog_profile)parameter_of(g, FOG_PARAMETER_QUORUM_PROFILE),
		.residual_ppm = residual_ppm,
		.strict = strict,
		.epoch_ms = (u64)parameter_of(g, FOG_PARAMETER_QUORUM_EPOCH_MS)};
	for (u32 i = 0; i < g->account_count; i++) {
		const struct fog_genesis_account *a = &g->account[i];
		const struct fog_validator_attributes *t = &a->attributes;
		if (a->bond < FOG_LEDGER_WEIGHT_UNIT)
			continue;
		if (out->count == FOG_VALIDATORS_MAX) {
			snprintf(why, FOG_APP_WHY_SIZE, "more than 64 validators");
			return -EINVAL;
		}
		struct fog_app_validator *v = &out->v[out->count++];
		memcpy(v->node_id, a->pk, 32);
		memcpy(v->control_pk, t->control_pk, 32);
		memcpy(v->address, t->address, 16);
		v->port = t->port;
		v->weight = a->bond / FOG_LEDGER_WEIGHT_UNIT;
		v->as = t->as;
		snprintf(v->operator_name, sizeof(v->operator_name), "%s", t->operator_name);
		snprintf(v->country, sizeof(v->country), "%s", t->country);
		snprintf(v->power_region, sizeof(v->power_region), "%s", t->power_region);
		snprintf(v->tee_vendor, sizeof(v->tee_vendor), "%s", t->tee_vendor);
	}
	return fog_validators_finish(out, why);
}

/* ---- the file -------------------------------------------------------------------------------- */

__attribute__((format(printf, 2, 3))) static int refuse(char *why, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(why, FOG_GENESIS_WHY_SIZE, format, args);
	va_end(args);
	return -EINVAL;
}

static int hex_take(const json_t *o, const char *key, u8 out[32])
{
	const char *text = json_string_value(json_object_get(o, key));

	return text != NULL ? fog_hex_decode(text, out, 32) : -EINVAL;
}

static int u64_take(const json_t *o, const char *key, u64 def, u64 *out)
{
	const json_t *v = json_object_get(o, key);

	*out = v == NULL ? def : (u64)json_integer_value(v);
	return v == NULL || (json_is_integer(v) && json_integer_value(v) >= 0) ? 0 : -EINVAL;
}

static int text_take(const json_t *o, const char *key, char *out, size_t size)
{
	const json_t *v = json_object_get(o, key);
	const char *text = v == NULL ? "" : json_string_value(v);

	if (text == NULL || strlen(text) >= size)
		return -EINVAL;
	memcpy(out, text, strlen(text) + 1);
	return 0;
}

static int reach_take(const json_t *o, struct fog_genesis_account *a, char *why)
{
	const json_t *address = json_object_get(o, "address");
	struct fog_address at;

	if (address == NULL && json_object_get(o, "control_pk") == NULL)
		return 0;
	if (hex_take(o, "control_pk", a->attributes.control_pk) != 0 || !json_is_string(address) ||
	    fog_address_parse(json_string_value(address), &at) != 0)
		return refuse(why, "\"control_pk\" is 64 hex digits, \"address\" ip:port");
	memcpy(a->attributes.address, at.ip, 16);
	a->attributes.port = at.port;
	return 0;
}

static int account_take(const json_t *o, struct fog_genesis_account *a, char *why)
{
	struct fog_validator_attributes *t = &a->attributes;
	const char *rank = json_string_value(json_object_get(o, "rank"));
	u64 as, commission;

	if (hex_take(o, "key", a->pk) != 0)
		return refuse(why, "an account needs \"key\", 64 hex digits");
	if (u64_take(o, "bond", 0, &a->bond) != 0 || u64_take(o, "balance", 0, &a->balance) != 0 ||
	    u64_take(o, "commission_ppm", 0, &commission) != 0 || commission > 1000000 ||
	    u64_take(o, "as", 0, &as) != 0 || as > UINT32_MAX ||
	    text_take(o, "operator", t->operator_name, sizeof(t->operator_name)) != 0 ||
	    text_take(o, "country", t->country, sizeof(t->country)) != 0 ||
	    text_take(o, "power_region", t->power_region, sizeof(t->power_region)) != 0 ||
	    text_take(o, "tee_vendor", t->tee_vendor, sizeof(t->tee_vendor)) != 0)
		return refuse(why, "a number of an account is out of range, or a text too long");
	t->as = (u32)as;
	a->commission_ppm = (u32)commission;
	for (u32 i = 0; rank != NULL && i < FOG_RANK_COUNT; i++)
		if (strcmp(rank, fog_rank_name(i)) == 0)
			a->rank = i;
	return reach_take(o, a, why);
}

static int accounts_take(const json_t *root, struct fog_genesis_file *g, char *why)
{
	const json_t *accounts = json_object_get(root, "accounts");
	size_t count = json_array_size(accounts);
	int rc = 0;

	if (count == 0 || count > FOG_CHAIN_GENESIS_MAX)
		return refuse(why, "\"accounts\" has 1 to %u entries", FOG_CHAIN_GENESIS_MAX);
	g->account = calloc(count, sizeof(*g->account));
	if (g->account == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < count && rc == 0; i++)
		rc = account_take(json_array_get(accounts, i), &g->account[i], why);
	g->ledger.account = g->account;
	g->ledger.account_count = (u32)count;
	return rc;
}

static int parameters_take(const json_t *root, struct fog_genesis_file *g,
			   const struct fog_validator_rules *rules, char *why)
{
	json_t *o = json_object_get(root, "parameters"), *value;
	const char *key;

	g->parameter = calloc(json_object_size(o) + 2, sizeof(*g->parameter));
	if (g->parameter == NULL)
		return -ENOMEM;
	g->parameter[g->ledger.parameter_count++] = (struct fog_genesis_parameter){
		.number = FOG_PARAMETER_QUORUM_PROFILE, .value = (i64)rules->profile};
	g->parameter[g->ledger.parameter_count++] = (struct fog_genesis_parameter){
		.number = FOG_PARAMETER_QUORUM_EPOCH_MS, .value = (i64)rules->epoch_ms};
	json_object_foreach(o, key, value)
	{
		const struct fog_parameter_info *p = fog_parameter_named(key);
		/* Those two have keys of their own. */
		if (p == NULL || p->number == FOG_PARAMETER_QUORUM_PROFILE ||
		    p->number == FOG_PARAMETER_QUORUM_EPOCH_MS || !json_is_integer(value) ||
		    fog_parameter_check(p->number, json_integer_value(value)) != 0)
			return refuse(why, "no parameter \"%.64s\", or its value is out of range",
				      key);
		g->parameter[g->ledger.parameter_count++] = (struct fog_genesis_parameter){
			.number = p->number, .value = json_integer_value(value)};
	}
	g->ledger.parameter = g->parameter;
	return 0;
}

static int rules_take(const json_t *root, struct fog_genesis_file *g,
		      struct fog_validator_rules *rules, char *why)
{
	const json_t *profile = json_object_get(root, "profile");
	u64 residual;

	if (text_take(root, "name", g->ledger.name, sizeof(g->ledger.name)) != 0 ||
	    u64_take(root, "time_ms", 0, &g->ledger.time_ms) != 0 ||
	    u64_take(root, "treasury", 0, &g->ledger.treasury) != 0 ||
	    u64_take(root, "epoch_ms", FOG_QUORUM_EPOCH_MS, &rules->epoch_ms) != 0 ||
	    u64_take(root, "residual_ppm", 0, &residual) != 0 ||
	    fog_parameter_check(FOG_PARAMETER_QUORUM_EPOCH_MS, (i64)rules->epoch_ms) != 0 ||
	    residual > FOG_RESIDUAL_PPM_MAX)
		return refuse(why,
			      "\"name\", \"time_ms\", \"treasury\", \"epoch_ms\" (from 1000, a "
			      "week at most) or "
			      "\"residual_ppm\" (to %u) is out of range",
			      FOG_RESIDUAL_PPM_MAX);
	rules->residual_ppm = (u32)residual;
	rules->strict = json_is_true(json_object_get(root, "strict"));
	rules->profile = profile == NULL           ? FOG_PROFILE_NONE
			 : json_is_string(profile) ? fog_profile_parse(json_string_value(profile))
						   : 0;
	return rules->profile != 0 ? 0
				   : refuse(why, "\"profile\" is none, basic, enhanced or gold");
}

int fog_genesis_read(struct fog_genesis_file *g, const char *path, bool quorum,
		     char why[FOG_GENESIS_WHY_SIZE])
{
	struct fog_validator_rules rules = {0};
	char set_why[FOG_APP_WHY_SIZE] = "";
	json_error_t error;
	struct stat st;

	memset(g, 0, sizeof(*g));
	if (stat(path, &st) != 0) {
		int rc = -errno;
		refuse(why, "%.150s: %s", path, strerror(-rc));
		return rc;
	}
	if (st.st_size > FOG_GENESIS_SIZE_MAX)
		return refuse(why, "%.150s: too long", path);
	json_t *root = json_load_file(path, JSON_REJECT_DUPLICATES, &error);
	if (!json_is_object(root)) {
		json_decref(root);
		return refuse(why, "%.100s: line %d: %.100s", path, error.line, error.text);
	}
	int rc = rules_take(root, g, &rules, why);
	if (rc == 0)
		rc = accounts_take(root, g, why);
	if (rc == 0)
		rc = parameters_take(root, g, &rules, why);
	json_decref(root);
	for (u32 i = 0; quorum && rc == 0 && i < g->ledger.account_count; i++)
		if (g->account[i].bond >= FOG_LEDGER_WEIGHT_UNIT &&
		    g->account[i].attributes.port == 0)
			rc = refuse(why, "an account with a bond needs \"control_pk\" and "
					 "\"address\", ip:port");
	if (rc == 0 && quorum) {
		rc = fog_genesis_set(&g->ledger, rules.residual_ppm, rules.strict, &g->set,
				     set_why);
		if (rc != 0)
			refuse(why, "%s", set_why);
	}
	if (rc != 0)
		fog_genesis_free(g);
	return rc;
}

void fog_genesis_free(struct fog_genesis_file *g)
{
	free(g->account);
	free(g->parameter);
	memset(g, 0, sizeof(*g));
}
