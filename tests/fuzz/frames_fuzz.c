/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * tests/fuzz/frames_fuzz.c - any bytes as a payload: whatever decodes is encoded again and must
 * then mean the same, byte for byte in a second round.
 */
#include <stdlib.h>
#include <string.h>

#include <wire/frame.h>

#include "unit/wire/describe.h"

int LLVMFuzzerTestOneInput(const uint8_t *in, size_t size);

static void
round_trip(const struct wire_frame *f)
{
	static uint8_t once[70000], twice[70000];
	struct wire_frame again;
	const size_t len = reencode_frame(f, once, sizeof(once));
	struct aef_reader r = aef_reader_make(once, len);

	if (len == 0)
		return;
	if (wire_frame_decode(&r, &again) != 0 || r.p != r.end || again.type != f->type)
		abort();
	if (reencode_frame(&again, twice, sizeof(twice)) != len || memcmp(once, twice, len) != 0)
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *in, size_t size)
{
	uint8_t *data = malloc(size + 1);
	struct aef_reader r;
	struct wire_frame f;

	memcpy(data, in, size);
	r = aef_reader_make(data, size);
	while (wire_frame_decode(&r, &f) == 0) {
		if (f.type == WIRE_FRAME_DATA &&
		    (f.data.data < data || f.data.data + f.data.len > data + size))
			abort();
		round_trip(&f);
	}
	free(data);
	return 0;
}
