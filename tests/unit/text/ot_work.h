/* SPDX-License-Identifier: BSD-3-Clause */
/* ot_work.h - one client, one bridge and a small log for the tests of both ends. */
#ifndef TESTS_UNIT_TEXT_OT_WORK_H
#define TESTS_UNIT_TEXT_OT_WORK_H

#include "fixture.h"

#define LOG_MAX 64

AEF_UNUSED static struct aef_alloc alloc;
AEF_UNUSED static struct text_op op;
AEF_UNUSED static struct text_client client;
AEF_UNUSED static struct text_bridge bridge;
AEF_UNUSED static struct text_opref *refs[LOG_MAX + 1];
AEF_UNUSED static uint64_t head, first;

AEF_UNUSED static struct text_opref *
log_get(void *ctx, uint64_t version)
{
	(void)ctx;
	return version >= first && version <= head ? refs[version] : NULL;
}

AEF_UNUSED static void
setup(void)
{
	alloc = soak_alloc(UINT64_MAX);
	text_op_init(&op, &alloc);
	memset(refs, 0, sizeof(refs));
	head = 0;
	first = 1;
	ck_assert_int_eq(text_client_init(&client, &alloc, 4, 0, 0, NULL), 0);
	text_bridge_init(&bridge, &alloc, NULL, 0, 0, 0);
}

AEF_UNUSED static void
teardown(void)
{
	for (uint64_t v = 1; v <= head; v++)
		text_opref_put(refs[v]);
	text_opref_put(NULL);
	text_op_fini(&op);
	text_client_fini(&client);
	text_client_fini(&client);
	text_client_fini(NULL);
	text_bridge_fini(&bridge);
	text_bridge_fini(NULL);
	ck_assert_uint_eq(alloc.used_bytes, 0);
}

/* Somebody else commits an operation. */
AEF_UNUSED static int
foreign(const char *json)
{
	struct text_op f;

	text_op_init(&f, &alloc);
	op_from(&f, json);
	refs[++head] = text_opref_create(&f);
	return text_bridge_push(&bridge, head, refs[head]);
}

/* The session's operation arrives; commits it when accepted. */
AEF_UNUSED static int
arrive(uint64_t base, uint64_t seq, const char *json, uint32_t doc_cps, uint64_t *ret_version)
{
	const struct text_log log = { log_get, NULL, head, doc_cps };
	int r;

	op_from(&op, json);
	r = text_bridge_accept(&bridge, &log, base, seq, &op, ret_version);
	if (r == 0) {
		struct text_op copy;

		text_op_init(&copy, &alloc);
		ck_assert_int_eq(text_op_copy(&op, &copy), 0);
		refs[++head] = text_opref_create(&copy);
		text_bridge_committed(&bridge, head);
	}
	return r;
}

#endif
