/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * quantum/fec_block_priv.h - packets to repair blocks and back.
 *
 * Source:  docs/spec/quantum.md chapter 7; RFC 6363; RFC 9265 (repair does not hide congestion).
 * Units:   bytes, nanoseconds, packets.
 * Context: the thread that owns the connection.
 */
#ifndef QUANTUM_FEC_BLOCK_PRIV_H
#define QUANTUM_FEC_BLOCK_PRIV_H

#include <fec/fec.h>
#include <quantum/conn.h>

#define FEC_RX_BLOCKS   4u
#define FEC_BLOCK_SPAN  8  /* a block id further than this from the newest is ignored */
#define FLOOR_BYTES_MAX 9u /* type and varint */

/* One packet of a repair block that is held until the block is complete or too old. */
struct fec_held {
	const uint8_t *data;
	void *owner; /* one reference */
	uint16_t len;
};

struct fec_rx_block {
	uint16_t id;
	bool used;
	bool done;    /* nothing more to gain; kept to swallow what arrives late */
	uint8_t k, m; /* 0 until a repair symbol told */
	uint8_t nb_sources, nb_repairs;
	uint16_t symbol_len;
	uint32_t pn[FEC_K_MAX];
	struct fec_held source[FEC_K_MAX];
	struct fec_held repair[FEC_M_MAX];
	uint8_t repair_idx[FEC_M_MAX];
};

/* Receiving side of FEC; from a pool, only while the peer uses FEC. */
struct fec_rx {
	struct fec_rx_block block[FEC_RX_BLOCKS];
	uint16_t newest;
	uint64_t until_ns; /* nothing came of a block for so long: everything goes back */
	bool any;
};

/* Sending side; from a pool, only while FEC is on. The buffers follow the struct. */
struct fec_tx {
	struct fec_encoder enc;
	uint16_t block;
	uint32_t pn[FEC_K_MAX];
	uint64_t flush_ns;   /* AEF_TIME_NEVER: the block is empty */
	uint8_t repair_m;    /* symbols of the closed block */
	uint8_t repair_next; /* of these, next to send */
	uint8_t repair_k;
	uint16_t symbol_len;
	uint8_t bufs[FEC_M_MAX][WIRE_MTU_MAX];
};

struct fec_state {
	struct fec_tx *tx;
	struct fec_rx *rx;
	uint16_t next_block;
	uint8_t level; /* repair symbols per full block now in use; 0: off */
	uint64_t adapt_ns;
	uint64_t adapt_sent, adapt_lost; /* counts at the last adaptation */
	uint32_t loss_ppm;               /* smoothed */
};

bool fec_tx_on(const struct quantum_conn *conn);
/** FEC_SOURCE in front of the payload when this packet shall be protected. */
bool fec_tx_mark(struct quantum_conn *conn, struct aef_writer *w, const uint8_t *payload);
void fec_tx_add(struct quantum_conn *conn, const uint8_t *payload, size_t len, uint64_t pn,
                uint64_t now_ns);
/** Is a block begun, so that its numbers must stay close together? */
bool fec_tx_is_open(const struct quantum_conn *conn);
bool fec_tx_repair_due(const struct quantum_conn *conn);
/** Write the next repair frame; false when it does not fit. */
bool fec_tx_repair_write(struct quantum_conn *conn, struct aef_writer *w);
uint64_t fec_deadline_ns(const struct quantum_conn *conn);
void fec_on_deadline(struct quantum_conn *conn, uint64_t now_ns);
void fec_fini(struct quantum_conn *conn);
enum quantum_verdict fec_rx_source(struct quantum_conn *conn, uint16_t block, uint8_t idx,
                                   const struct fec_held *held, uint64_t now_ns);
enum quantum_verdict fec_rx_repair(struct quantum_conn *conn,
                                   const struct wire_frame_fec_repair *repair, void *owner,
                                   uint64_t now_ns);
/** Bytes that a protected source payload must leave free of the datagram. */
#define FEC_PAYLOAD_RESERVE                                                                        \
	(WIRE_SACKS_MAX * WIRE_SACK_BYTES + WIRE_FEC_REPAIR_HEADER_MAX + FEC_LEN_BYTES +           \
	 FLOOR_BYTES_MAX)

#endif
