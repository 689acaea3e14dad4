/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The appliance inside the lab: DPDK environment, a port over rings, transport lcores, worker
 * lcores with the document service; what aetherflowd composes from its configuration.
 *
 * Context: main thread; the lcores only between lab_appliance_start() and the end of their loops.
 */
#ifndef LAB_APPLIANCE_H
#define LAB_APPLIANCE_H

#include <delivery/link.h>
#include <dpio/dpio.h>
#include <pipeline/pipeline.h>
#include <statesync/statesync.h>
#include <store/mem.h>
#include <worker/slab.h>
#include <worker/worker.h>

#include "options.h"

#define LAB_LCORES_MAX  8u
#define LAB_WORKERS_MAX 8u

struct lab_worker {
	struct worker *worker;
	struct worker_slab slab;
	void *slab_mem;
	struct aef_alloc alloc;
	struct aef_alloc store_alloc;
	struct store_mem *store;
	struct statesync_conf conf;
};

struct lab_appliance {
	uint32_t nb_lcores, nb_workers;
	struct delivery_clock clock;
	struct delivery_tsc tsc;
	uint64_t virtual_ns;
	struct dpio_pool pool, client_pool, replies;
	struct rte_ring *to_appliance[LAB_LCORES_MAX], *to_clients[LAB_LCORES_MAX];
	struct dpio_port port, client_port;
	struct protect_ring *ring; /* token keys of this run: the lab issues and accepts */
	struct protect *protect[LAB_LCORES_MAX], *client_protect, *handshake_protect;
	struct pipeline_handshaker *handshaker; /* NULL: lockstep, the transport lcore does it */
	struct quantum_cid_codec codec;
	struct pipeline_keys *keys; /* in memory for secrets */
	struct pipeline_mesh mesh;
	bool mesh_made;
	struct pipeline_lcore *lcores[LAB_LCORES_MAX];
	struct lab_worker workers[LAB_WORKERS_MAX];
	struct delivery_link links[LAB_LCORES_MAX][LAB_WORKERS_MAX];
};

/**
 * Start DPDK and make everything; no lcore runs yet.
 *
 * @param ret_error one sentence
 * @return 0 or an enum aef_err; call lab_appliance_fini() in either case
 */
AEF_MUST_CHECK int lab_appliance_init(struct lab_appliance *app, const struct lab_opts *opts,
                                      struct aef_text *ret_error);

/** Free everything and stop DPDK; all lcores have stopped. */
void lab_appliance_fini(struct lab_appliance *app);

/** Behaviour of a connection's end as the options ask. */
void lab_conn_conf(const struct lab_opts *opts, struct quantum_conn_conf *ret_conf);

/** Idle policy as the options ask. */
struct delivery_idle_conf lab_idle_conf(const struct lab_opts *opts);

/** Configuration of transport lcore @p idx, and the seed of a worker's service. */
void lab_pipeline_conf(const struct lab_appliance *app, const struct lab_opts *opts, uint8_t idx,
                       struct pipeline_conf *ret_conf);
uint64_t lab_worker_seed(const struct lab_opts *opts, uint8_t idx);

/** Worker that owns document @p doc_idx. */
uint32_t lab_worker_of(const struct lab_appliance *app, uint32_t doc_idx);

#endif
