/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * tests/fuzz/frames.h - a payload out of fuzzer bytes: well-formed frames with values near those
 * that the receiver knows, raw bytes, or the former with one byte changed.
 */
#ifndef TESTS_FUZZ_FRAMES_H
#define TESTS_FUZZ_FRAMES_H

#include <base/bytes.h>
#include <quantum/conn.h>

/**
 * Read operands from @p r and write at most @p cap bytes of frames, at least one.
 *
 * @param conn who will receive them, or NULL
 * @param pn   packet number that they travel under
 * @return bytes written
 */
uint32_t frames_write(struct aef_reader *r, const struct quantum_conn *conn, uint64_t pn,
                      uint8_t *ret, uint32_t cap);

#endif
