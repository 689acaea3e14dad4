/* SPDX-License-Identifier: BSD-3-Clause */
#include <storeif/storeif.h>

#include "harness.h"

START_TEST(storeif_shards_are_used_evenly_by_ids_that_count_up)
{
	struct aef_guuid_gen gen;
	uint32_t per_shard[STOREIF_SHARDS] = { 0 };
	uint32_t most = 0;

	aef_guuid_gen_init(&gen, 1);
	for (uint32_t i = 0; i < 100 * STOREIF_SHARDS; i++) {
		const struct aef_guuid id = aef_guuid_next(&gen, 1700000000000);
		const uint32_t shard = storeif_shard(&id);

		ck_assert_uint_lt(shard, STOREIF_SHARDS);
		most = aef_max_u32(most, ++per_shard[shard]);
	}

	ck_assert_uint_lt(most, 160);
}
END_TEST

TEST_SUITE(storeif, &storeif_shards_are_used_evenly_by_ids_that_count_up)
