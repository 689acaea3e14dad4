/* SPDX-License-Identifier: BSD-3-Clause */
#include "null_cost.h"

#include <crypto_null/null_provider.h>

static void
seal_nothing(void *ctx, struct crypto_op *ops, unsigned nb)
{
	(void)ctx;
	(void)ops;
	(void)nb;
}

static void
open_nothing(void *ctx, struct crypto_op *ops, unsigned nb)
{
	(void)ctx;
	for (unsigned i = 0; i < nb; i++)
		ops[i].ok = true;
}

const struct crypto_provider *
bench_null_cost_provider(void)
{
	static struct crypto_provider provider;

	provider = *crypto_null_provider();
	provider.name = "null-cost (bench only)";
	provider.seal = seal_nothing;
	provider.open = open_nothing;
	return &provider;
}
