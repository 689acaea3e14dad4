/* SPDX-License-Identifier: BSD-3-Clause */
/* arena_priv.h - a bump allocator for protobuf-c: taking is a pointer step, giving back is nothing.
 */
#ifndef MSG_ARENA_PRIV_H
#define MSG_ARENA_PRIV_H

#include <protobuf-c/protobuf-c.h>

#include <base/defs.h>

struct msg_arena {
	uint8_t *p;
	uint8_t *end;
	bool failed; /* something did not fit: the input is too large, not malformed */
	ProtobufCAllocator pb;
};

/** Start over @p bytes at @p mem; the arena must not move while `pb` is in use. */
void msg_arena_init(struct msg_arena *arena, uint8_t *mem, size_t bytes);

/** @p bytes, 16-byte aligned as far as mem is; NULL when they do not fit. */
void *msg_arena_get(struct msg_arena *arena, size_t bytes);

#endif
