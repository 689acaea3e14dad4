/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * base/sha256.h - SHA-256, to compare whole documents with what others computed.
 *
 * Source:  FIPS 180-4 section 6.2.
 * Context: anywhere. Not for secrets: the crypto module has its own provider.
 */
#ifndef BASE_SHA256_H
#define BASE_SHA256_H

#include <base/defs.h>

#define AEF_SHA256_BYTES 32

struct aef_sha256 {
	uint32_t h[8];
	uint64_t total_bytes;
	uint8_t block[64];
};

/** Start. */
void aef_sha256_init(struct aef_sha256 *sha);

/** Feed @p len bytes; any number of times. */
void aef_sha256_update(struct aef_sha256 *sha, const void *data, size_t len);

/** Finish; the state is then used up. */
void aef_sha256_final(struct aef_sha256 *sha, uint8_t ret_digest[AEF_SHA256_BYTES]);

#endif
