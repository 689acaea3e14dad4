/* SPDX-License-Identifier: BSD-3-Clause */
#include "lab_fixture.h"

#include <stdlib.h>

#include <rte_mempool.h>

#include "harness.h"

static struct dpio_pool pool;

static void
end(void)
{
	dpio_pool_destroy(&pool);
	dpio_eal_stop();
}

struct dpio_pool *
fix_pool(void)
{
	char buf[300];
	struct aef_text error = aef_text_make(buf, sizeof(buf));
	struct dpio_conf conf;

	if (dpio_eal_running())
		return &pool;
	dpio_conf_defaults(&conf);
	conf.hugepages = DPIO_HUGEPAGES_NEVER;
	conf.memory_mb = 64;
	conf.lcores = 1;
	ck_assert_msg(dpio_eal_start(&conf, &error) == 0, "%s", buf);
	ck_assert_msg(dpio_pool_create(&pool, "lab-test", FIX_MBUFS, 2048, &error) == 0, "%s", buf);
	atexit(end);
	return &pool;
}

static struct net_local
local_of(bool client)
{
	struct net_local local = { .mac = { 2, 0, 0, 0, 0, client ? 9 : 1 },
		                   .udp_port = client ? 20000 : 4433,
		                   .has_ipv4 = true,
		                   .has_ipv6 = true,
		                   .ipv4_prefix = 8,
		                   .ipv6_prefix = 64 };

	local.ipv4 = net_ip_from_v4((const uint8_t[4]){ 10, client, 0, 1 });
	local.ipv6 = (struct net_ip){ { 0xfd, [13] = client, [15] = 1 } };
	net_local_finish(&local);
	return local;
}

struct rte_mbuf *
fix_frame(bool ipv6, uint8_t byte, uint16_t len, uint8_t ecn)
{
	const struct net_local from = local_of(true), to = local_of(false);
	struct rte_mbuf *mbuf = rte_pktmbuf_alloc(fix_pool()->mp);
	struct net_path path;
	char *data;

	ck_assert_ptr_nonnull(mbuf);
	data = rte_pktmbuf_append(mbuf, len);
	memset(data, byte, len);
	ck_assert_int_eq(net_path_make(&path, &from, from.udp_port, ipv6 ? &to.ipv6 : &to.ipv4,
	                               to.udp_port, to.mac),
	                 0);
	(void)rte_pktmbuf_prepend(mbuf, net_tx_build(&path, (uint8_t *)data, len, ecn, false));
	return mbuf;
}

enum net_verdict
fix_receive(bool ipv6, struct rte_mbuf *mbuf, struct net_meta *ret_meta)
{
	const struct net_local local = local_of(false);

	(void)ipv6;
	return net_rx_parse(&local, rte_pktmbuf_mtod(mbuf, uint8_t *), rte_pktmbuf_data_len(mbuf),
	                    0, ret_meta);
}

bool
fix_all_back(void)
{
	return rte_mempool_in_use_count(fix_pool()->mp) == 0;
}
