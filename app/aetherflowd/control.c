/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * control.c - the event loop of the main thread, the control socket, and the commands that belong
 * to no other module.
 */
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include <base/err.h>

#include "aetherflowd.h"

static const cyaml_schema_field_t control_fields[] = {
	CYAML_FIELD_STRING_PTR("socket", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL,
	                       struct control_conf, socket, 1, 107),
	CYAML_FIELD_END,
};
static const cyaml_schema_value_t control_schema = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct control_conf, control_fields),
};

static struct control_server_stats stats;

static const struct aef_metric metric_table[] = {
	{ "control_clients", "clients", "connected to the control socket now", AEF_METRIC_GAUGE },
	{ "control_accepted_total", "clients", "let in", AEF_METRIC_COUNTER },
	{ "control_refused_peers_total", "clients", "refused: another user", AEF_METRIC_COUNTER },
	{ "control_refused_full_total", "clients", "refused: sixteen were there",
	  AEF_METRIC_COUNTER },
	{ "control_requests_total", "requests", "commands run", AEF_METRIC_COUNTER },
	{ "control_bad_requests_total", "requests", "lines that were no request",
	  AEF_METRIC_COUNTER },
	{ "control_dropped_slow_total", "clients", "dropped: did not take an answer in 5 s",
	  AEF_METRIC_COUNTER },
	{ "control_dropped_silent_total", "clients", "dropped: said nothing for 5 minutes",
	  AEF_METRIC_COUNTER },
	{ 0 },
};

/* ---- commands -----------------------------------------------------------------------------------
 */

static int
cmd_version(void *ctx, int argc, char *const *argv, struct aef_text *out)
{
	(void)ctx;
	(void)argc;
	(void)argv;
	aef_text_printf(out, "aetherflowd " AEF_VERSION "\n");
	return 0;
}

static int
cmd_metrics(void *ctx, int argc, char *const *argv, struct aef_text *out)
{
	const struct aef_runtime *rt = ctx;

	aef_metrics_dump(&rt->metrics, argc > 0 ? argv[0] : "", out);
	if (out->len > 0)
		return 0;
	aef_text_printf(out, "No metric begins with '%s'; see metrics without a word.\n", argv[0]);
	return AEF_ERR_NOTFOUND;
}

static int
cmd_stats(void *ctx, int argc, char *const *argv, struct aef_text *out)
{
	(void)ctx;
	(void)argc;
	(void)argv;
	node_stats_text(out);
	return 0;
}

static int
cmd_shutdown(void *ctx, int argc, char *const *argv, struct aef_text *out)
{
	(void)ctx;
	(void)argc;
	if (strcmp(argv[0], "now") != 0) { /* a word may be shortened; this must not happen so */
		aef_text_printf(out, "Write: shutdown now\n");
		return AEF_ERR_INVALID;
	}
	node.stop_why = "command";
	audit_event_asked("shutdown", NULL, 0);
	control_loop_stop(node.loop);
	aef_text_printf(out, "Closing every connection, then ending.\n");
	return 0;
}

static int
cmd_audit_reopen(void *ctx, int argc, char *const *argv, struct aef_text *out)
{
	const int rc = audit_reopen(out);

	(void)ctx;
	(void)argc;
	(void)argv;
	if (rc == 0)
		aef_text_printf(out, "The audit log is open.");
	aef_text_printf(out, "\n");
	return rc;
}

static int
cmd_audit_show(void *ctx, int argc, char *const *argv, struct aef_text *out)
{
	const struct audit_conf *conf =
		aef_config_section(((struct aef_runtime *)ctx)->config, "audit");
	char hash[CONTROL_AUDIT_HASH_CHARS + 1];

	(void)argc;
	(void)argv;
	if (node.audit == NULL) {
		aef_text_printf(out, "There is no audit log; set audit.file.\n");
		return AEF_ERR_STATE;
	}
	aef_text_printf(out, "file %s\n", conf->file);
	aef_text_printf(out, "last line %" PRIu64 "\n", control_audit_last(node.audit, hash));
	aef_text_printf(out, "last hash %s\n", hash);
	return 0;
}

static const struct aef_command commands[] = {
	{ "version", "", "what runs", cmd_version, 0, 0 },
	{ "metrics", "[<prefix>]", "every counter and gauge", cmd_metrics, 0, 1 },
	{ "show stats", "", "counters that are not 0, as --stats prints them", cmd_stats, 0, 0 },
	{ "audit show", "", "number and hash of the last line of the audit log", cmd_audit_show, 0,
	  0 },
	{ "audit reopen", "", "open the audit log again, after its file was moved",
	  cmd_audit_reopen, 0, 0 },
	{ "shutdown", "now", "close every connection and end", cmd_shutdown, 1, 1 },
	{ 0 },
};

/* ---- module -------------------------------------------------------------------------------------
 */

static int
metrics_add(struct aef_metrics *metrics)
{
	const uint64_t *const values[] = {
		&stats.clients,  &stats.accepted,     &stats.refused_peers, &stats.refused_full,
		&stats.requests, &stats.bad_requests, &stats.dropped_slow,  &stats.dropped_silent,
	};
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < AEF_DIM(values); i++)
		rc = aef_metrics_add(metrics, &metric_table[i], NULL, values[i]);
	return rc;
}

static int
control_init(struct aef_runtime *rt, const void *conf)
{
	const struct control_conf *c = conf;
	struct control_server_conf server = {
		.commands = &rt->commands,
		.stats = &stats,
		.path = c->socket,
		.uid = geteuid(),
	};
	char buf[AEF_RUNTIME_ERROR_MAX];
	struct aef_text error = aef_text_make(buf, sizeof(buf));
	int rc = metrics_add(&rt->metrics);

	if (rc == 0)
		rc = control_loop_create(NULL, &node.loop);
	server.loop = node.loop;
	if (rc == 0 && c->socket != NULL)
		rc = control_server_create(&server, &node.server, &error);
	return rc < 0 ? aef_runtime_fail(rt, rc, "%s", error.len > 0 ? buf : aef_err_text(rc)) : 0;
}

static void
control_fini(struct aef_runtime *rt)
{
	(void)rt;
	control_server_destroy(node.server);
	node.server = NULL;
	control_loop_destroy(node.loop);
	node.loop = NULL;
}

const struct aef_module control_module = {
	.name = "control",
	.conf = &control_schema,
	.metrics = metric_table,
	.commands = commands,
	.init = control_init,
	.fini = control_fini,
};
