/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * text/utf8.h - strict UTF-8: validate and count.
 *
 * Source:  RFC 3629 section 4; Unicode 15 table 3-7. No overlong form, no surrogate, at most
 * U+10FFFF. Context: anywhere.
 */
#ifndef TEXT_UTF8_H
#define TEXT_UTF8_H

#include <text/rope.h>

/**
 * Validate and count @p len bytes.
 *
 * @param ret_count code points, bytes, UTF-16 units, newlines; written only on success
 * @return 0, AEF_ERR_MALFORMED, or AEF_ERR_LIMIT above TEXT_DOC_CPS_MAX bytes
 */
AEF_MUST_CHECK int text_utf8_measure(const uint8_t *utf8, size_t len, struct text_count *ret_count);

/** Count bytes that are known to be valid UTF-8. */
struct text_count text_utf8_count(const uint8_t *utf8, size_t len);

/** Byte offset of code point @p nb in valid UTF-8 of @p len bytes that has at least @p nb. */
size_t text_utf8_offset(const uint8_t *utf8, size_t len, uint32_t nb);

#endif
