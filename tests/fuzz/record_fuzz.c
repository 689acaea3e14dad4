/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * record_fuzz.c - bytes of a log into the record decoder; what decodes is written again and must be
 * the same bytes.
 */
#include <stdlib.h>
#include <string.h>

#include "record_priv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
require(bool condition)
{
	if (!condition)
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t out[1u << 20];
	struct record rec;
	int n;

	if (size > sizeof(out) || record_decode(data, (uint32_t)size, &rec) != 0)
		return 0;
	n = record_head_encode(&rec, out, sizeof(out));
	require(n > 0 && (size_t)n + rec.op.len == size);
	require(memcmp(out, data, (size_t)n) == 0);
	require(rec.op.len == 0 || memcmp(rec.op.data, data + n, rec.op.len) == 0);
	return 0;
}
