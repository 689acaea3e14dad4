/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * quantum/handshake_priv.h - client side of the handshake, and what both sides compute.
 *
 * Source:  docs/spec/quantum.md chapter 4.
 * Units:   bytes, nanoseconds.
 * Context: the thread that owns the connection.
 */
#ifndef QUANTUM_HANDSHAKE_PRIV_H
#define QUANTUM_HANDSHAKE_PRIV_H

#include <crypto/provider.h>
#include <quantum/conn.h>

/* Client side of the handshake, but for its secrets; also what a retransmission needs. */
struct handshake_state {
	struct wire_syn_ack syn_ack;
	uint8_t dh_pub[32];
	uint64_t retry_ns; /* next SYN or ACK */
	uint64_t give_up_ns;
	uint8_t tries;
	bool send_due;
	bool other_version; /* somebody said that the server does not speak ours */
	uint32_t busy_ms;
};

enum quantum_verdict handshake_on_syn_ack(struct quantum_conn *conn, const struct quantum_rx *rx,
                                          uint64_t now_ns);
void handshake_on_version_reply(struct quantum_conn *conn, const struct quantum_rx *rx);
/** ACCEPT of the server; AEF_ERR_PROTOCOL when it comes from a client or names another S. */
AEF_MUST_CHECK int handshake_on_accept(struct quantum_conn *conn, const struct wire_frame *f,
                                       uint64_t now_ns);
int handshake_tx(struct quantum_conn *conn, struct quantum_tx *tx, uint64_t now_ns);
void handshake_on_deadline(struct quantum_conn *conn, uint64_t now_ns);

struct conn_secrets {
	uint8_t c2s[32], s2c[32];
};
struct conn_transcript {
	const uint8_t *token, *random, *cookie, *server_pub, *client_pub, *psk, *shared;
	uint8_t cookie_epoch, dh_epoch;
};
/** Key schedule from the transcript; the same on both sides. */
void handshake_secrets(const struct crypto_provider *crypto, const struct conn_transcript *t,
                       struct conn_secrets *ret);
/** MAC of a handshake datagram: label, connection id, then @p len bytes behind the header. */
void handshake_mac(const struct crypto_provider *crypto, const uint8_t psk[32], uint8_t label,
                   const uint8_t *datagram, size_t mac_at, uint8_t ret_mac[16]);

#define MAC_LABEL_SYN_ACK 1u
#define MAC_LABEL_ACK     2u
#define MAC_LABEL_BUSY    3u

#endif
