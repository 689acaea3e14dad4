/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * aether-link/frame.h - the few bytes of an Ethernet frame that an emulator has to understand.
 *
 * Source:  IEEE 802.1Q (tags), RFC 791 and 8200 (headers), RFC 3168 (ECN), RFC 1624 (checksum
 * update). Context: anywhere. Frames are bytes of strangers: every access is bounded.
 */
#ifndef AETHER_LINK_FRAME_H
#define AETHER_LINK_FRAME_H

#include <base/defs.h>

#define FRAME_MAX      9232u /* a 9000-byte MTU, its header and tags */
#define FRAME_HEADROOM 4u    /* for a VLAN tag that the kernel keeps beside the frame */

struct frame {
	uint32_t off; /* where the frame starts in `buf`: 0 with a tag put back, else FRAME_HEADROOM
	               */
	uint8_t buf[FRAME_HEADROOM + FRAME_MAX];
};

/** True for an IPv4 or IPv6 packet, tagged or not, that is ECT(0) or ECT(1). */
bool frame_is_ect(const uint8_t *data, uint32_t len);

/** Set Congestion Experienced on a packet that frame_is_ect(); others are left alone. */
void frame_set_ce(uint8_t *data, uint32_t len);

/**
 * Finish a checksum that the sender's kernel left to its hardware: over [start, len), stored at
 * start + offset, where the pseudo-header's sum already is.
 *
 * @return false where the two do not lie in the frame (then nothing is changed)
 */
bool frame_finish_checksum(uint8_t *data, uint32_t len, uint32_t start, uint32_t offset);

/** Put a VLAN tag back behind the addresses; @p frame must have its headroom. @return new length */
uint32_t frame_put_tag(struct frame *frame, uint32_t len, uint16_t tpid, uint16_t tci);

#endif
