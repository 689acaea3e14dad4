/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * providers.h - what protection is measured against: none, OpenSSL's EVP for each packet, and
 * ipsec-mb alone.
 */
#ifndef TESTS_BENCH_PROVIDERS_H
#define TESTS_BENCH_PROVIDERS_H

#include <crypto/provider.h>

#include "bench.h"

/** A provider like @p base whose packets are neither sealed nor checked. */
struct crypto_provider bench_null_cost(const struct crypto_provider *base);

/** A provider like @p base whose packets go through EVP_Encrypt and EVP_Decrypt one by one, with a
 * context kept for each key. NULL: no memory */
const struct crypto_provider *bench_evp_open(const struct crypto_provider *base);
void bench_evp_close(const struct crypto_provider *evp);

/** One packet of 1,200 bytes by ipsec-mb alone. NULL: no memory */
void *bench_bare_open(void);
/** Sealed, opened, tag compared. */
struct bench_sample bench_bare_run(void *ctx, uint64_t round_ns);
/** Opened and compared only. */
struct bench_sample bench_bare_open_run(void *ctx, uint64_t round_ns);
void bench_bare_close(void *ctx);

#endif
