/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <base/err.h>
#include <base/time.h>
#include <sockio/sockio.h>

#include "harness.h"
#include "sockio_priv.h"

#define WAIT_NS (2 * AEF_NS_PER_S)

static struct sockio *
open_at(const char *local, const struct sockio_conf *more)
{
	struct sockio_conf conf = more != NULL ? *more : (struct sockio_conf){ .buffer_bytes = 0 };
	struct sockio *sock = NULL;

	ck_assert_int_eq(sockio_addr_parse(local, &conf.local), 0);
	ck_assert_int_eq(sockio_open(&conf, &sock), 0);
	return sock;
}

static struct sockio_addr
addr_of(const char *host, const struct sockio *sock)
{
	char text[64];
	struct sockio_addr addr;

	snprintf(text, sizeof(text), "%s:%u", host, sockio_port(sock));
	ck_assert_int_eq(sockio_addr_parse(text, &addr), 0);
	return addr;
}

/* Datagrams of given lengths, each filled with its number. */
static void
fill(struct sockio_dgram *d, uint8_t mem[][2048], unsigned nb, const uint32_t *len,
     const struct sockio_addr *to)
{
	for (unsigned i = 0; i < nb; i++) {
		d[i] = (struct sockio_dgram){ .data = mem[i], .len = len[i], .peer = *to };
		memset(mem[i], (int)(i + 1), len[i]);
	}
}

/* Receive until @p want datagrams came or nothing comes any more. */
static unsigned
collect(struct sockio *sock, unsigned want, uint32_t *ret_len, uint8_t *ret_first, uint8_t *ret_ecn)
{
	struct sockio_dgram d[SOCKIO_BURST];
	unsigned nb = 0;

	while (nb < want && sockio_wait(sock, WAIT_NS)) {
		const int got = sockio_recv(sock, d, SOCKIO_BURST);

		ck_assert_int_ge(got, 0);
		for (int i = 0; i < got && nb < want; i++, nb++) {
			ret_len[nb] = d[i].len;
			ret_first[nb] = d[i].len > 0 ? d[i].data[0] : 0;
			ret_ecn[nb] = d[i].ecn;
		}
	}
	return nb;
}

START_TEST(sockio_address_parses_and_formats_both_families)
{
	struct sockio_addr addr;
	char text[56];

	ck_assert_int_eq(sockio_addr_parse("10.1.2.3:4567", &addr), 0);
	ck_assert_uint_eq(addr.port, 4567);
	ck_assert_uint_eq(addr.ip[10], 0xff);
	ck_assert_uint_eq(addr.ip[15], 3);
	sockio_addr_format(&addr, text);
	ck_assert_str_eq(text, "10.1.2.3:4567");
	ck_assert_int_eq(sockio_addr_parse("[2001:db8::1]:80", &addr), 0);
	sockio_addr_format(&addr, text);
	ck_assert_str_eq(text, "[2001:db8::1]:80");
}
END_TEST

START_TEST(sockio_broken_address_is_refused_by_kind)
{
	static const char *const broken[] = { "",           "1.2.3.4",       ":80",     "1.2.3.4:",
		                              "1.2.3.4:x",  "1.2.3.4:65536", "[::1:80", "[]:80",
		                              "1.2.3.4:-1", "1.2.3.4:80 ",   "[::1]80:" };
	struct sockio_addr addr;

	for (unsigned i = 0; i < AEF_DIM(broken); i++)
		ck_assert_msg(sockio_addr_parse(broken[i], &addr) == AEF_ERR_INVALID, "\"%s\"",
		              broken[i]);
	ck_assert_int_eq(sockio_addr_parse("name.invalid:1", &addr), AEF_ERR_NOTFOUND);
}
END_TEST

START_TEST(sockio_taken_port_is_an_error_with_errno)
{
	struct sockio *a = open_at("127.0.0.1:0", NULL), *b = NULL;
	struct sockio_conf conf = { .local = addr_of("127.0.0.1", a) };

	ck_assert_int_eq(sockio_open(&conf, &b), AEF_ERR_IO);
	ck_assert_int_eq(errno, EADDRINUSE);
	ck_assert_ptr_null(b);
	sockio_close(a);
	sockio_close(NULL);
}
END_TEST

static void
check_burst(const char *host, const struct sockio_conf *conf, unsigned nb_calls_max)
{
	static uint8_t mem[SOCKIO_BURST][2048];
	char local[32];
	struct sockio_dgram d[SOCKIO_BURST];
	uint32_t len[SOCKIO_BURST], got_len[SOCKIO_BURST];
	uint8_t first[SOCKIO_BURST], ecn[SOCKIO_BURST];

	snprintf(local, sizeof(local), "%s:0", host);
	struct sockio *a = open_at(local, conf), *b = open_at(local, conf);
	const struct sockio_addr to = addr_of(host, b);

	for (unsigned i = 0; i < SOCKIO_BURST; i++)
		len[i] = i < 20 ? 1200 : 100 + i; /* a run, then ever longer ones */
	fill(d, mem, SOCKIO_BURST, len, &to);
	for (unsigned i = 0; i < SOCKIO_BURST; i++)
		d[i].ecn = i < 10 ? 2 : 0;

	ck_assert_uint_eq(sockio_send(a, d, SOCKIO_BURST), SOCKIO_BURST);
	ck_assert_uint_eq(collect(b, SOCKIO_BURST, got_len, first, ecn), SOCKIO_BURST);

	for (unsigned i = 0; i < SOCKIO_BURST; i++) {
		ck_assert(d[i].sent);
		ck_assert_uint_eq(got_len[i], len[i]);
		ck_assert_uint_eq(first[i], i + 1);
		ck_assert_uint_eq(ecn[i], d[i].ecn);
	}
	ck_assert_uint_le(sockio_stats(a)->tx_calls, nb_calls_max);
	ck_assert_uint_eq(sockio_stats(a)->tx_pkts, SOCKIO_BURST);
	ck_assert_uint_eq(sockio_stats(b)->rx_pkts, SOCKIO_BURST);
	ck_assert_uint_eq(sockio_stats(b)->rx_bytes, sockio_stats(a)->tx_bytes);
	sockio_close(a);
	sockio_close(b);
}

START_TEST(sockio_burst_arrives_whole_in_order_with_ecn)
{
	/* Two runs by segmentation offload (one per ECN value) and the rest by one call. */
	check_burst("127.0.0.1", NULL, 4);
}
END_TEST

START_TEST(sockio_burst_over_ipv6_arrives_whole_in_order_with_ecn)
{
	const struct sockio_conf conf = { .buffer_bytes = 1 << 20 };
	const int fd = socket(AF_INET6, SOCK_DGRAM, 0);
	struct sockaddr_in6 sa = { .sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT };
	const bool has_v6 = fd >= 0 && bind(fd, (struct sockaddr *)&sa, sizeof(sa)) == 0;

	if (fd >= 0)
		close(fd);
	if (!has_v6) {
		test_skip("no IPv6 loopback here");
		return;
	}
	check_burst("[::1]", &conf, 4);
}
END_TEST

START_TEST(sockio_without_offloads_burst_takes_one_call)
{
	const struct sockio_conf conf = { .no_gso = true, .no_gro = true };

	check_burst("127.0.0.1", &conf, 1);
}
END_TEST

START_TEST(sockio_small_room_hands_out_an_aggregate_piece_by_piece)
{
	static uint8_t mem[10][2048];
	struct sockio *a = open_at("127.0.0.1:0", NULL), *b = open_at("127.0.0.1:0", NULL);
	const struct sockio_addr to = addr_of("127.0.0.1", b);
	struct sockio_dgram d[10], one;
	const uint32_t len[10] = { 700, 700, 700, 700, 700, 700, 700, 700, 700, 300 };

	fill(d, mem, 10, len, &to);
	ck_assert_uint_eq(sockio_send(a, d, 10), 10);
	for (unsigned i = 0; i < 10; i++) {
		ck_assert(sockio_wait(b, WAIT_NS));
		ck_assert_int_eq(sockio_recv(b, &one, 1), 1);
		ck_assert_uint_eq(one.len, len[i]);
		ck_assert_uint_eq(one.data[0], i + 1);
		ck_assert_uint_eq(one.data[len[i] - 1], i + 1);
	}
	ck_assert_int_eq(sockio_recv(b, &one, 1), 0);
	sockio_close(a);
	sockio_close(b);
}
END_TEST

START_TEST(sockio_path_that_cannot_segment_gets_the_data_without_offload)
{
	static uint8_t mem[4][2048];
	struct sockio *a = open_at("127.0.0.1:0", NULL), *b = open_at("127.0.0.1:0", NULL),
		      *c = open_at("127.0.0.1:0", NULL);
	const struct sockio_addr to_b = addr_of("127.0.0.1", b), to_c = addr_of("127.0.0.1", c);
	const uint32_t len[4] = { 500, 500, 500, 500 };
	struct sockio_dgram d[4];
	uint32_t got_len[4];
	uint8_t first[4], ecn[4];

	sockio_test_refuse_gso(a, true);
	fill(d, mem, 4, len, &to_b);
	ck_assert_uint_eq(sockio_send(a, d, 4), 4);
	sockio_test_refuse_gso(a, false);
	ck_assert_uint_eq(collect(b, 4, got_len, first, ecn), 4);
	ck_assert_uint_eq(first[3], 4);
	ck_assert_uint_eq(sockio_stats(a)->gso_fallbacks, 1);
	ck_assert_uint_eq(sockio_stats(a)->tx_calls, 2);

	/* From then on that destination goes without, the other one keeps it. */
	ck_assert_uint_eq(sockio_send(a, d, 4), 4);
	fill(d, mem, 4, len, &to_c);
	ck_assert_uint_eq(sockio_send(a, d, 4), 4);
	ck_assert_uint_eq(sockio_stats(a)->gso_fallbacks, 1);
	ck_assert_uint_eq(sockio_stats(a)->tx_calls, 4);
	sockio_close(a);
	sockio_close(b);
	sockio_close(c);
}
END_TEST

START_TEST(sockio_datagram_too_long_for_the_path_is_counted_and_the_rest_leaves)
{
	static uint8_t big[65600];
	static uint8_t mem[2][2048];
	struct sockio *a = open_at("127.0.0.1:0", NULL), *b = open_at("127.0.0.1:0", NULL);
	const struct sockio_addr to = addr_of("127.0.0.1", b);
	const uint32_t len[2] = { 10, 20 };
	struct sockio_dgram d[3];
	uint32_t got_len[2];
	uint8_t first[2], ecn[2];

	fill(d, mem, 2, len, &to);
	d[2] = d[1];
	d[1] = (struct sockio_dgram){ .data = big, .len = sizeof(big), .peer = to };

	ck_assert_uint_eq(sockio_send(a, d, 3), 2);

	ck_assert(d[0].sent && !d[1].sent && d[2].sent);
	ck_assert_uint_eq(sockio_stats(a)->tx_refused, 1);
	ck_assert_uint_eq(collect(b, 2, got_len, first, ecn), 2);
	sockio_close(a);
	sockio_close(b);
}
END_TEST

START_TEST(sockio_datagram_beyond_the_limit_is_cut_and_counted)
{
	static uint8_t mem[SOCKIO_DGRAM_MAX + 1];
	struct sockio *a = open_at("127.0.0.1:0", NULL), *b = open_at("127.0.0.1:0", NULL);
	struct sockio_dgram d = { .data = mem,
		                  .len = sizeof(mem),
		                  .peer = addr_of("127.0.0.1", b) };

	ck_assert_uint_eq(sockio_send(a, &d, 1), 1);
	ck_assert(sockio_wait(b, WAIT_NS));
	ck_assert_int_eq(sockio_recv(b, &d, 1), 0);
	ck_assert_uint_eq(sockio_stats(b)->rx_cut, 1);
	sockio_close(a);
	sockio_close(b);
}
END_TEST

START_TEST(sockio_connected_hears_only_its_peer_and_counts_unreachable)
{
	static uint8_t mem[1][2048];
	const uint32_t len[1] = { 5 };
	struct sockio *b = open_at("127.0.0.1:0", NULL), *other = open_at("127.0.0.1:0", NULL);
	const struct sockio_conf conf = { .peer = addr_of("127.0.0.1", b) };
	struct sockio *a = open_at("127.0.0.1:0", &conf);
	const struct sockio_addr to_a = addr_of("127.0.0.1", a);
	struct sockio_dgram d[SOCKIO_BURST];

	fill(d, mem, 1, len, &to_a);
	ck_assert_uint_eq(sockio_send(other, d, 1), 1);
	ck_assert_uint_eq(sockio_send(b, d, 1), 1);
	ck_assert(sockio_wait(a, WAIT_NS));
	ck_assert_int_eq(sockio_recv(a, d, SOCKIO_BURST), 1);
	ck_assert_uint_eq(d[0].peer.port, sockio_port(b));

	fill(d, mem, 1, len, &conf.peer);
	sockio_close(b);
	ck_assert_uint_eq(sockio_send(a, d, 1), 1);
	ck_assert(sockio_wait(a, WAIT_NS));
	ck_assert_int_eq(sockio_recv(a, d, SOCKIO_BURST), 0);
	ck_assert_uint_eq(sockio_stats(a)->rx_unreachable, 1);
	sockio_close(a);
	sockio_close(other);
}
END_TEST

START_TEST(sockio_empty_datagram_and_empty_socket_are_harmless)
{
	uint8_t byte = 7;
	struct sockio *a = open_at("127.0.0.1:0", NULL), *b = open_at("127.0.0.1:0", NULL);
	struct sockio_dgram d[2] = {
		{ .data = &byte, .len = 0, .peer = addr_of("127.0.0.1", b) },
		{ .data = &byte, .len = 1, .peer = addr_of("127.0.0.1", b) },
	};
	uint32_t got_len[1];
	uint8_t first[1], ecn[1];

	ck_assert_int_eq(sockio_recv(b, d, 1), 0);
	d[0] = (struct sockio_dgram){ .data = &byte, .len = 0, .peer = addr_of("127.0.0.1", b) };
	ck_assert(!sockio_wait(b, 0));
	ck_assert_uint_eq(sockio_send(a, d, 2), 2);
	ck_assert_uint_eq(collect(b, 1, got_len, first, ecn), 1);
	ck_assert_uint_eq(first[0], 7);
	ck_assert_uint_eq(sockio_send(a, d, 0), 0);
	sockio_close(a);
	sockio_close(b);
}
END_TEST

TEST_SUITE(sockio, &sockio_address_parses_and_formats_both_families,
           &sockio_broken_address_is_refused_by_kind, &sockio_taken_port_is_an_error_with_errno,
           &sockio_burst_arrives_whole_in_order_with_ecn,
           &sockio_burst_over_ipv6_arrives_whole_in_order_with_ecn,
           &sockio_without_offloads_burst_takes_one_call,
           &sockio_small_room_hands_out_an_aggregate_piece_by_piece,
           &sockio_path_that_cannot_segment_gets_the_data_without_offload,
           &sockio_datagram_too_long_for_the_path_is_counted_and_the_rest_leaves,
           &sockio_datagram_beyond_the_limit_is_cut_and_counted,
           &sockio_connected_hears_only_its_peer_and_counts_unreachable,
           &sockio_empty_datagram_and_empty_socket_are_harmless)
