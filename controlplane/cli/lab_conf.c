/* SPDX-License-Identifier: BSD-3-Clause */
/* fog.conf of the hosts of a lab. */
#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "controlplane/cli/lab.h"
#include "controlplane/cli/output.h"

#define BOOTSTRAP_PEERS 2  /* every host is told so many others; gossip does the rest */
#define GOSSIP_SECONDS  1  /* a lab should know itself quickly */
#define ABSENT_SECONDS  15 /* longer than any process of a lab is away */
#define CPU_MILLICORES  2000
#define MEMORY_MB       1024
#define JOBS_MAX        8
/* ufog of the shared ledger: what each host begins with, and what a validator has bonded. */
#define LEDGER_BALANCE  10000000000ll
#define LEDGER_BOND     1000000000ll
#define LEDGER_TREASURY 150000000000ll
#define LEDGER_EPOCH_MS 60000 /* a lab shows epochs and snapshots while one watches */

struct attributes {
	const char *operator_name, *country, *region, *power_region;
	unsigned as, cpu_hour, gb_hour;
};

static const struct attributes rows[] = {
#define X(name, op, country, region, as, power, exit, cpu, gb) \
	{op, country, region, power, as, cpu, gb},
#include "configs/lab/hosts.def"
#undef X
};

void fog_lab_conf_string(FILE *out, const char *text)
{
	fputc('"', out);
	for (; *text != '\0'; text++) {
		if (*text == '"' || *text == '\\')
			fputc('\\', out);
		if ((unsigned char)*text < ' ')
			fprintf(out, "\\x%02x", (unsigned char)*text);
		else
			fputc(*text, out);
	}
	fputc('"', out);
}

static void key_string(FILE *out, const char *key, const char *text)
{
	fprintf(out, " %s = ", key);
	fog_lab_conf_string(out, text);
	fputs(";", out);
}

static void peers_write(FILE *out, const json_t *hosts, size_t own, const char *const *keys)
{
	size_t count = json_array_size(hosts);
	u32 written = 0;

	fputs(" peers = [", out);
	for (size_t i = 0; keys != NULL && i < count && written < BOOTSTRAP_PEERS; i++) {
		const json_t *peer = json_array_get(hosts, i);
		if (i == own)
			continue;
		fprintf(out, "%s\"%s:%d/%s\"", written ? ", " : "",
			fog_pick_text(peer, "address", ""),
			(int)fog_pick_number(peer, "control_port", 0), keys[i]);
		written++;
	}
	fputs("];", out);
}

static void exit_write(FILE *out, const json_t *lab, bool exit)
{
	bool netns = strcmp(fog_pick_text(lab, "mode", ""), "netns") == 0;

	fprintf(out, "roles: { enable = [\"relay\", \"worker\"%s]; };\n", exit ? ", \"exit\"" : "");
	if (!exit)
		return;
	fputs("exit: { allow = [\"10.0.0.0/8:1-65535\"", out);
	fputs(netns ? ", \"[fd77::]/64:1-65535\"" : ", \"127.0.0.0/8:1-65535\"", out);
	fputs("]; };\n", out);
}

/* DPDK takes its interface away from the kernel: it gets one of its own, eth1, and an address in
 * 10.78.0.0/24 that only it knows. */
static void dataplane_write(FILE *out, const json_t *lab, const json_t *host)
{
	const char *address = fog_pick_text(host, "address", "");
	const char *io = fog_pick_text(lab, "io", "auto");
	int port = (int)fog_pick_number(host, "link_port", 0);

	if (strcmp(io, "dpdk") == 0)
		fprintf(out,
			"dataplane: { listen = \"10.78.%s:%d\"; device = "
			"\"net_af_xdp0,iface=eth1\"; dpdk_args = (\"--no-huge\", \"-m\", "
			"\"128\", \"--no-pci\");",
			address + strlen("10.77."), port);
	else
		fprintf(out, "dataplane: { listen = \"%s:%d\";", address, port);
	if (strcmp(io, "af_xdp") == 0)
		fputs(" device = \"eth0\";", out);
	fprintf(out, " io = \"%s\"; workers = 1; pin = false; };\n", io);
}

static int host_write(const json_t *lab, size_t index, const char *const *keys)
{
	const json_t *hosts = json_object_get(lab, "hosts");
	const json_t *host = json_array_get(hosts, index);
	const struct attributes *a = &rows[index % FOG_ARRAY_COUNT(rows)];
	const char *run_dir = fog_pick_text(host, "run_dir", "");
	const char *address = fog_pick_text(host, "address", "");
	char path[FOG_LAB_PATH_MAX], state[FOG_LAB_PATH_MAX], genesis[FOG_LAB_PATH_MAX];

	snprintf(genesis, sizeof(genesis), "%s/genesis.json", fog_pick_text(lab, "dir", ""));
	snprintf(path, sizeof(path), "%s/fog.conf", run_dir);
	snprintf(state, sizeof(state), "%s/state", run_dir);
	if ((mkdir(run_dir, 0700) != 0 && errno != EEXIST) ||
	    (mkdir(state, 0700) != 0 && errno != EEXIST))
		return -errno;
	FILE *out = fopen(path, "we");
	if (out == NULL)
		return -errno;
	fputs("# Written by fogctl lab up.\nhost: {", out);
	key_string(out, "name", fog_pick_text(host, "name", ""));
	key_string(out, "run_dir", run_dir);
	key_string(out, "state_dir", state);
	fputs(" };\n", out);
	dataplane_write(out, lab, host);
	fprintf(out, "control: { listen = \"%s:%d\"; gossip_seconds = %d;", address,
		(int)fog_pick_number(host, "control_port", 0), GOSSIP_SECONDS);
	peers_write(out, hosts, index, keys);
	fputs(" };\n", out);
	exit_write(out, lab, json_is_true(json_object_get(host, "exit")));
	fputs("edge: {", out);
	key_string(out, "socks", fog_pick_text(host, "socks", ""));
	fputs(" };\ngateway: {", out);
	key_string(out, "listen", fog_pick_text(host, "http", ""));
	fprintf(out,
		" };\nworker: { cpu_millicores = %d; memory_mb = %d; jobs_max = %d;"
		" price_cpu_hour = %u; price_memory_gb_hour = %u;",
		CPU_MILLICORES, MEMORY_MB, JOBS_MAX, a->cpu_hour, a->gb_hour);
	fprintf(out, " engines = [\"native\", \"wasm\", \"microvm\"%s];",
		geteuid() == 0 ? ", \"oci\"" : "");
	const char *builder = fog_pick_text(lab, "wasm_builder", "");
	if (*builder != '\0')
		fprintf(out, " wasm_builders = [\"%s\"];", builder);
	const char *exec = fog_pick_text(lab, "exec", "");
	if (*exec == '/') /* otherwise it is not built, and the control plane will say so */
		key_string(out, "exec_path", exec);
	fprintf(out, " };\njobs: { absent_seconds = %d; webhook_networks = [\"127.0.0.0/8\"];",
		ABSENT_SECONDS);
	fputs(" };\nledger: { chain = \"quorum\";", out);
	key_string(out, "genesis", genesis);
	fprintf(out, " };\nquorum: { listen = \"%s:%d\"; };\n", address,
		(int)fog_pick_number(host, "quorum_port", 0));
	fputs("attributes: {", out);
	key_string(out, "operator", a->operator_name);
	key_string(out, "country", a->country);
	key_string(out, "region", a->region);
	key_string(out, "power_region", a->power_region);
	fprintf(out, " as = %u; };\n", a->as);
	int rc = ferror(out) ? -EIO : 0;
	if (fclose(out) != 0 && rc == 0)
		rc = -errno;
	return rc;
}

int fog_lab_conf_write(const json_t *lab, const char *const *keys)
{
	size_t count = json_array_size(json_object_get(lab, "hosts"));
	int rc = 0;

	for (size_t i = 0; i < count && rc == 0; i++)
		rc = host_write(lab, i, keys);
	return rc;
}

/* ---- genesis of the shared ledger ------------------------------------------------------------ */

static json_t *account_json(const json_t *host, const struct attributes *a, bool votes,
			    const char *node, const char *key)
{
	char address[64];
	json_t *o = json_pack("{s:s, s:I, s:s}", "key", node, "balance", (json_int_t)LEDGER_BALANCE,
			      "rank", votes ? "delegate" : "citizen");

	if (o == NULL || !votes)
		return o;
	snprintf(address, sizeof(address), "%s:%d", fog_pick_text(host, "address", ""),
		 (int)fog_pick_number(host, "quorum_port", 0));
	json_object_update_new(o, json_pack("{s:I, s:s, s:s, s:s, s:s, s:s, s:i}", "bond",
					    (json_int_t)LEDGER_BOND, "control_pk", key, "address",
					    address, "operator", a->operator_name, "country",
					    a->country, "power_region", a->power_region, "as",
					    (int)a->as));
	return o;
}

/* False where there is none, or one of a lab that was here before. */
static bool genesis_fits(const char *path, const char *node)
{
	json_t *root = json_load_file(path, 0, NULL);
	const json_t *first = json_array_get(json_object_get(root, "accounts"), 0);
	bool fits = strcmp(fog_pick_text(first, "key", ""), node) == 0;

	json_decref(root);
	return fits;
}

int fog_lab_genesis_write(const json_t *lab, const char *const *nodes, const char *const *keys)
{
	const json_t *hosts = json_object_get(lab, "hosts");
	size_t count = json_array_size(hosts);
	char path[FOG_LAB_PATH_MAX];
	json_t *accounts = json_array();

	snprintf(path, sizeof(path), "%s/genesis.json", fog_pick_text(lab, "dir", ""));
	if (genesis_fits(path, nodes[0])) {
		json_decref(accounts);
		return 0; /* the chain that the hosts have begun goes on */
	}
	for (size_t i = 0; i < count; i++)
		json_array_append_new(accounts,
				      account_json(json_array_get(hosts, i),
						   &rows[i % FOG_ARRAY_COUNT(rows)],
						   i < FOG_LAB_VALIDATORS, nodes[i], keys[i]));
	json_t *root = json_pack("{s:s, s:I, s:I, s:I, s:s, s:o}", "name", "lab", "time_ms",
				 (json_int_t)fog_now_ms(), "treasury", (json_int_t)LEDGER_TREASURY,
				 "epoch_ms", (json_int_t)LEDGER_EPOCH_MS, "profile",
				 count >= 4 ? "enhanced" : "none", "accounts", accounts);
	json_object_update(root, json_object_get(lab, "genesis")); /* as asked for */
	int rc = root != NULL && json_dump_file(root, path, JSON_INDENT(1)) == 0 ? 0 : -EIO;
	json_decref(root);
	return rc;
}
