#!/usr/bin/env python3
"""Writes the dashboards: `deploy/grafana/make.py` makes the .json files beside it anew.

A panel is a line here, so that a metric that changes its name is changed in one place; Grafana's
own files are long, and nobody reviews them. The tests check that every metric is a documented one.
"""

import json
import pathlib

HERE = pathlib.Path(__file__).resolve().parent

# Title, unit, and queries with their legends.
DASHBOARDS = {
    "edgeway-overview": (
        "Edgeway: overview",
        [
            ("Requests at POPs by class", "reqps", [
                ("sum by (class) (rate(edgeway_edge_requests_total[1m]))", "{{class}}")]),
            ("Time to an answer's head, p50 and p99", "s", [
                ("histogram_quantile(0.5, sum by (le, from) (rate(edgeway_edge_request_seconds_bucket[5m])))", "p50 {{from}}"),
                ("histogram_quantile(0.99, sum by (le, from) (rate(edgeway_edge_request_seconds_bucket[5m])))", "p99 {{from}}")]),
            ("Cache verdicts", "reqps", [
                ("sum by (verdict) (rate(edgeway_edge_cache_requests_total[1m]))", "{{verdict}}")]),
            ("Forwards by region", "reqps", [
                ("sum by (region) (rate(edgeway_edge_forwards_total[1m]))", "{{region}}")]),
            ("Refused at POPs", "reqps", [
                ("sum by (reason) (rate(edgeway_edge_refused_total[1m]))", "{{reason}}")]),
            ("Faults in regions", "reqps", [
                ("sum by (blame, reason) (rate(edgeway_region_faults_total[1m]))", "{{blame}} {{reason}}")]),
            ("Configuration in use", "none", [
                ("edgeway_region_plan_revision", "{{instance}}"),
                ("edgeway_edge_plan_revision", "{{instance}}"),
                ("edgeway_dns_revision", "{{instance}}")]),
            ("Leader", "none", [("edgeway_ledger_is_leader", "{{instance}}")]),
        ],
    ),
    "edgeway-regions": (
        "Edgeway: regions",
        [
            ("Requests by entrance", "reqps", [
                ("sum by (entrance, class) (rate(edgeway_region_requests_total[1m]))", "{{entrance}} {{class}}")]),
            ("In progress", "none", [("edgeway_region_requests_in_flight", "{{instance}}")]),
            ("Time, whole and at backends, p99", "s", [
                ("histogram_quantile(0.99, sum by (le) (rate(edgeway_region_request_duration_seconds_bucket[5m])))", "whole"),
                ("histogram_quantile(0.99, sum by (le) (rate(edgeway_region_upstream_duration_seconds_bucket[5m])))", "backend")]),
            ("REST APIs: base and canary", "reqps", [
                ("sum by (deployment, class) (rate(edgeway_region_rest_requests_total[1m]))", "{{deployment}} {{class}}")]),
            ("Under limits", "reqps", [
                ("sum by (result) (rate(edgeway_region_limited_requests_total[1m]))", "{{result}}")]),
            ("Stage cache", "reqps", [
                ("sum by (result) (rate(edgeway_region_stage_cache_requests_total[1m]))", "{{result}}")]),
            ("Proposals", "ops", [
                ("sum by (result) (rate(edgeway_ledger_proposals_total[1m]))", "{{result}}")]),
            ("Making log writes durable, p99", "s", [
                ("histogram_quantile(0.99, sum by (le, instance) (rate(edgeway_ledger_append_fsync_seconds_bucket[5m])))", "{{instance}}")]),
        ],
    ),
    "edgeway-dns": (
        "Edgeway: DNS",
        [
            ("Queries by transport", "reqps", [
                ("sum by (transport) (rate(edgeway_dns_queries_total[1m]))", "{{transport}}")]),
            ("Answers by code", "reqps", [
                ("sum by (rcode) (rate(edgeway_dns_responses_total[1m]))", "{{rcode}}")]),
            ("Share that places take", "none", [
                ("edgeway_caps_share_per_mille", "{{kind}} {{place}}")]),
            ("Best guesses", "reqps", [("rate(edgeway_dns_fallback_total[5m])", "{{instance}}")]),
            ("Over the rate limit", "reqps", [
                ("sum by (outcome) (rate(edgeway_dns_limited_total[1m]))", "{{outcome}}")]),
            ("Latency map's epoch", "none", [("edgeway_dns_latency_map_epoch", "{{instance}}")]),
        ],
    ),
}


def panel(number, title, unit, queries):
    return {
        "id": number + 1,
        "type": "timeseries",
        "title": title,
        "datasource": {"type": "prometheus", "uid": "${source}"},
        "gridPos": {"h": 8, "w": 12, "x": 12 * (number % 2), "y": 8 * (number // 2)},
        "fieldConfig": {"defaults": {"unit": unit, "min": 0}, "overrides": []},
        "targets": [
            {"refId": chr(ord("A") + at), "expr": expression, "legendFormat": legend}
            for at, (expression, legend) in enumerate(queries)
        ],
    }


def dashboard(uid, title, panels):
    source = {"name": "source", "type": "datasource", "query": "prometheus", "label": "Source"}
    return {
        "uid": uid,
        "title": title,
        "tags": ["edgeway"],
        "schemaVersion": 39,
        "time": {"from": "now-1h", "to": "now"},
        "refresh": "10s",
        "templating": {"list": [source]},
        "panels": [panel(number, *one) for number, one in enumerate(panels)],
    }


def main():
    for uid, (title, panels) in DASHBOARDS.items():
        text = json.dumps(dashboard(uid, title, panels), indent=1)
        (HERE / f"{uid}.json").write_text(text + "\n")


if __name__ == "__main__":
    main()
