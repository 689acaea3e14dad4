/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * link/conf.h - what one direction of an emulated link does to packets, and its textual form.
 *
 * All zero is a perfect link: infinite rate, no delay, nothing lost.
 *
 * Source:  Gilbert, "Capacity of a Burst-Noise Channel", BSTJ 39 (1960) and Elliott, BSTJ 42 (1963)
 *          for burst loss; RFC 3168 section 5 for ECN marking.
 * Units:   time in nanoseconds, probability in ppm (millionths) or ppb, lengths in bytes.
 * Context: plain data, anywhere. No allocation, no I/O, no floating point.
 */
#ifndef LINK_CONF_H
#define LINK_CONF_H

#include <base/defs.h>

#define LINK_OUTAGES_MAX      8                 /* scheduled outages of one configuration */
#define LINK_COPIES_MAX       4                 /* extra copies of one duplicated packet */
#define LINK_CORRUPT_BITS_MAX 8                 /* flipped bits of one corrupted packet */
#define LINK_TIME_MAX_NS      (1ull << 50)      /* 13 days: any single time of a configuration */
#define LINK_RATE_MAX         10000000000000ull /* bytes per second */

enum link_jitter_shape {
	LINK_JITTER_UNIFORM, /* every delay of the interval equally likely */
	LINK_JITTER_BELL, /* sum of four uniform parts: near the middle more often, same bounds */
};

/* Time without service: packets offered in [start, start + duration) are dropped. */
struct link_outage {
	uint64_t start_ns; /* after the link's origin (link_init) */
	uint64_t duration_ns;
};

struct link_conf {
	/* Bottleneck: one FIFO queue in front of a serializer. */
	uint64_t rate_bytes_per_s; /* 0: infinite, nothing ever queues */
	uint64_t queue_bytes; /* accepted, not yet serialized, this one included; 0: no limit */
	uint32_t queue_pkts;  /* likewise; one packet of any length fits an empty queue */
	uint64_t ecn_bytes;   /* ECN-capable packets that meet more queue are marked; 0: never */
	uint32_t mtu_bytes;   /* longer packets vanish; 0: any length */

	/* Path. A packet arrives delay +- jitter after its last byte left the serializer. */
	uint64_t delay_ns;
	uint64_t jitter_ns; /* where it exceeds the delay, the sum is cut at 0 */
	enum link_jitter_shape jitter_shape;
	bool keep_order; /* jitter never lets a packet overtake; `reorder` still may */
	uint32_t reorder_ppm;
	uint64_t reorder_ns; /* a chosen packet is held back a further 0 to this long, uniform */

	/* Loss, both models independent of each other. Lost packets have used the serializer. */
	uint32_t loss_ppm;
	uint32_t ge_p_ppb; /* good -> bad, per packet; 0: no Gilbert-Elliott model */
	uint32_t ge_r_ppb; /* bad -> good, per packet */
	uint32_t ge_loss_good_ppm;
	uint32_t ge_loss_bad_ppm;

	uint32_t dup_ppm;
	uint32_t dup_copies; /* 1 to this many extra copies, each with its own delay; 0 means 1 */

	uint32_t corrupt_ppm;
	uint32_t corrupt_bits; /* 1 to this many different bits are flipped; 0 means 1 */
	uint32_t truncate_ppm;
	uint32_t corrupt_skip_bytes; /* corruption and truncation leave this many leading bytes
	                                alone */

	struct link_outage outages[LINK_OUTAGES_MAX];
	uint32_t nb_outages;
	uint64_t outage_interval_ns; /* random outages: mean time between two; 0: none */
	uint64_t outage_max_ns;      /* their duration is uniform in 1 to this */
};

/** The perfect link: all zero. */
static inline struct link_conf
link_conf_default(void)
{
	return (struct link_conf){ 0 };
}

/**
 * Check every range and combination.
 *
 * @param conf     borrowed
 * @param err      receives one sentence without a line end when the answer is not 0; may be NULL
 * @param err_size bytes of @p err, terminator included
 * @return 0 or AEF_ERR_CONFIG
 */
AEF_MUST_CHECK int link_conf_check(const struct link_conf *conf, char *err, size_t err_size);

/**
 * Fill in the Gilbert-Elliott fields from what one observes: all packets of the bad state are lost
 * and none of the good one, so a loss burst is one stay in the bad state.
 *
 * @param mean_loss_ppm   share of packets lost in the long run, 0 (switches it off) to 900000
 * @param burst_pkts_x1000 mean number of packets lost in a row, in thousandths, 1000 to 1000000000
 * @return 0, or AEF_ERR_RANGE also where the two do not go together (then @p conf is untouched)
 */
AEF_MUST_CHECK int link_conf_set_burst(struct link_conf *conf, uint32_t mean_loss_ppm,
                                       uint64_t burst_pkts_x1000);

/**
 * Set one thing from text, for command lines and consoles.
 *
 *   rate 100mbit | delay 30ms | jitter 5ms[/bell] | order keep | queue 64kb[/100pkt] | ecn 30kb
 *   loss 2% | burst 5%/3 (mean loss / mean burst length in packets) | reorder 1%/50ms
 *   dup 1%[/copies] | corrupt 0.1%[/bits] | truncate 0.1% | skip 14 | mtu 1400
 *   outage 30s/2s (random: mean interval / longest) | outage @10s/2s (one more, at / for)
 *
 * "off" restores the default of any key. A number without a unit is per cent, or milliseconds, or
 * bytes, as the key asks; only rate insists on its unit.
 *
 * @param conf     changed only on success
 * @param err      receives one sentence without a line end when the answer is not 0; may be NULL
 * @param err_size bytes of @p err, terminator included
 * @return 0, AEF_ERR_NOTFOUND (no such key) or AEF_ERR_CONFIG (bad value)
 */
AEF_MUST_CHECK int link_conf_set(struct link_conf *conf, const char *key, const char *value,
                                 char *err, size_t err_size);

/**
 * Set several things: "loss=2%,delay=30ms,rate=100mbit". Blanks around the commas are allowed.
 *
 * @param conf changed only when the whole text is good
 * @return as link_conf_set()
 */
AEF_MUST_CHECK int link_conf_set_list(struct link_conf *conf, const char *text, char *err,
                                      size_t err_size);

/** Name of the @p idx-th key of link_conf_set(), or NULL past the last one. Static storage. */
const char *link_conf_key(unsigned idx);

/** One line of help for the @p idx-th key, with an example, or NULL. Static storage. */
const char *link_conf_key_help(unsigned idx);

#endif
