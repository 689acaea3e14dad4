/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * All clients of the lab on one lcore: frames from the appliance onto the links, due frames off the
 * links, then every client that has something to do.
 */
#include <stdlib.h>

#include <base/bytes.h>
#include <base/err.h>
#include <protect/mem.h>

#include "client.h"
#include "direct.h"

#define RX_ROUNDS  8u
#define BUSY_MAX   64u /* of many clients, busy at one time */
#define LINK_SLOTS 4096u

struct aef_guuid
lab_host_guuid(struct lab_host *host)
{
	struct aef_guuid id;

	aef_store_be64(id.b, aef_rng_u64(&host->rng));
	aef_store_be64(id.b + 8, aef_rng_u64(&host->rng));
	id.b[6] = (uint8_t)(0x70 | (id.b[6] & 15));
	id.b[8] = (uint8_t)(0x80 | (id.b[8] & 63));
	return id;
}

static void
flush(struct lab_host *host, uint16_t queue)
{
	const uint16_t nb = host->nb_batch[queue];
	uint16_t sent;

	if (nb == 0)
		return;
	if (host->conf.direct != NULL) {
		for (uint16_t i = 0; i < nb; i++)
			lab_direct_rx(host->conf.direct, host->batch[queue][i]);
		host->nb_batch[queue] = 0;
		return;
	}
	sent = dpio_port_tx(host->conf.port, queue, host->batch[queue], nb);
	if (sent < nb) {
		host->tx_ring_full += (uint64_t)(nb - sent);
		rte_pktmbuf_free_bulk(host->batch[queue] + sent, nb - sent);
	}
	host->nb_batch[queue] = 0;
	if (host->conf.bells[queue] != NULL)
		delivery_bell_ring(host->conf.bells[queue]);
}

void
lab_host_push(struct lab_host *host, uint16_t queue, struct rte_mbuf *mbuf)
{
	host->batch[queue][host->nb_batch[queue]++] = mbuf;
	if (host->nb_batch[queue] == LAB_BATCH)
		flush(host, queue);
}

static unsigned
from_appliance(struct lab_host *host)
{
	struct rte_mbuf *pkts[LAB_BATCH];
	unsigned work = 0;

	for (uint16_t q = 0; q < host->conf.nb_queues; q++)
		for (unsigned r = 0; r < RX_ROUNDS; r++) {
			const uint16_t nb =
				host->conf.direct != NULL
					? lab_direct_tx(host->conf.direct, pkts, LAB_BATCH)
					: dpio_port_rx(host->conf.port, q, pkts, LAB_BATCH);

			for (uint16_t i = 0; i < nb; i++) {
				const int32_t client = lab_client_of_frame(host, pkts[i]);

				if (client >= 0) {
					lab_hub_offer(&host->hub, (uint32_t)client, LAB_DOWN,
					              pkts[i], host->now_ns);
					continue;
				}
				host->rx_stray++;
				rte_pktmbuf_free(pkts[i]);
			}
			work += nb;
			if (nb < LAB_BATCH)
				break;
		}
	return work;
}

static unsigned
off_the_links(struct lab_host *host, struct lab_client *client)
{
	struct rte_mbuf *mbuf;
	unsigned work = 0;

	while ((mbuf = lab_hub_take(&host->hub, client->idx, LAB_UP, host->now_ns)) != NULL) {
		lab_host_push(host, client->queue, mbuf);
		work++;
	}
	while ((mbuf = lab_hub_take(&host->hub, client->idx, LAB_DOWN, host->now_ns)) != NULL) {
		lab_client_receive(client, mbuf, host->now_ns);
		client->next_ns = 0;
		work++;
	}
	return work;
}

unsigned
lab_host_poll(void *arg)
{
	struct lab_host *host = arg;
	unsigned work;

	host->now_ns = delivery_now_ns(&host->conf.clock);
	work = from_appliance(host);
	for (uint32_t i = 0; i < host->conf.nb_clients; i++) {
		struct lab_client *client = &host->clients[i];

		if (lab_hub_next_ns(&host->hub, i) <= host->now_ns)
			work += off_the_links(host, client);
		if (client->next_ns <= host->now_ns)
			work += lab_client_serve(client, host->now_ns);
	}
	for (uint16_t q = 0; q < host->conf.nb_queues; q++)
		flush(host, q);
	return work;
}

uint64_t
lab_host_next_ns(const void *arg)
{
	const struct lab_host *host = arg;
	uint64_t next = AEF_TIME_NEVER;

	for (uint32_t i = 0; i < host->conf.nb_clients; i++) {
		next = aef_min_u64(next, host->clients[i].next_ns);
		next = aef_min_u64(next, lab_hub_next_ns(&host->hub, i));
	}
	return next;
}

static int
make_env(struct lab_host *host)
{
	const struct quantum_buf_ops ops = lab_buf_ops();
	struct quantum_env_conf conf;
	uint64_t seed = host->conf.seed;
	size_t bytes;
	int rc;

	quantum_env_conf_scale(&conf, host->conf.nb_clients,
	                       aef_min_u32(host->conf.nb_clients, BUSY_MAX));
	bytes = (quantum_env_bytes(&conf) + 63) & ~(size_t)63;
	host->env_mem = aligned_alloc(64, bytes);
	if (host->env_mem == NULL)
		return AEF_ERR_NOMEM;
	host->secret_bytes = quantum_env_secret_bytes(&conf);
	rc = protect_mem_alloc(host->secret_bytes, &host->secret_mem);
	if (rc != 0)
		return rc;
	host->env = quantum_env_init(host->env_mem, host->secret_mem, &conf, host->provider, &ops,
	                             aef_splitmix64(&seed));
	return 0;
}

static void
know_authors(struct lab_host *host)
{
	for (uint32_t i = 0; i < host->conf.nb_clients; i++)
		for (uint32_t a = 0; a < host->conf.nb_authors && a < LAB_TRACE_AGENTS_MAX; a++)
			host->clients[i].player.authors[a] = host->clients[a].id;
}

int
lab_host_init(struct lab_host *host, const struct lab_host_conf *conf, struct aef_text *ret_error)
{
	struct lab_hub_conf hub = { .nb_clients = conf->nb_clients,
		                    .slots = LINK_SLOTS,
		                    .up = conf->up,
		                    .down = conf->down,
		                    .seed = conf->seed,
		                    .clones = conf->clones,
		                    .hashing = conf->hashing };
	int rc;

	memset(host, 0, sizeof(*host));
	host->conf = *conf;
	host->provider = protect_provider(conf->protect);
	host->now_ns = hub.now_ns = delivery_now_ns(&conf->clock);
	aef_rng_init(&host->rng, conf->seed);
	aef_hist_reset(&host->latency_all);
	aef_hist_reset(&host->latency_now);
	rc = lab_hub_init(&host->hub, &hub, ret_error);
	if (rc != 0)
		return rc;
	host->clients = calloc(conf->nb_clients, sizeof(*host->clients));
	host->docs = calloc(conf->nb_docs, sizeof(*host->docs));
	host->scratch = malloc(DOCMSG_MSG_MAX);
	host->arena =
		(struct docmsg_arena){ aligned_alloc(64, DOCMSG_ARENA_BYTES), DOCMSG_ARENA_BYTES };
	rc = host->clients != NULL && host->docs != NULL && host->scratch != NULL &&
	                     host->arena.mem != NULL
	             ? make_env(host)
	             : AEF_ERR_NOMEM;
	for (uint32_t i = 0; rc == 0 && i < conf->nb_docs; i++)
		host->docs[i] = lab_host_guuid(host);
	for (uint32_t i = 0; rc == 0 && i < conf->nb_clients; i++)
		rc = lab_client_init(&host->clients[i], host, i);
	if (rc == 0) {
		know_authors(host);
		return 0;
	}
	aef_text_printf(ret_error, "No memory for %u clients (%s); give fewer --clients.",
	                conf->nb_clients, aef_err_text(rc));
	lab_host_fini(host);
	return rc;
}

void
lab_host_fini(struct lab_host *host)
{
	for (uint32_t i = 0; host->clients != NULL && i < host->conf.nb_clients; i++)
		lab_client_fini(&host->clients[i]);
	lab_hub_fini(&host->hub);
	for (unsigned q = 0; q < LAB_QUEUES_MAX; q++) {
		rte_pktmbuf_free_bulk(host->batch[q], host->nb_batch[q]);
		host->nb_batch[q] = 0;
	}
	free(host->clients);
	free(host->docs);
	free(host->scratch);
	free(host->arena.mem);
	free(host->env_mem);
	protect_mem_free(host->secret_mem, host->secret_bytes);
	host->clients = NULL;
	host->docs = NULL;
	host->scratch = NULL;
	host->arena.mem = NULL;
	host->env_mem = NULL;
	host->secret_mem = NULL;
}
