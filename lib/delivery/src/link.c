/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdio.h>
#include <string.h>

#include <rte_errno.h>
#include <rte_malloc.h>
#include <rte_prefetch.h>

#include <base/err.h>
#include <delivery/link.h>

#define POOL_CACHE 64u

const struct aef_metric delivery_metric_table[] = {
	{ "delivery_descs_out_total", "descriptors", "handed over", AEF_METRIC_COUNTER },
	{ "delivery_descs_in_total", "descriptors", "taken", AEF_METRIC_COUNTER },
	{ "delivery_bytes_out_total", "bytes", "of messages handed over", AEF_METRIC_COUNTER },
	{ "delivery_bytes_in_total", "bytes", "of messages taken", AEF_METRIC_COUNTER },
	{ "delivery_ring_full_total", "times", "no room in the ring", AEF_METRIC_COUNTER },
	{ "delivery_no_desc_total", "times", "the pool of descriptors was empty",
	  AEF_METRIC_COUNTER },
	{ "delivery_no_credit_total", "times", "a connection had no credit", AEF_METRIC_COUNTER },
	{ "delivery_ring_high", "descriptors", "most waiting in the ring", AEF_METRIC_GAUGE },
	{ "delivery_descs_high", "descriptors", "most in use", AEF_METRIC_GAUGE },
	{ 0 },
};

void
delivery_conf_default(struct delivery_conf *ret_conf)
{
	*ret_conf = (struct delivery_conf){
		.name = "link",
		.ring_size = 1024,
		.descs = 4096,
		.slots = 1024,
		.credit_bytes = 256u << 10,
		.credit_msgs = 256,
	};
}

static struct rte_mempool *
pool_create(const struct delivery_conf *conf, char way)
{
	char name[RTE_MEMPOOL_NAMESIZE];
	const uint32_t cache = RTE_MIN(POOL_CACHE, conf->descs / 8);

	(void)snprintf(name, sizeof(name), "dd%c_%s", way, conf->name);
	return rte_mempool_create(name, conf->descs, sizeof(struct delivery_desc), cache, 0, NULL,
	                          NULL, NULL, NULL, SOCKET_ID_ANY, 0);
}

static struct rte_ring *
ring_create(const struct delivery_conf *conf, char way)
{
	char name[RTE_RING_NAMESIZE];

	(void)snprintf(name, sizeof(name), "dr%c_%s", way, conf->name);
	return rte_ring_create(name, conf->ring_size, SOCKET_ID_ANY,
	                       RING_F_SP_ENQ | RING_F_SC_DEQ | RING_F_EXACT_SZ);
}

static bool
conf_valid(const struct delivery_conf *conf)
{
	return conf->name != NULL && strlen(conf->name) <= 16 && conf->slots > 0 &&
	       conf->slots <= 1u << 24 && conf->ring_size >= DELIVERY_BURST &&
	       (conf->ring_size & (conf->ring_size - 1)) == 0 && conf->descs >= 2 &&
	       conf->credit_bytes > 0 && conf->credit_msgs > 0;
}

static void
end_wire(struct delivery_end *end, struct delivery_end *peer, const struct delivery_conf *conf,
         struct delivery_bell *peer_bell)
{
	end->in = peer->out;
	end->peer = &peer->stats;
	end->peer_bell = peer_bell;
	end->settled = peer->settling;
	end->credit_bytes = conf->credit_bytes;
	end->credit_msgs = conf->credit_msgs;
	end->slots = conf->slots;
}

int
delivery_link_init(struct delivery_link *link, const struct delivery_conf *conf,
                   struct delivery_bell *transport_bell, struct delivery_bell *worker_bell,
                   struct aef_text *ret_error)
{
	const size_t bytes = (size_t)conf->slots * sizeof(struct delivery_meter);

	memset(link, 0, sizeof(*link));
	if (!conf_valid(conf)) {
		aef_text_printf(ret_error, "A delivery link needs a name, a ring size that is a "
		                           "power of two of at least 32, descriptors and credit.");
		return AEF_ERR_INVALID;
	}
	(void)snprintf(link->name, sizeof(link->name), "%s", conf->name);
	link->mem = rte_zmalloc("delivery", 2 * bytes, RTE_CACHE_LINE_SIZE);
	link->transport.out = ring_create(conf, 'w');
	link->worker.out = ring_create(conf, 't');
	link->transport.pool = pool_create(conf, 'w');
	link->worker.pool = pool_create(conf, 't');
	if (link->mem == NULL || link->transport.out == NULL || link->worker.out == NULL ||
	    link->transport.pool == NULL || link->worker.pool == NULL) {
		aef_text_printf(ret_error,
		                "No memory for delivery link %s (%s); raise dpio.memory_mb or "
		                "lower worker.descs.",
		                conf->name, rte_strerror(rte_errno));
		delivery_link_fini(link);
		return AEF_ERR_NOMEM;
	}
	link->transport.settling = link->mem;
	link->worker.settling = (struct delivery_meter *)((uint8_t *)link->mem + bytes);
	end_wire(&link->transport, &link->worker, conf, worker_bell);
	end_wire(&link->worker, &link->transport, conf, transport_bell);
	return 0;
}

static void
end_drain(struct delivery_end *end)
{
	void *obj;

	for (uint32_t i = 0; i < end->nb_staged; i++)
		delivery_desc_drop(end, end->staged[i]);
	end->nb_staged = 0;
	while (end->out != NULL && rte_ring_dequeue(end->out, &obj) == 0)
		delivery_desc_drop(end, obj);
}

void
delivery_link_fini(struct delivery_link *link)
{
	end_drain(&link->transport);
	end_drain(&link->worker);
	rte_ring_free(link->transport.out);
	rte_ring_free(link->worker.out);
	rte_mempool_free(link->transport.pool);
	rte_mempool_free(link->worker.pool);
	rte_free(link->mem);
	memset(link, 0, sizeof(*link));
}

static bool
has_bytes(const struct delivery_desc *desc)
{
	return desc->kind == DELIVERY_MESSAGE || desc->kind == DELIVERY_SEND;
}

AEF_HOT uint32_t
delivery_room(const struct delivery_end *end)
{
	const uint32_t room = rte_ring_free_count(end->out);

	return room > end->nb_staged ? room - end->nb_staged : 0;
}

static void
hand_over(struct delivery_end *end)
{
	const unsigned n =
		rte_ring_sp_enqueue_bulk(end->out, (void **)end->staged, end->nb_staged, NULL);

	aef_assert(n == end->nb_staged); /* delivery_push looked for room */
	end->nb_staged = 0;
	end->news = true;
	end->stats.descs_out += n;
	end->stats.ring_high = aef_max_u64(end->stats.ring_high, rte_ring_count(end->out));
}

AEF_HOT int
delivery_push(struct delivery_end *end, struct delivery_desc *desc)
{
	if (delivery_room(end) == 0) {
		end->stats.ring_full++;
		return AEF_ERR_FULL;
	}
	if (has_bytes(desc))
		end->stats.bytes_out += desc->len;
	end->staged[end->nb_staged++] = desc;
	if (end->nb_staged == DELIVERY_BURST)
		hand_over(end);
	return 0;
}

AEF_HOT void
delivery_flush(struct delivery_end *end)
{
	if (end->nb_staged > 0)
		hand_over(end);
	if (!end->news)
		return;
	end->news = false;
	if (end->peer_bell != NULL)
		delivery_bell_ring(end->peer_bell);
}

AEF_HOT uint32_t
delivery_pop(struct delivery_end *end, struct delivery_desc **ret_descs, uint32_t nb)
{
	const uint32_t n = rte_ring_sc_dequeue_burst(end->in, (void **)ret_descs, nb, NULL);

	end->stats.descs_in += n;
	for (uint32_t i = 0; i < n; i++) {
		rte_prefetch0(ret_descs[i]);
		if (i >= 4 && has_bytes(ret_descs[i - 4]))
			end->stats.bytes_in += ret_descs[i - 4]->len;
	}
	for (uint32_t i = n > 4 ? n - 4 : 0; i < n; i++)
		if (has_bytes(ret_descs[i]))
			end->stats.bytes_in += ret_descs[i]->len;
	return n;
}

/* ---- credit
 * -------------------------------------------------------------------------------------- */

/* C1: settled after the receiver is done with the bytes; pairs with C2 in delivery_settle */
static struct delivery_account
outstanding(const struct delivery_end *end, const struct delivery_account *account, uint32_t slot)
{
	const struct delivery_meter *m = &end->settled[slot];

	return (struct delivery_account){
		.bytes = account->bytes - atomic_load_explicit(&m->bytes, memory_order_acquire),
		.msgs = account->msgs - atomic_load_explicit(&m->msgs, memory_order_acquire),
	};
}

AEF_HOT bool
delivery_has_credit(const struct delivery_end *end, const struct delivery_account *account,
                    uint32_t slot, uint32_t bytes)
{
	const struct delivery_account out = outstanding(end, account, slot);

	return out.msgs == 0 ||
	       (out.msgs < end->credit_msgs && out.bytes + bytes <= end->credit_bytes);
}

uint64_t
delivery_credit_left(const struct delivery_end *end, const struct delivery_account *account,
                     uint32_t slot)
{
	const struct delivery_account out = outstanding(end, account, slot);

	return out.msgs < end->credit_msgs ? aef_sub_sat_u64(end->credit_bytes, out.bytes) : 0;
}

AEF_HOT void
delivery_settle(struct delivery_end *end, uint32_t slot, uint32_t bytes)
{
	struct delivery_meter *m = &end->settling[slot];

	/* One writer: a load and a store are enough. C2: see C1. */
	atomic_store_explicit(&m->bytes,
	                      atomic_load_explicit(&m->bytes, memory_order_relaxed) + bytes,
	                      memory_order_release);
	atomic_store_explicit(&m->msgs, atomic_load_explicit(&m->msgs, memory_order_relaxed) + 1,
	                      memory_order_release);
	end->news = true;
}

void
delivery_account_init(const struct delivery_end *end, struct delivery_account *ret_account,
                      uint32_t slot)
{
	const struct delivery_meter *m = &end->settled[slot];

	ret_account->bytes = atomic_load_explicit(&m->bytes, memory_order_acquire);
	ret_account->msgs = atomic_load_explicit(&m->msgs, memory_order_acquire);
}

static int
end_metrics(const struct delivery_link *link, const struct delivery_end *end, const char *name,
            struct aef_metrics *metrics)
{
	const struct delivery_stats *s = &end->stats;
	const uint64_t *const values[] = { &s->descs_out, &s->descs_in,  &s->bytes_out,
		                           &s->bytes_in,  &s->ring_full, &s->no_desc,
		                           &s->no_credit, &s->ring_high, &s->descs_high };
	char labels[AEF_METRIC_LABELS_MAX];

	(void)snprintf(labels, sizeof(labels), "link=\"%s\",end=\"%s\"", link->name, name);
	for (uint32_t i = 0; delivery_metric_table[i].name != NULL; i++) {
		const int rc =
			aef_metrics_add(metrics, &delivery_metric_table[i], labels, values[i]);

		if (rc < 0)
			return rc;
	}
	return 0;
}

int
delivery_link_metrics(const struct delivery_link *link, struct aef_metrics *metrics)
{
	const int rc = end_metrics(link, &link->transport, "transport", metrics);

	return rc < 0 ? rc : end_metrics(link, &link->worker, "worker", metrics);
}
