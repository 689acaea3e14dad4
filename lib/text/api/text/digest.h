/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * text/digest.h - running digest of a text document: equal digests mean equal committed history.
 *
 *   digest_0 = 16 zero bytes (the empty document)
 *   digest_v = SipHash-2-4-128(key = digest_(v-1), message = code(op_v))
 *   code(op) = for each component: varint(nb * 4 + kind), and for an insert varint(bytes), its
 * UTF-8
 *
 * (kind: 0 keep, 1 insert, 2 delete; varint of base/bytes.h; an operation that changes nothing is
 * the empty message). The text of a delete is not part of it, so that the digest does not depend on
 * whether a peer sends it. op_v is the operation as committed, in server order: client and server
 * fold the same prefix, so digests compare at any time, also with operations in flight.
 * It finds divergence and bugs; it is not a signature.
 *
 * Source:  Aumasson and Bernstein, SipHash, 2012.
 * Context: anywhere.
 */
#ifndef TEXT_DIGEST_H
#define TEXT_DIGEST_H

#include <text/op.h>

#define TEXT_DIGEST_BYTES 16

struct text_digest {
	uint8_t b[TEXT_DIGEST_BYTES];
};

/** Digest of version 0. A snapshot brings its own. */
static inline void
text_digest_init(struct text_digest *digest)
{
	memset(digest->b, 0, sizeof(digest->b));
}

/** Advance by one committed operation. */
void text_digest_fold(struct text_digest *digest, const struct text_op *op);

/** True when equal. */
static inline bool
text_digest_eq(const struct text_digest *a, const struct text_digest *b)
{
	return memcmp(a->b, b->b, sizeof(a->b)) == 0;
}

#endif
