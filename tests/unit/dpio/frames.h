/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * frames.h - two hosts on one link and frames between them, for the tests of dpio.
 */
#ifndef TESTS_UNIT_DPIO_FRAMES_H
#define TESTS_UNIT_DPIO_FRAMES_H

#include <dpio/path.h>

#define FRAME_ROOM 2048

/* 192.0.2.N/24, 2001:db8::N/64, MAC 02:00:00:00:00:0N, UDP port 4433 (N = 1) or 40000. */
struct net_local host(uint8_t n, uint16_t vlan);

/** A UDP frame from one host to the other with @p len payload bytes. @return its length */
uint32_t frame_udp(uint8_t *buf, const struct net_local *from, const struct net_local *to,
                   bool is_ipv6, uint16_t len);

/** An ICMP or ICMPv6 echo request with @p len data bytes. */
uint32_t frame_echo(uint8_t *buf, const struct net_local *from, const struct net_local *to,
                    bool is_ipv6, uint16_t len);

/** Recompute the checksum of the ICMPv6 message of an untagged frame after a change. */
void frame_icmpv6_seal(uint8_t *buf, uint32_t len);

/** Recompute the checksum of the IPv4 header of an untagged frame after a change. */
void frame_ipv4_seal(uint8_t *buf);

/** Where the IP header begins. */
uint32_t frame_l3(const uint8_t *buf);

#endif
