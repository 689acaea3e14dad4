/* SPDX-License-Identifier: BSD-3-Clause */
#include <string.h>

#include <base/bytes.h>
#include <base/err.h>
#include <base/guuid.h>

#define RAND_A_MASK 0xfffull
#define RAND_B_MASK ((1ull << 62) - 1)
#define TS_MASK     ((1ull << 48) - 1)

void
aef_guuid_gen_init(struct aef_guuid_gen *gen, uint64_t seed)
{
	*gen = (struct aef_guuid_gen){ 0 };
	aef_rng_init(&gen->rng, seed);
}

/* A fresh millisecond starts in the lower half of the 74 bits, so that counting up has room. */
static void
reseed(struct aef_guuid_gen *gen)
{
	gen->rand_hi = aef_rng_u64(&gen->rng) & (RAND_A_MASK >> 1);
	gen->rand_lo = aef_rng_u64(&gen->rng) & RAND_B_MASK;
}

struct aef_guuid
aef_guuid_next(struct aef_guuid_gen *gen, uint64_t unix_ms)
{
	struct aef_guuid id;

	unix_ms &= TS_MASK;
	if (aef_unlikely(unix_ms > gen->last_ms)) {
		gen->last_ms = unix_ms;
		reseed(gen);
	} else {
		gen->rand_lo += 1 + (aef_rng_u64(&gen->rng) & 0xffffffffu);
		if (aef_unlikely(gen->rand_lo > RAND_B_MASK)) {
			gen->rand_lo &= RAND_B_MASK;
			gen->rand_hi++;
		}
		if (aef_unlikely(gen->rand_hi > RAND_A_MASK)) {
			/* All 74 bits used up: borrow the next millisecond (RFC 9562 6.1). */
			gen->last_ms = (gen->last_ms + 1) & TS_MASK;
			reseed(gen);
		}
	}
	aef_store_be64(id.b, (gen->last_ms << 16) | 0x7000u | gen->rand_hi);
	aef_store_be64(id.b + 8, 0x8000000000000000ull | gen->rand_lo);
	return id;
}

void
aef_guuid_format(const struct aef_guuid *id, char ret_text[AEF_GUUID_TEXT_LEN + 1])
{
	static const char digits[] = "0123456789abcdef";
	char *out = ret_text;

	for (unsigned i = 0; i < AEF_GUUID_BYTES; i++) {
		if (i == 4 || i == 6 || i == 8 || i == 10)
			*out++ = '-';
		*out++ = digits[id->b[i] >> 4];
		*out++ = digits[id->b[i] & 15];
	}
	*out = '\0';
}

static int
hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

int
aef_guuid_parse(const char *text, size_t len, struct aef_guuid *ret_id)
{
	struct aef_guuid id;
	size_t at = 0;

	if (len != AEF_GUUID_TEXT_LEN)
		return AEF_ERR_MALFORMED;
	for (unsigned i = 0; i < AEF_GUUID_BYTES; i++) {
		if ((i == 4 || i == 6 || i == 8 || i == 10) && text[at++] != '-')
			return AEF_ERR_MALFORMED;
		const int hi = hex_digit(text[at]);
		const int lo = hex_digit(text[at + 1]);

		if (hi < 0 || lo < 0)
			return AEF_ERR_MALFORMED;
		id.b[i] = (uint8_t)(hi << 4 | lo);
		at += 2;
	}
	*ret_id = id;
	return 0;
}

uint64_t
aef_guuid_unix_ms(const struct aef_guuid *id)
{
	return aef_load_be64(id->b) >> 16;
}

int
aef_guuid_cmp(const struct aef_guuid *a, const struct aef_guuid *b)
{
	return memcmp(a->b, b->b, AEF_GUUID_BYTES);
}
