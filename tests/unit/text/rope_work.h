/* SPDX-License-Identifier: BSD-3-Clause */
/* rope_work.h - the rope under test. */
#ifndef TESTS_UNIT_TEXT_ROPE_WORK_H
#define TESTS_UNIT_TEXT_ROPE_WORK_H

#include <text/utf8.h>

#include "fixture.h"

AEF_UNUSED static struct aef_alloc alloc;
AEF_UNUSED static struct text_rope rope;

AEF_UNUSED static void
setup(uint64_t budget)
{
	alloc = soak_alloc(budget);
	text_rope_init(&rope, &alloc);
}

AEF_UNUSED static void
teardown(void)
{
	text_rope_fini(&rope);
	ck_assert_uint_eq(alloc.used_bytes, 0);
}

AEF_UNUSED static int
insert(uint32_t pos, const char *text)
{
	return text_rope_insert(&rope, pos, (const uint8_t *)text, strlen(text));
}

#endif
