/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * appliance.h - one transport lcore and one worker on a net_ring port, for bench and steady; who
 * polls them is the caller's business.
 *
 *   wire_in -> port -> pipeline -> worker (service) -> pipeline -> port -> wire_out
 *
 * Context: open and close on the main thread; the polls on the lcores the caller chooses.
 */
#ifndef TESTS_BENCH_APPLIANCE_H
#define TESTS_BENCH_APPLIANCE_H

#include <pipeline/pipeline.h>
#include <service/service.h>
#include <worker/slab.h>
#include <worker/worker.h>

struct appliance_conf {
	const char *name;
	const struct service_ops *service;
	const struct crypto_provider *provider;
	struct delivery_clock clock;
	uint32_t conns;
	uint32_t busy;         /* of these, busy at one time; 0: all */
	uint32_t tokens;       /* used ones remembered; 0: 4,096 */
	uint32_t mbufs;        /* 0: 16,383 */
	uint32_t wire_slots;   /* power of two; 0: 1,024 */
	uint8_t syn_share_pct; /* of SYNs, and of strangers; 0: the defaults */
	uint8_t ack_share_pct; /* 0: the default */
	bool handshaker;       /* public-key work elsewhere: poll or run appliance.handshaker */
};

struct appliance {
	struct appliance_conf conf;
	char names[4][24];
	struct dpio_pool pool, replies;
	struct rte_ring *wire_in, *wire_out; /* mbufs pass by pointer */
	struct dpio_port port;
	struct quantum_cid_codec codec;
	struct pipeline_keys keys;
	struct pipeline_handshaker *handshaker; /* or NULL */
	struct pipeline_lcore *lcore;
	struct delivery_link link;
	struct worker *worker;
	struct worker_slab slab;
	struct aef_alloc alloc;
	void *slab_mem;
};

/** Start everything; EAL runs. @return 0, or an error with a sentence */
int appliance_open(struct appliance *a, const struct appliance_conf *conf, struct aef_text *error);

/** Stop; nobody polls any more. */
void appliance_close(struct appliance *a);

#endif
