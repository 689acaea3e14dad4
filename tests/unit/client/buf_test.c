/* SPDX-License-Identifier: BSD-3-Clause */
#include "buf_priv.h"
#include "harness.h"

START_TEST(buf_bound_of_received_bytes_refuses_and_recovers)
{
	struct client_bufs bufs;
	struct client_buf *held[8];
	unsigned nb = 0;

	client_bufs_init(&bufs, 4 * 2048);
	while (nb < 8 && (held[nb] = client_buf_get(&bufs, 1200, true)) != NULL)
		nb++;
	ck_assert_uint_eq(nb, 4);
	ck_assert_uint_eq(bufs.rx_refused, 1);

	/* Copies to send do not count. */
	struct client_buf *tx = client_buf_get(&bufs, 1200, false);

	ck_assert_ptr_nonnull(tx);
	client_buf_put(&bufs, tx);
	client_buf_put(&bufs, held[--nb]);
	held[nb] = client_buf_get(&bufs, 1200, true);
	ck_assert_ptr_nonnull(held[nb]);
	for (unsigned i = 0; i <= nb; i++)
		client_buf_put(&bufs, held[i]);
	ck_assert_uint_eq(bufs.rx_bytes, 0);
	client_bufs_fini(&bufs);
}
END_TEST

START_TEST(buf_small_datagrams_take_small_buffers_and_are_reused)
{
	struct client_bufs bufs;
	struct client_buf *a, *b;

	client_bufs_init(&bufs, 1 << 20);
	a = client_buf_get(&bufs, 64, true);
	ck_assert_uint_eq(bufs.rx_bytes, 256);
	client_buf_put(&bufs, a);
	b = client_buf_get(&bufs, 200, true);
	ck_assert_ptr_eq(a, b);
	client_buf_put(&bufs, b);
	client_bufs_fini(&bufs);
}
END_TEST

static void
count_release(void *arg, const void *data, uint32_t len)
{
	ck_assert_str_eq(data, "text");
	ck_assert_uint_eq(len, 4);
	(*(unsigned *)arg)++;
}

START_TEST(buf_wrapped_memory_is_released_once_with_the_last_reference)
{
	struct client_bufs bufs;
	unsigned released = 0;

	client_bufs_init(&bufs, 1 << 20);
	const struct quantum_buf_ops ops = client_buf_ops(&bufs);
	struct client_buf *buf = client_buf_wrap(&bufs, "text", 4);

	buf->release = count_release;
	buf->release_arg = &released;
	ops.get(ops.ctx, buf);
	ops.put(ops.ctx, buf);
	ck_assert_uint_eq(released, 0);
	ops.put(ops.ctx, buf);
	ck_assert_uint_eq(released, 1);
	ops.get(ops.ctx, NULL);
	ops.put(ops.ctx, NULL);

	/* The head is reused without the release function. */
	client_buf_put(&bufs, client_buf_get(&bufs, 1, false));
	ck_assert_uint_eq(released, 1);
	client_bufs_fini(&bufs);
}
END_TEST

START_TEST(buf_message_longer_than_any_class_comes_from_the_heap)
{
	struct client_bufs bufs;
	uint8_t *data = NULL;

	client_bufs_init(&bufs, 1 << 20);
	const struct quantum_buf_ops ops = client_buf_ops(&bufs);
	struct client_buf *buf = client_buf_get(&bufs, 1 << 20, false);

	memset(buf->data, 1, 1 << 20);
	client_buf_put(&bufs, buf);
	buf = ops.alloc(ops.ctx, 1400, &data);
	ck_assert_ptr_eq(data, buf->data);
	ops.put(ops.ctx, buf);
	client_bufs_fini(&bufs);
}
END_TEST

TEST_SUITE(buf, &buf_bound_of_received_bytes_refuses_and_recovers,
           &buf_small_datagrams_take_small_buffers_and_are_reused,
           &buf_wrapped_memory_is_released_once_with_the_last_reference,
           &buf_message_longer_than_any_class_comes_from_the_heap)
