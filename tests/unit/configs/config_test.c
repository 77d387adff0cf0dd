/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <unistd.h>

#include "configs/address.h"
#include "configs/config.h"
#include "tests/unit/fog_test.h"

#define REQUIRED                                       \
	"host = { name = \"a\"; };\n"                  \
	"dataplane = { listen = \"192.0.2.1:1\"; };\n" \
	"control = { listen = \"192.0.2.1:2\"; };\n"

/* Read `text` as a file; errors go to `errors` (4 KiB). */
static int read_text(struct fog_config *c, const char *text, char errors[4096])
{
	char path[] = "/tmp/fog-config-test-XXXXXX";
	int fd = mkstemp(path);

	CU_ASSERT_FATAL(fd >= 0);
	CU_ASSERT_EQUAL(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
	memset(errors, 0, 4096);
	FILE *f = fmemopen(errors, 4095, "w");
	int rc = fog_config_read(c, path, f);
	fclose(f);
	unlink(path);
	return rc;
}

static void test_life_cycle(void)
{
	struct fog_config c;
	char errors[4096];

	int rc = read_text(&c,
			   "# all kinds, and 99999999999999999999 @include in comments\n"
			   "/* 99999999999999999999\n \" */ // @include\n"
			   "host = { name = \"node-1.lab\"; run_dir = \"/tmp/x\"; };\n"
			   "dataplane = { listen = \"[2001:db8::1]:9001\"; pin = false; };\n"
			   "control = { listen = \"192.0.2.1:9002\"; gossip_seconds = 2; };\n"
			   "roles = { enable = (\"relay\", \"exit\"); };\n"
			   "exit = { allow = [\"10.0.0.0/8:80\"]; deny = (); };\n"
			   "ledger = { user_grant = 1000000000000; };\n",
			   errors);
	CU_ASSERT_STRING_EQUAL(errors, "");
	CU_ASSERT_EQUAL_FATAL(rc, 0);
	CU_ASSERT_STRING_EQUAL(c.host_name, "node-1.lab");
	CU_ASSERT_STRING_EQUAL(c.host_run_dir, "/tmp/x");
	CU_ASSERT_STRING_EQUAL(c.host_state_dir, "/var/lib/fog");
	CU_ASSERT_EQUAL(c.dataplane_pin, false);
	CU_ASSERT_EQUAL(c.control_gossip_seconds, 2);
	CU_ASSERT_EQUAL(c.edge_hops, 3);
	CU_ASSERT_EQUAL(c.ledger_user_grant, 1000000000000);
	CU_ASSERT_EQUAL(c.roles_enable.count, 2);
	CU_ASSERT(fog_config_list_has(&c.roles_enable, "exit"));
	CU_ASSERT(!fog_config_list_has(&c.roles_enable, "worker"));
	CU_ASSERT_EQUAL(c.exit_allow.count, 1);
	CU_ASSERT_EQUAL(c.exit_deny.count, 0);
	fog_config_free(&c);
	CU_ASSERT_PTR_NULL(c.host_name);
	fog_config_free(&c);
}

/* What is appended to the required keys (or replaces all), and what the report must say. */
static void test_bad_files(void)
{
	static const struct {
		const char *text;
		const char *says; /* after "path:" */
	} cases[] = {
		{"", "host.name is missing"},
		{"host = { name = \"a\" };", "dataplane.listen is missing"},
		{REQUIRED "hots = { };", "4: unknown group \"hots\""},
		{REQUIRED "edge = { hop = 3; };", "4: unknown key \"hop\" in group \"edge\""},
		{REQUIRED "edge = 3;", "4: \"edge\" wants a group"},
		{REQUIRED "edge = { hops = \"3\"; };",
		 "4: edge.hops: wants a whole number, this is a string"},
		{REQUIRED "edge = { hops = 3.5; };",
		 "4: edge.hops: wants a whole number, this is a number with"},
		{REQUIRED "edge = {\nhops = 9; };",
		 "5: edge.hops: 9 is out of range, wants 1 to 8"},
		{REQUIRED "edge = { hops = -1; };", "4: edge.hops: -1 is out of range"},
		{REQUIRED "edge = { socks = \"localhost:1\"; };", "4: edge.socks: \"localhost:1\""},
		{REQUIRED "edge = { socks = 7; };", "4: edge.socks: wants a string"},
		{REQUIRED "roles = { enable = \"relay\"; };",
		 "4: roles.enable: wants a list of strings"},
		{REQUIRED "roles = { enable = (\"rely\"); };", "wants one of: relay worker exit"},
		{REQUIRED "roles = { enable = (1); };", "4: roles.enable: entry 1: wants a string"},
		{REQUIRED "exit = { allow = (\"10.0.0.1/8:80\"); };", "4: exit.allow:"},
		{REQUIRED "control2 = { };\nmore = { };", "5: unknown group \"more\""},
		{REQUIRED "edge = { hops = 1; hops = 2; };", "4: "},
		{REQUIRED "edge = { hops = 3", "syntax error"},
		{REQUIRED "edge = { hops = 4294967299; };", "4: edge.hops: 4294967299 is out of"},
		{REQUIRED "edge = { hops = -4294967299; };", "4: edge.hops: -4294967299 is out of"},
		{REQUIRED "edge = { hops = 0x100000003; };", "4: edge.hops: 4294967299 is out of"},
		{REQUIRED "edge = { hops = 1234567890123456789; };", "4: this number is too long"},
		{REQUIRED "@include \"x\"", "4: @include is not supported"},
		{REQUIRED "attributes = { country = \"de\"; };", "4: attributes.country:"},
		{REQUIRED "worker = { exec_path = \"bin/x\"; };", "4: worker.exec_path:"},
		{REQUIRED "control = { listen = \"1.2.3.4:5\"; };", ":4: "},
		{"host = { name = \"-a\"; };", "1: host.name: \"-a\""},
		{"host = { name = \"a b\"; };", "1: host.name: \"a b\""},
		{"host = { name = \"\"; };", "1: host.name: \"\""},
		{"host = { name = \"a\"; run_dir = \"x\"; };", "1: host.run_dir:"},
		{"host = { name = \"a\"; log_level = \"loud\"; };", "1: host.log_level:"},
		{"host = { name = \"a\\nb\"; };", "control characters"},
		{"dataplane = { listen = \"0.0.0.0:1\"; };", "1: dataplane.listen: \"0.0.0.0:1\""},
		{"dataplane = { pin = 1; };", "1: dataplane.pin: wants true or false"},
		{"control = { peers = (\"1.2.3.4:5/00\"); };", "1: control.peers:"},
	};
	struct fog_config c;
	char errors[4096];

	for (unsigned i = 0; i < FOG_ARRAY_COUNT(cases); i++) {
		CU_ASSERT_EQUAL(read_text(&c, cases[i].text, errors), -EINVAL);
		bool said = strstr(errors, cases[i].says) != NULL;
		if (!said)
			printf("case %u reported: %s", i, errors);
		CU_ASSERT(said);
		CU_ASSERT_PTR_NULL(c.host_name);
	}
}

static void test_unreadable_files(void)
{
	struct fog_config c;

	CU_ASSERT_EQUAL(fog_config_read(&c, "/nonexistent/fog.conf", NULL), -ENOENT);
	CU_ASSERT_EQUAL(fog_config_read(&c, "/tmp", NULL), -EISDIR);
	CU_ASSERT_EQUAL(fog_config_read(&c, "/dev/zero", NULL), -EISDIR);
}

static void test_numbers(void)
{
	static const struct {
		const char *value;
		i64 want;
	} cases[] = {
		{"0", 0},
		{"999999999", 999999999},
		{"1000000000", 1000000000},
		{"2147483648", 2147483648},
		{"4294967296", 4294967296},
		{"1000000000000", 1000000000000},
		{"1000000000000L", 1000000000000},
		{"0xFFFFFFFF", 0xffffffff},
		{"0xE8D4A51000", 1000000000000},
	};
	struct fog_config c;
	char text[512], errors[4096];

	for (unsigned i = 0; i < FOG_ARRAY_COUNT(cases); i++) {
		snprintf(text, sizeof(text), "%sledger = { user_grant = %s; };", REQUIRED,
			 cases[i].value);
		CU_ASSERT_EQUAL(read_text(&c, text, errors), 0);
		CU_ASSERT_STRING_EQUAL(errors, "");
		CU_ASSERT_EQUAL(c.ledger_user_grant, cases[i].want);
		fog_config_free(&c);
	}
}

static void test_error_limit(void)
{
	struct fog_config c;
	char text[8192], errors[4096];
	int used = 0;

	for (int i = 0; i < 60; i++)
		used += snprintf(text + used, sizeof(text) - (size_t)used, "unknown%d = 1;\n", i);
	CU_ASSERT_EQUAL(read_text(&c, text, errors), -EINVAL);
	CU_ASSERT_PTR_NOT_NULL(strstr(errors, "unknown19"));
	CU_ASSERT_PTR_NULL(strstr(errors, "unknown20"));
	CU_ASSERT_PTR_NOT_NULL(strstr(errors, "and 43 errors more"));
}

static void test_peers_and_equality(void)
{
	static const char peer[] =
		"192.0.2.9:7/"
		"00112233445566778899aabbccddeeff00112233445566778899aabbccddeeFF";
	struct fog_config a, b;
	struct fog_address address;
	char errors[4096], hex[65];

	CU_ASSERT_EQUAL(fog_config_peer_parse(peer, &address, hex), 0);
	CU_ASSERT_EQUAL(address.port, 7);
	CU_ASSERT_EQUAL(strlen(hex), 64);
	CU_ASSERT_EQUAL(fog_config_peer_parse("192.0.2.9:7", &address, hex), -EINVAL);
	CU_ASSERT_EQUAL_FATAL(read_text(&a, REQUIRED, errors), 0);
	CU_ASSERT_EQUAL_FATAL(read_text(&b,
					REQUIRED "exit = { allow = (\"10.0.0.0/8:80\"); };\n"
						 "worker = { jobs_max = 3; };",
					errors),
			      0);
	unsigned differ = 0;
	for (unsigned i = 0; i < fog_config_key_count; i++)
		differ += !fog_config_equal(&a, &b, &fog_config_keys[i]);
	CU_ASSERT_EQUAL(differ, 2);
	fog_config_free(&a);
	fog_config_free(&b);
}

/* Every default must pass its own check, or a minimal file could not be read. */
static void test_table(void)
{
	for (unsigned i = 0; i < fog_config_key_count; i++) {
		const struct fog_config_key *k = &fog_config_keys[i];
		CU_ASSERT(strlen(k->help) > 3);
		if (k->type == FOG_CONFIG_INT)
			CU_ASSERT(k->min <= k->def && k->def <= k->max);
		for (unsigned j = 0; j < i; j++)
			CU_ASSERT(strcmp(k->group, fog_config_keys[j].group) != 0 ||
				  strcmp(k->key, fog_config_keys[j].key) != 0);
	}
}

/* The files in the source tree must be what the generator writes now. */
static void compare(const char *path, int (*write_fn)(FILE *out))
{
	char *made = NULL;
	size_t made_len = 0;
	static char have[256 * 1024];

	FILE *out = open_memstream(&made, &made_len);
	CU_ASSERT_EQUAL(write_fn(out), 0);
	fclose(out);
	FILE *in = fopen(path, "r");
	CU_ASSERT_PTR_NOT_NULL_FATAL(in);
	size_t len = fread(have, 1, sizeof(have), in);
	fclose(in);
	bool same = len == made_len && memcmp(have, made, len) == 0;
	if (!same)
		printf("%s is out of date: run `ninja config-docs`\n", path);
	CU_ASSERT(same);
	free(made);
}

static void test_docs_up_to_date(void)
{
	struct fog_config c;

	compare(FOG_SOURCE_ROOT "/configs/fog.conf.example", fog_config_write_example);
	compare(FOG_SOURCE_ROOT "/docs/man/fog.conf.5", fog_config_write_man);
	CU_ASSERT_EQUAL(fog_config_read(&c, FOG_SOURCE_ROOT "/configs/fog.conf.example", stdout),
			0);
	fog_config_free(&c);
	CU_ASSERT_EQUAL(fog_config_write_example(fopen("/dev/full", "w")), -EIO);
}

FOG_TEST_MAIN("configs/config", FOG_TEST(test_life_cycle), FOG_TEST(test_bad_files),
	      FOG_TEST(test_unreadable_files), FOG_TEST(test_numbers), FOG_TEST(test_error_limit),
	      FOG_TEST(test_peers_and_equality), FOG_TEST(test_table),
	      FOG_TEST(test_docs_up_to_date))
