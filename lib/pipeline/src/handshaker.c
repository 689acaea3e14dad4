/* SPDX-License-Identifier: BSD-3-Clause */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <rte_errno.h>
#include <rte_malloc.h>
#include <rte_ring.h>

#include <base/err.h>
#include <base/time.h>
#include <pipeline/pipeline.h>
#include <protect/mem.h>

#include "handshaker_priv.h"

#define POLL_MAX     8u                    /* of one poll */
#define SLEEP_MAX_NS (100 * AEF_NS_PER_MS) /* the bell wakes; this is for a bell that is missed */
#define NAME_CHARS   12u

struct pipeline_handshaker {
	/* Read by all, written at init. */
	struct pipeline_handshaker_conf conf;
	char name[NAME_CHARS + 1];
	struct rte_ring *free, *work;                               /* owned, as all below */
	struct rte_ring *done[PIPELINE_LCORES_MAX];                 /* of each lcore */
	_Atomic(struct delivery_bell *) bells[PIPELINE_LCORES_MAX]; /* borrowed */
	struct handshake *slots; /* [conf.slots]; secret memory */

	/* Written by the thread. */
	alignas(AEF_CACHE_LINE) struct pipeline_handshaker_stats stats;

	/* Written by others. */
	struct delivery_bell bell;
};

void
pipeline_handshaker_conf_default(struct pipeline_handshaker_conf *ret_conf)
{
	*ret_conf = (struct pipeline_handshaker_conf){ .name = "node",
		                                       .nb_lcores = 1,
		                                       .slots = PIPELINE_HANDSHAKES,
		                                       .mark = PIPELINE_HANDSHAKES_MARK };
}

/* ---- create and destroy
 * ---------------------------------------------------------------------------- */

static bool
conf_valid(const struct pipeline_handshaker_conf *conf, struct aef_text *ret_error)
{
	if (conf->nb_lcores > 0 && conf->nb_lcores <= PIPELINE_LCORES_MAX && conf->slots > 0 &&
	    conf->slots <= 1u << 16 && (conf->slots & (conf->slots - 1)) == 0 && conf->mark > 0 &&
	    conf->mark <= conf->slots && strlen(conf->name) <= NAME_CHARS)
		return true;
	aef_text_printf(ret_error,
	                "The handshake thread serves 1 to %u transport lcores with 1 to 65536 "
	                "slots, a power of two, and a mark of at most that.",
	                PIPELINE_LCORES_MAX);
	return false;
}

static struct rte_ring *
ring_make(const struct pipeline_handshaker *hs, const char *what, unsigned nr, unsigned flags)
{
	char name[RTE_RING_NAMESIZE];

	(void)snprintf(name, sizeof(name), "ph_%s_%s%u", hs->name, what, nr);
	return rte_ring_create(name, hs->conf.slots, SOCKET_ID_ANY, flags | RING_F_EXACT_SZ);
}

static bool
rings_make(struct pipeline_handshaker *hs)
{
	bool ok;

	hs->free = ring_make(hs, "free", 0, 0);
	hs->work = ring_make(hs, "work", 0, RING_F_SC_DEQ);
	ok = hs->free != NULL && hs->work != NULL;
	for (unsigned i = 0; ok && i < hs->conf.nb_lcores; i++) {
		hs->done[i] = ring_make(hs, "done", i, RING_F_SP_ENQ | RING_F_SC_DEQ);
		ok = hs->done[i] != NULL;
	}
	return ok;
}

struct pipeline_handshaker *
pipeline_handshaker_create(const struct pipeline_handshaker_conf *conf, struct aef_text *ret_error)
{
	struct pipeline_handshaker *hs;
	void *slots = NULL;
	int rc;

	if (!conf_valid(conf, ret_error))
		return NULL;
	hs = rte_zmalloc("handshaker", sizeof(*hs), RTE_CACHE_LINE_SIZE);
	if (hs == NULL) {
		aef_text_printf(ret_error, "No DPDK memory for the handshake thread.");
		return NULL;
	}
	hs->conf = *conf;
	(void)snprintf(hs->name, sizeof(hs->name), "%s", conf->name);
	hs->conf.name = hs->name;
	rc = protect_mem_alloc((size_t)conf->slots * sizeof(*hs->slots), &slots);
	hs->slots = slots;
	if (rc == 0 && !rings_make(hs))
		rc = AEF_ERR_IO;
	if (rc < 0) {
		aef_text_printf(ret_error,
		                rc == AEF_ERR_IO
		                        ? "No memory for the rings of the handshake thread."
		                : rc == AEF_ERR_LIMIT
		                        ? "%zu KiB for handshakes cannot be locked; raise the "
		                          "limit of locked memory (ulimit -l)."
		                        : "No memory of %zu KiB for handshakes.",
		                (size_t)conf->slots * sizeof(*hs->slots) >> 10);
		pipeline_handshaker_destroy(hs);
		return NULL;
	}
	for (uint32_t i = 0; i < conf->slots; i++)
		(void)!rte_ring_enqueue(hs->free, &hs->slots[i]); /* it holds them all */
	return hs;
}

static void
ring_drop(struct rte_ring *ring)
{
	void *h;

	while (ring != NULL && rte_ring_dequeue(ring, &h) == 0)
		rte_pktmbuf_free(((struct handshake *)h)->mbuf);
	rte_ring_free(ring);
}

void
pipeline_handshaker_destroy(struct pipeline_handshaker *hs)
{
	if (hs == NULL)
		return;
	ring_drop(hs->work);
	for (unsigned i = 0; i < PIPELINE_LCORES_MAX; i++)
		ring_drop(hs->done[i]);
	rte_ring_free(hs->free);
	protect_mem_free(hs->slots, (size_t)hs->conf.slots * sizeof(*hs->slots));
	rte_free(hs);
}

/* ---- lcores ------------------------------------------------------------------------------------
 */

bool
handshaker_loaded(const struct pipeline_handshaker *hs)
{
	return rte_ring_count(hs->work) >= hs->conf.mark;
}

struct handshake *
handshaker_get(struct pipeline_handshaker *hs)
{
	void *h;

	return rte_ring_mc_dequeue(hs->free, &h) == 0 ? h : NULL;
}

void
handshaker_put(struct pipeline_handshaker *hs, struct handshake *h)
{
	crypto_wipe(h, sizeof(*h));
	(void)!rte_ring_mp_enqueue(hs->free, h);
}

void
handshaker_push(struct pipeline_handshaker *hs, struct handshake *h)
{
	(void)!rte_ring_mp_enqueue(hs->work, h);
}

void
handshaker_wake(struct pipeline_handshaker *hs)
{
	delivery_bell_ring(&hs->bell);
}

unsigned
handshaker_done(struct pipeline_handshaker *hs, uint8_t lcore, struct handshake **ret, unsigned max)
{
	return rte_ring_sc_dequeue_burst(hs->done[lcore], (void **)ret, max, NULL);
}

bool
handshaker_has_done(const struct pipeline_handshaker *hs, uint8_t lcore)
{
	return rte_ring_empty(hs->done[lcore]) == 0;
}

void
handshaker_bell_set(struct pipeline_handshaker *hs, uint8_t lcore, struct delivery_bell *bell)
{
	atomic_store_explicit(&hs->bells[lcore], bell, memory_order_release);
}

/* ---- the thread --------------------------------------------------------------------------------
 */

static uint64_t
cpu_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return (uint64_t)ts.tv_sec * AEF_NS_PER_S + (uint64_t)ts.tv_nsec;
}

static void
work_on(struct pipeline_handshaker *hs, const struct crypto_provider *provider, struct handshake *h)
{
	const uint8_t lcore = h->lcore;
	struct delivery_bell *bell;

	h->rc = quantum_accept_derive(provider, &h->accept);
	hs->stats.derived += h->rc == 0;
	hs->stats.refused += h->rc != 0;
	(void)!rte_ring_sp_enqueue(hs->done[lcore], h); /* the lcore's from here on */
	bell = atomic_load_explicit(&hs->bells[lcore], memory_order_acquire);
	if (bell != NULL)
		delivery_bell_ring(bell);
}

unsigned
pipeline_handshaker_poll(struct pipeline_handshaker *hs, const struct crypto_provider *provider)
{
	struct handshake *items[POLL_MAX];
	const unsigned waiting = rte_ring_count(hs->work);
	const unsigned nb = rte_ring_sc_dequeue_burst(hs->work, (void **)items, POLL_MAX, NULL);
	uint64_t start_ns;

	hs->stats.waiting = waiting - nb;
	if (nb == 0)
		return 0;
	hs->stats.waiting_high = aef_max_u64(hs->stats.waiting_high, waiting);
	start_ns = cpu_ns();
	for (unsigned i = 0; i < nb; i++)
		work_on(hs, provider, items[i]);
	protect_forget(); /* now it may sleep for long */
	hs->stats.busy_ns += cpu_ns() - start_ns;
	return nb;
}

void
pipeline_handshaker_run(struct pipeline_handshaker *hs, const struct crypto_provider *provider,
                        const atomic_bool *stop)
{
	/* To sleep at once: this thread shares its CPU. */
	const struct delivery_idle_conf conf = { .sleep_max_ns = SLEEP_MAX_NS };
	struct delivery_idle idle;

	delivery_idle_init(&idle, &conf);
	while (!atomic_load_explicit(stop, memory_order_relaxed)) {
		const unsigned work = pipeline_handshaker_poll(hs, provider);

		delivery_idle_step(&idle, &hs->bell, work, 0, AEF_TIME_NEVER);
	}
}

struct delivery_bell *
pipeline_handshaker_bell(struct pipeline_handshaker *hs)
{
	return &hs->bell;
}

/* ---- looking at it -----------------------------------------------------------------------------
 */

struct counter {
	struct aef_metric metric;
	size_t offset;
};

static const struct counter counters[] = {
#define COUNTER(name, kind, unit, help)                                                            \
	{ { "handshaker_" #name, unit, help, AEF_METRIC_##kind },                                  \
	  offsetof(struct pipeline_handshaker_stats, name) },
	PIPELINE_HANDSHAKER_COUNTERS(COUNTER)
#undef COUNTER
};

const struct pipeline_handshaker_stats *
pipeline_handshaker_stats(const struct pipeline_handshaker *hs)
{
	return &hs->stats;
}

static const uint64_t *
value_at(const struct pipeline_handshaker_stats *stats, size_t i)
{
	return (const uint64_t *)(const void *)((const char *)stats + counters[i].offset);
}

void
pipeline_handshaker_stats_text(const struct pipeline_handshaker_stats *stats, bool only_nonzero,
                               struct aef_text *out)
{
	for (size_t i = 0; i < AEF_DIM(counters); i++)
		if (*value_at(stats, i) != 0 || !only_nonzero)
			aef_text_printf(out, "%s %" PRIu64 "\n",
			                counters[i].metric.name + sizeof("handshaker_") - 1,
			                *value_at(stats, i));
}

int
pipeline_handshaker_metrics(const struct pipeline_handshaker *hs, struct aef_metrics *metrics)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < AEF_DIM(counters); i++)
		rc = aef_metrics_add(metrics, &counters[i].metric, NULL, value_at(&hs->stats, i));
	return rc;
}
