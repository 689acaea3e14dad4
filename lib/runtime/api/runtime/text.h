/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * runtime/text.h - text written into a fixed buffer of the caller; what does not fit is cut and
 * told.
 *
 * Context: cold paths of any thread; one writer per buffer.
 */
#ifndef RUNTIME_TEXT_H
#define RUNTIME_TEXT_H

#include <stdarg.h>

#include <base/defs.h>

struct aef_text {
	char *buf; /* always NUL-terminated; borrowed */
	size_t cap;
	size_t len; /* without the NUL */
	bool cut;   /* something did not fit */
};

/** An empty text in @p buf of @p cap bytes, at least 1. */
struct aef_text aef_text_make(char *buf, size_t cap);

/** Append formatted text; what does not fit is dropped and `cut` is set. */
void aef_text_printf(struct aef_text *text, const char *fmt, ...) AEF_PRINTF(2, 3);

/** Same with a va_list. */
void aef_text_vprintf(struct aef_text *text, const char *fmt, va_list ap) AEF_PRINTF(2, 0);

/** Empty the text. */
void aef_text_clear(struct aef_text *text);

#endif
