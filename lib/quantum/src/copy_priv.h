/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * quantum/copy_priv.h - the only way payload bytes are copied in the engine, counted.
 *
 * Source:  STYLE D2 (raw memcpy is refused in the receive files): receiving copies nothing, sending
 *          copies each byte of a transmission once, into the packet.
 * Context: the thread that owns the connection.
 */
#ifndef QUANTUM_COPY_PRIV_H
#define QUANTUM_COPY_PRIV_H

#include <string.h>

#include <base/defs.h>

/** Copy @p len bytes that do not overlap and add them to @p copied_bytes. */
static inline void
quantum_copy(void *dst, const void *src, size_t len, uint64_t *copied_bytes)
{
	if (len == 0)
		return;
	memcpy(dst, src, len);
	*copied_bytes += len;
}

#endif
