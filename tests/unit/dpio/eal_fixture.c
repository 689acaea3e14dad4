/* SPDX-License-Identifier: BSD-3-Clause */
#include "eal_fixture.h"

#include "harness.h"

/* Asked by LeakSanitizer: closing net_af_xdp in DPDK 22.11 loses 80 bytes of libxdp. */
const char *__lsan_default_suppressions(void);
const char *
__lsan_default_suppressions(void)
{
	return "leak:xsk_umem__create\n";
}

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
	conf.memory_mb = 96;
	conf.lcores = 3;
	ck_assert_msg(dpio_eal_start(&conf, &error) == 0, "%s", buf);
	ck_assert_msg(dpio_pool_create(&pool, "test", FIX_MBUFS, 2048, &error) == 0, "%s", buf);
	atexit(end);
	return &pool;
}

struct dpio_port_conf
fix_port_conf(const char *name, const char *device, unsigned n)
{
	struct dpio_port_conf conf;

	dpio_port_conf_defaults(&conf);
	conf.name = name;
	conf.device = device;
	conf.mac = n == 1 ? "02:00:00:00:00:01" : "02:00:00:00:00:02";
	conf.ipv4 = n == 1 ? "192.0.2.1/24" : "192.0.2.2/24";
	conf.ipv6 = n == 1 ? "2001:db8::1/64" : "2001:db8::2/64";
	conf.udp_port = n == 1 ? 4433 : 40000;
	return conf;
}

void
fix_pair_open(struct fix_pair *pair, uint16_t vlan, uint32_t ring_slots)
{
	char buf[300];
	struct aef_text error = aef_text_make(buf, sizeof(buf));
	struct dpio_pool *mbufs = fix_pool();

	memset(pair, 0, sizeof(*pair));
	for (unsigned i = 0; i < 2; i++) {
		pair->rings[i] = rte_ring_create(i == 0 ? "fix0" : "fix1", ring_slots, 0,
		                                 RING_F_SP_ENQ | RING_F_SC_DEQ);
		ck_assert_ptr_nonnull(pair->rings[i]);
	}
	for (unsigned i = 0; i < 2; i++) {
		struct dpio_port_conf conf =
			fix_port_conf(i == 0 ? "p0" : "p1", i == 0 ? "fp0" : "fp1", i + 1);

		conf.vlan = vlan;
		ck_assert_msg(dpio_port_start_rings(&pair->ports[i], &conf, &pair->rings[i],
		                                    &pair->rings[1 - i], mbufs, &error) == 0,
		              "%s", buf);
		dpio_burst_init(&pair->bursts[i], &pair->ports[i], 0, mbufs, 1000);
	}
}

void
fix_pair_close(struct fix_pair *pair)
{
	for (unsigned i = 0; i < 2; i++) {
		void *left;

		dpio_burst_fini(&pair->bursts[i]);
		dpio_port_stop(&pair->ports[i]);
		while (rte_ring_dequeue(pair->rings[i], &left) == 0)
			rte_pktmbuf_free(left);
	}
	rte_ring_free(pair->rings[0]);
	rte_ring_free(pair->rings[1]);
}
