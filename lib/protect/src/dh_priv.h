/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * dh_priv.h - X25519 by OpenSSL.
 *
 * Source:  RFC 7748 sections 5 and 6.1.
 * Context: any thread. Allocates: about 40 us, never on a transport lcore.
 */
#ifndef PROTECT_DH_PRIV_H
#define PROTECT_DH_PRIV_H

#include <crypto/provider.h>

/** Public key of @p priv. @return 0 or AEF_ERR_IO */
AEF_MUST_CHECK int protect_dh_public(const uint8_t priv[CRYPTO_PRIV_BYTES],
                                     uint8_t ret_pub[CRYPTO_PUB_BYTES]);

/** Shared value. @return 0; AEF_ERR_AUTH: all zero, nothing written; AEF_ERR_IO */
AEF_MUST_CHECK int protect_dh_shared(const uint8_t priv[CRYPTO_PRIV_BYTES],
                                     const uint8_t peer_pub[CRYPTO_PUB_BYTES],
                                     uint8_t ret_shared[CRYPTO_SHARED_BYTES]);

#endif
