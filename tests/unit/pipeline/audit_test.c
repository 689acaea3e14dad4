/* SPDX-License-Identifier: BSD-3-Clause */
#include <pthread.h>
#include <sched.h>

#include <base/err.h>

#include "audit_priv.h"
#include "harness.h"
#include "rig.h"

START_TEST(audit_ring_keeps_order_and_refuses_when_full)
{
	static struct audit_ring ring;
	struct quantum_audit event;
	uint32_t put = 0, taken = 0;

	audit_ring_init(&ring);
	atomic_store(&ring.nb_put, UINT_MAX - 100); /* the counts wrap on the way */
	atomic_store(&ring.nb_take, UINT_MAX - 100);
	ck_assert_int_eq(audit_ring_take(&ring, &event), AEF_ERR_AGAIN);
	for (unsigned round = 1; round < 200; round++) {
		struct quantum_audit *slot;

		for (unsigned i = 0; i < round && (slot = audit_ring_slot(&ring)) != NULL; i++) {
			slot->count = put++;
			audit_ring_push(&ring);
		}
		ck_assert_uint_le(put - taken, AUDIT_RING);
		for (unsigned i = 0; i < round / 2; i++) {
			ck_assert_int_eq(audit_ring_take(&ring, &event), 0);
			ck_assert_uint_eq(event.count, taken++);
		}
	}
	ck_assert_uint_eq(put - taken, AUDIT_RING - 99); /* it was full: 99 were taken last */
	while (audit_ring_take(&ring, &event) == 0)
		ck_assert_uint_eq(event.count, taken++);
	ck_assert_uint_eq(put, taken);
}
END_TEST

static struct audit_ring shared;

static void *
writer(void *arg)
{
	const uint32_t nb = *(const uint32_t *)arg;

	for (uint32_t i = 0; i < nb;) {
		struct quantum_audit *slot = audit_ring_slot(&shared);

		if (slot == NULL) {
			sched_yield();
			continue;
		}
		slot->count = i;
		slot->unix_ms = ~(uint64_t)i;
		audit_ring_push(&shared);
		i++;
	}
	return NULL;
}

START_TEST(audit_ring_between_two_threads_loses_and_tears_nothing)
{
	uint32_t nb = 200000;
	struct quantum_audit event;
	pthread_t thread;

	audit_ring_init(&shared);
	ck_assert_int_eq(pthread_create(&thread, NULL, writer, &nb), 0);
	for (uint32_t i = 0; i < nb;) {
		if (audit_ring_take(&shared, &event) != 0) {
			sched_yield();
			continue;
		}
		ck_assert_uint_eq(event.count, i);
		ck_assert_uint_eq(event.unix_ms, ~(uint64_t)i);
		i++;
	}
	pthread_join(thread, NULL);
}
END_TEST

static struct rig rig;

/* The same token from another port. */
static void
dial_again(void)
{
	const unsigned nr = rig.nb_clients++;
	struct client *c = &rig.clients[nr];

	client_nonce_reset();
	rig.client_queue[nr] = 0;
	client_open(c, 2, false, &rig.port.local, rig.now_ns);
	c->local.udp_port = (uint16_t)(50000 + nr);
	ck_assert_int_eq(net_path_make(&c->path, &c->local, c->local.udp_port, &rig.port.local.ipv4,
	                               rig.port.local.udp_port, rig.port.local.mac),
	                 0);
}

/* */
START_TEST(audit_reused_token_reaches_the_reader_with_its_source)
{
	struct quantum_audit event;
	uint64_t events = 0;

	rig_open(&rig, &(struct rig_conf){ 0 });
	dial_again();
	ck_assert(rig_run_until(&rig, rig_all_connected, AEF_NS_PER_S));
	ck_assert_int_eq(pipeline_lcore_audit(rig.lcores[0], &event), AEF_ERR_AGAIN);
	dial_again();
	rig_run(&rig, AEF_NS_PER_S);

	while (pipeline_lcore_audit(rig.lcores[0], &event) == 0) {
		events++;
		ck_assert_int_eq(event.type, QUANTUM_AUDIT_TOKEN_REUSED);
		ck_assert(event.proven);
		ck_assert_uint_eq(event.from.port, 50001);
	}
	ck_assert_uint_eq(events, 1); /* one for each handshake, whatever it repeats */
	ck_assert_uint_eq(pipeline_lcore_stats(rig.lcores[0])->audit_events, events);
	ck_assert_uint_ge(rig_quantum(&rig, QUANTUM_VERDICT_TOKEN_USED), 1);
	ck_assert_uint_eq(pipeline_lcore_stats(rig.lcores[0])->audit_lost, 0);
	rig_close(&rig);
}
END_TEST

TEST_SUITE(audit, &audit_ring_keeps_order_and_refuses_when_full,
           &audit_ring_between_two_threads_loses_and_tears_nothing,
           &audit_reused_token_reaches_the_reader_with_its_source)
