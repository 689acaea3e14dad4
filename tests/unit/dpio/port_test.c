/* SPDX-License-Identifier: BSD-3-Clause */
#include <net/if.h>
#include <unistd.h>

#include <rte_cycles.h>

#include <base/err.h>

#include "eal_fixture.h"
#include "frames.h"
#include "harness.h"

static char error_buf[400];
static struct rte_mbuf *pkts[DPIO_BURST];
static struct net_meta metas[DPIO_BURST];
static struct dpio_burst bursts[2];

static int
start(struct dpio_port *port, const struct dpio_port_conf *conf)
{
	struct aef_text error = aef_text_make(error_buf, sizeof(error_buf));

	return dpio_port_start(port, conf, fix_pool(), &error);
}

static void
start_ok(struct dpio_port *port, const char *name, const char *device, unsigned n)
{
	const struct dpio_port_conf conf = fix_port_conf(name, device, n);

	ck_assert_msg(start(port, &conf) == 0, "%s", error_buf);
}

/* Host 2 sends "hello" to host 1. */
static void
send_hello(struct dpio_port *from)
{
	const struct net_local to = host(1, 0);
	struct rte_mbuf *mbuf;
	struct net_path path;

	dpio_burst_init(&bursts[1], from, 0, fix_pool(), 100);
	ck_assert_int_eq(net_path_make(&path, &from->local, 40000, &to.ipv4, 4433, to.mac), 0);
	mbuf = dpio_burst_alloc(&bursts[1]);
	memcpy(rte_pktmbuf_append(mbuf, 5), "hello", 5);
	ck_assert_int_eq(dpio_burst_push(&bursts[1], mbuf, &path, 0), 0);
	dpio_burst_flush(&bursts[1]);
	ck_assert_uint_eq(bursts[1].stats.tx_pkts, 1);
}

/* Poll host 1 until "hello" is there; bounded. */
static void
expect_hello(struct dpio_port *at)
{
	uint16_t nb = 0;

	dpio_burst_init(&bursts[0], at, 0, fix_pool(), 100);
	for (unsigned i = 0; nb == 0 && i < 2000; i++) {
		nb = dpio_burst_rx(&bursts[0], pkts, metas, i, NULL);
		if (nb == 0)
			rte_delay_us_sleep(
				100); /* the other side is the kernel or a thread of DPDK */
	}
	ck_assert_uint_eq(nb, 1);
	ck_assert_mem_eq(dpio_payload(pkts[0], &metas[0]), "hello", 5);
	rte_pktmbuf_free(pkts[0]);
}

START_TEST(port_null_device_starts_stops_and_starts_again)
{
	struct dpio_port port;
	char buf[4096];

	for (unsigned i = 0; i < 2; i++) {
		struct aef_text out = aef_text_make(buf, sizeof(buf));

		start_ok(&port, "n", "net_null7,size=64,copy=0", 1);
		ck_assert(dpio_port_link_up(&port));
		dpio_port_info_text(&port, &out);
		ck_assert_ptr_nonnull(strstr(buf, "port n: device net_null7, driver net_null"));
		aef_text_clear(&out);
		dpio_port_stats_text(&port, false, &out);
		ck_assert_ptr_nonnull(strstr(buf, "port.n.ipackets "));
		dpio_port_stats_reset(&port);
		dpio_port_stop(&port);
		dpio_port_stop(&port); /* twice does no harm */
	}
}
END_TEST

START_TEST(port_busy_unknown_and_impossible_devices_are_one_sentence)
{
	struct dpio_port port, second;
	struct dpio_port_conf conf = fix_port_conf("n", "net_null7", 1);

	start_ok(&port, "n", "net_null7", 1);
	ck_assert_int_eq(start(&second, &conf), AEF_ERR_STATE);
	ck_assert_ptr_nonnull(strstr(error_buf, "Port n (net_null7): the device is busy"));
	dpio_port_stop(&second);
	ck_assert(dpio_port_link_up(&port)); /* the first one is untouched */
	dpio_port_stop(&port);

	conf.device = "net_warp0";
	ck_assert_int_eq(start(&port, &conf), AEF_ERR_NOTFOUND);
	ck_assert_ptr_nonnull(strstr(error_buf, "no driver takes it"));
	conf.device = "0000:7f:1f.7";
	ck_assert_int_eq(start(&port, &conf), AEF_ERR_NOTFOUND);
	ck_assert_ptr_nonnull(strstr(error_buf, "drivers-conf/README.md"));
	conf.device = "net_af_packet0,iface=nosuchif0";
	ck_assert_int_eq(start(&port, &conf), AEF_ERR_IO);
	ck_assert_ptr_nonnull(strstr(error_buf, "Port n (net_af_packet0,iface=nosuchif0)"));
	conf.device = "net_null7";
	conf.ipv4 = "300.1.1.1/24";
	ck_assert_int_eq(start(&port, &conf), AEF_ERR_CONFIG);
	ck_assert_ptr_nonnull(strstr(error_buf, "ipv4 of port n must be"));
}
END_TEST

START_TEST(port_of_rings_has_as_many_queues_as_rings)
{
	struct dpio_port_conf conf = fix_port_conf("r", "multi", 1);
	struct aef_text error = aef_text_make(error_buf, sizeof(error_buf));
	struct rte_ring *rings[2];
	struct dpio_port port;

	(void)fix_pool();
	for (unsigned q = 0; q < 2; q++)
		rings[q] = rte_ring_create(q == 0 ? "mq0" : "mq1", 16, 0, 0);
	conf.queues = 2;
	conf.mac = NULL;
	ck_assert_int_eq(dpio_port_start_rings(&port, &conf, rings, rings, fix_pool(), &error), 0);

	ck_assert_uint_eq(port.nb_queues, 2);
	ck_assert_uint_eq(port.local.mac[0], 2); /* made from the name */
	dpio_port_stop(&port);
	rte_ring_free(rings[0]);
	rte_ring_free(rings[1]);
}
END_TEST

START_TEST(port_pcap_writes_a_file_that_can_be_received_again)
{
	char path[] = P_tmpdir "/dpio-pcap-XXXXXX", device[128];
	const int fd = mkstemp(path);
	struct dpio_port port;

	ck_assert_int_ge(fd, 0);
	close(fd);
	snprintf(device, sizeof(device), "net_pcap0,tx_pcap=%s", path);
	start_ok(&port, "w", device, 2);
	send_hello(&port);
	dpio_port_stop(&port);
	snprintf(device, sizeof(device), "net_pcap1,rx_pcap=%s", path);
	start_ok(&port, "r", device, 1);
	expect_hello(&port);
	dpio_port_stop(&port);
	unlink(path);
}
END_TEST

START_TEST(port_memif_pair_in_one_process_carries_datagrams)
{
	char dir[] = P_tmpdir "/dpio-memif-XXXXXX", device[2][200], sock[100];
	struct dpio_port ports[2];

	ck_assert_ptr_nonnull(mkdtemp(dir));
	snprintf(sock, sizeof(sock), "%s/s", dir);
	for (unsigned i = 0; i < 2; i++) {
		snprintf(device[i], sizeof(device[i]),
		         "net_memif%u,role=%s,id=0,socket=%s,socket-abstract=no", i,
		         i == 0 ? "server" : "client", sock);
		start_ok(&ports[i], i == 0 ? "ms" : "mc", device[i], i + 1);
	}
	for (unsigned i = 0; i < 2000; i++) { /* DPDK's interrupt thread connects them */
		if (dpio_port_link_up(&ports[0]) && dpio_port_link_up(&ports[1]))
			break;
		rte_delay_us_sleep(1000);
	}
	send_hello(&ports[1]);
	expect_hello(&ports[0]);
	dpio_port_stop(&ports[1]);
	dpio_port_stop(&ports[0]);
	unlink(sock);
	rmdir(dir);
}
END_TEST

START_TEST(port_af_packet_on_a_veth_carries_datagrams)
{
	struct dpio_port ports[2];

	if (geteuid() != 0 || system("ip link add aefut0 type veth peer name aefut1 2>/dev/null && "
	                             "ip link set aefut0 up && ip link set aefut1 up") != 0) {
		test_skip("a veth pair needs root and the ip command");
		return;
	}
	start_ok(&ports[0], "v0",
	         "net_af_packet0,iface=aefut0,blocksz=4096,framesz=2048,framecnt=512", 1);
	start_ok(&ports[1], "v1",
	         "net_af_packet1,iface=aefut1,blocksz=4096,framesz=2048,framecnt=512", 2);
	send_hello(&ports[1]);
	expect_hello(&ports[0]);
	dpio_port_stop(&ports[1]);
	dpio_port_stop(&ports[0]);
	ck_assert_int_eq(system("ip link del aefut0"), 0);
}
END_TEST

START_TEST(port_tap_starts_where_the_kernel_allows_it)
{
	const struct dpio_port_conf conf = fix_port_conf("k", "net_tap0,iface=aeftap0", 1);
	struct dpio_port port;

	if (start(&port, &conf) < 0) {
		test_skip(error_buf);
		return;
	}
	dpio_burst_init(&bursts[0], &port, 0, fix_pool(), 100);
	(void)dpio_burst_rx(&bursts[0], pkts, metas, 1, NULL);
	send_hello(&port);
	dpio_port_stop(&port);
}
END_TEST

START_TEST(port_af_xdp_carries_datagrams_where_the_kernel_allows_it)
{
	const struct dpio_port_conf conf =
		fix_port_conf("x0", "net_af_xdp0,iface=aefux0,force_copy=1", 1);
	struct dpio_port ports[2];

	if (geteuid() != 0 || system("ip link add aefux0 type veth peer name aefux1 2>/dev/null && "
	                             "ip link set aefux0 up && ip link set aefux1 up") != 0) {
		test_skip("a veth pair needs root and the ip command");
		return;
	}
	if (start(&ports[0], &conf) < 0) {
		test_skip(error_buf);
	} else {
		start_ok(&ports[1], "x1",
		         "net_af_packet2,iface=aefux1,blocksz=4096,framesz=2048,framecnt=512", 2);
		send_hello(&ports[1]);
		expect_hello(&ports[0]);
		dpio_port_stop(&ports[1]);
		dpio_port_stop(&ports[0]);
	}
	ck_assert_int_eq(system("ip link del aefux0"), 0);
}
END_TEST

TEST_SUITE(port, &port_null_device_starts_stops_and_starts_again,
           &port_busy_unknown_and_impossible_devices_are_one_sentence,
           &port_of_rings_has_as_many_queues_as_rings,
           &port_pcap_writes_a_file_that_can_be_received_again,
           &port_memif_pair_in_one_process_carries_datagrams,
           &port_af_packet_on_a_veth_carries_datagrams, &port_tap_starts_where_the_kernel_allows_it,
           &port_af_xdp_carries_datagrams_where_the_kernel_allows_it)
