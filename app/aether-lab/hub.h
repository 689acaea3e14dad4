/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The links between the clients and the appliance: frames in, the same frames later, or not.
 *
 *   client --up--> [ link ] --> appliance port        one pair of links per client, the model of
 *   client <-down-- [ link ] <-- appliance port       lib/link (simulator, emulator)
 *
 * The link model sees the UDP payload: its length counts, its bits are flipped and its end is cut.
 * Afterwards the checksums are made right again, so a corrupted datagram reaches the engine, which
 * has to find it by the tag; a router that flips bits behind a good checksum is the worse case.
 *
 * Context: one thread. Frames are single-segment mbufs and have one owner.
 */
#ifndef LAB_HUB_H
#define LAB_HUB_H

#include <stdio.h>

#include <rte_mbuf.h>

#include <base/sha256.h>
#include <link/link.h>
#include <runtime/text.h>

enum lab_way { LAB_UP, LAB_DOWN };

/* Where the parts of a frame are; the lab's frames have no VLAN tag and no options. */
struct lab_frame {
	uint8_t *l3;
	uint8_t *payload;
	uint32_t payload_len;
	bool ipv6;
};

struct lab_hub {
	struct link *links; /* [nb_clients * 2], up and down of each client */
	void *mem;
	size_t mem_each;
	uint32_t nb_clients;
	struct rte_mempool *clones; /* for copies of duplicated frames */
	uint64_t no_clone;
	bool hashing;
	struct aef_sha256 sha; /* of time, way, client and payload of everything offered */
	uint64_t instant_ns, instant[2]; /* sum over the datagrams of this instant */
	uint64_t hashed;
	FILE *dump; /* a line for each of them; borrowed; NULL: none */
};

/**
 * Make all links.
 *
 * @param slots     packets in flight of one link
 * @param clones    borrowed
 * @param hashing   keep the trace hash
 * @param ret_error one sentence
 */
struct lab_hub_conf {
	uint32_t nb_clients, slots;
	struct link_conf up, down;
	uint64_t seed, now_ns;
	struct rte_mempool *clones;
	bool hashing;
};
AEF_MUST_CHECK int lab_hub_init(struct lab_hub *hub, const struct lab_hub_conf *conf,
                                struct aef_text *ret_error);

/** Free what is in flight and the links; accepts a zeroed hub. */
void lab_hub_fini(struct lab_hub *hub);

/** Find the parts of a frame. @return false: not UDP as the lab sends it */
bool lab_frame_parse(struct rte_mbuf *mbuf, struct lab_frame *ret_frame);

/** Put a frame on a link; it is the hub's from now on, also when the link drops it. */
void lab_hub_offer(struct lab_hub *hub, uint32_t client, enum lab_way way, struct rte_mbuf *mbuf,
                   uint64_t now_ns);

/** Next frame that is due; the caller owns it. @return NULL: none */
struct rte_mbuf *lab_hub_take(struct lab_hub *hub, uint32_t client, enum lab_way way,
                              uint64_t now_ns);

/** When a frame of this client is due next. */
uint64_t lab_hub_next_ns(const struct lab_hub *hub, uint32_t client);

/** The link of a client. */
struct link *lab_hub_link(const struct lab_hub *hub, uint32_t client, enum lab_way way);

/** Set one key of the links of client @p client (UINT32_MAX: all), both ways or one (-1: both). */
AEF_MUST_CHECK int lab_hub_set(struct lab_hub *hub, uint32_t client, int way, const char *key,
                               const char *value, struct aef_text *ret_error);

/** Sum of the statistics of all links of one way. */
void lab_hub_stats(const struct lab_hub *hub, enum lab_way way, struct link_stats *ret_stats);

/** The trace hash so far. */
void lab_hub_hash(const struct lab_hub *hub, uint8_t ret_digest[AEF_SHA256_BYTES]);

#endif
