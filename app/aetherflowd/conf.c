/* SPDX-License-Identifier: BSD-3-Clause */
#include <string.h>

#include <base/err.h>

#include "aetherflowd.h"

#define OPT CYAML_FLAG_OPTIONAL

static const cyaml_strval_t level_words[] = {
	{ "error", AEF_LOG_ERROR },
	{ "warn", AEF_LOG_WARN },
	{ "info", AEF_LOG_INFO },
	{ "debug", AEF_LOG_DEBUG },
};

static const cyaml_schema_field_t log_fields[] = {
	CYAML_FIELD_ENUM("level", OPT | CYAML_FLAG_STRICT, struct log_conf, level, level_words,
	                 CYAML_ARRAY_LEN(level_words)),
	CYAML_FIELD_END,
};
static const cyaml_schema_value_t log_schema = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct log_conf, log_fields),
};

#define LIMIT(key) CYAML_FIELD_UINT(#key, OPT, struct limits_conf, key)
static const cyaml_schema_field_t limits_fields[] = {
	LIMIT(idle_ms),      LIMIT(message_bytes),        LIMIT(channels),
	LIMIT(credit_bytes), LIMIT(channel_credit_bytes), LIMIT(queue_bytes),
	CYAML_FIELD_END,
};
static const cyaml_schema_value_t limits_schema = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct limits_conf, limits_fields),
};
#define LIMIT_NUMBER(member, def, min, max, help)                                                  \
	AEF_CONFIG_NUMBER(struct limits_conf, member, def, min, max, help)
const struct aef_config_number limits_numbers[] = {
	LIMIT_NUMBER(idle_ms, 60000, 1000, 3600000, "ms of silence before a connection ends"),
	LIMIT_NUMBER(message_bytes, 16u << 20, 1024, 16u << 20, "bytes of one message received"),
	LIMIT_NUMBER(channels, 65536, 1, 65536, "channels of a connection"),
	LIMIT_NUMBER(credit_bytes, 4u << 20, 16384, 1u << 30,
	             "bytes a client may send ahead of the service"),
	LIMIT_NUMBER(channel_credit_bytes, 1u << 20, 16384, 1u << 30, "the same for one channel"),
	LIMIT_NUMBER(queue_bytes, 4u << 20, 16384, 1u << 30, "bytes queued towards a client"),
	{ 0 },
};

#define TRANSPORT(key) CYAML_FIELD_UINT(#key, OPT, struct transport_conf, key)
static const cyaml_schema_field_t transport_fields[] = {
	TRANSPORT(lcores),
	TRANSPORT(conns),
	TRANSPORT(conns_busy),
	TRANSPORT(tokens),
	TRANSPORT(syn_percent),
	TRANSPORT(ack_percent),
	TRANSPORT(stranger_percent),
	TRANSPORT(acks_per_source),
	TRANSPORT(sleep_us),
	CYAML_FIELD_BOOL("busy_poll", OPT, struct transport_conf, busy_poll),
	CYAML_FIELD_END,
};
static const cyaml_schema_value_t transport_schema = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct transport_conf, transport_fields),
};
#define TRANSPORT_NUMBER(member, def, min, max, help)                                              \
	AEF_CONFIG_NUMBER(struct transport_conf, member, def, min, max, help)
const struct aef_config_number transport_numbers[] = {
	TRANSPORT_NUMBER(lcores, 1, 1, PIPELINE_LCORES_MAX, "transport lcores"),
	TRANSPORT_NUMBER(conns, 1024, 1, 1u << 24, "connections of one lcore"),
	TRANSPORT_NUMBER(conns_busy, 64, 1, 1u << 24, "of these, sending at one time"),
	TRANSPORT_NUMBER(tokens, 4096, 16, 1u << 24, "used connect tokens remembered"),
	TRANSPORT_NUMBER(syn_percent, 10, 1, 50, "of an lcore's time for SYNs"),
	TRANSPORT_NUMBER(ack_percent, 10, 1, 50, "of an lcore's time for handshake ACKs"),
	TRANSPORT_NUMBER(stranger_percent, 2, 1, 50,
	                 "of an lcore's time for packets of nobody known"),
	TRANSPORT_NUMBER(acks_per_source, QUANTUM_ACK_PER_S, 1, QUANTUM_ACK_PER_S_MAX,
	                 "handshake ACKs a second from one source prefix"),
	TRANSPORT_NUMBER(sleep_us, 200, 1, 1000000, "us that an idle lcore sleeps at most"),
	TRANSPORT_NUMBER(busy_poll, 0, 0, 1, "never sleep; for lcores with CPUs of their own"),
	{ 0 },
};

#define WORKER(key) CYAML_FIELD_UINT(#key, OPT, struct workers_conf, key)
static const cyaml_schema_field_t worker_fields[] = {
	CYAML_FIELD_STRING_PTR("service", CYAML_FLAG_POINTER | OPT, struct workers_conf, service, 1,
	                       32),
	WORKER(lcores),
	WORKER(memory_mb),
	WORKER(replies),
	WORKER(sleep_us),
	WORKER(ring),
	WORKER(descs),
	WORKER(credit_bytes),
	WORKER(credit_msgs),
	CYAML_FIELD_BOOL("busy_poll", OPT, struct workers_conf, busy_poll),
	CYAML_FIELD_END,
};
static const cyaml_schema_value_t worker_schema = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct workers_conf, worker_fields),
};
#define WORKER_NUMBER(member, def, min, max, help)                                                 \
	AEF_CONFIG_NUMBER(struct workers_conf, member, def, min, max, help)
const struct aef_config_number worker_numbers[] = {
	WORKER_NUMBER(lcores, 1, 1, PIPELINE_WORKERS_MAX, "worker lcores"),
	WORKER_NUMBER(memory_mb, 64, 1, 1u << 20, "MiB for the service on each lcore"),
	WORKER_NUMBER(replies, 8192, 256, 1u << 22, "buffers for replies"),
	WORKER_NUMBER(sleep_us, 10000, 1, 1000000, "us that an idle worker sleeps at most"),
	WORKER_NUMBER(busy_poll, 0, 0, 1, "never sleep; for lcores with CPUs of their own"),
	WORKER_NUMBER(ring, 1024, 32, 1u << 16, "descriptors in a ring; a power of two"),
	WORKER_NUMBER(descs, 8192, 64, 1u << 22, "descriptors of a link, each direction"),
	WORKER_NUMBER(credit_bytes, 256u << 10, 4096, 1u << 30,
	              "bytes of one connection between transport and worker"),
	WORKER_NUMBER(credit_msgs, 256, 1, 1u << 20, "messages, likewise"),
	{ 0 },
};

static int
log_validate(struct aef_config *config, void *conf)
{
	struct log_conf *log = conf;

	if (!aef_config_has(config, "log.level"))
		log->level = AEF_LOG_INFO;
	return 0;
}

static int
limits_validate(struct aef_config *config, void *conf)
{
	return aef_config_numbers(config, "limits", conf, limits_numbers);
}

static int
transport_validate(struct aef_config *config, void *conf)
{
	const struct transport_conf *t = conf;
	const int rc = aef_config_numbers(config, "pipeline", conf, transport_numbers);

	if (rc < 0)
		return rc;
	if (t->conns_busy > t->conns && aef_config_has(config, "pipeline.conns_busy"))
		return aef_config_fail(config, "pipeline.conns_busy",
		                       "must be at most pipeline.conns (%u)", t->conns);
	return 0;
}

static int
worker_validate(struct aef_config *config, void *conf)
{
	struct workers_conf *w = conf;
	const int rc = aef_config_numbers(config, "worker", conf, worker_numbers);

	if (rc < 0)
		return rc;
	if (w->service != NULL && !service_exists(w->service))
		return aef_config_fail(config, "worker.service", "must be one of %s; it is '%s'",
		                       service_names(), w->service);
	if ((w->ring & (w->ring - 1)) != 0)
		return aef_config_fail(config, "worker.ring", "must be a power of two, it is %u",
		                       w->ring);
	return 0;
}

static struct aef_log_sink sink = { .fd = 2 };

static int
log_init(struct aef_runtime *rt, const void *conf)
{
	const struct log_conf *log = conf;

	(void)rt;
	sink.level = log->level;
	aef_log_sink_install(&sink);
	return 0;
}

static int
limits_init(struct aef_runtime *rt, const void *conf)
{
	(void)rt;
	node.limits = conf;
	return 0;
}

static void
nothing_fini(struct aef_runtime *rt)
{
	(void)rt;
}

const struct aef_module log_module = {
	.name = "log",
	.conf = &log_schema,
	.validate = log_validate,
	.init = log_init,
	.fini = nothing_fini,
};

const struct aef_module limits_module = {
	.name = "limits",
	.conf = &limits_schema,
	.validate = limits_validate,
	.init = limits_init,
	.fini = nothing_fini,
};

static const char *const transport_needs[] = { "dpio", "limits", "keys", NULL };
static const char *const worker_needs[] = { "pipeline", NULL };

const struct aef_module transport_module = {
	.name = "pipeline",
	.needs = transport_needs,
	.conf = &transport_schema,
	.validate = transport_validate,
	.init = transport_init,
	.fini = transport_fini,
};

const struct aef_module worker_module = {
	.name = "worker",
	.needs = worker_needs,
	.conf = &worker_schema,
	.validate = worker_validate,
	.init = workers_init,
	.fini = workers_fini,
};
