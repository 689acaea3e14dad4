/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * null_cost.h - the null provider with a seal and an open that do nothing at all: the cost of the
 * engine alone, for peers that protect nothing either. Of this benchmark only.
 */
#ifndef TESTS_BENCH_NULL_COST_H
#define TESTS_BENCH_NULL_COST_H

#include <crypto/provider.h>

const struct crypto_provider *bench_null_cost_provider(void);

#endif
