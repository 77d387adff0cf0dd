/* SPDX-License-Identifier: BSD-3-Clause */
/* What the table of commands calls: FOG_CLI_OK, FOG_CLI_FAILED or FOG_CLI_USAGE; has printed why.
 */
#ifndef FOG_CLI_COMMANDS_H
#define FOG_CLI_COMMANDS_H

#include "controlplane/cli/command.h"

/* cmd_show.c */
int fog_cmd_status(struct fog_cli *cli);
int fog_cmd_top(struct fog_cli *cli);
int fog_cmd_host_list(struct fog_cli *cli);
int fog_cmd_host_show(struct fog_cli *cli);
int fog_cmd_link_list(struct fog_cli *cli);
int fog_cmd_message_send(struct fog_cli *cli);
int fog_cmd_message_list(struct fog_cli *cli);
int fog_cmd_message_receive(struct fog_cli *cli);
int fog_cmd_circuit_list(struct fog_cli *cli);
int fog_cmd_circuit_build(struct fog_cli *cli);
int fog_cmd_circuit_send(struct fog_cli *cli);
int fog_cmd_circuit_close(struct fog_cli *cli);
int fog_cmd_account_list(struct fog_cli *cli);
int fog_cmd_account_entries(struct fog_cli *cli);
int fog_cmd_reputation_list(struct fog_cli *cli);
int fog_cmd_xdp_show(struct fog_cli *cli);
int fog_cmd_metrics(struct fog_cli *cli);

/* cmd_health.c */
int fog_cmd_health(struct fog_cli *cli);
int fog_cmd_health_restart(struct fog_cli *cli);
int fog_cmd_alert_list(struct fog_cli *cli);
int fog_cmd_alert_rules(struct fog_cli *cli);
int fog_cmd_alert_ack(struct fog_cli *cli);
int fog_cmd_alert_silence(struct fog_cli *cli);
int fog_cmd_alert_unsilence(struct fog_cli *cli);

/* cmd_vrf.c */
int fog_cmd_vrf_status(struct fog_cli *cli);
int fog_cmd_vrf_neighbors(struct fog_cli *cli);
int fog_cmd_vrf_draw(struct fog_cli *cli);
int fog_cmd_vrf_verify(struct fog_cli *cli);

/* cmd_trust.c */
int fog_cmd_reputation_show(struct fog_cli *cli);
int fog_cmd_reputation_evidence(struct fog_cli *cli);
int fog_cmd_reputation_opinions(struct fog_cli *cli);
int fog_cmd_reputation_tiers(struct fog_cli *cli);

/* cmd_market.c */
int fog_cmd_market_show(struct fog_cli *cli);
int fog_cmd_market_quote(struct fog_cli *cli);
int fog_cmd_market_bulk(struct fog_cli *cli);
int fog_cmd_market_history(struct fog_cli *cli);
int fog_cmd_market_alerts(struct fog_cli *cli);
int fog_cmd_market_auction(struct fog_cli *cli);

/* cmd_ledger.c */
int fog_cmd_ledger_status(struct fog_cli *cli);
int fog_cmd_account_create(struct fog_cli *cli);
int fog_cmd_account_show(struct fog_cli *cli);
int fog_cmd_account_transfer(struct fog_cli *cli);
int fog_cmd_account_stake(struct fog_cli *cli);
int fog_cmd_account_unstake(struct fog_cli *cli);
int fog_cmd_account_rewards(struct fog_cli *cli);
int fog_cmd_account_validators(struct fog_cli *cli);
int fog_cmd_account_escrows(struct fog_cli *cli);
int fog_cmd_dao_parameters(struct fog_cli *cli);
int fog_cmd_dao_list(struct fog_cli *cli);
int fog_cmd_dao_show(struct fog_cli *cli);
int fog_cmd_dao_propose(struct fog_cli *cli);
int fog_cmd_dao_vote(struct fog_cli *cli);
int fog_cmd_dao_queue(struct fog_cli *cli);
int fog_cmd_dao_execute(struct fog_cli *cli);
int fog_cmd_dao_cancel(struct fog_cli *cli);
int fog_cmd_dao_lock(struct fog_cli *cli);
int fog_cmd_dao_unlock(struct fog_cli *cli);
int fog_cmd_dao_delegate(struct fog_cli *cli);
int fog_cmd_offer_list(struct fog_cli *cli);
int fog_cmd_offer_bid(struct fog_cli *cli);
int fog_cmd_offer_ask(struct fog_cli *cli);
int fog_cmd_offer_cancel(struct fog_cli *cli);
int fog_cmd_offer_settle(struct fog_cli *cli);
int fog_cmd_offer_claim(struct fog_cli *cli);
int fog_cmd_offer_dispute(struct fog_cli *cli);
int fog_cmd_offer_finish(struct fog_cli *cli);

/* cmd_validator.c */
int fog_cmd_quorum_join(struct fog_cli *cli);
int fog_cmd_quorum_leave(struct fog_cli *cli);

/* cmd_voucher.c */
int fog_cmd_voucher_withdraw(struct fog_cli *cli);
int fog_cmd_voucher_send(struct fog_cli *cli);
int fog_cmd_voucher_receive(struct fog_cli *cli);
int fog_cmd_voucher_balance(struct fog_cli *cli);
int fog_cmd_voucher_pay(struct fog_cli *cli);
int fog_cmd_voucher_redeem(struct fog_cli *cli);

/* cmd_store.c */
int fog_cmd_store_check(struct fog_cli *cli);
int fog_cmd_store_backup(struct fog_cli *cli);
int fog_cmd_store_restore(struct fog_cli *cli);

/* cmd_job.c */
int fog_cmd_job_submit(struct fog_cli *cli);
int fog_cmd_job_list(struct fog_cli *cli);
int fog_cmd_job_show(struct fog_cli *cli);
int fog_cmd_job_logs(struct fog_cli *cli);
int fog_cmd_job_cancel(struct fog_cli *cli);
int fog_cmd_job_wait(struct fog_cli *cli);

/* cmd_tee.c */
int fog_cmd_tee_status(struct fog_cli *cli);
int fog_cmd_tee_hosts(struct fog_cli *cli);
int fog_cmd_tee_list(struct fog_cli *cli);
int fog_cmd_tee_show(struct fog_cli *cli);
int fog_cmd_tee_create(struct fog_cli *cli);
int fog_cmd_tee_attest(struct fog_cli *cli);
int fog_cmd_tee_deploy(struct fog_cli *cli);
int fog_cmd_tee_execute(struct fog_cli *cli);
int fog_cmd_tee_terminate(struct fog_cli *cli);
int fog_cmd_tee_verify(struct fog_cli *cli);
int fog_cmd_tee_collateral(struct fog_cli *cli);
/* cmd_proof.c */
int fog_cmd_proof_show(struct fog_cli *cli);
int fog_cmd_proof_verify(struct fog_cli *cli);

/* cmd_zk.c */
int fog_cmd_zk_commit(struct fog_cli *cli);
int fog_cmd_zk_prove(struct fog_cli *cli);
int fog_cmd_zk_verify(struct fog_cli *cli);
int fog_cmd_zk_explain(struct fog_cli *cli);

/* cmd_batch.c */
int fog_cmd_job_plan(struct fog_cli *cli);
int fog_cmd_job_why(struct fog_cli *cli);
int fog_cmd_job_history(struct fog_cli *cli);
int fog_cmd_job_artifact(struct fog_cli *cli);
int fog_cmd_job_artifacts(struct fog_cli *cli);
int fog_cmd_job_fetch(struct fog_cli *cli);
int fog_cmd_batch_list(struct fog_cli *cli);
int fog_cmd_host_cordon(struct fog_cli *cli);
int fog_cmd_host_drain(struct fog_cli *cli);
int fog_cmd_host_uncordon(struct fog_cli *cli);
int fog_cmd_namespace_list(struct fog_cli *cli);
int fog_cmd_namespace_set(struct fog_cli *cli);
int fog_cmd_sla(struct fog_cli *cli);
int fog_cmd_sla_list(struct fog_cli *cli);
int fog_cmd_token_create(struct fog_cli *cli);
int fog_cmd_token_list(struct fog_cli *cli);
int fog_cmd_token_revoke(struct fog_cli *cli);
int fog_cmd_reserve_create(struct fog_cli *cli);
int fog_cmd_reserve_list(struct fog_cli *cli);
int fog_cmd_reserve_cancel(struct fog_cli *cli);
int fog_cmd_scheduler(struct fog_cli *cli);

/* cmd_lab.c, lab_story.c */
int fog_cmd_lab_up(struct fog_cli *cli);
int fog_cmd_lab_down(struct fog_cli *cli);
int fog_cmd_lab_status(struct fog_cli *cli);
int fog_cmd_lab_kill(struct fog_cli *cli);
int fog_cmd_lab_run(struct fog_cli *cli);
int fog_cmd_lab_supervise(struct fog_cli *cli);

/* cmd_quorum.c */
int fog_cmd_quorum_status(struct fog_cli *cli);
int fog_cmd_quorum_check(struct fog_cli *cli);
int fog_cmd_quorum_verify(struct fog_cli *cli);

#endif
