/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * protect/provider.h - the real provider behind crypto/provider.h: AES-256-GCM and SHA-256 by
 * ipsec-mb, X25519 by OpenSSL, tokens under the keys of a ring.
 *
 * Expanded traffic keys (about 1 KiB each) are kept in secret memory, keys_max of them but never
 * more than 2,048, from where on memory is slower than expanding; when it is full the one used
 * longest ago makes room and is expanded again when it is needed.
 *
 * Source:  NIST SP 800-38D, FIPS 180-4, RFC 2104, 5869, 7748; docs/spec/quantum.md chapter 10.
 * Context: create and destroy on any thread; the provider itself on one thread at a time.
 */
#ifndef PROTECT_PROVIDER_H
#define PROTECT_PROVIDER_H

#include <crypto/provider.h>
#include <protect/ring.h>

struct protect;

struct protect_conf {
	uint32_t keys_max; /* expanded keys held; 2 for each busy connection is plenty; not 0 */
	struct protect_ring *ring; /* borrowed; NULL: token calls return AEF_ERR_NOTFOUND */
};

/**
 * Make a provider. The first call in a process runs the self-test: known answers of every
 * primitive, and ipsec-mb against OpenSSL.
 *
 * @return 0; AEF_ERR_UNSUPPORTED: the CPU has no AES or no carry-less multiply;
 *         AEF_ERR_STATE: the self-test failed; AEF_ERR_INVALID: keys_max is 0; AEF_ERR_NOMEM;
 *         AEF_ERR_LIMIT: memory cannot be locked; AEF_ERR_IO: no random bytes
 */
AEF_MUST_CHECK int protect_create(const struct protect_conf *conf, struct protect **ret_protect);

/** Wipe and free; every key was released or its connection is gone. NULL is accepted. */
void protect_destroy(struct protect *protect);

/** The functions, bound to @p protect; valid as long as that is. */
const struct crypto_provider *protect_provider(const struct protect *protect);

/** One sentence for an error of protect_create(), that says what to do; static storage. */
const char *protect_create_text(int err);

#endif
