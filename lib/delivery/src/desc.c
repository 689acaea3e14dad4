/* SPDX-License-Identifier: BSD-3-Clause */
#include <base/err.h>
#include <delivery/link.h>

/* Bound of one bulk get: parts of a message of DELIVERY_SLICES_MAX slices are taken in steps. */
#define PARTS_AT_ONCE 64u

static uint32_t
parts_for(uint32_t nb_slices)
{
	return nb_slices <= DELIVERY_SLICES ? 1
	                                    : (nb_slices + DELIVERY_SLICES - 1) / DELIVERY_SLICES;
}

/* Give a chain of parts back to its pool. @return number of parts */
static uint32_t
chain_put(struct delivery_desc *desc)
{
	uint32_t nb = 0;

	while (desc != NULL) {
		struct delivery_desc *more = desc->more;

		rte_mempool_put(rte_mempool_from_obj(desc), desc);
		desc = more;
		nb++;
	}
	return nb;
}

static struct delivery_desc *
chain_get(struct rte_mempool *pool, uint32_t nb_parts)
{
	struct delivery_desc *head = NULL;

	while (nb_parts > 0) {
		void *objs[PARTS_AT_ONCE];
		const uint32_t n = RTE_MIN(nb_parts, PARTS_AT_ONCE);

		if (rte_mempool_get_bulk(pool, objs, n) != 0) {
			(void)chain_put(head); /* not counted: they were never given out */
			return NULL;
		}
		for (uint32_t i = 0; i < n; i++) {
			struct delivery_desc *desc = objs[i];

			desc->more = head;
			head = desc;
		}
		nb_parts -= n;
	}
	return head;
}

static void
note_pool(struct delivery_end *end)
{
	const uint64_t put =
		end->stats.descs_put + __atomic_load_n(&end->peer->descs_put, __ATOMIC_RELAXED);
	const uint64_t got =
		end->stats.descs_got + __atomic_load_n(&end->peer->descs_got, __ATOMIC_RELAXED);

	/* Both pools of the link together; stale by what the peer does just now. */
	end->stats.descs_high = aef_max_u64(end->stats.descs_high, aef_sub_sat_u64(got, put));
}

AEF_HOT struct delivery_desc *
delivery_desc_get(struct delivery_end *end, uint32_t nb_slices)
{
	const uint32_t nb_parts = parts_for(nb_slices);
	struct delivery_desc *head;
	uint32_t left = nb_slices;

	if (nb_slices > DELIVERY_SLICES_MAX)
		return NULL;
	head = chain_get(end->pool, nb_parts);
	if (head == NULL) {
		end->stats.no_desc++;
		return NULL;
	}
	for (struct delivery_desc *part = head; part != NULL; part = part->more) {
		part->next = NULL;
		part->flags = 0;
		part->order = 0;
		part->nb_slices = nb_slices;
		part->nb_here = (uint8_t)RTE_MIN(left, DELIVERY_SLICES);
		left -= part->nb_here;
	}
	end->stats.descs_got += nb_parts;
	note_pool(end);
	return head;
}

AEF_HOT void
delivery_desc_put(struct delivery_end *end, struct delivery_desc *desc)
{
	end->stats.descs_put += chain_put(desc);
}

void
delivery_desc_release_mbufs(struct delivery_desc *desc)
{
	for (; desc != NULL; desc = desc->more)
		for (uint32_t i = 0; i < desc->nb_here; i++)
			if (desc->slices[i].mbuf != NULL)
				rte_pktmbuf_free_seg(desc->slices[i].mbuf);
}

static bool
has_slices(const struct delivery_desc *desc)
{
	return desc->kind == DELIVERY_MESSAGE || desc->kind == DELIVERY_SEND;
}

void
delivery_desc_drop(struct delivery_end *end, struct delivery_desc *desc)
{
	if (has_slices(desc))
		delivery_desc_release_mbufs(desc);
	delivery_desc_put(end, desc);
}

uint32_t
delivery_desc_gather(const struct delivery_desc *desc, struct delivery_slice *ret_slices)
{
	uint32_t nb = 0;

	for (; desc != NULL; desc = desc->more)
		for (uint32_t i = 0; i < desc->nb_here; i++)
			ret_slices[nb++] = desc->slices[i];
	return nb;
}
