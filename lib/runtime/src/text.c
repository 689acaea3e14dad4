/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdio.h>

#include <runtime/text.h>

struct aef_text
aef_text_make(char *buf, size_t cap)
{
	aef_assert(cap > 0);
	buf[0] = '\0';
	return (struct aef_text){ .buf = buf, .cap = cap };
}

void
aef_text_vprintf(struct aef_text *text, const char *fmt, va_list ap)
{
	const size_t left = text->cap - text->len;
	const int n = vsnprintf(text->buf + text->len, left, fmt, ap);

	if (n < 0)
		return;
	if ((size_t)n >= left) {
		text->len = text->cap - 1;
		text->cut = true;
		return;
	}
	text->len += (size_t)n;
}

void
aef_text_printf(struct aef_text *text, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	aef_text_vprintf(text, fmt, ap);
	va_end(ap);
}

void
aef_text_clear(struct aef_text *text)
{
	text->len = 0;
	text->cut = false;
	text->buf[0] = '\0';
}
