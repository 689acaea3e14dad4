/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * capture.h - a capture file of UDP datagrams over IPv4, in libpcap's format.
 *
 * Context: one thread.
 */
#ifndef PCAP_CAPTURE_H
#define PCAP_CAPTURE_H

#include <base/defs.h>

/** False with errno when it cannot be written. */
bool capture_open(const char *path);
bool capture_close(void);

/** One datagram; @p addrs is source and destination. */
void capture_put(const uint8_t addrs[8], uint16_t from, uint16_t to, const uint8_t *data,
                 size_t len);

#endif
