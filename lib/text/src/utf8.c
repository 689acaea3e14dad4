/* SPDX-License-Identifier: BSD-3-Clause */
#include <string.h>

#include <text/utf8.h>

#define ONES  0x0101010101010101ull
#define HIGHS 0x8080808080808080ull

static inline uint64_t
load8(const uint8_t *p)
{
	uint64_t w;

	memcpy(&w, p, sizeof(w));
	return w;
}

/* Bytes of w that start a code point, i.e. are not 10xxxxxx. */
static inline unsigned
starts(uint64_t w)
{
	const uint64_t cont = w >> 7 & ~(w >> 6) & ONES;

	return 8 - (unsigned)(cont * ONES >> 56);
}

/* Length of the sequence at p, 0 when malformed; p[0] >= 0x80. */
static unsigned
sequence(const uint8_t *p, size_t left)
{
	const uint8_t a = p[0];

	if (a < 0xe0)
		return a >= 0xc2 && left >= 2 && (p[1] & 0xc0) == 0x80 ? 2 : 0;
	if (left < 3 || (p[1] & 0xc0) != 0x80 || (p[2] & 0xc0) != 0x80)
		return 0;
	if (a < 0xf0) {
		const bool overlong = a == 0xe0 && p[1] < 0xa0;
		const bool surrogate = a == 0xed && p[1] > 0x9f;

		return overlong || surrogate ? 0 : 3;
	}
	if (left < 4 || (p[3] & 0xc0) != 0x80 || a > 0xf4)
		return 0;
	if ((a == 0xf0 && p[1] < 0x90) || (a == 0xf4 && p[1] > 0x8f))
		return 0;
	return 4;
}

int
text_utf8_measure(const uint8_t *utf8, size_t len, struct text_count *ret_count)
{
	struct text_count c = { 0 };

	if (len > TEXT_DOC_CPS_MAX)
		return AEF_ERR_LIMIT;
	c.bytes = (uint32_t)len;
	for (size_t i = 0; i < len;) {
		if (utf8[i] < 0x80) {
			c.newlines += utf8[i] == '\n';
			c.cps++;
			c.utf16++;
			i++;
			continue;
		}
		const unsigned seq = sequence(utf8 + i, len - i);

		if (seq == 0)
			return AEF_ERR_MALFORMED;
		c.cps++;
		c.utf16 += seq == 4 ? 2 : 1;
		i += seq;
	}
	*ret_count = c;
	return 0;
}

AEF_HOT struct text_count
text_utf8_count(const uint8_t *utf8, size_t len)
{
	struct text_count c = { .bytes = (uint32_t)len };
	size_t i = 0;

	for (; i + 8 <= len; i += 8) {
		const uint64_t w = load8(utf8 + i);
		const uint64_t nl = w ^ (ONES * '\n');
		/* A byte below 0x80 is zero iff adding 0x7f does not carry into its top bit. */
		const uint64_t zero = ~(((nl & ~HIGHS) + ~HIGHS) | nl) & HIGHS;
		const uint64_t four = w >> 7 & w >> 6 & w >> 5 & w >> 4 & ONES;
		const unsigned cps = starts(w);

		c.cps += cps;
		c.utf16 += cps + (unsigned)(four * ONES >> 56);
		c.newlines += (unsigned)((zero >> 7) * ONES >> 56);
	}
	for (; i < len; i++) {
		const unsigned start = (utf8[i] & 0xc0) != 0x80;

		c.cps += start;
		c.utf16 += start + (utf8[i] >= 0xf0);
		c.newlines += utf8[i] == '\n';
	}
	return c;
}

AEF_HOT size_t
text_utf8_offset(const uint8_t *utf8, size_t len, uint32_t nb)
{
	size_t i = 0;

	/* Whole words while they cannot pass the wanted start. */
	while (nb >= 8 && i + 8 <= len) {
		nb -= starts(load8(utf8 + i));
		i += 8;
	}
	while (i < len && (utf8[i] & 0xc0) == 0x80)
		i++;
	while (nb > 0 && i < len) {
		i++;
		while (i < len && (utf8[i] & 0xc0) == 0x80)
			i++;
		nb--;
	}
	return i;
}
