/* SPDX-License-Identifier: BSD-3-Clause */
#include "arena_priv.h"

void *
msg_arena_get(struct msg_arena *arena, size_t bytes)
{
	const size_t left = (size_t)(arena->end - arena->p);

	/* Rounding cannot wrap: an arena is far below SIZE_MAX / 2. */
	if (bytes > left || ((bytes + 15) & ~(size_t)15) > left) {
		arena->failed = true;
		return NULL;
	}
	void *at = arena->p;

	arena->p += (bytes + 15) & ~(size_t)15;
	return at;
}

static void *
pb_alloc(void *ctx, size_t bytes)
{
	return msg_arena_get(ctx, bytes);
}

/* All memory goes back at once, when the caller uses the arena again. */
static void
pb_free(void *ctx, void *p)
{
	(void)ctx;
	(void)p;
}

void
msg_arena_init(struct msg_arena *arena, uint8_t *mem, size_t bytes)
{
	arena->p = mem;
	arena->end = mem + bytes;
	arena->failed = false;
	arena->pb = (ProtobufCAllocator){ pb_alloc, pb_free, arena };
}
