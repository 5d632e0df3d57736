package main

// rows are what the dashboard shows.
func rows() []row {
	return []row{
		verdicts(), latency(), queue(), rules(), knowledge(), facade(), accounts(), daemons(), resources(),
	}
}

func verdicts() row {
	return row{"Verdicts", []graph{
		{
			title: "Verdicts by phase", unit: "ops",
			description: "Evaluations a second, by the phase that came out. Error is one that could not be evaluated.",
			queries: []query{
				{`sum by (phase) (rate(checky_evaluations_total{namespace=~"$namespace"}[$__rate_interval]))`, "{{phase}}"},
			},
		},
		{
			title: "Share that could not be evaluated", unit: "percentunit",
			description: "Evaluations that ended in phase Error, of all of half an hour.",
			queries: []query{
				{`max by (namespace) (namespace:checky_evaluations:error_ratio30m{namespace=~"$namespace"})`, "{{namespace}}"},
			},
		},
		{
			title: "Finished Checks deleted", unit: "ops",
			description: "By why: their time to live was over, or their namespace was full.",
			queries: []query{
				{`sum by (reason) (rate(checky_checks_deleted_total{namespace=~"$namespace"}[$__rate_interval]))`, "{{reason}}"},
			},
		},
	}}
}

func latency() row {
	return row{"Latency", []graph{
		{
			title: "Time to verdict", unit: "s",
			description: "From when the controller learned of a Check, or of a change that concerns it, to the verdict in its status.",
			queries: []query{
				{`histogram_quantile(0.5, sum by (le) (rate(checky_verdict_seconds_bucket{namespace=~"$namespace"}[$__rate_interval])))`, "p50"},
				{`histogram_quantile(0.9, sum by (le) (rate(checky_verdict_seconds_bucket{namespace=~"$namespace"}[$__rate_interval])))`, "p90"},
				{`histogram_quantile(0.99, sum by (le) (rate(checky_verdict_seconds_bucket{namespace=~"$namespace"}[$__rate_interval])))`, "p99"},
			},
		},
		{
			title: "Time of an evaluation", unit: "s",
			description: "Rules and retrieval, without queue and API server.",
			queries: []query{
				{`histogram_quantile(0.5, sum by (le) (rate(checky_evaluation_seconds_bucket{namespace=~"$namespace"}[$__rate_interval])))`, "p50"},
				{`histogram_quantile(0.9, sum by (le) (rate(checky_evaluation_seconds_bucket{namespace=~"$namespace"}[$__rate_interval])))`, "p90"},
				{`histogram_quantile(0.99, sum by (le) (rate(checky_evaluation_seconds_bucket{namespace=~"$namespace"}[$__rate_interval])))`, "p99"},
			},
		},
		{
			title: "Requests to the Kubernetes API", unit: "reqps",
			description: "By component and status. 429 is refused by priority and fairness.",
			queries: []query{
				{`sum by (job, code) (rate(rest_client_requests_total{namespace=~"$namespace", job=~"checky-.*"}[$__rate_interval]))`, "{{job}} {{code}}"},
			},
		},
	}}
}

func queue() row {
	return row{"Queue", []graph{
		{
			title: "Waiting in queues", unit: "short",
			description: "Objects that wait for a worker, by controller.",
			queries: []query{
				{`sum by (name) (workqueue_depth{namespace=~"$namespace", job="checky-controller"})`, "{{name}}"},
			},
		},
		{
			title: "Wait in the queue (p99)", unit: "s",
			description: "How long an object waits for a worker.",
			queries: []query{
				{`histogram_quantile(0.99, sum by (name, le) (rate(workqueue_queue_duration_seconds_bucket{namespace=~"$namespace", job="checky-controller"}[$__rate_interval])))`, "{{name}}"},
			},
		},
		{
			title: "Errors of reconcilers", unit: "ops",
			description: "Each is tried again.",
			queries: []query{
				{`sum by (controller) (rate(controller_runtime_reconcile_errors_total{namespace=~"$namespace", job="checky-controller"}[$__rate_interval]))`, "{{controller}}"},
			},
		},
		{
			title: "Leader", unit: "bool",
			description: "Which replica works: 1 on the one that holds the lease.",
			queries: []query{
				{`max by (pod) (leader_election_master_status{namespace=~"$namespace", job="checky-controller", name="checky-controller"})`, "{{pod}}"},
			},
		},
		{
			title: "Busy workers", unit: "percentunit",
			description: "Workers at work, of those that there are (--concurrency).",
			queries: []query{
				{`sum by (controller) (controller_runtime_active_workers{namespace=~"$namespace", job="checky-controller"}) / sum by (controller) (controller_runtime_max_concurrent_reconciles{namespace=~"$namespace", job="checky-controller"})`, "{{controller}}"},
			},
		},
		{
			title: "Webhook requests", unit: "reqps",
			description: "By webhook and status of the answer; a refusal is an answer of status 200.",
			queries: []query{
				{`sum by (webhook, code) (rate(controller_runtime_webhook_requests_total{namespace=~"$namespace", job="checky-controller"}[$__rate_interval]))`, "{{webhook}} {{code}}"},
			},
		},
	}}
}

func rules() row {
	return row{"Rules", []graph{
		{
			title: "Rules by outcome", unit: "ops",
			description: "Rules run a second, by outcome.",
			queries: []query{
				{`sum by (outcome) (rate(checky_rule_outcomes_total{namespace=~"$namespace"}[$__rate_interval]))`, "{{outcome}}"},
			},
		},
		{
			title: "Share of rules that errored", unit: "percentunit",
			description: "Of all rules that were run.",
			queries: []query{
				{`sum(rate(checky_rule_outcomes_total{namespace=~"$namespace", outcome="error"}[$__rate_interval])) / sum(rate(checky_rule_outcomes_total{namespace=~"$namespace"}[$__rate_interval]))`, "errored"},
			},
		},
		{
			title: "Rules a verdict", unit: "short",
			description: "How many rules an evaluation runs on average.",
			queries: []query{
				{`sum(rate(checky_rule_outcomes_total{namespace=~"$namespace"}[$__rate_interval])) / sum(rate(checky_evaluations_total{namespace=~"$namespace"}[$__rate_interval]))`, "rules"},
			},
		},
	}}
}

func knowledge() row {
	return row{"Knowledge", []graph{
		{
			title: "Entries", unit: "short",
			description: "Entries of the knowledge file in the index.",
			queries: []query{
				{`max by (pod) (checky_knowledge_entries{namespace=~"$namespace"})`, "{{pod}}"},
			},
		},
		{
			title: "Searches", unit: "ops",
			description: "By where the answer came from.",
			queries: []query{
				{`sum by (source) (rate(checky_knowledge_searches_total{namespace=~"$namespace"}[$__rate_interval]))`, "{{source}}"},
			},
		},
		{
			title: "The file is in use", unit: "bool",
			description: "0 while the version before it is, because the file as it is now cannot be loaded.",
			queries: []query{
				{`min by (pod) (checky_knowledge_last_reload_successful{namespace=~"$namespace"})`, "{{pod}}"},
			},
		},
	}}
}

func facade() row {
	return row{"REST facade", []graph{
		{
			title: "Requests", unit: "reqps",
			description: "By route; probes are left out.",
			queries: []query{
				{`sum by (route) (rate(checky_apiserver_requests_total{namespace=~"$namespace", route!~"/livez|/readyz|/health"}[$__rate_interval]))`, "{{route}}"},
			},
		},
		{
			title: "Share of errors", unit: "percentunit",
			description: "Requests answered by 5xx, of all but probes.",
			queries: []query{
				{`max by (namespace) (namespace:checky_apiserver_requests:error_ratio5m{namespace=~"$namespace"})`, "5m {{namespace}}"},
				{`max by (namespace) (namespace:checky_apiserver_requests:error_ratio1h{namespace=~"$namespace"})`, "1h {{namespace}}"},
			},
		},
		{
			title: "Duration", unit: "s",
			description: "From a request's header to the end of its answer, waits for verdicts included.",
			queries: []query{
				{`histogram_quantile(0.5, sum by (le) (rate(checky_apiserver_request_duration_seconds_bucket{namespace=~"$namespace", route!~"/livez|/readyz|/health"}[$__rate_interval])))`, "p50"},
				{`histogram_quantile(0.9, sum by (le) (rate(checky_apiserver_request_duration_seconds_bucket{namespace=~"$namespace", route!~"/livez|/readyz|/health"}[$__rate_interval])))`, "p90"},
				{`histogram_quantile(0.99, sum by (le) (rate(checky_apiserver_request_duration_seconds_bucket{namespace=~"$namespace", route!~"/livez|/readyz|/health"}[$__rate_interval])))`, "p99"},
			},
		},
		{
			title: "Requests for a verdict", unit: "reqps",
			description: "By what became of them.",
			queries: []query{
				{`sum by (result) (rate(checky_apiserver_checks_total{namespace=~"$namespace"}[$__rate_interval]))`, "{{result}}"},
			},
		},
		{
			title: "Under way", unit: "short",
			description: "What is under way behind each bound.",
			queries: []query{
				{`sum by (gate) (checky_apiserver_in_flight{namespace=~"$namespace"})`, "{{gate}}"},
			},
		},
		{
			title: "Turned away", unit: "reqps",
			description: "Requests that a bound refused, told to come back.",
			queries: []query{
				{`sum by (gate) (rate(checky_apiserver_shed_total{namespace=~"$namespace"}[$__rate_interval]))`, "{{gate}}"},
			},
		},
		{
			title: "Checks without a verdict", unit: "short",
			description: "Of the facade's callers.",
			queries: []query{
				{`max by (namespace) (checky_apiserver_pending_checks{namespace=~"$namespace"})`, "{{namespace}}"},
			},
		},
		{
			title: "Age of what is known", unit: "s",
			description: "Since when the objects of a kind may be out of date.",
			queries: []query{
				{`max by (kind) (checky_apiserver_informer_age_seconds{namespace=~"$namespace"})`, "{{kind}}"},
			},
		},
		{
			title: "Kubernetes API reachable", unit: "bool",
			description: "1 while it answers.",
			queries: []query{
				{`min by (pod) (checky_apiserver_kubernetes_reachable{namespace=~"$namespace"})`, "{{pod}}"},
			},
		},
	}}
}

func accounts() row {
	return row{"Accounts", []graph{
		{
			title: "Logins", unit: "ops",
			description: "By result.",
			queries: []query{
				{`sum by (result) (rate(checky_apiserver_logins_total{namespace=~"$namespace"}[$__rate_interval]))`, "{{result}}"},
			},
		},
		{
			title: "Requests not let in", unit: "reqps",
			description: "By reason.",
			queries: []query{
				{`sum by (reason) (rate(checky_apiserver_auth_failures_total{namespace=~"$namespace"}[$__rate_interval]))`, "{{reason}}"},
			},
		},
		{
			title: "Accounts, sessions, tokens", unit: "short",
			description: "How many there are.",
			queries: []query{
				{`max(checky_apiserver_accounts{namespace=~"$namespace"})`, "accounts"},
				{`max(checky_apiserver_sessions{namespace=~"$namespace"})`, "sessions"},
				{`max(checky_apiserver_api_tokens{namespace=~"$namespace"})`, "API tokens"},
			},
		},
		{
			title: "Mails", unit: "ops",
			description: "By result.",
			queries: []query{
				{`sum by (result) (rate(checky_apiserver_mail_total{namespace=~"$namespace"}[$__rate_interval]))`, "{{result}}"},
			},
		},
		{
			title: "Queues", unit: "short",
			description: "Passwords that wait to be hashed, resets and mails.",
			queries: []query{
				{`sum(checky_apiserver_hash_queue_length{namespace=~"$namespace"})`, "hashes"},
				{`sum(checky_apiserver_reset_queue_length{namespace=~"$namespace"})`, "resets"},
				{`sum(checky_apiserver_mail_queue_length{namespace=~"$namespace"})`, "mails"},
			},
		},
		{
			title: "Password resets", unit: "ops",
			description: "By what became of them.",
			queries: []query{
				{`sum by (result) (rate(checky_apiserver_resets_total{namespace=~"$namespace"}[$__rate_interval]))`, "{{result}}"},
			},
		},
	}}
}

func daemons() row {
	return row{"Alert daemons", []graph{
		{
			title: "Announcements", unit: "ops",
			description: "By kind and result.",
			queries: []query{
				{`sum by (kind, result) (rate(checky_alertd_announcements_total{namespace=~"$namespace"}[$__rate_interval]))`, "{{kind}} {{result}}"},
			},
		},
		{
			title: "Failures without a sound", unit: "ops",
			description: "By reason.",
			queries: []query{
				{`sum by (reason) (rate(checky_alertd_suppressed_total{namespace=~"$namespace"}[$__rate_interval]))`, "{{reason}}"},
			},
		},
		{
			title: "From verdict to sound", unit: "s",
			description: "Of first announcements. The time of a verdict is known to the second.",
			queries: []query{
				{`histogram_quantile(0.5, sum by (le) (rate(checky_alertd_verdict_to_sound_seconds_bucket{namespace=~"$namespace"}[$__rate_interval])))`, "p50"},
				{`histogram_quantile(0.9, sum by (le) (rate(checky_alertd_verdict_to_sound_seconds_bucket{namespace=~"$namespace"}[$__rate_interval])))`, "p90"},
				{`histogram_quantile(0.99, sum by (le) (rate(checky_alertd_verdict_to_sound_seconds_bucket{namespace=~"$namespace"}[$__rate_interval])))`, "p99"},
			},
		},
		{
			title: "Waiting", unit: "short",
			description: "Failures that wait for their first announcement, and that nothing holds back.",
			queries: []query{
				{`max by (pod) (checky_alertd_waiting{namespace=~"$namespace"})`, "{{pod}}"},
			},
		},
		{
			title: "Ready", unit: "bool",
			description: "1 while the sound device, and the cluster, can be reached.",
			queries: []query{
				{`min by (pod) (checky_alertd_device_ready{namespace=~"$namespace"})`, "device {{pod}}"},
				{`min by (pod) (checky_alertd_cluster_reachable{namespace=~"$namespace"})`, "cluster {{pod}}"},
			},
		},
		{
			title: "Journal, Events and sounds", unit: "ops",
			description: "What could not be written down, or played as it should.",
			queries: []query{
				{`sum(rate(checky_alertd_journal_errors_total{namespace=~"$namespace"}[$__rate_interval]))`, "journal"},
				{`sum(rate(checky_alertd_events_dropped_total{namespace=~"$namespace"}[$__rate_interval]))`, "Events"},
				{`sum(rate(checky_alertd_unusable_tones_total{namespace=~"$namespace"}[$__rate_interval]))`, "sounds"},
			},
		},
	}}
}

func resources() row {
	return row{"Resources", []graph{
		{
			title: "Memory", unit: "bytes",
			description: "Resident memory of each process.",
			queries: []query{
				{`max by (job, pod) (process_resident_memory_bytes{namespace=~"$namespace", job=~"checky-.*"})`, "{{job}} {{pod}}"},
			},
		},
		{
			title: "Processor", unit: "short",
			description: "Processors that each process keeps busy.",
			queries: []query{
				{`sum by (job, pod) (rate(process_cpu_seconds_total{namespace=~"$namespace", job=~"checky-.*"}[$__rate_interval]))`, "{{job}} {{pod}}"},
			},
		},
		{
			title: "Goroutines", unit: "short",
			description: "Of each process.",
			queries: []query{
				{`max by (job, pod) (go_goroutines{namespace=~"$namespace", job=~"checky-.*"})`, "{{job}} {{pod}}"},
			},
		},
		{
			title: "Certificates expire in", unit: "s",
			description: "Until the certificate in use expires, by its Secret.",
			queries: []query{
				{`min by (secret) (checky_certificate_expiry_timestamp_seconds{namespace=~"$namespace"} - time())`, "{{secret}}"},
			},
		},
		{
			title: "Targets", unit: "bool",
			description: "1 for each process that Prometheus could scrape.",
			queries: []query{
				{`min by (job, pod) (up{namespace=~"$namespace", job=~"checky-.*"})`, "{{job}} {{pod}}"},
			},
		},
		{
			title: "Descriptors", unit: "short",
			description: "Open files and connections of each process.",
			queries: []query{
				{`max by (job, pod) (process_open_fds{namespace=~"$namespace", job=~"checky-.*"})`, "{{job}} {{pod}}"},
			},
		},
	}}
}
