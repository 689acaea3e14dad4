/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * selftest_priv.h - known answers before the first packet.
 */
#ifndef PROTECT_SELFTEST_PRIV_H
#define PROTECT_SELFTEST_PRIV_H

#include <crypto/provider.h>

/**
 * Run every function of @p crypto that needs no ring: published answers, and AES-256-GCM of every
 * kind of length against OpenSSL.
 *
 * @return 0, or AEF_ERR_STATE when one answer is wrong
 */
AEF_MUST_CHECK int protect_selftest(const struct crypto_provider *crypto);

#endif
