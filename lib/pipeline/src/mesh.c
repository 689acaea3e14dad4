/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdio.h>
#include <string.h>

#include <rte_errno.h>

#include "lcore_priv.h"

int
pipeline_mesh_init(struct pipeline_mesh *mesh, const char *name, uint8_t nb_lcores,
                   uint32_t ring_size, struct aef_text *ret_error)
{
	memset(mesh, 0, sizeof(*mesh));
	if (nb_lcores == 0 || nb_lcores > PIPELINE_LCORES_MAX || strlen(name) > 12 ||
	    ring_size < DPIO_BURST || (ring_size & (ring_size - 1)) != 0) {
		aef_text_printf(ret_error,
		                "There can be 1 to %u transport lcores, not %u, and the rings "
		                "between them need a power of two of at least %u.",
		                PIPELINE_LCORES_MAX, nb_lcores, DPIO_BURST);
		return AEF_ERR_INVALID;
	}
	mesh->nb_lcores = nb_lcores;
	for (uint8_t from = 0; from < nb_lcores; from++) {
		for (uint8_t to = 0; to < nb_lcores; to++) {
			char ring[RTE_RING_NAMESIZE];

			if (from == to)
				continue;
			(void)snprintf(ring, sizeof(ring), "pm_%s_%u_%u", name, from, to);
			mesh->rings[from][to] =
				rte_ring_create(ring, ring_size, SOCKET_ID_ANY,
			                        RING_F_SP_ENQ | RING_F_SC_DEQ | RING_F_EXACT_SZ);
			if (mesh->rings[from][to] != NULL)
				continue;
			aef_text_printf(ret_error, "No memory for a ring between lcores (%s).",
			                rte_strerror(rte_errno));
			pipeline_mesh_fini(mesh);
			return AEF_ERR_NOMEM;
		}
	}
	return 0;
}

void
pipeline_mesh_fini(struct pipeline_mesh *mesh)
{
	for (uint8_t from = 0; from < mesh->nb_lcores; from++) {
		for (uint8_t to = 0; to < mesh->nb_lcores; to++) {
			struct rte_ring *ring = mesh->rings[from][to];
			void *mbuf;

			while (ring != NULL && rte_ring_dequeue(ring, &mbuf) == 0)
				rte_pktmbuf_free(mbuf);
			rte_ring_free(ring);
		}
	}
	memset(mesh, 0, sizeof(*mesh));
}

static void
flush_to(struct pipeline_lcore *lc, uint8_t to)
{
	const struct pipeline_mesh *mesh = lc->conf.mesh;
	struct handover *h = &lc->handovers[to];
	struct rte_ring *ring = mesh->rings[lc->conf.idx][to];
	const unsigned sent = rte_ring_sp_enqueue_burst(ring, (void **)h->mbufs, h->nb, NULL);

	lc->stats.verdicts[PIPELINE_VERDICT_HANDED_OVER] += sent;
	lc->stats.verdicts[PIPELINE_VERDICT_DROP_HANDOVER_FULL] += h->nb - sent;
	rte_pktmbuf_free_bulk(h->mbufs + sent, h->nb - sent);
	h->nb = 0;
	if (mesh->bells[to] != NULL)
		delivery_bell_ring(mesh->bells[to]);
}

AEF_HOT void
pipeline_handover(struct pipeline_lcore *lc, uint8_t to, struct rte_mbuf *mbuf, uint8_t port)
{
	struct handover *h = &lc->handovers[to];

	mbuf->port = port;
	h->mbufs[h->nb++] = mbuf; /* from here on the batch owns it */
	if (h->nb == DPIO_BURST)
		flush_to(lc, to);
}

AEF_HOT void
pipeline_handover_flush(struct pipeline_lcore *lc)
{
	for (uint8_t to = 0; lc->conf.mesh != NULL && to < lc->conf.mesh->nb_lcores; to++)
		if (lc->handovers[to].nb > 0)
			flush_to(lc, to);
}

AEF_HOT uint16_t
pipeline_handover_rx(struct pipeline_lcore *lc, uint8_t from,
                     struct rte_mbuf *ret_mbufs[DPIO_BURST])
{
	struct rte_ring *ring = lc->conf.mesh->rings[from][lc->conf.idx];
	const unsigned nb = rte_ring_sc_dequeue_burst(ring, (void **)ret_mbufs, DPIO_BURST, NULL);
	uint16_t nb_ours = 0;

	for (unsigned i = 0; i < nb; i++) {
		if (aef_likely(ret_mbufs[i]->port < lc->nb_ports)) {
			ret_mbufs[nb_ours++] = ret_mbufs[i];
		} else {
			lc->stats.handover_bad++;
			rte_pktmbuf_free(ret_mbufs[i]);
		}
	}
	lc->stats.handover_in += nb_ours;
	return nb_ours;
}
