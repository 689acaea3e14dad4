/* SPDX-License-Identifier: BSD-3-Clause */
#include <base/err.h>

#include "echo.h"
#include "harness.h"
#include "rig.h"

static struct rig rig;

static bool
all_connected(const struct rig *r)
{
	for (uint32_t i = 0; i < r->nb_clients; i++)
		if (!r->clients[i].connected)
			return false;
	return true;
}

static bool
all_echoed(const struct rig *r)
{
	for (uint32_t i = 0; i < r->nb_clients; i++)
		if (r->clients[i].bytes != r->clients[i].sent_bytes)
			return false;
	return true;
}

static bool
all_gone(const struct rig *r)
{
	for (uint8_t i = 0; i < r->conf.lcores; i++)
		if (pipeline_lcore_stats(r->lcores[i])->conns_open != 0)
			return false;
	for (uint32_t i = 0; i < r->nb_clients; i++)
		if (!r->clients[i].closed)
			return false;
	return true;
}

static void
connect_all(void)
{
	ck_assert(rig_run_until(&rig, all_connected, 5 * AEF_NS_PER_S));
}

static void
echo_some(unsigned nb, uint32_t len)
{
	for (unsigned n = 0; n < nb; n++)
		for (uint32_t i = 0; i < rig.nb_clients; i++)
			ck_assert_int_eq(
				client_send(&rig.clients[i], 1, n * 10 + i, len, rig.now_ns), 0);
	ck_assert(rig_run_until(&rig, all_echoed, 20 * AEF_NS_PER_S));
	for (uint32_t i = 0; i < rig.nb_clients; i++)
		ck_assert_uint_eq(rig.clients[i].sum, rig.clients[i].sent_sum);
}

static void
close_all(void)
{
	for (uint32_t i = 0; i < rig.nb_clients; i++)
		quantum_conn_close(rig.clients[i].conn, 0, NULL, rig.now_ns);
	ck_assert(rig_run_until(&rig, all_gone, 20 * AEF_NS_PER_S));
}

START_TEST(pipeline_client_over_ipv4_gets_its_messages_back)
{
	rig_open(&rig, NULL);
	rig_dial(&rig, 0, false);

	connect_all();
	echo_some(20, 100);
	echo_some(4, 5000);

	ck_assert_uint_eq(worker_stats(rig.worker)->connects, 1);
	close_all();
	ck_assert_uint_eq(worker_stats(rig.worker)->disconnects, 1);
	rig_close(&rig);
}
END_TEST

START_TEST(pipeline_client_over_ipv6_gets_its_messages_back)
{
	rig_open(&rig, NULL);
	rig_dial(&rig, 0, true);

	connect_all();
	echo_some(20, 1000);

	close_all();
	rig_close(&rig);
}
END_TEST

START_TEST(pipeline_client_in_a_vlan_gets_its_messages_back)
{
	rig_open(&rig, &(struct rig_conf){ .vlan = 42 });
	rig_dial(&rig, 0, false);
	rig_dial(&rig, 0, true);

	connect_all();
	echo_some(20, 1000);

	close_all();
	rig_close(&rig);
}
END_TEST

TEST_SUITE(pipeline, &pipeline_client_over_ipv4_gets_its_messages_back,
           &pipeline_client_over_ipv6_gets_its_messages_back,
           &pipeline_client_in_a_vlan_gets_its_messages_back)
