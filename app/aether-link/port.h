/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * aether-link/port.h - one network interface as a raw packet socket: whole frames in and out.
 *
 * Source:  packet(7).
 * Context: one thread. Every error of the outside world ends in a counter or in one sentence.
 */
#ifndef AETHER_LINK_PORT_H
#define AETHER_LINK_PORT_H

#include <net/if.h>

#include "frame.h"

struct port {
	int fd; /* -1: closed */
	int ifindex;
	char name[IFNAMSIZ];
	uint64_t rx, tx;
	uint64_t rx_too_long; /* above FRAME_MAX, or segments that the sender's kernel had not cut
	                         yet */
	uint64_t rx_errors;
	uint64_t tx_errors; /* refused by the kernel: interface down, no buffers, longer than its
	                       MTU */
};

/**
 * Open @p name for all frames that arrive on it.
 *
 * @param err receives one sentence on failure
 * @return 0 or an enum aef_err
 */
AEF_MUST_CHECK int port_open(struct port *port, const char *name, char *err, size_t err_size);

/** Close the socket; a port that is closed or was never opened (fd -1) is accepted. */
void port_close(struct port *port);

/**
 * Receive one frame, its VLAN tag back in place and its checksum complete.
 *
 * @return its length, 0 when the frame was one to skip, AEF_ERR_AGAIN when none is waiting,
 *         AEF_ERR_IO when the interface does not exist any more
 */
AEF_MUST_CHECK int port_recv(struct port *port, struct frame *frame);

/** Send @p len bytes at @p data as one frame; a refusal is counted. */
void port_send(struct port *port, const uint8_t *data, uint32_t len);

#endif
