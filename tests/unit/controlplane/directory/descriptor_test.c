/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>

#include "configs/config.h"
#include "tests/unit/controlplane/directory/hosts.h"
#include "tests/unit/fog_test.h"

static struct fog_identity id;
static char why[FOG_DESCRIPTOR_WHY_SIZE];

static void test_life_cycle(void)
{
	char *rules[] = {(char *)"10.0.0.0/8:80", (char *)"[fd00::]/8:1-1024"};
	struct fog_config_list allow = {rules, 2}, deny = {rules, 1};
	struct fog_descriptor d, back;
	struct fog_signed_descriptor s, copy;

	test_identity(&id, 1);
	test_descriptor(&d, &id, 1);
	d.roles |= FOG_ROLE_EXIT;
	snprintf(d.operator_name, sizeof(d.operator_name), "Zürich \"AG\"");
	CU_ASSERT_EQUAL_FATAL(fog_descriptor_build(&s, &d, &allow, &deny, &id), 0);
	CU_ASSERT_EQUAL(s.d.allow_count, 2);
	CU_ASSERT_EQUAL(s.d.deny_count, 1);
	CU_ASSERT_STRING_EQUAL(s.d.operator_name, d.operator_name);
	CU_ASSERT_EQUAL(s.d.cpu_millicores, 1500);
	CU_ASSERT_EQUAL(s.d.link.port, 1001);
	CU_ASSERT(s.d.has_quic);
	CU_ASSERT_EQUAL(
		fog_descriptor_accept(&copy, s.text, s.text_len, s.signature, TEST_NOW_MS, why), 0);
	CU_ASSERT_EQUAL(memcmp(&copy.d, &s.d, sizeof(s.d)), 0);
	/* What the API shows holds the same. */
	json_t *o = fog_descriptor_to_json(&s.d);
	char *text = json_dumps(o, JSON_COMPACT);
	CU_ASSERT_EQUAL(fog_descriptor_parse(&back, text, strlen(text), why), 0);
	CU_ASSERT_EQUAL(memcmp(&back, &s.d, sizeof(s.d)), 0);
	free(text);
	json_decref(o);
	fog_signed_descriptor_free(&copy);
	fog_signed_descriptor_free(&s);
}

static void test_times_and_signature(void)
{
	struct fog_descriptor d;
	struct fog_signed_descriptor s, t;
	u8 signature[64];

	test_identity(&id, 1);
	test_descriptor(&d, &id, 1);
	CU_ASSERT_EQUAL_FATAL(fog_descriptor_build(&s, &d, NULL, NULL, &id), 0);
	static const struct {
		i64 offset_ms;
		int rc;
	} times[] = {
		{0, 0},
		{3599999, 0},
		{3600000, -ETIME},
		{-(i64)FOG_DESCRIPTOR_SKEW_MS, 0},
		{-(i64)FOG_DESCRIPTOR_SKEW_MS - 1, -ETIME},
	};
	for (unsigned i = 0; i < FOG_ARRAY_COUNT(times); i++) {
		u64 now = (u64)((i64)TEST_NOW_MS + times[i].offset_ms);
		int rc = fog_descriptor_accept(&t, s.text, s.text_len, s.signature, now, why);
		CU_ASSERT_EQUAL(rc, times[i].rc);
		if (rc == 0)
			fog_signed_descriptor_free(&t);
	}
	for (u32 bit = 0; bit < 512; bit += 37) {
		memcpy(signature, s.signature, 64);
		signature[bit / 8] ^= (u8)(1 << (bit % 8));
		CU_ASSERT_EQUAL(
			fog_descriptor_accept(&t, s.text, s.text_len, signature, TEST_NOW_MS, why),
			-EBADMSG);
	}
	/* White space is enough to break it: the text is signed byte for byte. */
	char *longer = malloc(s.text_len + 2);
	snprintf(longer, s.text_len + 2, "%s ", s.text);
	CU_ASSERT_EQUAL(
		fog_descriptor_accept(&t, longer, s.text_len + 1, s.signature, TEST_NOW_MS, why),
		-EBADMSG);
	free(longer);
	/* The same text signed as another kind of thing. */
	CU_ASSERT_EQUAL(fog_identity_sign(&id, "fog receipt 1", s.text, s.text_len, signature), 0);
	CU_ASSERT_EQUAL(fog_descriptor_accept(&t, s.text, s.text_len, signature, TEST_NOW_MS, why),
			-EBADMSG);
	fog_signed_descriptor_free(&s);
}

/* One member of a good text is set to a value (JSON), or removed (NULL). */
static const struct {
	const char *path; /* "a" or "a.b" */
	const char *value;
	int rc;
} members[] = {
	{"version", "2", -EINVAL},
	{"version", "\"1\"", -EINVAL},
	{"version", NULL, -EINVAL},
	{"node_id", "\"00\"", -EINVAL},
	{"node_id", "\"0000000000000000000000000000000000000000000000000000000000000000\"",
	 -EINVAL},
	{"node_id", "\"ABCDEF0000000000000000000000000000000000000000000000000000000000\"",
	 -EINVAL},
	{"node_id", "\"xbcdef0000000000000000000000000000000000000000000000000000000000\"",
	 -EINVAL},
	{"node_id", "7", -EINVAL},
	{"name", "\"\"", -EINVAL},
	{"name", "\"-x\"", -EINVAL},
	{"name", "\"a b\"", -EINVAL},
	{"name", "\"a\\u0000b\"", -EINVAL},
	{"name", "\"a\\nb\"", -EINVAL},
	{"name", "\"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\"", -EINVAL},
	{"name", "\"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\"", 0},
	{"sequence", "0", -EINVAL},
	{"sequence", "-1", -EINVAL},
	{"sequence", "1.5", -EINVAL},
	{"sequence", "9223372036854775807", 0},
	{"published_ms", "1700003600000", -EINVAL}, /* not before expiry */
	{"expires_ms", "1699999999999", -EINVAL},
	{"expires_ms", "1700090000001", -EINVAL}, /* life over 25 h */
	{"expires_ms", "1700090000000", 0},
	{"control", "null", -EINVAL},
	{"control.address", "\"0.0.0.0:1\"", -EINVAL},
	{"control.address", "\"example.lab:1\"", -EINVAL},
	{"control.address", "\"1.2.3.4\"", -EINVAL},
	{"control.pk", NULL, -EINVAL},
	{"link.address", "\"[::]:1\"", -EINVAL},
	{"link.address", "\"[2001:db8::1]:1\"", 0},
	{"onion_pk", NULL, -EINVAL},
	{"quic_pk", "null", 0},
	{"quic_pk", "\"00\"", -EINVAL},
	{"quic_pk", NULL, -EINVAL},
	{"roles", "\"relay\"", -EINVAL},
	{"roles", "[7]", -EINVAL},
	{"roles", "[]", 0},
	{"roles", "[\"validator\"]", 0},
	{"roles", "[1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1]", -EINVAL},
	{"exit_policy", "[]", -EINVAL},
	{"exit_policy.allow", "[\"10.0.0.1/8:80\"]", -EINVAL},
	{"exit_policy.allow", "[7]", -EINVAL},
	{"exit_policy.deny", "[\"10.0.0.0/8:80\"]", 0},
	{"capacity.cpu_millicores", "-1", -EINVAL},
	{"capacity.cpu_millicores", "1.5", -EINVAL},
	{"capacity.memory_bytes", "99999999999999999", -EINVAL},
	{"price.currency", "\"euro\"", -EINVAL},
	{"price.cpu_hour", "1000000001", -EINVAL},
	{"attributes.country", "\"CHE\"", -EINVAL},
	{"attributes.as", "4294967296", -EINVAL},
	{"attributes", NULL, -EINVAL},
	{"surprise", "{\"from\":\"the future\"}", 0},
};

static void test_members(void)
{
	struct fog_descriptor d;
	struct fog_signed_descriptor s;

	test_identity(&id, 1);
	test_descriptor(&d, &id, 1);
	CU_ASSERT_EQUAL_FATAL(fog_descriptor_build(&s, &d, NULL, NULL, &id), 0);
	for (unsigned i = 0; i < FOG_ARRAY_COUNT(members); i++) {
		char path[64];
		json_t *o = json_loads(s.text, 0, NULL), *at = o;
		snprintf(path, sizeof(path), "%s", members[i].path);
		char *dot = strchr(path, '.'), *leaf = path;
		if (dot != NULL) {
			*dot = '\0';
			at = json_object_get(o, path);
			leaf = dot + 1;
		}
		if (members[i].value == NULL)
			json_object_del(at, leaf);
		else
			json_object_set_new(at, leaf,
					    json_loads(members[i].value,
						       JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL));
		char *text = json_dumps(o, 0);
		int rc = fog_descriptor_parse(&d, text, strlen(text), why);
		if (rc != members[i].rc)
			printf("case %u: %s = %s: %d %s\n", i, members[i].path,
			       members[i].value != NULL ? members[i].value : "(removed)", rc, why);
		CU_ASSERT_EQUAL(rc, members[i].rc);
		CU_ASSERT_EQUAL(why[0] == '\0', rc == 0);
		free(text);
		json_decref(o);
	}
	fog_signed_descriptor_free(&s);
}

static void test_bad_texts(void)
{
	static const char *const bad[] = {"",     "{",    "[]",
					  "null", "{}",   "\"x\"",
					  "{} x", "\xff", "{\"version\":1,\"version\":1}"};
	static char big[FOG_DESCRIPTOR_TEXT_MAX + 1];
	struct fog_descriptor d;

	for (unsigned i = 0; i < FOG_ARRAY_COUNT(bad); i++)
		CU_ASSERT_EQUAL(fog_descriptor_parse(&d, bad[i], strlen(bad[i]), why), -EINVAL);
	memset(big, ' ', sizeof(big));
	CU_ASSERT_EQUAL(fog_descriptor_parse(&d, big, sizeof(big), why), -EINVAL);
	CU_ASSERT_PTR_NOT_NULL(strstr(why, "longer than"));
	/* Deeply nested: the parser has its own limit. */
	memset(big, '[', sizeof(big));
	CU_ASSERT_EQUAL(fog_descriptor_parse(&d, big, sizeof(big) - 1, why), -EINVAL);
}

/* Every byte of a good text changed: never accepted, never a crash. */
static void test_altered_bytes(void)
{
	struct fog_descriptor d;
	struct fog_signed_descriptor s, t;

	test_identity(&id, 1);
	test_descriptor(&d, &id, 1);
	CU_ASSERT_EQUAL_FATAL(fog_descriptor_build(&s, &d, NULL, NULL, &id), 0);
	u32 accepted = 0;
	for (u32 i = 0; i < s.text_len; i++) {
		char kept = s.text[i];
		s.text[i] = (char)(kept ^ (i % 7 + 1));
		accepted += fog_descriptor_accept(&t, s.text, s.text_len, s.signature, TEST_NOW_MS,
						  why) == 0;
		s.text[i] = kept;
		accepted +=
			fog_descriptor_accept(&t, s.text, i, s.signature, TEST_NOW_MS, why) == 0;
	}
	CU_ASSERT_EQUAL(accepted, 0);
	fog_signed_descriptor_free(&s);
}

static void test_exit_policy(void)
{
	char *allow_text[] = {(char *)"10.0.0.0/8:80-90", (char *)"[fd00::]/8:443"};
	char *deny_text[] = {(char *)"10.9.0.0/16:1-65535"};
	struct fog_config_list allow = {allow_text, 2}, deny = {deny_text, 1};
	struct fog_descriptor d;
	struct fog_signed_descriptor s;
	static const struct {
		const char *ip;
		u16 port;
		bool allowed;
	} cases[] = {
		{"10.1.1.1", 80, true},  {"10.1.1.1", 91, false}, {"10.9.1.1", 80, false},
		{"11.0.0.1", 80, false}, {"fd00::1", 443, true},  {"fd00::1", 80, false},
		{NULL, 443, true},       {NULL, 85, true},        {NULL, 22, false},
	};
	u8 ip[16];

	test_identity(&id, 1);
	test_descriptor(&d, &id, 1);
	d.roles = FOG_ROLE_EXIT;
	CU_ASSERT_EQUAL_FATAL(fog_descriptor_build(&s, &d, &allow, &deny, &id), 0);
	for (unsigned i = 0; i < FOG_ARRAY_COUNT(cases); i++) {
		if (cases[i].ip != NULL)
			CU_ASSERT_EQUAL(fog_ip_parse(cases[i].ip, ip), 0);
		CU_ASSERT_EQUAL(fog_descriptor_exit_allows(&s.d, cases[i].ip != NULL ? ip : NULL,
							   cases[i].port),
				cases[i].allowed);
	}
	s.d.roles = FOG_ROLE_RELAY;
	CU_ASSERT(!fog_descriptor_exit_allows(&s.d, NULL, 443));
	fog_signed_descriptor_free(&s);
}

FOG_TEST_MAIN("controlplane/directory/descriptor", FOG_TEST(test_life_cycle),
	      FOG_TEST(test_bad_texts), FOG_TEST(test_times_and_signature), FOG_TEST(test_members),
	      FOG_TEST(test_altered_bytes), FOG_TEST(test_exit_policy))
