/* SPDX-License-Identifier: BSD-3-Clause */
#include <base/bytes.h>
#include <base/siphash.h>
#include <text/digest.h>

AEF_HOT void
text_digest_fold(struct text_digest *digest, const struct text_op *op)
{
	const struct text_comp *c = text_op_ccomps(op);
	const uint8_t *text = text_op_text(op);
	struct aef_siphash sip;
	uint8_t buf[128];
	struct aef_writer w = aef_writer_make(buf, sizeof(buf));

	aef_siphash_init(&sip, digest->b, true);
	for (uint32_t i = 0; i < op->nb_comps; i++) {
		/* Room for two varints and, most of the time, the text. */
		if (aef_writer_left(&w) < 16 + (c[i].bytes < 64 ? c[i].bytes : 0)) {
			aef_siphash_update(&sip, buf, (size_t)(w.p - buf));
			w = aef_writer_make(buf, sizeof(buf));
		}
		aef_write_varint(&w, (uint64_t)c[i].nb << 2 | c[i].kind);
		if (c[i].kind == TEXT_INSERT) {
			aef_write_varint(&w, c[i].bytes);
			if (c[i].bytes < 64) {
				aef_write_bytes(&w, text, c[i].bytes);
			} else {
				aef_siphash_update(&sip, buf, (size_t)(w.p - buf));
				aef_siphash_update(&sip, text, c[i].bytes);
				w = aef_writer_make(buf, sizeof(buf));
			}
		}
		text += c[i].bytes;
	}
	aef_siphash_update(&sip, buf, (size_t)(w.p - buf));
	aef_siphash_final128(&sip, digest->b);
}
