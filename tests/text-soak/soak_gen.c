/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdlib.h>
#include <string.h>

#include "soak.h"

static void *
heap_alloc(void *ctx, size_t bytes)
{
	(void)ctx;
	return malloc(bytes);
}

static void
heap_free(void *ctx, void *p, size_t bytes)
{
	(void)ctx;
	(void)bytes;
	free(p);
}

struct aef_alloc
soak_alloc(uint64_t budget_bytes)
{
	return (struct aef_alloc){ .alloc = heap_alloc,
		                   .free = heap_free,
		                   .budget_bytes = budget_bytes };
}

void
soak_random_text(struct aef_rng *rng, struct soak_text *text, uint32_t cps_max)
{
	static const char *const alphabet[] = {
		"a",      "b",      "c",    "x",      " ",  "\n",         "\t",
		"\"",     "\\",     "\x01", "\x7f",   "é",  "e\u0301",    "ß",
		"п",      "ש",      "ע",    "\u200f", "日", "한",         "\u200d",
		"\ufeff", "\uffff", "𝒳",    "🤖",   "🇩",  "\U0010ffff", "\u0300",
	};
	const uint64_t nb = aef_rng_below(rng, cps_max + 1u);

	for (uint64_t i = 0; i < nb && text->bytes < SOAK_TEXT_MAX - 8; i++) {
		const uint64_t pick = aef_rng_below(rng, AEF_DIM(alphabet) + 1);

		if (pick == AEF_DIM(alphabet)) {
			text->data[text->bytes++] = 0;
			continue;
		}
		const size_t len = strlen(alphabet[pick]);

		memcpy(text->data + text->bytes, alphabet[pick], len);
		text->bytes += (uint32_t)len;
	}
}

/* Byte offset of the code point that follows nb code points from `from`; bytes at the end. */
static uint32_t
step(const struct soak_text *text, uint32_t from, uint32_t nb)
{
	for (; nb > 0 && from < text->bytes; nb--) {
		from++;
		while (from < text->bytes && (text->data[from] & 0xc0) == 0x80)
			from++;
	}
	return nb == 0 ? from : UINT32_MAX;
}

uint32_t
soak_cps(const struct soak_text *text)
{
	uint32_t nb = 0;

	for (uint32_t i = 0; i < text->bytes; i++)
		nb += (text->data[i] & 0xc0) != 0x80;
	return nb;
}

static void
must(int r)
{
	if (r == 0)
		return;
	printf("building an operation failed: %d\n", r);
	abort();
}

void
soak_random_op(struct aef_rng *rng, const struct soak_text *doc, uint32_t edits_max,
               struct text_op *ret_op)
{
	uint32_t left = soak_cps(doc), at = 0;
	const uint64_t edits = aef_rng_below(rng, edits_max + 1u);

	text_op_reset(ret_op);
	for (uint64_t i = 0; i < edits; i++) {
		const uint32_t keep = (uint32_t)aef_rng_below(rng, left / 2 + 2);
		const uint64_t what = aef_rng_below(rng, 5);

		if (keep > left)
			break;
		must(text_op_keep(ret_op, keep));
		at = step(doc, at, keep);
		left -= keep;
		if (what < 3) {
			struct soak_text ins;

			ins.bytes = 0;
			soak_random_text(rng, &ins, 3);
			must(text_op_insert(ret_op, ins.data, ins.bytes));
		}
		if (what >= 2 && left > 0) {
			const uint32_t del = 1 + (uint32_t)aef_rng_below(rng, left < 6 ? left : 6);
			const uint32_t to = step(doc, at, del);

			if (aef_rng_u64(rng) & 1)
				must(text_op_delete(ret_op, del));
			else
				must(text_op_delete_text(ret_op, doc->data + at, to - at));
			at = to;
			left -= del;
		}
	}
	text_op_trim(ret_op);
}

bool
soak_apply(const struct soak_text *doc, const struct text_op *op, struct soak_text *ret_doc)
{
	const struct text_comp *c = text_op_ccomps(op);
	const uint8_t *text = text_op_text(op);
	uint32_t at = 0;

	ret_doc->bytes = 0;
	for (uint32_t i = 0; i < op->nb_comps; i++) {
		const uint8_t *from = text;
		uint32_t len = c[i].bytes;

		if (c[i].kind != TEXT_INSERT) {
			const uint32_t to = step(doc, at, c[i].nb);

			if (to == UINT32_MAX)
				return false;
			from = doc->data + at;
			len = c[i].kind == TEXT_KEEP ? to - at : 0;
			at = to;
		}
		memcpy(ret_doc->data + ret_doc->bytes, from, len);
		ret_doc->bytes += len;
		text += c[i].bytes;
	}
	memcpy(ret_doc->data + ret_doc->bytes, doc->data + at, doc->bytes - at);
	ret_doc->bytes += doc->bytes - at;
	return true;
}

bool
soak_text_eq(const struct soak_text *a, const struct soak_text *b)
{
	return a->bytes == b->bytes && memcmp(a->data, b->data, a->bytes) == 0;
}

void
soak_of_rope(const struct text_rope *rope, struct soak_text *ret_text)
{
	struct text_rope_iter it;
	const uint8_t *data;
	size_t len;

	ret_text->bytes = 0;
	text_rope_iter_init(&it, rope, 0);
	while (text_rope_iter_next(&it, &data, &len)) {
		memcpy(ret_text->data + ret_text->bytes, data, len);
		ret_text->bytes += (uint32_t)len;
	}
}

void
soak_print(const char *name, const struct soak_text *text, const struct text_op *op)
{
	static uint8_t buf[SOAK_TEXT_MAX * 6];
	struct json_writer w;

	json_writer_init(&w, buf, sizeof(buf));
	if (text != NULL)
		json_write_string(&w, text->data, text->bytes);
	if (op != NULL)
		text_op_write(op, &w);
	printf("  %-8s %.*s\n", name, (int)json_writer_bytes(&w), (const char *)buf);
}
