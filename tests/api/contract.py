# SPDX-License-Identifier: BSD-3-Clause
"""The published contract: what each answer must hold, whatever else it does."""

from client import check

QUOTE = {"lane", "base_price_per_unit_per_hour", "quantity", "duration_hours", "base_cost",
         "volume_multiplier", "duration_multiplier", "supply_demand_multiplier",
         "reputation_multiplier", "trust_score", "final_price", "currency",
         "price_band_info.floor_price", "price_band_info.ceiling_price",
         "price_band_info.volatility", "price_band_info.utilization_rate",
         "price_band_info.supply_demand_ratio"}
SERVICES = ("fog_system_manager", "tee_runtime", "proof_system", "dynamic_pricing",
            "job_scheduler", "byzantine_quorum", "onion_routing", "reputation_system",
            "vrf_neighbor")
COMPONENTS = ("tee_runtime", "proof_generator", "proof_verifier", "pricing_manager", "scheduler",
              "quorum_manager", "onion_router", "reputation_engine", "vrf_selector")
CAPABILITIES = ["tee_runtime", "proof_system", "zk_predicates", "dynamic_pricing",
                "job_scheduler", "byzantine_quorum", "onion_routing", "reputation_system",
                "vrf_neighbor"]

ANALYTICS = {
    "timestamp", "market_overview.total_supply", "market_overview.total_demand",
    "market_overview.overall_utilization", "market_overview.market_condition",
    "market_overview.pricing_strategy", "market_overview.health_score",
    "anomaly_alerts.active_alerts", "anomaly_alerts.critical_alerts",
    "anomaly_alerts.total_alerts_24h", "pricing_metrics.average_price_across_lanes",
    "pricing_metrics.most_volatile_lane", "pricing_metrics.highest_demand_lane",
    "pricing_metrics.manipulation_risk_score"}
LANE = {"current_price", "target_price", "floor_price", "ceiling_price", "supply_units",
        "demand_units", "utilization_rate", "supply_demand_ratio", "volatility_24h",
        "is_volatile", "price_trend", "health_score"}
METRICS = {
    "system_health.overall_health", "system_health.healthy_components",
    "system_health.total_components", "system_health.error_rate",
    "performance.avg_response_time_ms", "performance.throughput_ops_per_sec",
    "performance.success_rate", "resources.total_memory_mb", "resources.total_cpu_percent",
    "component_metrics.tee_enclaves", "component_metrics.active_proofs",
    "component_metrics.pricing_volatility", "component_metrics.scheduled_jobs",
    "component_metrics.consensus_rounds", "component_metrics.onion_circuits",
    "component_metrics.reputation_updates", "component_metrics.vrf_selections", "timestamp"}
STATUS = {"services", "fog_system.overall_health", "fog_system.is_running",
          "fog_system.healthy_components", "fog_system.total_components",
          "fog_system.timestamp", "timestamp", "pricing_analytics", "scheduler_stats",
          "overall_health", "healthy_components", "total_components", "total_operations",
          "success_rate"}
SCHEDULER = {"total_nodes", "healthy_nodes", "total_placements", "successful_placements",
             "failed_placements", "success_rate", "avg_placement_latency_ms",
             "p95_placement_latency_ms", "queue_length", "optimization_generations"}
SCHEDULED = {"success", "node_id", "job_id", "placement_time_ms", "objectives.latency_ms",
             "objectives.cost_estimate", "objectives.marketplace_price",
             "objectives.trust_score", "objectives.load_balance", "strategy"}
QUORUM = {"active_nodes", "success_rate", "byzantine_tolerance", "avg_consensus_time_ms",
          "healthy"}
P2P = {"connected_peers", "network_health", "bitchat_status", "betanet_circuits",
       "topology.type", "topology.nodes", "topology.connections", "topology.avg_latency"}
P2P_MESSAGES = {"messages_sent", "messages_received", "routing_efficiency", "bandwidth_usage"}


def holds(value, fields, what):
    """Every field, "a.b" being member b of member a, is there."""
    for field in sorted(fields):
        at = value
        for name in field.split("."):
            check(isinstance(at, dict) and name in at, f"{what}: {field} is missing")
            at = at[name]
