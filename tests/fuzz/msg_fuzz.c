/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * msg_fuzz.c - bytes of a client or of a server into the document codec; what decodes is encoded
 * again, decoded again, and must be the same.
 *
 * Input: first byte, bit 0: from a client; the rest is the message.
 */
#include <stdlib.h>
#include <string.h>

#include <msg/doc.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static _Alignas(16) uint8_t first_mem[DOCMSG_ARENA_BYTES];
static _Alignas(16) uint8_t second_mem[DOCMSG_ARENA_BYTES];
static uint8_t out[2 * DOCMSG_MSG_MAX];

static void
require(bool condition)
{
	if (!condition)
		abort();
}

/* Operations of a message, if its kind has any. */
static uint32_t
ops_of(const struct docmsg *msg, const struct docmsg_bytes **ret_data)
{
	if (msg->kind == DOCMSG_APPLY) {
		*ret_data = msg->u.apply.data;
		return msg->u.apply.nb;
	}
	if (msg->kind == DOCMSG_OPERATIONS) {
		*ret_data = msg->u.operations.data;
		return msg->u.operations.nb;
	}
	return 0;
}

static void
compare(const struct docmsg *a, const struct docmsg *b)
{
	const struct docmsg_bytes *ops_a = NULL, *ops_b = NULL;
	const uint32_t nb = ops_of(a, &ops_a);

	require(a->kind == b->kind && aef_guuid_eq(&a->doc, &b->doc));
	require(ops_of(b, &ops_b) == nb);
	for (uint32_t i = 0; i < nb; i++) {
		require(ops_a[i].len == ops_b[i].len);
		require(ops_a[i].len == 0 ||
		        memcmp(ops_a[i].data, ops_b[i].data, ops_a[i].len) == 0);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct docmsg_arena first = { first_mem, sizeof(first_mem) };
	struct docmsg_arena second = { second_mem, sizeof(second_mem) };
	const struct docmsg *msgs, *again;
	bool from_client;
	int nb;

	if (size == 0)
		return 0;
	from_client = data[0] & 1;
	nb = msg_doc_codec.decode(&first, from_client, data + 1, size - 1, &msgs);
	require(nb >= 0 || nb == AEF_ERR_MALFORMED || nb == AEF_ERR_LIMIT);
	for (int i = 0; i < nb; i++) {
		const int64_t n = msg_doc_codec.encode(&msgs[i], out, sizeof(out));

		if (n == AEF_ERR_INVALID) /* more operations than we write */
			continue;
		require(n > 0);
		require(msg_doc_codec.decode(&second, from_client, out, (size_t)n, &again) == 1);
		compare(&msgs[i], &again[0]);
	}
	return 0;
}
