/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdlib.h>

#include <base/bytes.h>
#include <base/rng.h>

#include "harness.h"
#include "server_priv.h"

#define START_NS (5 * AEF_NS_PER_S)

struct fixture {
	void *mem;
	struct limit_table table;
};

static void
set_up(struct fixture *f, uint32_t entries, uint32_t per_s, uint32_t burst)
{
	struct aef_rng rng;

	aef_rng_init(&rng, 3);
	f->mem = aligned_alloc(64, limit_table_bytes(entries));
	memset(f->mem, 0, limit_table_bytes(entries));
	limit_table_init(&f->table, f->mem, entries, per_s, burst, &rng);
}

static struct quantum_addr
ipv4(uint32_t ip)
{
	struct quantum_addr addr = { .ip = { [10] = 0xff, [11] = 0xff } };

	aef_store_be32(addr.ip + 12, ip);
	return addr;
}

static unsigned
taken(struct fixture *f, const struct quantum_addr *from, unsigned tries, uint64_t now_ns)
{
	unsigned nb = 0;

	for (unsigned i = 0; i < tries; i++)
		nb += limit_table_take(&f->table, from, NULL, 0, now_ns) ? 1 : 0;
	return nb;
}

/* A burst at once, then the steady rate; what was not used is saved up to the burst. */
START_TEST(server_limit_lets_a_burst_and_then_the_rate_through)
{
	const struct quantum_addr from = ipv4(0x0a000001);
	struct fixture f;
	unsigned nb = 0;

	set_up(&f, LIMIT_SYN_ENTRIES, 10, 10);
	ck_assert_uint_eq(taken(&f, &from, 100, START_NS), 10);
	ck_assert_uint_eq(taken(&f, &from, 100, START_NS + 99 * AEF_NS_PER_MS), 0);
	ck_assert_uint_eq(taken(&f, &from, 100, START_NS + 100 * AEF_NS_PER_MS), 1);
	for (unsigned ms = 101; ms <= 10100; ms++)
		nb += taken(&f, &from, 3, START_NS + ms * AEF_NS_PER_MS);
	ck_assert_uint_eq(nb, 100);
	ck_assert_uint_eq(taken(&f, &from, 100, START_NS + 60 * AEF_NS_PER_S), 10);
	free(f.mem);
}
END_TEST

/* A prefix is an IPv4 address or 64 bits of an IPv6 address, whatever the port. */
START_TEST(server_limit_counts_by_prefix)
{
	struct quantum_addr a = ipv4(0x0a000001), b = ipv4(0x0a000002);
	struct quantum_addr v6 = { .ip = { 0x20, 1, [7] = 9, [15] = 1 } }, v6_same = v6,
			    v6_other = v6;
	struct fixture f;

	set_up(&f, LIMIT_ACK_ENTRIES, 100, 200);
	ck_assert_uint_eq(taken(&f, &a, 300, START_NS), 200);
	a.port = 77;
	ck_assert_uint_eq(taken(&f, &a, 300, START_NS), 0);
	ck_assert_uint_eq(taken(&f, &b, 300, START_NS), 200);
	ck_assert_uint_eq(taken(&f, &v6, 300, START_NS), 200);
	v6_same.ip[8] = v6_same.ip[15] = 0xee;
	ck_assert_uint_eq(taken(&f, &v6_same, 300, START_NS), 0);
	v6_other.ip[7] ^= 1;
	ck_assert_uint_eq(taken(&f, &v6_other, 300, START_NS), 200);
	free(f.mem);
}
END_TEST

START_TEST(server_limit_tells_tokens_of_one_prefix_apart)
{
	const struct quantum_addr from = ipv4(1);
	struct fixture f;

	set_up(&f, LIMIT_SYN_ENTRIES, 10, 10);
	for (uint32_t token = 0; token < 100; token++) {
		for (unsigned i = 0; i < 10; i++)
			ck_assert(
				limit_table_take(&f.table, &from, &token, sizeof(token), START_NS));
		ck_assert(!limit_table_take(&f.table, &from, &token, sizeof(token), START_NS));
	}
	free(f.mem);
}
END_TEST

/* Full: the entry used least recently makes room, and who goes on is not forgotten. */
START_TEST(server_limit_full_bucket_forgets_who_was_silent_longest)
{
	const struct quantum_addr loud = ipv4(1), silent = ipv4(2);
	struct fixture f;

	set_up(&f, 8, 10, 10); /* one bucket */
	ck_assert_uint_eq(taken(&f, &silent, 20, START_NS), 10);
	ck_assert_uint_eq(taken(&f, &loud, 20, START_NS), 10);
	for (uint32_t i = 0; i < 1000; i++) {
		const struct quantum_addr other = ipv4(1000 + i);

		ck_assert_uint_eq(taken(&f, &other, 1, START_NS), 1);
		ck_assert_uint_eq(taken(&f, &loud, 1, START_NS), 0);
	}
	ck_assert_uint_eq(taken(&f, &silent, 20, START_NS), 10);
	free(f.mem);
}
END_TEST

/* Sources spread over the buckets: as many as there are entries displace few of each other. */
START_TEST(server_limit_table_holds_about_as_many_sources_as_entries)
{
	struct fixture f;
	unsigned forgotten = 0;

	set_up(&f, LIMIT_SYN_ENTRIES, 10, 1);
	for (uint32_t i = 0; i < LIMIT_SYN_ENTRIES / 2; i++) {
		const struct quantum_addr from = ipv4(i);

		ck_assert_uint_eq(taken(&f, &from, 1, START_NS), 1);
	}
	for (uint32_t i = LIMIT_SYN_ENTRIES / 2; i-- > 0;) {
		const struct quantum_addr from = ipv4(i);

		forgotten += taken(&f, &from, 1, START_NS);
	}
	ck_assert_uint_lt(forgotten, LIMIT_SYN_ENTRIES / 2 / 20);
	free(f.mem);
}
END_TEST

TEST_SUITE(server_limit, &server_limit_lets_a_burst_and_then_the_rate_through,
           &server_limit_counts_by_prefix, &server_limit_tells_tokens_of_one_prefix_apart,
           &server_limit_full_bucket_forgets_who_was_silent_longest,
           &server_limit_table_holds_about_as_many_sources_as_entries)
