/* SPDX-License-Identifier: BSD-3-Clause */
#include "harness.h"
#include "hub.c"
#include "lab_fixture.h"

#define MS AEF_NS_PER_MS

static void
hub_make(struct lab_hub *hub, const struct link_conf *up, bool hashing)
{
	char buf[200];
	struct aef_text error = aef_text_make(buf, sizeof(buf));
	const struct lab_hub_conf conf = { .nb_clients = 2,
		                           .slots = 64,
		                           .up = *up,
		                           .down = link_conf_default(),
		                           .seed = 7,
		                           .now_ns = 100 * MS,
		                           .clones = fix_pool()->mp,
		                           .hashing = hashing };

	ck_assert_msg(lab_hub_init(hub, &conf, &error) == 0, "%s", buf);
}

START_TEST(hub_frame_is_delivered_whole_after_the_delay)
{
	struct link_conf up = link_conf_default();
	struct lab_hub hub;
	struct rte_mbuf *mbuf;
	struct net_meta meta;

	up.delay_ns = 30 * MS;
	hub_make(&hub, &up, false);

	lab_hub_offer(&hub, 1, LAB_UP, fix_frame(false, 0x5a, 100, 2), 100 * MS);

	ck_assert_ptr_null(lab_hub_take(&hub, 1, LAB_UP, 129 * MS));
	ck_assert_ptr_null(lab_hub_take(&hub, 0, LAB_UP, 130 * MS));
	ck_assert_uint_eq(lab_hub_next_ns(&hub, 1), 130 * MS);
	mbuf = lab_hub_take(&hub, 1, LAB_UP, 130 * MS);
	ck_assert_ptr_nonnull(mbuf);
	ck_assert_int_eq(fix_receive(false, mbuf, &meta), NET_VERDICT_UDP);
	ck_assert_uint_eq(meta.payload_len, 100);
	ck_assert_uint_eq(meta.ecn, 2);
	rte_pktmbuf_free(mbuf);
	lab_hub_fini(&hub);
	ck_assert(fix_all_back());
}
END_TEST

/* One flipped bit in the payload, and checksums that are right: only a tag can find it. */
static void
corrupted(bool ipv6)
{
	struct link_conf up = link_conf_default();
	struct lab_hub hub;
	struct rte_mbuf *mbuf;
	struct net_meta meta;
	unsigned bits = 0;

	up.corrupt_ppm = 1000000;
	hub_make(&hub, &up, false);

	lab_hub_offer(&hub, 0, LAB_UP, fix_frame(ipv6, 0, 200, 2), 100 * MS);

	mbuf = lab_hub_take(&hub, 0, LAB_UP, 100 * MS);
	ck_assert_ptr_nonnull(mbuf);
	ck_assert_int_eq(fix_receive(ipv6, mbuf, &meta), NET_VERDICT_UDP);
	ck_assert_uint_eq(meta.payload_len, 200);
	for (unsigned i = 0; i < 200; i++)
		bits += (unsigned)__builtin_popcount(
			rte_pktmbuf_mtod(mbuf, uint8_t *)[meta.payload_off + i]);
	ck_assert_uint_eq(bits, 1);
	rte_pktmbuf_free(mbuf);
	lab_hub_fini(&hub);
	ck_assert(fix_all_back());
}

START_TEST(hub_corrupted_ipv4_frame_has_right_checksums)
{
	corrupted(false);
}
END_TEST

START_TEST(hub_corrupted_ipv6_frame_has_right_checksums)
{
	corrupted(true);
}
END_TEST

START_TEST(hub_truncated_frame_has_right_lengths)
{
	struct link_conf up = link_conf_default();
	struct lab_hub hub;
	struct rte_mbuf *mbuf;
	struct net_meta meta;

	up.truncate_ppm = 1000000;
	hub_make(&hub, &up, false);

	lab_hub_offer(&hub, 0, LAB_UP, fix_frame(false, 1, 300, 0), 100 * MS);

	mbuf = lab_hub_take(&hub, 0, LAB_UP, 100 * MS);
	ck_assert_ptr_nonnull(mbuf);
	ck_assert_int_eq(fix_receive(false, mbuf, &meta), NET_VERDICT_UDP);
	ck_assert_uint_lt(meta.payload_len, 300);
	ck_assert_uint_eq(rte_pktmbuf_data_len(mbuf), meta.payload_off + meta.payload_len);
	rte_pktmbuf_free(mbuf);
	lab_hub_fini(&hub);
	ck_assert(fix_all_back());
}
END_TEST

START_TEST(hub_doubled_frame_comes_as_two_buffers)
{
	struct link_conf up = link_conf_default();
	struct lab_hub hub;
	struct rte_mbuf *one, *two;

	up.dup_ppm = 1000000;
	hub_make(&hub, &up, false);

	lab_hub_offer(&hub, 0, LAB_UP, fix_frame(false, 1, 50, 0), 100 * MS);

	one = lab_hub_take(&hub, 0, LAB_UP, 100 * MS);
	two = lab_hub_take(&hub, 0, LAB_UP, 100 * MS);
	ck_assert_ptr_nonnull(one);
	ck_assert_ptr_nonnull(two);
	ck_assert_ptr_ne(one, two);
	ck_assert_ptr_null(lab_hub_take(&hub, 0, LAB_UP, 100 * MS));
	rte_pktmbuf_free(one);
	rte_pktmbuf_free(two);
	lab_hub_fini(&hub);
	ck_assert(fix_all_back());
}
END_TEST

static void
marked(bool ipv6)
{
	struct link_conf up = link_conf_default();
	struct lab_hub hub;
	struct rte_mbuf *mbuf;
	struct net_meta meta;
	bool ce = false;

	up.rate_bytes_per_s = 1000000;
	up.ecn_bytes = 100;
	hub_make(&hub, &up, false);

	for (unsigned i = 0; i < 4; i++)
		lab_hub_offer(&hub, 0, LAB_UP, fix_frame(ipv6, 1, 500, 2), 100 * MS);

	while ((mbuf = lab_hub_take(&hub, 0, LAB_UP, 200 * MS)) != NULL) {
		ck_assert_int_eq(fix_receive(ipv6, mbuf, &meta), NET_VERDICT_UDP);
		ce = ce || meta.ecn == 3;
		rte_pktmbuf_free(mbuf);
	}
	ck_assert(ce);
	lab_hub_fini(&hub);
	ck_assert(fix_all_back());
}

START_TEST(hub_congested_link_marks_ce_in_both_ip_versions)
{
	marked(false);
	marked(true);
}
END_TEST

START_TEST(hub_lost_and_flushed_frames_go_back_to_the_pool)
{
	struct link_conf up = link_conf_default();
	struct link_stats stats;
	struct lab_hub hub;

	up.loss_ppm = 500000;
	up.delay_ns = 1000 * MS;
	hub_make(&hub, &up, false);
	for (unsigned i = 0; i < 60; i++)
		lab_hub_offer(&hub, i % 2, LAB_UP, fix_frame(false, 1, 50, 0), 100 * MS);

	lab_hub_stats(&hub, LAB_UP, &stats);
	lab_hub_fini(&hub);

	ck_assert_uint_eq(stats.sent, 60);
	ck_assert_uint_gt(stats.verdicts[LINK_DROP_RANDOM], 10);
	ck_assert(fix_all_back());
}
END_TEST

START_TEST(hub_frame_that_is_not_udp_is_freed)
{
	const struct link_conf up = link_conf_default();
	struct rte_mbuf *mbuf = rte_pktmbuf_alloc(fix_pool()->mp);
	struct lab_hub hub;

	hub_make(&hub, &up, false);
	memset(rte_pktmbuf_append(mbuf, 60), 0xff, 60);

	lab_hub_offer(&hub, 0, LAB_DOWN, mbuf, 100 * MS);

	ck_assert_uint_eq(lab_hub_link(&hub, 0, LAB_DOWN)->stats.sent, 0);
	lab_hub_fini(&hub);
	ck_assert(fix_all_back());
}
END_TEST

START_TEST(hub_hash_depends_on_header_time_and_way)
{
	const struct link_conf up = link_conf_default();
	uint8_t hash[4][AEF_SHA256_BYTES];
	static const struct {
		uint8_t byte;
		uint64_t at_ns;
		enum lab_way way;
	} runs[4] = { { 1, 100 * MS, LAB_UP },
		      { 2, 100 * MS, LAB_UP },
		      { 1, 101 * MS, LAB_UP },
		      { 1, 100 * MS, LAB_DOWN } };

	for (unsigned i = 0; i < 4; i++) {
		struct lab_hub hub;

		hub_make(&hub, &up, true);
		lab_hub_offer(&hub, 0, runs[i].way, fix_frame(false, runs[i].byte, 40, 0),
		              runs[i].at_ns);
		lab_hub_hash(&hub, hash[i]);
		lab_hub_fini(&hub);
	}

	for (unsigned i = 1; i < 4; i++)
		ck_assert(memcmp(hash[0], hash[i], sizeof(hash[0])) != 0);
}
END_TEST

START_TEST(hub_hash_leaves_out_the_id_and_what_is_encrypted)
{
	const struct link_conf up = link_conf_default();
	/* Two SACK blocks; where a byte is changed, and whether the hash shows it. */
	static const struct {
		uint16_t at;
		bool counts;
	} runs[] = { { 0, true },  { 6, false }, { 21, false }, { 22, true },
		     { 32, true }, { 47, true }, { 48, false }, { 87, false } };
	const struct wire_header hdr = { .version = WIRE_VERSION, .payload_len = 24 };
	uint8_t same[AEF_SHA256_BYTES], hash[AEF_SHA256_BYTES];

	for (unsigned i = 0; i <= AEF_DIM(runs); i++) {
		struct rte_mbuf *mbuf = fix_frame(false, 7, 32 + 16 + 24 + 16, 0);
		struct lab_frame frame;
		struct lab_hub hub;

		ck_assert(lab_frame_parse(mbuf, &frame));
		wire_header_encode(frame.payload, &hdr);
		if (i > 0)
			frame.payload[runs[i - 1].at] ^= 0x80;
		hub_make(&hub, &up, true);
		lab_hub_offer(&hub, 0, LAB_UP, mbuf, 100 * MS);
		lab_hub_hash(&hub, i == 0 ? same : hash);
		lab_hub_fini(&hub);
		ck_assert_msg(i == 0 ||
		                      (memcmp(same, hash, sizeof(same)) != 0) == runs[i - 1].counts,
		              "byte %u", runs[i == 0 ? 0 : i - 1].at);
	}
}
END_TEST

START_TEST(hub_set_changes_the_links_that_were_named)
{
	const struct link_conf up = link_conf_default();
	char buf[200];
	struct aef_text error = aef_text_make(buf, sizeof(buf));
	struct lab_hub hub;

	hub_make(&hub, &up, false);

	ck_assert_int_eq(lab_hub_set(&hub, 1, LAB_DOWN, "loss", "5%", &error), 0);
	ck_assert_int_eq(lab_hub_set(&hub, UINT32_MAX, -1, "delay", "7ms", &error), 0);
	ck_assert_int_ne(lab_hub_set(&hub, UINT32_MAX, -1, "loss", "500%", &error), 0);

	ck_assert_uint_eq(lab_hub_link(&hub, 1, LAB_DOWN)->conf.loss_ppm, 50000);
	ck_assert_uint_eq(lab_hub_link(&hub, 1, LAB_UP)->conf.loss_ppm, 0);
	ck_assert_uint_eq(lab_hub_link(&hub, 0, LAB_DOWN)->conf.loss_ppm, 0);
	ck_assert_uint_eq(lab_hub_link(&hub, 0, LAB_UP)->conf.delay_ns, 7 * MS);
	ck_assert_uint_gt(error.len, 0);
	lab_hub_fini(&hub);
}
END_TEST

TEST_SUITE(hub, &hub_frame_is_delivered_whole_after_the_delay,
           &hub_corrupted_ipv4_frame_has_right_checksums,
           &hub_corrupted_ipv6_frame_has_right_checksums, &hub_truncated_frame_has_right_lengths,
           &hub_doubled_frame_comes_as_two_buffers,
           &hub_congested_link_marks_ce_in_both_ip_versions,
           &hub_lost_and_flushed_frames_go_back_to_the_pool, &hub_frame_that_is_not_udp_is_freed,
           &hub_hash_depends_on_header_time_and_way,
           &hub_hash_leaves_out_the_id_and_what_is_encrypted,
           &hub_set_changes_the_links_that_were_named)
