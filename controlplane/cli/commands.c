/* SPDX-License-Identifier: BSD-3-Clause */
/* The table of commands. */
#include "controlplane/cli/commands.h"

static int version_print(struct fog_cli *cli)
{
	fprintf(cli->out, cli->json ? "{\"version\": \"%s\"}\n" : "fogctl %s\n", FOG_VERSION);
	return FOG_CLI_OK;
}

static int completion_print(struct fog_cli *cli)
{
	if (strcmp(cli->args[0], "bash") != 0)
		return fog_cli_usage(cli, "no completion for \"%s\", only bash", cli->args[0]);
	fog_cli_completion(cli->out);
	return FOG_CLI_OK;
}

static int man_print(struct fog_cli *cli)
{
	fog_cli_man(cli->out);
	return FOG_CLI_OK;
}

#define O(id) FOG_OPTION_BIT(id)
#define JOB_TERMS                                                                             \
	(O(FILE) | O(CLASS) | O(TIER) | O(PRIORITY) | O(NAMESPACE) | O(DEADLINE) | O(ARRAY) | \
	 O(GANG) | O(APART) | O(PREEMPTIBLE) | O(WEBHOOK))

const struct fog_command fog_commands[] = {
	{"status", "", 0, 0, 0, "one screen about this host: links, circuits, jobs", NULL,
	 fog_cmd_status},

	{"job submit", "[-f FILE | -- ARGV...]", 0, FOG_CLI_ARGS_MAX,
	 O(NAME) | O(CPU) | O(MEMORY) | O(WALL) | O(TARGET) | O(STDIN) | O(WAIT) | O(TIMEOUT) |
		 JOB_TERMS,
	 "run a program on some host of the fog",
	 "ARGV is the program and its arguments as the worker finds them, not a shell line.\n"
	 "Prints the id of the job; with --wait also its way and its output.\n\n"
	 "  fogctl job submit --wait -- /bin/sh -c 'echo hello from $(hostname)'\n"
	 "  fogctl job submit --cpu 0.5 --memory 64M --wall 10s --stdin data.txt -- sort\n"
	 "  fogctl job submit --wait -f dag.json          a batch of stages, see configs/jobs/",
	 fog_cmd_job_submit},
	{"job plan", "[-f FILE | -- ARGV...]", 0, FOG_CLI_ARGS_MAX,
	 O(NAME) | O(CPU) | O(MEMORY) | O(WALL) | O(TARGET) | JOB_TERMS,
	 "where it would run now, or why not; nothing is submitted", NULL, fog_cmd_job_plan},
	{"job why", "JOB", 1, 1, 0, "why a job is pending, and when it is likely to start",
	 "Counts the hosts by the first constraint that each of them fails.", fog_cmd_job_why},
	{"job history", "JOB", 1, 1, 0, "every state a job was in", NULL, fog_cmd_job_history},
	{"job list", "", 0, 0, O(STATE) | O(LIMIT), "jobs of this control plane", NULL,
	 fog_cmd_job_list},
	{"job show", "JOB", 1, 1, 0, "everything about one job and its attempts",
	 "JOB is an id or its first digits.", fog_cmd_job_show},
	{"job logs", "JOB", 1, 1, O(FOLLOW) | O(STDERR), "output of a job", NULL, fog_cmd_job_logs},
	{"job cancel", "JOB", 1, 1, 0, "stop a job and give back what it has not used", NULL,
	 fog_cmd_job_cancel},
	{"job wait", "JOB", 1, 1, O(TIMEOUT), "wait for the end; exit status 1 unless it succeeded",
	 NULL, fog_cmd_job_wait},
	{"batch list", "", 0, 0, O(LIMIT), "jobs submitted together", NULL, fog_cmd_batch_list},

	{"circuit list", "", 0, 0, 0, "onion circuits that begin or end at this host", NULL,
	 fog_cmd_circuit_list},
	{"circuit close", "HANDLE", 1, 1, 0, "close a circuit of this host", NULL,
	 fog_cmd_circuit_close},

	{"host list", "", 0, 0, 0, "hosts this one knows", NULL, fog_cmd_host_list},
	{"host show", "HOST", 1, 1, 0, "descriptor of one host: name, node id or its first digits",
	 NULL, fog_cmd_host_show},
	{"host cordon", "HOST", 1, 1, 0, "give this host no new jobs of ours",
	 "HOST is a name, a node id or its first digits. Naming the host that answers keeps it\n"
	 "from taking jobs of others, too.",
	 fog_cmd_host_cordon},
	{"host drain", "HOST", 1, 1, O(DEADLINE), "cordon, and have what runs there run elsewhere",
	 NULL, fog_cmd_host_drain},
	{"host uncordon", "HOST", 1, 1, 0, "use it again", NULL, fog_cmd_host_uncordon},
	{"namespace list", "", 0, 0, 0, "namespaces: quotas, weights, use", NULL,
	 fog_cmd_namespace_list},
	{"namespace set", "NAME", 1, 1, O(CPU) | O(MEMORY) | O(JOBS) | O(WEIGHT),
	 "quota and fair share of a namespace; what is not given has no limit", NULL,
	 fog_cmd_namespace_set},
	{"sla list", "", 0, 0, O(LIMIT), "service levels not kept, and what was paid back", NULL,
	 fog_cmd_sla_list},
	{"scheduler", "", 0, 0, 0, "what the scheduler has done", NULL, fog_cmd_scheduler},
	{"link list", "", 0, 0, 0, "links to neighbours", NULL, fog_cmd_link_list},

	{"xdp show", "", 0, 0, 0, "the XDP filter: where it sits, what it passed and dropped", NULL,
	 fog_cmd_xdp_show},
	{"market show", "", 0, 0, 0, "prices, supply and demand of all lanes", NULL,
	 fog_cmd_market_show},
	{"market quote", "LANE [QUANTITY [HOURS]] [term=TERM] [class=CLASS] [node=HOST]", 1, 6, 0,
	 "what some of a lane costs, signed, good for 15 minutes",
	 "TERM is on_demand, spot (may be preempted) or reserved (a day or more); CLASS is S, A\n"
	 "or B; with a HOST its reputation counts.\n\n"
	 "  fogctl market quote cpu 4 24 term=spot",
	 fog_cmd_market_quote},
	{"market bulk", "LANE=QUANTITY:HOURS...", 1, 10, 0, "several lanes together, with discount",
	 "  fogctl market bulk cpu=4:24 memory=8:24", fog_cmd_market_bulk},
	{"market history", "LANE [HOURS]", 1, 2, 0, "what a price did in the last hours", NULL,
	 fog_cmd_market_history},
	{"market alerts", "", 0, 0, 0, "what was unusual: volatility, spikes, manipulation", NULL,
	 fog_cmd_market_alerts},
	{"market auction", "[list|show|open|commit|reveal] ...", 0, 7, 0,
	 "sealed-bid uniform-price auctions for S class",
	 "  fogctl market auction list\n"
	 "  fogctl market auction show AUCTION\n"
	 "  fogctl market auction open LANE [COMMIT_SECONDS [REVEAL_SECONDS]]\n"
	 "  fogctl market auction commit AUCTION bid|ask PRICE_UFOG QUANTITY ACCOUNT NONCE\n"
	 "  fogctl market auction reveal AUCTION bid|ask PRICE_UFOG QUANTITY ACCOUNT NONCE\n\n"
	 "Commit sends only the hash of the order. ACCOUNT and NONCE are 64 hex digits; keep the\n"
	 "NONCE secret, and reveal the same order in the reveal phase.",
	 fog_cmd_market_auction},

	{"account list", "", 0, 0, 0, "accounts of the ledger and their balances", NULL,
	 fog_cmd_account_list},
	{"account entries", "", 0, 0, O(ACCOUNT) | O(LIMIT),
	 "movements of the ledger, newest first", NULL, fog_cmd_account_entries},
	{"reputation list", "", 0, 0, 0, "what this host thinks of others, and how sure it is",
	 NULL, fog_cmd_reputation_list},
	{"reputation show", "HOST", 1, 1, 0,
	 "first-hand evidence, what others tell, and both together", NULL, fog_cmd_reputation_show},
	{"reputation evidence", "HOST", 1, 1, 0, "what this host saw of another, newest first",
	 NULL, fog_cmd_reputation_evidence},
	{"reputation opinions", "HOST", 1, 1, 0,
	 "who says what of a host, and how far it is believed", NULL, fog_cmd_reputation_opinions},
	{"reputation tiers", "", 0, 0, 0, "what each tier asks for", NULL,
	 fog_cmd_reputation_tiers},
	{"metrics", "", 0, 0, 0, "counters in the Prometheus text format", NULL, fog_cmd_metrics},

	{"lab up", "", 0, 0, O(HOSTS) | O(MODE) | O(IO) | O(DIR),
	 "start a local fog of several hosts",
	 "Each host gets its own folder, keys and processes; in mode netns also a network\n"
	 "namespace. A supervisor restarts processes that end.",
	 fog_cmd_lab_up},
	{"lab down", "", 0, 0, O(DIR), "stop it and remove its namespaces", NULL, fog_cmd_lab_down},
	{"lab status", "", 0, 0, O(DIR), "hosts, processes and links of the lab", NULL,
	 fog_cmd_lab_status},
	{"lab kill", "HOST", 1, 1, O(PROCESS) | O(SIGNAL) | O(DIR),
	 "send a signal to processes of a host",
	 "The supervisor starts them again: this is how one sees that nothing is lost.",
	 fog_cmd_lab_kill},
	{"lab run", "", 0, 0, O(HOSTS) | O(MODE) | O(IO) | O(DIR) | O(ONCE),
	 "lab up, one job explained step by step, serve until Ctrl-C",
	 "With --once: stop after the job, exit status 0 when all of it worked.", fog_cmd_lab_run},
	{"lab supervise", "", 0, 0, O(DIR), "keep the processes of a lab running", NULL,
	 fog_cmd_lab_supervise, .hidden = true},

	{"completion", "SHELL", 1, 1, 0, "completion script; SHELL is bash",
	 "  source <(fogctl completion bash)", completion_print},
	{"man", "", 0, 0, 0, "this program's manual page", NULL, man_print, .hidden = true},
	{"version", "", 0, 0, 0, "version of fogctl", NULL, version_print},
};

const u32 fog_commands_count = FOG_ARRAY_COUNT(fog_commands);
