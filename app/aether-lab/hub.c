/* SPDX-License-Identifier: BSD-3-Clause */
#include "hub.h"

#include <stdlib.h>
#include <string.h>

#include <base/bytes.h>
#include <base/err.h>
#include <base/siphash.h>
#include <dpio/net.h>
#include <wire/header.h>

#define IPPROTO_UDP_BYTE 17u
#define CID_AT           6u /* in the header */

int
lab_hub_init(struct lab_hub *hub, const struct lab_hub_conf *conf, struct aef_text *ret_error)
{
	const uint32_t nb = conf->nb_clients * 2;

	memset(hub, 0, sizeof(*hub));
	hub->mem_each = (link_mem_bytes(conf->slots) + 63) & ~(size_t)63;
	hub->links = calloc(nb, sizeof(*hub->links));
	hub->mem = aligned_alloc(64, hub->mem_each * nb);
	hub->clones = conf->clones;
	hub->nb_clients = conf->nb_clients;
	hub->hashing = conf->hashing;
	aef_sha256_init(&hub->sha);
	if (hub->links == NULL || hub->mem == NULL) {
		aef_text_printf(ret_error,
		                "No memory for the links of %u clients; "
		                "give fewer --clients.",
		                conf->nb_clients);
		lab_hub_fini(hub);
		return AEF_ERR_NOMEM;
	}
	for (uint32_t i = 0; i < nb; i++) {
		char err[200];
		const struct link_conf *lc = i % 2 == LAB_UP ? &conf->up : &conf->down;
		uint64_t seed = conf->seed + i;

		if (link_init(&hub->links[i], lc, aef_splitmix64(&seed), conf->now_ns,
		              (uint8_t *)hub->mem + i * hub->mem_each, conf->slots) == 0)
			continue;
		if (link_conf_check(lc, err, sizeof(err)) != 0)
			aef_text_printf(ret_error, "--link: %s", err);
		hub->nb_clients = i / 2;
		lab_hub_fini(hub);
		return AEF_ERR_CONFIG;
	}
	return 0;
}

void
lab_hub_fini(struct lab_hub *hub)
{
	struct link_delivery d;

	for (uint32_t i = 0; hub->links != NULL && hub->mem != NULL && i < hub->nb_clients * 2; i++)
		while (link_flush(&hub->links[i], &d))
			if (d.last)
				rte_pktmbuf_free(d.pkt);
	free(hub->links);
	free(hub->mem);
	hub->links = NULL;
	hub->mem = NULL;
}

struct link *
lab_hub_link(const struct lab_hub *hub, uint32_t client, enum lab_way way)
{
	return &hub->links[client * 2 + way];
}

bool
lab_frame_parse(struct rte_mbuf *mbuf, struct lab_frame *ret_frame)
{
	uint8_t *data = rte_pktmbuf_mtod(mbuf, uint8_t *);
	const uint32_t len = rte_pktmbuf_data_len(mbuf);
	uint32_t l3_len;

	if (mbuf->nb_segs != 1 || len < NET_ETHER_BYTES + NET_IPV4_BYTES + NET_UDP_BYTES)
		return false;
	ret_frame->l3 = data + NET_ETHER_BYTES;
	ret_frame->ipv6 = aef_load_be16(data + 12) == 0x86dd;
	if (ret_frame->ipv6) {
		l3_len = NET_IPV6_BYTES;
		if (len < NET_ETHER_BYTES + l3_len + NET_UDP_BYTES ||
		    ret_frame->l3[6] != IPPROTO_UDP_BYTE)
			return false;
	} else {
		l3_len = NET_IPV4_BYTES;
		if (aef_load_be16(data + 12) != 0x0800 || ret_frame->l3[0] != 0x45 ||
		    ret_frame->l3[9] != IPPROTO_UDP_BYTE)
			return false;
	}
	ret_frame->payload = ret_frame->l3 + l3_len + NET_UDP_BYTES;
	ret_frame->payload_len = len - NET_ETHER_BYTES - l3_len - NET_UDP_BYTES;
	return true;
}

static uint8_t
frame_ecn(const struct lab_frame *frame)
{
	return frame->ipv6 ? (frame->l3[1] >> 4) & 3 : frame->l3[1] & 3;
}

/* Lengths and checksums again, after the payload or the ECN bits changed. */
static void
frame_finish(const struct lab_frame *f)
{
	uint8_t *udp = f->payload - NET_UDP_BYTES;
	const uint32_t udp_len = f->payload_len + NET_UDP_BYTES;
	const uint8_t *addrs = f->ipv6 ? f->l3 + 8 : f->l3 + 12;
	uint16_t csum;

	if (f->ipv6) {
		aef_store_be16(f->l3 + 4, (uint16_t)udp_len);
	} else {
		aef_store_be16(f->l3 + 2, (uint16_t)(udp_len + NET_IPV4_BYTES));
		aef_store_be16(f->l3 + 10, 0);
		aef_store_be16(f->l3 + 10, net_csum_fold(net_csum_add(0, f->l3, NET_IPV4_BYTES)));
	}
	aef_store_be16(udp + 4, (uint16_t)udp_len);
	aef_store_be16(udp + 6, 0);
	csum = net_csum_fold(net_csum_add(
		net_csum_add(udp_len + IPPROTO_UDP_BYTE, addrs, f->ipv6 ? 32 : 8), udp, udp_len));
	aef_store_be16(udp + 6, csum != 0 ? csum : 0xffff);
}

static void
hash_instant(struct aef_sha256 *sha, const struct lab_hub *hub)
{
	uint8_t sum[24];

	aef_store_be64(sum, hub->instant_ns);
	aef_store_be64(sum + 8, hub->instant[0]);
	aef_store_be64(sum + 16, hub->instant[1]);
	aef_sha256_update(sha, sum, sizeof(sum));
}

/* What the hash covers of a payload: header without the id, and SACK blocks. The rest is encrypted
 * under keys that are new in every run; its length counts. */
static void
hash_clear(struct aef_siphash *sip, const struct lab_frame *frame)
{
	const uint8_t *data = frame->payload;
	struct wire_header hdr;
	uint32_t clear = aef_min_u32(frame->payload_len, WIRE_HEADER_BYTES);

	if (wire_classify(data, frame->payload_len, &hdr) == WIRE_CLASS_PROTECTED)
		clear = frame->payload_len - hdr.payload_len - WIRE_TAG_BYTES;
	aef_siphash_update(sip, data, aef_min_u32(clear, CID_AT));
	if (clear > CID_AT + AEF_GUUID_BYTES)
		aef_siphash_update(sip, data + CID_AT + AEF_GUUID_BYTES,
		                   clear - CID_AT - AEF_GUUID_BYTES);
}

/*
 * Datagrams of one instant are added up, so their order over several links does not count: which
 * connection is served first within a nanosecond is the driver's affair. The number on its own link
 * is part of each, so the order there does count.
 */
static void
hash_offer(struct lab_hub *hub, uint32_t client, enum lab_way way, const struct lab_frame *frame,
           uint64_t now_ns)
{
	static const uint8_t key[16] = "datagrams";
	struct aef_siphash sip;
	uint8_t head[25], digest[16];

	if (now_ns != hub->instant_ns) {
		hash_instant(&hub->sha, hub);
		hub->instant_ns = now_ns;
		hub->instant[0] = hub->instant[1] = 0;
	}
	aef_store_be64(head, now_ns);
	aef_store_be64(head + 8, lab_hub_link(hub, client, way)->stats.sent);
	aef_store_be32(head + 16, client);
	aef_store_be32(head + 20, frame->payload_len);
	head[24] = (uint8_t)way;
	aef_siphash_init(&sip, key, true);
	aef_siphash_update(&sip, head, sizeof(head));
	hash_clear(&sip, frame);
	aef_siphash_final128(&sip, digest);
	hub->instant[0] += aef_load_be64(digest);
	hub->instant[1] += aef_load_be64(digest + 8);
	hub->hashed++;
	if (hub->dump != NULL)
		(void)fprintf(hub->dump, "%llu %s %u %u %016llx\n", (unsigned long long)now_ns,
		              way == LAB_UP ? "up" : "down", client + 1, frame->payload_len,
		              (unsigned long long)aef_load_be64(digest));
}

void
lab_hub_offer(struct lab_hub *hub, uint32_t client, enum lab_way way, struct rte_mbuf *mbuf,
              uint64_t now_ns)
{
	struct lab_frame frame;
	uint8_t ecn;

	if (!lab_frame_parse(mbuf, &frame)) {
		rte_pktmbuf_free(mbuf);
		return;
	}
	if (hub->hashing)
		hash_offer(hub, client, way, &frame, now_ns);
	ecn = frame_ecn(&frame);
	if (link_send(lab_hub_link(hub, client, way), now_ns, mbuf, frame.payload_len,
	              ecn == 1 || ecn == 2 ? LINK_SEND_ECT : 0) != LINK_TAKEN)
		rte_pktmbuf_free(mbuf);
}

static void
frame_impair(struct rte_mbuf *mbuf, const struct link_delivery *d)
{
	struct lab_frame frame;

	if (!lab_frame_parse(mbuf, &frame))
		return;
	if (d->cut_len < frame.payload_len) {
		(void)rte_pktmbuf_trim(mbuf, (uint16_t)(frame.payload_len - d->cut_len));
		frame.payload_len = d->cut_len;
	}
	link_flip(d, frame.payload, frame.payload_len);
	if (d->ce)
		frame.l3[1] |= frame.ipv6 ? 3 << 4 : 3;
	frame_finish(&frame);
}

struct rte_mbuf *
lab_hub_take(struct lab_hub *hub, uint32_t client, enum lab_way way, uint64_t now_ns)
{
	struct link *link = lab_hub_link(hub, client, way);
	struct link_delivery d;

	while (link_pop(link, now_ns, &d)) {
		struct rte_mbuf *mbuf = d.pkt;

		if (!d.last) {
			/* Only lent: the receiver decrypts in place, so it needs its own bytes. */
			mbuf = rte_pktmbuf_copy(mbuf, hub->clones, 0, UINT32_MAX);
			if (mbuf == NULL) {
				hub->no_clone++;
				continue;
			}
		}
		if (d.nb_flips > 0 || d.cut_len < d.len || d.ce)
			frame_impair(mbuf, &d);
		return mbuf;
	}
	return NULL;
}

uint64_t
lab_hub_next_ns(const struct lab_hub *hub, uint32_t client)
{
	return aef_min_u64(link_next_ns(lab_hub_link(hub, client, LAB_UP)),
	                   link_next_ns(lab_hub_link(hub, client, LAB_DOWN)));
}

int
lab_hub_set(struct lab_hub *hub, uint32_t client, int way, const char *key, const char *value,
            struct aef_text *ret_error)
{
	for (uint32_t i = 0; i < hub->nb_clients * 2; i++) {
		struct link_conf conf = hub->links[i].conf;
		char err[200];
		int rc;

		if ((client != UINT32_MAX && i / 2 != client) || (way >= 0 && (int)(i % 2) != way))
			continue;
		rc = link_conf_set(&conf, key, value, err, sizeof(err));
		if (rc == 0)
			rc = link_conf_check(&conf, err, sizeof(err));
		if (rc == 0)
			rc = link_set_conf(&hub->links[i], &conf);
		if (rc != 0) {
			aef_text_printf(ret_error, "%s", err);
			return rc;
		}
	}
	return 0;
}

void
lab_hub_stats(const struct lab_hub *hub, enum lab_way way, struct link_stats *ret_stats)
{
	memset(ret_stats, 0, sizeof(*ret_stats));
	for (uint32_t c = 0; c < hub->nb_clients; c++) {
		const struct link_stats *s = &lab_hub_link(hub, c, way)->stats;

		ret_stats->sent += s->sent;
		ret_stats->sent_bytes += s->sent_bytes;
		ret_stats->delivered += s->delivered;
		ret_stats->delivered_bytes += s->delivered_bytes;
		ret_stats->flushed += s->flushed;
		ret_stats->duplicated += s->duplicated;
		ret_stats->held_back += s->held_back;
		ret_stats->reordered += s->reordered;
		ret_stats->corrupted += s->corrupted;
		ret_stats->truncated += s->truncated;
		ret_stats->ce_marked += s->ce_marked;
		for (unsigned v = 0; v < LINK_NB_VERDICTS; v++)
			ret_stats->verdicts[v] += s->verdicts[v];
		ret_stats->queue_bytes_max =
			aef_max_u64(ret_stats->queue_bytes_max, s->queue_bytes_max);
		ret_stats->in_flight_max = aef_max_u32(ret_stats->in_flight_max, s->in_flight_max);
	}
}

void
lab_hub_hash(const struct lab_hub *hub, uint8_t ret_digest[AEF_SHA256_BYTES])
{
	struct aef_sha256 sha = hub->sha;

	hash_instant(&sha, hub);
	aef_sha256_final(&sha, ret_digest);
}
