/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * base/siphash.h - SipHash-2-4 with 64-bit and 128-bit results: keyed hash of short inputs.
 *
 * Source:  Aumasson and Bernstein, "SipHash: a fast short-input PRF", 2012, and its 128-bit
 * variant. Context: anywhere.
 */
#ifndef BASE_SIPHASH_H
#define BASE_SIPHASH_H

#include <base/defs.h>

struct aef_siphash {
	uint64_t v[4];
	uint64_t tail;
	uint64_t total_bytes;
	bool wide; /* 128-bit variant */
};

/** Start a hash under a 16-byte key; @p wide selects the 128-bit variant. */
void aef_siphash_init(struct aef_siphash *sip, const uint8_t key[16], bool wide);

/** Feed @p len bytes; may be called any number of times. */
void aef_siphash_update(struct aef_siphash *sip, const void *data, size_t len);

/** Finish the 64-bit variant. */
AEF_MUST_CHECK uint64_t aef_siphash_final64(struct aef_siphash *sip);

/** Finish the 128-bit variant into 16 bytes. */
void aef_siphash_final128(struct aef_siphash *sip, uint8_t ret_digest[16]);

/** SipHash-2-4-64 of one buffer. */
AEF_MUST_CHECK uint64_t aef_siphash64(const uint8_t key[16], const void *data, size_t len);

/** SipHash-2-4-128 of one buffer. */
void aef_siphash128(const uint8_t key[16], const void *data, size_t len, uint8_t ret_digest[16]);

#endif
