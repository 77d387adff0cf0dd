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
	 O(GANG) | O(APART) | O(PREEMPTIBLE) | O(CHECKPOINT) | O(ARTIFACTS) | O(WEBHOOK))

const struct fog_command fog_commands[] = {
	{"status", "", 0, 0, 0, "one screen about this host: links, circuits, jobs", NULL,
	 fog_cmd_status},

	{"top", "", 0, 0, O(INTERVAL) | O(ONCE) | O(DIR),
	 "what the data plane does now: rates, drops by reason, cycles of each stage",
	 "A full screen that lives until q; of the whole lab if one is up, else of one host.\n"
	 "With several hosts: up and down choose, Enter shows one, Esc goes back. --once prints\n"
	 "one look and ends, --json the same as numbers.\n\n"
	 "  fogctl top --host host-3\n"
	 "  fogctl top --json --interval 5s",
	 fog_cmd_top},

	{"job submit", "[-f FILE | -- ARGV...]", 0, FOG_CLI_ARGS_MAX,
	 O(NAME) | O(CPU) | O(MEMORY) | O(ACCELERATORS) | O(WALL) | O(TARGET) | O(STDIN) |
		 O(ENGINE) | O(INPUT) | O(WAIT) | O(TIMEOUT) | JOB_TERMS,
	 "run a program on some host of the fog",
	 "ARGV is the program and its arguments as the worker finds them, not a shell line.\n"
	 "Prints the id of the job; with --wait also its way and its output.\n\n"
	 "  fogctl job submit --wait -- /bin/sh -c 'echo hello from $(hostname)'\n"
	 "  fogctl job submit --cpu 0.5 --memory 64M --wall 10s --stdin data.txt -- sort\n"
	 "  fogctl job submit --engine wasm --input tool.fogwasm -- tool.fogwasm arguments\n"
	 "  fogctl job submit --artifacts 'out/*.png' --wait -- ./render      then: job fetch JOB\n"
	 "  fogctl job submit --wait -f dag.json          a batch of stages, see configs/jobs/\n\n"
	 "--checkpoint: when $FOG_CHECKPOINT/.complete exists, what is in that directory is taken\n"
	 "and the file removed; the same when the job exits with 85, to be begun again, and after\n"
	 "the SIGTERM it gets before it is stopped. The next host begins with that directory, and\n"
	 "$FOG_RESTART says how often that was.",
	 fog_cmd_job_submit},
	{"job plan", "[-f FILE | -- ARGV...]", 0, FOG_CLI_ARGS_MAX,
	 O(NAME) | O(CPU) | O(MEMORY) | O(ACCELERATORS) | O(WALL) | O(TARGET) | JOB_TERMS,
	 "where it would run now, or why not; nothing is submitted", NULL, fog_cmd_job_plan},
	{"job why", "JOB", 1, 1, 0, "why a job is pending, and when it is likely to start",
	 "Counts the hosts by the first constraint that each of them fails.", fog_cmd_job_why},
	{"job history", "JOB", 1, 1, 0, "every state a job was in", NULL, fog_cmd_job_history},
	{"job list", "", 0, 0, O(STATE) | O(LIMIT), "jobs of this control plane", NULL,
	 fog_cmd_job_list},
	{"job show", "JOB", 1, 1, 0, "everything about one job and its attempts",
	 "JOB is an id or its first digits.", fog_cmd_job_show},
	{"job logs", "JOB", 1, 1, O(FOLLOW) | O(STDERR), "output of a job", NULL, fog_cmd_job_logs},
	{"job artifacts", "JOB", 1, 1, 0, "files a job left behind, and which were not taken", NULL,
	 fog_cmd_job_artifacts},
	{"job fetch", "JOB [NAME]", 1, 2, O(OUTPUT), "write artifacts of a job to files",
	 "NAME is one artifact, or a directory of them; without it all are fetched. Each is "
	 "checked\n"
	 "against its hash before it gets its name; what was begun is gone on with.\n\n"
	 "  fogctl job fetch 3f2a out/plot.png -o results",
	 fog_cmd_job_fetch},
	{"job artifact", "SHA256", 1, 1, 0, "an output by what it contains, from any job of ours",
	 "The hashes are in `fogctl --json job show` (stdout_sha256 and stderr_sha256) and in\n"
	 "`fogctl --json job artifacts`.",
	 fog_cmd_job_artifact},
	{"job cancel", "JOB", 1, 1, 0, "stop a job and give back what it has not used", NULL,
	 fog_cmd_job_cancel},
	{"job wait", "JOB", 1, 1, O(TIMEOUT), "wait for the end; exit status 1 unless it succeeded",
	 NULL, fog_cmd_job_wait},
	{"batch list", "", 0, 0, O(LIMIT), "jobs submitted together", NULL, fog_cmd_batch_list},

	{"circuit list", "", 0, 0, 0, "onion circuits that begin or end at this host", NULL,
	 fog_cmd_circuit_list},
	{"circuit build", "TARGET", 1, 1, O(HOPS),
	 "build a circuit and keep it for an hour, or until it is closed",
	 "TARGET is a host, for jobs that go there, or NAME:PORT, through an exit.\n\n"
	 "  fogctl circuit build elm --hops 4",
	 fog_cmd_circuit_build},
	{"circuit send", "DESTINATION TEXT", 2, 2, O(HOPS), "send a text over a circuit of its own",
	 "To a host, which keeps it among what it received, or to NAME:PORT through an exit,\n"
	 "whose answer is printed. --hops is 2 to 6.\n\n"
	 "  fogctl circuit send elm 'see you at nine'",
	 fog_cmd_circuit_send},
	{"circuit close", "HANDLE", 1, 1, 0, "close a circuit of this host", NULL,
	 fog_cmd_circuit_close},

	{"message send", "HOST TEXT", 1, 2, O(STDIN) | O(WAIT) | O(TIMEOUT),
	 "send a message through the mixnet",
	 "HOST is a name, a node id or its first digits; TEXT at most 32768 bytes of UTF-8.\n"
	 "With --stdin FILE the text comes from there. --wait: until the recipient's provider has\n"
	 "all of it on disk; exit status 1 when it is lost.\n\n"
	 "  fogctl message send elm 'see you at nine'",
	 fog_cmd_message_send},
	{"message list", "", 0, 0, 0, "messages under way, sent and received", NULL,
	 fog_cmd_message_list},
	{"message receive", "", 0, 0, O(KEEP) | O(WAIT) | O(TIMEOUT),
	 "print received messages and take them out of the inbox", "With --keep they stay there.",
	 fog_cmd_message_receive},

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
	{"reserve create", "NAMESPACE [HOST...]", 1, 33,
	 O(CPU) | O(MEMORY) | O(ACCELERATORS) | O(START) | O(DURATION) | O(EVERY) | O(UNTIL) |
		 O(NAME) | O(SUBMITTER),
	 "keep hosts, or so much of all, for a namespace",
	 "HOSTs are kept whole, or the amounts of --cpu, --memory and --accelerators on each;\n"
	 "amounts alone are kept wherever they are free. Until it begins others use it, if they\n"
	 "must have ended by then; what runs already runs on. --name is a note for people.\n"
	 "It binds the jobs of the host it is made at. Made at a host that it keeps whole, it "
	 "binds\n"
	 "everybody's; --submitter opens it to the jobs of one other host.\n\n"
	 "  fogctl reserve create render elm oak --start 22:00 --duration 8h --every 1d\n"
	 "  fogctl reserve create render elm --duration 8h --host elm --submitter birch\n"
	 "  fogctl reserve create class --cpu 16 --memory 64G --start +1h --duration 90m",
	 fog_cmd_reserve_create},
	{"reserve list", "", 0, 0, 0, "what is reserved, and how much of it is kept", NULL,
	 fog_cmd_reserve_list},
	{"reserve cancel", "ID", 1, 1, 0, "give a reservation up", NULL, fog_cmd_reserve_cancel},
	{"token create", "SUBJECT", 1, 1,
	 O(SCOPE) | O(TIER) | O(EXPIRES) | O(API_KEY) | O(ALGORITHM),
	 "make a token or an API key for the API on TCP",
	 "SUBJECT is the name of an account and namespace. --tier is standard, premium or\n"
	 "enterprise: how many requests a minute and an hour. What is printed is not to be had\n"
	 "again.\n\n"
	 "  TOKEN=$(fogctl token create alice --scope write --expires 30d)\n"
	 "  curl -H \"Authorization: Bearer $TOKEN\" http://127.0.0.1:8000/v1/status\n"
	 "  KEY=$(fogctl token create build --scope write --api-key --expires 365d)\n"
	 "  curl -H \"X-API-Key: $KEY\" http://127.0.0.1:8000/v1/jobs",
	 fog_cmd_token_create},
	{"token list", "", 0, 0, 0, "tokens and API keys that were made, or revoked", NULL,
	 fog_cmd_token_list},
	{"token revoke", "ID", 1, 1, 0, "make a token or API key worthless, at once", NULL,
	 fog_cmd_token_revoke},
	{"sla", "", 0, 0, 0, "how many promises of 30 days were kept, by class and namespace", NULL,
	 fog_cmd_sla},
	{"sla list", "", 0, 0, O(LIMIT), "service levels not kept, and what was paid back", NULL,
	 fog_cmd_sla_list},
	{"scheduler", "", 0, 0, 0, "what the scheduler has done", NULL, fog_cmd_scheduler},
	{"link list", "", 0, 0, 0, "links to neighbours", NULL, fog_cmd_link_list},

	{"xdp show", "", 0, 0, 0, "the XDP filter: where it sits, what it passed and dropped", NULL,
	 fog_cmd_xdp_show},
	{"market show", "", 0, 0, 0, "prices, supply and demand of all lanes", NULL,
	 fog_cmd_market_show},
	{"market quote",
	 "LANE [QUANTITY [HOURS]] [term=TERM] [class=CLASS] [node=HOST]"
	 " [accelerator=KIND]",
	 1, 7, 0, "what some of a lane costs, signed, good for 15 minutes",
	 "TERM is on_demand, spot (may be preempted) or reserved (a day or more); CLASS is S, A\n"
	 "or B; with a HOST its reputation counts. KIND, of lane gpu: small (below 24 GiB of\n"
	 "memory), medium, large (from 48 GiB), or a type that some host offers.\n\n"
	 "  fogctl market quote cpu 4 24 term=spot\n"
	 "  fogctl market quote gpu 2 1 accelerator=tesla-t4",
	 fog_cmd_market_quote},
	{"market bulk", "LANE=QUANTITY:HOURS...", 1, 10, 0, "several lanes together, with discount",
	 "  fogctl market bulk cpu=4:24 memory=8:24", fog_cmd_market_bulk},
	{"market history", "LANE [HOURS]", 1, 2, 0, "what a price did in the last hours", NULL,
	 fog_cmd_market_history},
	{"market alerts", "", 0, 0, 0, "what was unusual: volatility, spikes, manipulation", NULL,
	 fog_cmd_market_alerts},
	{"market auction", "[list|show|open|ask|commit|reveal] ...", 0, 8, 0,
	 "sealed-bid uniform-price auctions of reservations for S class",
	 "  fogctl market auction list\n"
	 "  fogctl market auction show AUCTION\n"
	 "  fogctl market auction open LANE [HOURS [COMMIT_SECONDS [REVEAL_SECONDS]]]\n"
	 "  fogctl market auction ask AUCTION HOURS PRICE QUANTITY NONCE\n"
	 "  fogctl market auction commit AUCTION bid|ask PRICE QUANTITY ACCOUNT NONCE\n"
	 "  fogctl market auction reveal AUCTION bid|ask PRICE QUANTITY ACCOUNT NONCE\n"
	 "                               [namespace=NAME|signature=HEX]\n\n"
	 "Prices are fog per unit and hour; a unit is held for HOURS from the clearing on. Commit "
	 "sends\n"
	 "only the hash of the order, and a deposit that covers it: lost unless the order is\n"
	 "revealed. ACCOUNT and NONCE are 64 hex digits; keep the NONCE secret. A bid says for "
	 "which\n"
	 "namespace; an ask's ACCOUNT is its worker's node id, which signs it (ask, asked of that\n"
	 "worker). Sellers are paid when the hours are over, for the time they were there.",
	 fog_cmd_market_auction},

	{"account list", "", 0, 0, 0, "accounts of the ledger and their balances", NULL,
	 fog_cmd_account_list},
	{"account entries", "", 0, 0, O(ACCOUNT) | O(LIMIT),
	 "movements of the ledger, newest first", NULL, fog_cmd_account_entries},
	{"ledger status", "", 0, 0, 0, "the shared ledger: height, root, money, price", NULL,
	 fog_cmd_ledger_status},
	{"account create", "[NAME]", 0, 1, 0, "make the key of an account of the shared ledger",
	 "NAME is \"default\" when not given. The key lies in $FOG_KEYS or ~/.config/fog/keys.",
	 fog_cmd_account_create},
	{"account show", "[ACCOUNT]", 0, 1, O(ACCOUNT) | O(VERIFY) | O(GENESIS),
	 "balance, votes and bonds, with a proof that is checked here",
	 "ACCOUNT is a name of one of your keys, 64 hex digits, or \"host\".",
	 fog_cmd_account_show},
	{"account transfer", "TO AMOUNT", 2, 2, O(ACCOUNT), "move money on the shared ledger",
	 "AMOUNT is in fog: 1.5. --account says whose; \"host\" is the host's own.",
	 fog_cmd_account_transfer},
	{"account stake", "VALIDATOR [AMOUNT]", 2, 2, O(ACCOUNT), "bond money with a validator",
	 NULL, fog_cmd_account_stake},
	{"account unstake", "VALIDATOR [AMOUNT]", 1, 2, O(ACCOUNT),
	 "take it back, all without AMOUNT", NULL, fog_cmd_account_unstake},
	{"account rewards", "VALIDATOR", 1, 1, O(ACCOUNT), "have what a bond earned paid out", NULL,
	 fog_cmd_account_rewards},
	{"account validators", "", 0, 0, 0, "who votes, with what bond", NULL,
	 fog_cmd_account_validators},
	{"account escrows", "", 0, 0, 0, "money held for jobs and trades", NULL,
	 fog_cmd_account_escrows},
	{"dao parameters", "", 0, 0, 0, "what a vote may change", NULL, fog_cmd_dao_parameters},
	{"dao list", "", 0, 0, 0, "proposals and how they stand", NULL, fog_cmd_dao_list},
	{"dao show", "PROPOSAL", 1, 1, 0, "one proposal and its motions", NULL, fog_cmd_dao_show},
	{"dao propose", "TITLE MOTION...", 1, 11, O(ACCOUNT), "put motions to the vote",
	 "A motion is PARAMETER=VALUE, pay:ACCOUNT:AMOUNT or rank:ACCOUNT:RANK.\n\n"
	 "  fogctl dao propose 'more tries' scheduler.attempts_max=5",
	 fog_cmd_dao_propose},
	{"dao vote", "PROPOSAL CHOICE", 2, 2, O(ACCOUNT), "vote: for, against or abstain", NULL,
	 fog_cmd_dao_vote},
	{"dao lock", "AMOUNT", 1, 1, O(ACCOUNT), "lock money to vote with it", NULL,
	 fog_cmd_dao_lock},
	{"dao unlock", "AMOUNT", 1, 1, O(ACCOUNT), "take it back", NULL, fog_cmd_dao_unlock},
	{"dao delegate", "ACCOUNT", 1, 1, O(ACCOUNT),
	 "say who votes with your locked money: yourself or another", NULL, fog_cmd_dao_delegate},
	{"dao queue", "PROPOSAL", 1, 1, O(ACCOUNT), "start the time lock of one that succeeded",
	 NULL, fog_cmd_dao_queue},
	{"dao execute", "PROPOSAL", 1, 1, O(ACCOUNT), "carry out its motions after the time lock",
	 NULL, fog_cmd_dao_execute},
	{"dao cancel", "PROPOSAL", 1, 1, O(ACCOUNT),
	 "stop one: its proposer, a guardian, or anybody once the proposer lost its votes", NULL,
	 fog_cmd_dao_cancel},
	{"offer list", "", 0, 0, 0, "bids and asks of the market place, and the last prices", NULL,
	 fog_cmd_offer_list},
	{"offer bid", "LANE QUANTITY PRICE", 3, 3, O(ACCOUNT),
	 "buy up to QUANTITY unit hours of a lane at PRICE fog or less", NULL, fog_cmd_offer_bid},
	{"offer ask", "LANE QUANTITY PRICE", 3, 3, O(ACCOUNT),
	 "sell up to QUANTITY unit hours of a lane at PRICE fog or more", NULL, fog_cmd_offer_ask},
	{"offer cancel", "OFFER", 1, 1, O(ACCOUNT), "take a bid or ask back", NULL,
	 fog_cmd_offer_cancel},
	{"offer settle", "ESCROW AMOUNT", 2, 2, O(ACCOUNT), "pay for a trade; the rest comes back",
	 NULL, fog_cmd_offer_settle},
	{"offer claim", "ESCROW AMOUNT", 2, 2, O(ACCOUNT), "claim the pay of a delivered trade",
	 NULL, fog_cmd_offer_claim},
	{"offer dispute", "ESCROW", 1, 1, O(ACCOUNT), "refuse a claim", NULL,
	 fog_cmd_offer_dispute},
	{"offer finish", "ESCROW", 1, 1, O(ACCOUNT), "pay or give back what is due by now", NULL,
	 fog_cmd_offer_finish},
	{"voucher withdraw", "AMOUNT", 1, 1, O(ACCOUNT) | O(TARGET),
	 "turn money of the shared ledger into vouchers nobody can trace",
	 "--target names the host of the mint; the one that is asked when not given. Vouchers lie "
	 "in\n"
	 "$FOG_WALLET or ~/.config/fog/wallet.json: who has the file has the money.",
	 fog_cmd_voucher_withdraw},
	{"voucher balance", "", 0, 0, 0, "what the wallet holds", NULL, fog_cmd_voucher_balance},
	{"voucher send", "AMOUNT", 1, 1, O(TARGET), "print a token worth AMOUNT to hand on", NULL,
	 fog_cmd_voucher_send},
	{"voucher receive", "TOKEN", 1, 1, 0, "make a token somebody sent one's own", NULL,
	 fog_cmd_voucher_receive},
	{"voucher pay", "HOST AMOUNT", 2, 2, 0, "pay a relay or mix, through a circuit",
	 "The host learns that somebody paid, not who.", fog_cmd_voucher_pay},
	{"voucher redeem", "AMOUNT [ACCOUNT]", 1, 2, 0,
	 "turn vouchers back into money of an account", NULL, fog_cmd_voucher_redeem},
	{"store check", "", 0, 0, 0, "look at every page of the store", NULL, fog_cmd_store_check},
	{"store backup", "FILE", 1, 1, 0, "copy the store into FILE while it is in use", NULL,
	 fog_cmd_store_backup},
	{"store restore", "FILE CONFIG", 2, 2, 0, "replace the store of a stopped host by a backup",
	 "CONFIG is the fog.conf of that host.", fog_cmd_store_restore},
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
	{"vrf status", "", 0, 0, 0, "epoch, beacon, draws of this host, signs of an eclipse", NULL,
	 fog_cmd_vrf_status},
	{"vrf neighbors", "[HOST]", 0, 1, 0, "neighbours this or another host drew in this epoch",
	 NULL, fog_cmd_vrf_neighbors},
	{"vrf draw", "KIND [HOST]", 1, 2, 0, "a draw with its proof, as JSON",
	 "KIND is neighbours, relays, committee or mix. The lots of other hosts, committee and\n"
	 "mix, are known here as well.\n\n"
	 "  fogctl vrf draw neighbours > draw.json",
	 fog_cmd_vrf_draw},
	{"vrf verify", "KIND|FILE|- [HOST]", 1, 2, 0, "check a draw: of a host, or from a file",
	 "Nothing of what the host says is taken on trust but the list it drew from. Exit status\n"
	 "1 when the proof is false or proves another result.\n\n"
	 "  fogctl vrf verify mix birch\n"
	 "  fogctl vrf draw relays --host birch | fogctl vrf verify -",
	 fog_cmd_vrf_verify},
	{"tee status", "", 0, 0, 0, "what attests this host and what that promises", NULL,
	 fog_cmd_tee_status},
	{"tee hosts", "", 0, 0, 0, "what this host found when it attested the others",
	 "Jobs of class S run only where ATTESTED is yes.", fog_cmd_tee_hosts},
	{"tee list", "", 0, 0, 0, "enclaves of this host", NULL, fog_cmd_tee_list},
	{"tee show", "ENCLAVE", 1, 1, 0, "an enclave with its measurement, key and attestation",
	 NULL, fog_cmd_tee_show},
	{"tee create", "FILE [-- ARGV...]", 1, FOG_CLI_ARGS_MAX,
	 O(NAME) | O(ENGINE) | O(MEMORY) | O(CPU) | O(WALL),
	 "launch FILE measured: its code, configuration and engine",
	 "FILE becomes /input/code; ARGV starts it, by default /bin/sh /input/code. With --engine\n"
	 "wasm and oci FILE is a module or the archive of a bundle, with microvm a static "
	 "program.\n\n"
	 "  fogctl tee create model.sh --memory 512M\n"
	 "  fogctl tee create tool.fogwasm --engine wasm",
	 fog_cmd_tee_create},
	{"tee attest", "ENCLAVE [VERIFIER]", 1, 2, 0,
	 "have another host check a fresh quote of an enclave",
	 "VERIFIER is that host; any other one when not given.", fog_cmd_tee_attest},
	{"tee deploy", "ENCLAVE FILE [VERIFIER]", 2, 3, O(NAME) | O(MEASUREMENT) | O(SOFTWARE),
	 "seal a secret to an attested enclave and hand it over",
	 "The program finds it as /input/NAME. Sealed is only to a key that the verifier's signed\n"
	 "result names; VERIFIER (a node id) and --measurement say which are right.\n\n"
	 "  fogctl tee deploy enclave_0123456789ab api.key --measurement 9f86d0..",
	 fog_cmd_tee_deploy},
	{"tee execute", "ENCLAVE [-- ARG...]", 1, FOG_CLI_ARGS_MAX, O(STDIN),
	 "run an attested enclave and print what it says",
	 "Exit status 1 unless it ended with 0. --json has the proof of execution.",
	 fog_cmd_tee_execute},
	{"tee terminate", "ENCLAVE", 1, 1, 0, "end an enclave and wipe what it held", NULL,
	 fog_cmd_tee_terminate},
	{"tee verify", "FILE", 1, 1, 0, "check an attestation result, as JSON",
	 "FILE holds the token that `tee show --json` has as attestation.result; - is standard\n"
	 "input. Exit status 1 unless the verifier found it good and it still holds.",
	 fog_cmd_tee_verify},
	{"tee collateral", "DIR", 1, 1, 0,
	 "check a directory for tee.collateral: lists of revoked keys, firmware levels",
	 "Works without a control plane. Exit status 1 when a file is wrong or out of date;\n"
	 "docs/OPERATIONS.md has where to fetch them.\n\n"
	 "  fogctl tee collateral /var/lib/fog/collateral",
	 fog_cmd_tee_collateral},
	{"health", "", 0, 0, 0,
	 "how each component of a host is; exit status 1 unless all are well", NULL,
	 fog_cmd_health},
	{"health restart", "COMPONENT", 1, 1, 0, "restart one component; nothing promised is lost",
	 "  fogctl health restart scheduler", fog_cmd_health_restart},
	{"alert list", "", 0, 0, O(ALL), "alerts that fire, and silences", NULL,
	 fog_cmd_alert_list},
	{"alert rules", "", 0, 0, 0, "what raises alerts on this host", NULL, fog_cmd_alert_rules},
	{"alert ack", "ID", 1, 1, 0, "say that you look after an alert", NULL, fog_cmd_alert_ack},
	{"alert silence", "RULE [OF]", 1, 2, O(FOR), "tell nobody of such alerts for a while",
	 "RULE is the name of a rule or \"all\", OF for instance a component.\n\n"
	 "  fogctl alert silence component_down edge --for 30m",
	 fog_cmd_alert_silence},
	{"alert unsilence", "SILENCE", 1, 1, 0, "end a silence", NULL, fog_cmd_alert_unsilence},
	{"metrics", "", 0, 0, 0, "counters in the Prometheus text format", NULL, fog_cmd_metrics},

	{"proof show", "FILE", 1, 1, 0,
	 "a proof of execution, audit, SLA, batch or inclusion as JSON",
	 "FILE holds the binary or the JSON form; - is standard input.", fog_cmd_proof_show},
	{"proof verify", "FILE", 1, 1, O(ROSTER),
	 "check such a proof; exit status 1 unless it is fresh and right",
	 "  fogctl proof verify audit.json --roster auditors.json", fog_cmd_proof_verify},

	{"quorum status", "", 0, 0, 0, "who agrees on the ledger, and why not when they do not",
	 NULL, fog_cmd_quorum_status},
	{"quorum check", "FILE", 1, 1, 0, "do any two quorums meet, and whose failure breaks them",
	 "FILE is a genesis, or quorum sets as stellarbeat.io and stellar-core write them.\n"
	 "Exit status 1 when quorums do not intersect, or one operator, country .. breaks them.",
	 fog_cmd_quorum_check},
	{"quorum join", "[FOG]", 0, 1, O(COMMISSION),
	 "make this host a validator, with a bond of its account",
	 "Registers the host's key, quorum.listen and attributes, and bonds FOG more. It votes "
	 "from the\n"
	 "next epoch on if its bond is ledger.bond_min or more. Again: with what has changed "
	 "since.",
	 fog_cmd_quorum_join},
	{"quorum leave", "", 0, 0, 0, "vote no longer from the next epoch on, take the bond back",
	 "Keep the host running until fogctl quorum status calls it a follower. The bond is paid "
	 "when\n"
	 "ledger.unbonding_ms are over, and answers until then for what was signed.",
	 fog_cmd_quorum_leave},
	{"quorum verify-proof", "ACCOUNT [GENESIS]", 1, 2, O(GENESIS),
	 "prove a balance from the genesis file alone",
	 "Checks every epoch's certificate since genesis, the header with the state's root and\n"
	 "the account in that state. Believes no host. GENESIS: the lab's, when there is one.",
	 fog_cmd_quorum_verify},

	{"zk commit", "NAME=VALUE...", 1, FOG_CLI_ARGS_MAX, 0,
	 "commit to attributes; prints values, blindings, commitments",
	 "Keep the output to yourself; the commitments in it may be published.\n\n"
	 "  fogctl zk commit age=25 country=de > secrets.json",
	 fog_cmd_zk_commit},
	{"zk prove", "PREDICATE", 1, 1, O(SECRETS) | O(DOMAIN) | O(CONTEXT) | O(EXPIRES),
	 "prove a predicate of committed attributes, telling nothing else",
	 "  fogctl zk prove 'age >= 18 and country in {\"de\", \"fr\"}' --secrets secrets.json\n\n"
	 "The language is described in docs/PREDICATES.md.",
	 fog_cmd_zk_prove},
	{"zk verify", "FILE", 1, 1, O(DOMAIN) | O(CONTEXT) | O(COMMITMENTS),
	 "check what `zk prove` printed; exit status 1 unless it is proved", NULL,
	 fog_cmd_zk_verify},
	{"zk explain", "[PREDICATE]", 0, 1, 0,
	 "how a predicate is proved; without one, the library predicates", NULL,
	 fog_cmd_zk_explain},

	{"lab up", "", 0, 0, O(HOSTS) | O(MODE) | O(IO) | O(GENESIS) | O(DIR),
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
