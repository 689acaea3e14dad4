/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * sockio/sockio.h - one UDP socket of the kernel: bursts in, bursts out, ECN, segmentation offload.
 *
 * UDP_SEGMENT (GSO) and UDP_GRO are used where the kernel has them. GSO fails soft: a send that the
 * path refuses is repeated at once without it, and that destination goes without from then on;
 * other destinations keep it.
 *
 * Source:  Linux udp(7), recvmmsg(2), sendmmsg(2); RFC 3168 (ECN bits in the IP header).
 * Units:   lengths in bytes of UDP payload.
 * Context: one thread per socket. Non-blocking; memory is taken at open.
 */
#ifndef SOCKIO_SOCKIO_H
#define SOCKIO_SOCKIO_H

#include <base/defs.h>

#define SOCKIO_BURST     32u
#define SOCKIO_DGRAM_MAX 9216u

/* An end point; IPv4 as ::ffff:a.b.c.d. */
struct sockio_addr {
	uint8_t ip[16];
	uint16_t port; /* host order */
	uint16_t zero;
};

struct sockio_dgram {
	uint8_t *data;
	uint32_t len; /* in for send; out for receive */
	uint8_t ecn;  /* IP ECN bits, 0 to 3 */
	bool sent;    /* out for send: the kernel took it */
	struct sockio_addr peer;
};

struct sockio_conf {
	struct sockio_addr local; /* all zero: any address, any port */
	struct sockio_addr peer;  /* port not 0: connected, only this peer is heard */
	uint32_t buffer_bytes;    /* kernel buffers wanted each way; 0 = leave */
	bool no_gso, no_gro;
};

struct sockio_stats {
	uint64_t rx_pkts, rx_bytes, rx_calls;
	uint64_t rx_cut; /* longer than SOCKIO_DGRAM_MAX: dropped */
	uint64_t tx_pkts, tx_bytes, tx_calls;
	uint64_t tx_refused;     /* the kernel took a datagram not: no buffer, no route, too long */
	uint64_t gso_fallbacks;  /* destinations that lost segmentation offload */
	uint64_t rx_unreachable; /* ICMP errors reported on this socket */
};

struct sockio;

/**
 * Parse "1.2.3.4:5", "[::1]:5" or "name:5" (the name is looked up; blocking).
 *
 * @return 0, AEF_ERR_INVALID (form or port), AEF_ERR_NOTFOUND (no such host)
 */
AEF_MUST_CHECK int sockio_addr_parse(const char *text, struct sockio_addr *ret_addr);

/** Text form, at most 56 bytes with the NUL. */
void sockio_addr_format(const struct sockio_addr *addr, char ret_text[56]);

/**
 * Open and bind a dual-stack (or IPv4) socket.
 *
 * @return 0, or AEF_ERR_IO with errno set (address in use, no permission), AEF_ERR_NOMEM
 */
AEF_MUST_CHECK int sockio_open(const struct sockio_conf *conf, struct sockio **ret_sock);

/** Close; NULL is accepted. */
void sockio_close(struct sockio *sock);

/** Descriptor, for poll(2). */
int sockio_fd(const struct sockio *sock);

/** Port that the socket is bound to, host order. */
uint16_t sockio_port(const struct sockio *sock);

/**
 * Receive what is there, without blocking.
 *
 * @param ret_dgrams filled with datagrams whose data stays valid until the next call; mutable
 * @param max        room of @p ret_dgrams, at least 1
 * @return number received, 0 when there is nothing, AEF_ERR_IO when the socket is broken
 */
AEF_MUST_CHECK int sockio_recv(struct sockio *sock, struct sockio_dgram *ret_dgrams, unsigned max);

/**
 * Send a burst. What the kernel refuses is dropped and counted, as a network would; `sent` of each
 * datagram tells which.
 *
 * @param nb at most SOCKIO_BURST
 * @return number that the kernel took
 */
unsigned sockio_send(struct sockio *sock, struct sockio_dgram *dgrams, unsigned nb);

/**
 * Wait until the socket is readable.
 *
 * @param timeout_ns 0 = look only
 * @return true when readable
 */
bool sockio_wait(struct sockio *sock, uint64_t timeout_ns);

/** Counters; valid as long as the socket. */
const struct sockio_stats *sockio_stats(const struct sockio *sock);

#endif
