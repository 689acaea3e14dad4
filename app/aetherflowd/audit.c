/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * audit.c - what goes to the audit log: start, end, configuration, keys, tokens that are
 * not what they should be. It names sessions, addresses and epochs, never tokens or secrets.
 */
#include <stdio.h>
#include <string.h>

#include <base/err.h>
#include <base/sha256.h>
#include <base/time.h>

#include "aetherflowd.h"

#define TOKEN_LINES_PER_S 100u

static const cyaml_schema_field_t audit_fields[] = {
	CYAML_FIELD_STRING_PTR("file", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct audit_conf,
	                       file, 1, 4000),
	CYAML_FIELD_END,
};
static const cyaml_schema_value_t audit_schema = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct audit_conf, audit_fields),
};

static struct control_audit_stats stats;

static const struct aef_metric metric_table[] = {
	{ "audit_lines_total", "lines", "written to the audit log", AEF_METRIC_COUNTER },
	{ "audit_lost_events_total", "events", "lost: they could not be written",
	  AEF_METRIC_COUNTER },
	{ "audit_write_errors_total", "errors", "of writing to the audit log", AEF_METRIC_COUNTER },
	{ "audit_sync_errors_total", "errors", "of bringing it to the disk", AEF_METRIC_COUNTER },
	{ 0 },
};

static int
metrics_add(struct aef_metrics *metrics)
{
	const uint64_t *const values[] = { &stats.lines, &stats.lost_events, &stats.write_errors,
		                           &stats.sync_errors };
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < AEF_DIM(values); i++)
		rc = aef_metrics_add(metrics, &metric_table[i], NULL, values[i]);
	return rc;
}

static int
audit_init(struct aef_runtime *rt, const void *conf)
{
	const struct audit_conf *c = conf;
	const struct control_audit_conf audit = { .path = c->file, .stats = &stats };
	char buf[AEF_RUNTIME_ERROR_MAX];
	struct aef_text error = aef_text_make(buf, sizeof(buf));
	int rc = metrics_add(&rt->metrics);

	if (rc == 0 && c->file != NULL)
		rc = control_audit_open(&audit, &node.audit, &error);
	if (rc < 0)
		return aef_runtime_fail(rt, rc, "%s", error.len > 0 ? buf : aef_err_text(rc));
	if (node.audit != NULL && control_audit_torn_bytes(node.audit) > 0)
		AEF_LOG(AEF_LOG_WARN, "audit",
		        "the last line of the audit log was torn: %llu bytes; the next line says "
		        "so",
		        (unsigned long long)control_audit_torn_bytes(node.audit));
	return 0;
}

static void
audit_fini(struct aef_runtime *rt)
{
	(void)rt;
	if (node.audit != NULL && node.stop_why != NULL) {
		const struct control_audit_field why[] = { { .name = "reason",
			                                     .text = node.stop_why } };

		audit_event("stop", why, AEF_DIM(why), true);
	}
	control_audit_close(node.audit);
	node.audit = NULL;
}

const struct aef_module audit_module = {
	.name = "audit",
	.conf = &audit_schema,
	.metrics = metric_table,
	.init = audit_init,
	.fini = audit_fini,
};

/* ---- events -------------------------------------------------------------------------------------
 */

static void
event_log(const char *event, const struct control_audit_field *fields, unsigned nb_fields)
{
	char buf[AEF_LOG_LINE_MAX];
	struct aef_text text = aef_text_make(buf, sizeof(buf));

	aef_text_printf(&text, "%s", event);
	for (unsigned i = 0; i < nb_fields; i++) {
		if (fields[i].text != NULL)
			aef_text_printf(&text, " %s=%s", fields[i].name, fields[i].text);
		else
			aef_text_printf(&text, " %s=%llu", fields[i].name,
			                (unsigned long long)fields[i].number);
	}
	AEF_LOG(AEF_LOG_INFO, "audit", "%s", buf);
}

void
audit_event(const char *event, const struct control_audit_field *fields, unsigned nb_fields,
            bool durable)
{
	if (node.audit == NULL) {
		event_log(event, fields, nb_fields);
		return;
	}
	if (control_audit_write(node.audit, event, fields, nb_fields) < 0)
		AEF_LOG(AEF_LOG_ERROR, "audit", "the event %s could not be written", event);
	if (durable && control_audit_sync(node.audit) < 0)
		AEF_LOG(AEF_LOG_ERROR, "audit", "the audit log does not reach the disk");
}

void
audit_event_asked(const char *event, const struct control_audit_field *fields, unsigned nb_fields)
{
	struct control_audit_field all[CONTROL_AUDIT_FIELDS_MAX];
	struct control_caller caller;

	aef_assert(nb_fields + 2 <= AEF_DIM(all));
	if (nb_fields > 0)
		memcpy(all, fields, nb_fields * sizeof(*fields));
	if (control_server_caller(node.server, &caller) == 0) {
		all[nb_fields++] =
			(struct control_audit_field){ .name = "uid", .number = caller.uid };
		all[nb_fields++] = (struct control_audit_field){ .name = "pid",
			                                         .number = (uint64_t)caller.pid };
	}
	audit_event(event, all, nb_fields, true);
}

static void
address(const struct quantum_addr *from, char *buf, size_t cap)
{
	char text[NET_IP_TEXT_BYTES];
	struct net_ip ip;

	memcpy(ip.b, from->ip, sizeof(ip.b));
	net_ip_format(&ip, text);
	(void)snprintf(buf, cap, net_ip_is_v4(&ip) ? "%s:%u" : "[%s]:%u", text, from->port);
}

/* Without a session the token could not be opened. */
static void
token_event(const struct quantum_audit *event, uint64_t suppressed)
{
	char from[NET_IP_TEXT_BYTES + 16], session[AEF_GUUID_TEXT_LEN + 1];
	const struct control_audit_field fields[] = {
		{ .name = "from", .text = from },
		{ .name = "proven", .text = event->proven ? "yes" : "no" },
		{ .name = "group", .number = event->group },
		{ .name = "epoch", .number = event->epoch },
		{ .name = "count", .number = event->count },
		{ .name = "session", .text = session },
		{ .name = "suppressed", .number = suppressed },
	};

	address(&event->from, from, sizeof(from));
	aef_guuid_format(&event->session_id, session);
	audit_event(quantum_audit_word(event->type), fields,
	            AEF_DIM(fields) - (suppressed == 0 ? 1 : 0), false);
}

static uint64_t suppressed; /* events about tokens, since the last line about one */

/* Holders of tokens can cause lines at will; what is not written is told by the next line. */
void
audit_drain(uint64_t now_s)
{
	static uint64_t second;
	static uint32_t lines;
	struct quantum_audit event;

	if (now_s != second) {
		second = now_s;
		lines = 0;
	}
	for (uint8_t i = 0; i < node.transport->lcores; i++) {
		while (pipeline_lcore_audit(node.lcores[i], &event) == 0) {
			if (lines >= TOKEN_LINES_PER_S) {
				suppressed += event.count;
				continue;
			}
			lines++;
			token_event(&event, suppressed);
			suppressed = 0;
		}
	}
}

void
audit_suppressed(void)
{
	const struct control_audit_field count[] = { { .name = "suppressed",
		                                       .number = suppressed } };

	if (suppressed == 0)
		return;
	suppressed = 0;
	audit_event("tokens_suppressed", count, AEF_DIM(count), false);
}

static void
file_sha256(const char *path, char ret_hex[2 * AEF_SHA256_BYTES + 1])
{
	uint8_t buf[4096], digest[AEF_SHA256_BYTES];
	FILE *file = fopen(path, "re");
	struct aef_sha256 sha;
	size_t n;

	ret_hex[0] = '\0';
	if (file == NULL)
		return;
	aef_sha256_init(&sha);
	while ((n = fread(buf, 1, sizeof(buf), file)) > 0)
		aef_sha256_update(&sha, buf, n);
	(void)fclose(file); /* read only */
	aef_sha256_final(&sha, digest);
	for (unsigned i = 0; i < AEF_SHA256_BYTES; i++)
		(void)snprintf(ret_hex + 2u * i, 3, "%02x", digest[i]);
}

void
audit_config(const struct aef_config *config)
{
	char hex[2 * AEF_SHA256_BYTES + 1];
	const struct control_audit_field start[] = {
		{ .name = "version", .text = AEF_VERSION },
		{ .name = "group", .number = node.token_keys->group },
		{ .name = "epoch", .number = protect_ring_current(node.ring) },
		{ .name = "keys",
		  .text = node.token_keys->dir != NULL ? node.token_keys->dir : "ephemeral" },
	};
	const struct control_audit_field file[] = {
		{ .name = "file", .text = config->file },
		{ .name = "sha256", .text = hex },
	};

	file_sha256(config->file, hex);
	audit_event("start", start, AEF_DIM(start), false);
	audit_event("configuration", file, AEF_DIM(file), true);
}

int
audit_reopen(struct aef_text *error)
{
	int rc;

	if (node.audit == NULL) {
		aef_text_printf(error, "There is no audit log; set audit.file.");
		return AEF_ERR_STATE;
	}
	rc = control_audit_reopen(node.audit, error);
	if (rc == 0)
		audit_event_asked("audit_reopened", NULL, 0);
	return rc;
}

void
audit_tick(void)
{
	audit_suppressed();
	if (node.audit != NULL && control_audit_sync(node.audit) < 0)
		AEF_LOG(AEF_LOG_ERROR, "audit", "the audit log does not reach the disk");
}
