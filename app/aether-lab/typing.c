/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Keystrokes of a burst come at 0.3 to 0.9 of the mean interval and a burst of n keystrokes is
 * followed by a pause of 0.2 to 0.6 n mean intervals, so that the long-run mean is as asked for.
 */
#include "typing.h"

#include <string.h>

#define BURST_MIN 3u
#define BURST_MAX 25u
#define DOC_LARGE 20000u /* beyond this more is erased than typed */

static const char *const phrases[] = {
	"the quick brown fox ",
	"as we said on Monday, ",
	"Note: check the figures\n",
	"Grüße aus Köln ",
	"naïve café ",
	"see below.\n\n",
};

static const char *const rare[] = { "\n", "\n", "é", "ß", "Ж", "中", "🙂", "👍", "—", "\t" };

void
lab_typing_init(struct lab_typing *typing, uint64_t seed, uint64_t rate_milli, uint64_t now_ns)
{
	*typing = (struct lab_typing){ .mean_ns = 1000 * AEF_NS_PER_S / rate_milli };
	aef_rng_init(&typing->rng, seed);
	typing->next_ns = now_ns + aef_rng_below(&typing->rng, 2 * typing->mean_ns + 1);
}

static void
set_text(struct lab_edit *edit, const char *text)
{
	edit->ins_len = (uint32_t)strlen(text);
	memcpy(edit->ins, text, edit->ins_len);
}

static void
one_key(struct lab_typing *typing, struct lab_edit *edit)
{
	char key[2] = { 0 };
	const uint64_t dice = aef_rng_below(&typing->rng, 100);

	if (dice < 4) {
		set_text(edit, rare[aef_rng_below(&typing->rng, AEF_DIM(rare))]);
		return;
	}
	key[0] = ' ';
	if (dice >= 20)
		key[0] = "abcdefghijklmnopqrstuvwxyz"[aef_rng_below(&typing->rng, 26)];
	set_text(edit, key);
}

/* A new burst: perhaps somewhere else, perhaps backwards. */
static void
start_burst(struct lab_typing *typing, uint32_t doc_cps)
{
	const uint64_t erase = doc_cps > DOC_LARGE ? 60 : 15;

	typing->left = (uint32_t)aef_rng_range(&typing->rng, BURST_MIN, BURST_MAX);
	typing->burst = aef_rng_below(&typing->rng, 100) < erase ? LAB_BURST_ERASE : LAB_BURST_TYPE;
	if (aef_rng_below(&typing->rng, 100) < 30)
		typing->cursor = (uint32_t)aef_rng_below(&typing->rng, (uint64_t)doc_cps + 1);
}

static uint32_t
codepoints(const uint8_t *utf8, uint32_t len)
{
	uint32_t nb = 0;

	for (uint32_t i = 0; i < len; i++)
		nb += (utf8[i] & 0xc0) != 0x80;
	return nb;
}

/* Once in a while a whole block goes or comes at the begin of a burst. */
static bool
block(struct lab_typing *typing, uint32_t doc_cps, struct lab_edit *edit)
{
	const uint64_t dice = aef_rng_below(&typing->rng, 100);

	if (dice < 4 && doc_cps - typing->cursor >= 5) {
		edit->del = (uint32_t)aef_rng_range(&typing->rng, 5,
		                                    aef_min_u64(40, doc_cps - typing->cursor));
		return true;
	}
	if (dice < 8) {
		set_text(edit, phrases[aef_rng_below(&typing->rng, AEF_DIM(phrases))]);
		return true;
	}
	return false;
}

void
lab_typing_next(struct lab_typing *typing, uint32_t doc_cps, uint64_t now_ns,
                struct lab_edit *ret_edit)
{
	const uint64_t mean = typing->mean_ns;
	uint64_t gap;
	bool begin = typing->left == 0;

	memset(ret_edit, 0, sizeof(*ret_edit));
	if (begin)
		start_burst(typing, doc_cps);
	typing->cursor = aef_min_u32(typing->cursor, doc_cps);
	if (!begin || !block(typing, doc_cps, ret_edit)) {
		if (typing->burst == LAB_BURST_ERASE && typing->cursor > 0) {
			typing->cursor--;
			ret_edit->del = 1;
		} else {
			one_key(typing, ret_edit);
		}
	}
	ret_edit->pos = typing->cursor;
	typing->cursor += codepoints(ret_edit->ins, ret_edit->ins_len);
	typing->left--;
	gap = mean * 3 / 10 + aef_rng_below(&typing->rng, mean * 6 / 10 + 1);
	if (typing->left == 0) {
		/* The pause of this burst stands for the 0.4 of a mean that each keystroke was
		 * early. */
		const uint64_t share = mean * (BURST_MIN + BURST_MAX) / 2;

		gap += share / 5 + aef_rng_below(&typing->rng, share * 2 / 5 + 1);
	}
	typing->next_ns = aef_max_u64(typing->next_ns + gap, aef_sub_sat_u64(now_ns, mean * 4));
}
