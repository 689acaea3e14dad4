/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * aetherflowd.h - what the files of this program share: configuration sections, the node, the list.
 *
 *   main.c      start, run, stop          modules.c   THE list, in start order
 *   conf.c      sections of the file      lcores.c    who runs where
 *   services.c  services by name          stats.c     what --stats prints
 *   describe.c  what --list prints
 *
 * Context: main thread, but where a function says otherwise.
 */
#ifndef AETHERFLOWD_AETHERFLOWD_H
#define AETHERFLOWD_AETHERFLOWD_H

#include <pthread.h>

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
	uint32_t sleep_us;
	bool busy_poll;
	const char *reset_key; /* 64 hexadecimal digits; NULL: random */
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

	struct delivery_tsc tsc;
	struct delivery_clock clock;
	struct quantum_cid_codec codec;
	struct protect_ring *ring; /* token keys */
	struct protect *protect;   /* of the main thread */
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
extern const struct aef_module limits_module;
extern const struct aef_module transport_module;
extern const struct aef_module worker_module;

/* Defaults and ranges of sections limits, pipeline, worker; each ends with { 0 }. */
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

/** One line: what runs and how it is protected. */
void node_banner(struct aef_text *out);

#endif
