/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * strays.c - datagrams without a connection that are no handshake ACK: SYNs, and strangers. Each
 * class has a budget of its own.
 */
#include "lcore_priv.h"

#define SYN_NUMBERS_AT 22u /* sequence and ack */
#define SYN_ZEROS_AT   (WIRE_HEADER_BYTES + WIRE_RANDOM_BYTES + WIRE_TOKEN_BYTES)
#define SYN_ZEROS_TAIL ((WIRE_SYN_BYTES - SYN_ZEROS_AT) % 8u)

/* What is no SYN by its zero fields is refused before the budget: it costs less than that.
 */
static bool
syn_zeros(const uint8_t *data)
{
	uint64_t any = 0, word;

	static_assert((WIRE_SYN_BYTES - SYN_ZEROS_AT) % sizeof(word) == SYN_ZEROS_TAIL, "no rest");
	memcpy(&word, data + SYN_NUMBERS_AT, sizeof(word));
	any |= word;
	memcpy(&word, data + SYN_ZEROS_AT, sizeof(word));
	any |= word;
	for (unsigned at = SYN_ZEROS_AT + SYN_ZEROS_TAIL; at < WIRE_SYN_BYTES; at += sizeof(word)) {
		memcpy(&word, data + at, sizeof(word));
		any |= word;
	}
	return any == 0;
}

/* What may be answered costs something; all else is counted for less than a drop would save. */
static bool
may_be_answered(enum wire_class clas)
{
	return clas == WIRE_CLASS_PROTECTED || clas == WIRE_CLASS_UNKNOWN_VERSION;
}

static void
judge(struct pipeline_lcore *lc, const struct rx_batch *batch, uint16_t i)
{
	const struct rx_pkt *pkt = &batch->pkts[i];
	const struct quantum_now now = pipeline_now(lc);
	uint8_t scratch[WIRE_SYN_BYTES];
	struct quantum_tx reply = pipeline_reply_make(lc, scratch);

	pipeline_count(lc, quantum_server_on_stray(lc->server, &pkt->rx, &pkt->hdr, pkt->clas, &now,
	                                           &reply));
	pipeline_reply_send(lc, batch->port, &batch->metas[i], &reply, scratch);
}

/* It has its verdict, is another lcore's, or an ACK's remains. */
static bool
is_stray(const struct rx_pkt *pkt)
{
	return !pkt->done && pkt->mbuf != NULL && pkt->clas != WIRE_CLASS_ACK;
}

unsigned
pipeline_syns(struct pipeline_lcore *lc, const struct rx_batch *batch)
{
	unsigned nb = 0;

	for (uint16_t i = 0; i < batch->nb; i++) {
		const struct rx_pkt *pkt = &batch->pkts[i];

		if (pkt->clas != WIRE_CLASS_SYN || !is_stray(pkt))
			continue;
		if (lc->shutting) {
			pipeline_drop(lc, PIPELINE_VERDICT_DROP_SHUTTING);
		} else if (!syn_zeros(pkt->rx.data)) {
			pipeline_count(lc, QUANTUM_VERDICT_BAD_LENGTH);
		} else if (!budget_has(&lc->syn_budget, nb)) {
			pipeline_drop(lc, PIPELINE_VERDICT_DROP_SYN_BUDGET);
		} else {
			nb++;
			judge(lc, batch, i);
		}
	}
	return nb;
}

unsigned
pipeline_strangers(struct pipeline_lcore *lc, const struct rx_batch *batch)
{
	unsigned nb = 0;

	for (uint16_t i = 0; i < batch->nb; i++) {
		const struct rx_pkt *pkt = &batch->pkts[i];

		if (pkt->clas == WIRE_CLASS_SYN || !is_stray(pkt))
			continue;
		if (may_be_answered(pkt->clas)) {
			if (!budget_has(&lc->stranger_budget, nb)) {
				pipeline_drop(lc, PIPELINE_VERDICT_DROP_STRANGER_BUDGET);
				continue;
			}
			nb++;
		}
		judge(lc, batch, i);
	}
	return nb;
}
