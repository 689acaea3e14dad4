/* SPDX-License-Identifier: BSD-3-Clause */
/* op_work.h - the operations and the rope that the tests of an operation work with. */
#ifndef TESTS_UNIT_TEXT_OP_WORK_H
#define TESTS_UNIT_TEXT_OP_WORK_H

#include <base/siphash.h>
#include <text/digest.h>

#include "fixture.h"

AEF_UNUSED static struct aef_alloc alloc;
AEF_UNUSED static struct text_op op, other, got;
AEF_UNUSED static struct text_rope rope;

AEF_UNUSED static void
setup(void)
{
	alloc = soak_alloc(UINT64_MAX);
	text_op_init(&op, &alloc);
	text_op_init(&other, &alloc);
	text_op_init(&got, &alloc);
	text_rope_init(&rope, &alloc);
}

AEF_UNUSED static void
teardown(void)
{
	text_op_fini(&op);
	text_op_fini(&other);
	text_op_fini(&got);
	text_rope_fini(&rope);
	text_op_fini(NULL);
	ck_assert_uint_eq(alloc.used_bytes, 0);
}

AEF_UNUSED static int
parse(const char *json)
{
	return text_op_parse((const uint8_t *)json, strlen(json), NULL, &op);
}

#endif
