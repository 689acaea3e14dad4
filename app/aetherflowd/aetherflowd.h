/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * aetherflowd.h - what the files of this program share: configuration sections, the node, the list.
 *
 *   main.c      start, run, stop          modules.c   THE list, in start order
 *   conf.c      sections of the file      lcores.c    who runs where
 *   services.c  services by name          stats.c     what --stats prints
 *   describe.c  what --list prints    audit.c    what goes to the audit log
 *   keys.c      token keys of the node    control.c  control socket and its commands
 *
 * Context: main thread, but where a function says otherwise.
 */
#ifndef AETHERFLOWD_AETHERFLOWD_H
#define AETHERFLOWD_AETHERFLOWD_H

#include <pthread.h>

#include <control/audit.h>
#include <control/loop.h>
#include <control/server.h>
#include <dpio/dpio.h>
#include <pipeline/pipeline.h>
#include <protect/provider.h>
#include <runtime/log.h>
#include <runtime/module.h>
#include <worker/slab.h>
#include <worker/worker.h>

#define NODE_RING_MESH 512u

/* Section `log`. */
struct log_conf {
	enum aef_log_level level;
};

/* Section `pipeline`: the transport lcores. */
struct transport_conf {
	uint16_t lcores;
	uint32_t conns; /* of one lcore, as all below */
	uint32_t conns_busy;
	uint32_t tokens;
	uint32_t syn_percent, ack_percent, stranger_percent;
	uint32_t acks_per_source;
	uint32_t sleep_us;
	bool busy_poll;
};

/* Section `keys`: token keys. */
struct keys_conf {
	const char *dir; /* of the key ring; NULL: ephemeral */
	uint16_t group;
	bool ephemeral; /* a key in memory, for this process alone */
};

/* Section `control`. */
struct control_conf {
	const char *socket; /* NULL: none */
};

/* Section `audit`. */
struct audit_conf {
	const char *file; /* NULL: none, events go to the log */
};

/* Section `limits`: of one connection. */
struct limits_conf {
	uint32_t idle_ms;
	uint32_t message_bytes;
	uint32_t channels;
	uint32_t credit_bytes;
	uint32_t channel_credit_bytes;
	uint32_t queue_bytes;
};

/* Section `worker`: the worker lcores. */
struct workers_conf {
	const char *service;
	uint16_t lcores;
	uint32_t memory_mb; /* of the service, on each lcore */
	uint32_t replies;   /* buffers for replies, all lcores together */
	uint32_t sleep_us;
	bool busy_poll;
	uint32_t ring; /* of each link to a transport lcore, as all below */
	uint32_t descs;
	uint32_t credit_bytes;
	uint32_t credit_msgs;
};

/* Everything that runs. */
struct node {
	const struct limits_conf *limits; /* of the configuration, as all four */
	const struct dpio_conf *dpio;
	const struct transport_conf *transport;
	const struct workers_conf *workers;
	const struct keys_conf *token_keys;

	struct control_loop *loop;     /* of the main thread */
	struct control_server *server; /* NULL: no control socket */
	struct control_audit *audit;   /* NULL: no audit log */
	struct protect_ring *ring;     /* token keys, shared by all providers */
	const char *stop_why;          /* for the audit log */

	struct delivery_tsc tsc;
	struct delivery_clock clock;
	struct quantum_cid_codec codec;
	struct protect *protect; /* of the main thread */
	struct protect *handshake_protect;
	struct protect *lcore_protect[PIPELINE_LCORES_MAX];
	struct pipeline_keys *keys; /* in memory for secrets */
	struct pipeline_mesh mesh;
	struct pipeline_handshaker *handshaker;
	pthread_t handshake_thread; /* on the CPU of the main thread */
	bool handshake_runs;
	struct pipeline_lcore *lcores[PIPELINE_LCORES_MAX];
	struct worker *worker[PIPELINE_WORKERS_MAX];
	struct worker_slab slabs[PIPELINE_WORKERS_MAX];
	struct aef_alloc allocs[PIPELINE_WORKERS_MAX];
	void *slab_mem[PIPELINE_WORKERS_MAX];
	struct dpio_pool replies;
	struct delivery_link links[PIPELINE_LCORES_MAX][PIPELINE_WORKERS_MAX];
	atomic_bool stop_transport, stop_workers, stop_handshakes;
};

/* Modules of this program. */
extern const struct aef_module log_module;
extern const struct aef_module audit_module;
extern const struct aef_module keys_module;
extern const struct aef_module control_module;
extern const struct aef_module limits_module;
extern const struct aef_module transport_module;
extern const struct aef_module worker_module;

/* Defaults and ranges of sections keys, limits, pipeline, worker; each ends with { 0 }. */
extern const struct aef_config_number keys_numbers[];
extern const struct aef_config_number limits_numbers[];
extern const struct aef_config_number transport_numbers[];
extern const struct aef_config_number worker_numbers[];

/* THE list; ends with NULL. */
extern const struct aef_module *const modules[];

/* The one node. */
extern struct node node;

/** True when there is a service of that name. */
bool service_exists(const char *name);

/**
 * What worker @p idx needs to run a service: its table and its own configuration. statesync gets a
 * log in memory, out of the same slab.
 *
 * @return 0, AEF_ERR_NOTFOUND, AEF_ERR_NOMEM
 */
AEF_MUST_CHECK int service_open(const char *name, uint8_t idx, struct worker_slab *slab,
                                const struct service_ops **ret_ops, const void **ret_conf);

/** Give back what service_open() made for that worker; its service has ended. */
void service_close(uint8_t idx);

/** "echo, sink": names of all services. */
const char *service_names(void);

/** Bodies of the two modules with lcores. Shapes as in struct aef_module. */
int transport_init(struct aef_runtime *rt, const void *conf);
void transport_fini(struct aef_runtime *rt);
int workers_init(struct aef_runtime *rt, const void *conf);
void workers_fini(struct aef_runtime *rt);

/** Fit lcores and queues of section dpio to the other sections. @return 0 or AEF_ERR_CONFIG */
AEF_MUST_CHECK int node_plan(struct aef_config *config);

/** Launch every lcore of a started runtime. @return 0 or AEF_ERR_STATE */
AEF_MUST_CHECK int node_launch(void);

/** Work of the main thread, about once a second: wall clock, keys every 60 s. */
void node_tick(uint64_t now_s);

/** Close every connection, wait up to @p ms for that, join the lcores. */
void node_shut(uint32_t ms);

/** Counters of all lcores that are not 0, in one text. */
void node_stats_text(struct aef_text *out);

/**
 * Print what there is, one line each, fields separated by tabs: "keys" of the file, "metrics",
 * "verdicts". For metrics the smallest node is started and stopped again.
 *
 * @return exit code: 0; 1 could not start (said); 2 no such list
 */
int node_list(const char *what);

/**
 * Key of stateless resets: of the key-ring folder and the addresses of the node, so that it
 * is the same after a restart, and another node with a copy of the folder has another; random when
 * keys are ephemeral.
 *
 * @return 0, or an error said in @p error
 */
AEF_MUST_CHECK int keys_reset_key(uint8_t ret_key[32], struct aef_text *error);

/**
 * Write an event to the audit log, or to the log when there is none. Failures are counted.
 *
 * @param durable bring it to the disk before this returns
 */
void audit_event(const char *event, const struct control_audit_field *fields, unsigned nb_fields,
                 bool durable);

/** The same with who asked for it over the control socket, if anybody: fields uid and pid. */
void audit_event_asked(const char *event, const struct control_audit_field *fields,
                       unsigned nb_fields);

/** The file that runs, with its SHA-256; the end, with its reason. */
void audit_config(const struct aef_config *config);

/** Open the audit log again, after its file was moved. @return 0, or an error said in @p error */
AEF_MUST_CHECK int audit_reopen(struct aef_text *error);

/** Write what the transport lcores have to say, at most 100 lines a second; often. */
void audit_drain(uint64_t now_s);

/** Say how many events about tokens have no line of their own, if any; at the end. */
void audit_suppressed(void);

/** The same, and bring the audit log to the disk; once a second. */
void audit_tick(void);

/** One line: what runs and how it is protected. */
void node_banner(struct aef_text *out);

#endif
