/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * tests/unit/wire/describe.h - one line of text for a decoded datagram or frame, as in
 * tests/golden.
 */
#ifndef TESTS_UNIT_WIRE_DESCRIBE_H
#define TESTS_UNIT_WIRE_DESCRIBE_H

#include <wire/frame.h>

/** "class flags=.. seq=.. ack=.. len=.. sacks=.." of a datagram. */
void describe_datagram(const uint8_t *data, size_t len, char *ret_text, size_t size);

/** Name and fields of the single frame in @p data, or the name of the error. */
void describe_frame(const uint8_t *data, size_t len, char *ret_text, size_t size);

/** Encode a decoded frame again; returns its length, 0 when this type has no encoder here. */
size_t reencode_frame(const struct wire_frame *f, uint8_t *ret_data, size_t size);

#endif
