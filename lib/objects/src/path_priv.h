/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * path_priv.h - order of paths: names level by level, each in the order of its UTF-16 code units
 * (RFC 8785 section 3.2.3); what stands below a path follows it at once.
 */
#ifndef OBJECTS_PATH_PRIV_H
#define OBJECTS_PATH_PRIV_H

#include <string.h>

#include <objects/registers.h>

/* Order of UTF-16 in UTF-8: what takes two units (F0 to F4) stands before U+E000 and above. */
static inline unsigned
path_rank(uint8_t byte)
{
	if (byte == REGISTERS_SEP)
		return 0;
	return byte == 0xee || byte == 0xef ? byte + 0x100u : byte + 1u;
}

static inline int
path_cmp(const uint8_t *a, uint32_t a_len, const uint8_t *b, uint32_t b_len)
{
	const uint32_t len = aef_min_u32(a_len, b_len);

	for (uint32_t i = 0; i < len; i++)
		if (a[i] != b[i])
			return path_rank(a[i]) < path_rank(b[i]) ? -1 : 1;
	return a_len == b_len ? 0 : a_len < b_len ? -1 : 1;
}

/* True when @p path is @p above or stands below it. */
static inline bool
path_is_below(const uint8_t *path, uint32_t len, const uint8_t *above, uint32_t above_len)
{
	if (above_len == 0)
		return true; /* the root */
	if (len < above_len || memcmp(path, above, above_len) != 0)
		return false;
	return len == above_len || path[above_len] == REGISTERS_SEP;
}

#endif
