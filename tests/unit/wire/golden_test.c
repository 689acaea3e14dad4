/* SPDX-License-Identifier: BSD-3-Clause */
#include <base/err.h>

#include "describe.h"
#include "harness.h"

#define GOLDEN "tests/golden/wire.txt"

struct vector {
	char kind[16];
	uint8_t bytes[4096];
	size_t len;
	char text[512];
};

static size_t
unhex(const char *hex, uint8_t *ret)
{
	size_t nb = 0;
	unsigned byte;

	for (; sscanf(hex, "%2x", &byte) == 1; hex += 2)
		ret[nb++] = (uint8_t)byte;
	return nb;
}

/* Calls `check` for every vector; returns how many there were. */
static unsigned
each_vector(void (*check)(const struct vector *v))
{
	static char line[16384], hex[8192];
	FILE *f = fopen(GOLDEN, "r");
	unsigned nb = 0;

	ck_assert_msg(f != NULL, "run the tests from the project's root");
	while (fgets(line, sizeof(line), f) != NULL) {
		static struct vector v;

		if (line[0] == '#' ||
		    sscanf(line, "%15s %8191s %511[^\n]", v.kind, hex, v.text) != 3)
			continue;
		v.len = unhex(hex, v.bytes);
		check(&v);
		nb++;
	}
	fclose(f);
	return nb;
}

static void
check_meaning(const struct vector *v)
{
	char text[512];

	if (strcmp(v->kind, "datagram") == 0)
		describe_datagram(v->bytes, v->len, text, sizeof(text));
	else
		describe_frame(v->bytes, v->len, text, sizeof(text));
	ck_assert_str_eq(text, v->text);
}

static void
check_encoding(const struct vector *v)
{
	struct aef_reader r = aef_reader_make(v->bytes, v->len);
	struct wire_frame f;
	uint8_t out[4096];

	if (strcmp(v->kind, "frame") != 0)
		return;
	ck_assert_int_eq(wire_frame_decode(&r, &f), 0);
	ck_assert_uint_eq(reencode_frame(&f, out, sizeof(out)), v->len);
	ck_assert_mem_eq(out, v->bytes, v->len);
}

static void
check_truncation(const struct vector *v)
{
	if (strcmp(v->kind, "frame") != 0)
		return;
	for (size_t len = 0; len < v->len; len++) {
		/* A copy of the exact size: reading past it is seen by the sanitizers. */
		uint8_t *cut = malloc(len + 1);
		struct aef_reader r;
		struct wire_frame f;
		int err;

		memcpy(cut, v->bytes, len);
		r = aef_reader_make(cut, len);
		err = wire_frame_decode(&r, &f);
		ck_assert(err == 0 || err == AEF_ERR_MALFORMED ||
		          (err == AEF_ERR_AGAIN && len == 0));
		/* Only what reaches to the end, or is a run, may be shorter. */
		if (err == 0)
			ck_assert(f.type == WIRE_FRAME_PADDING || f.type == WIRE_FRAME_FEC_REPAIR);
		free(cut);
	}
}

/* [Q-2.2] [Q-2.3] [Q-2.4] [Q-2.5] [Q-5.1] */
START_TEST(golden_every_vector_decodes_to_its_meaning)
{
	ck_assert_uint_gt(each_vector(check_meaning), 80);
}
END_TEST

START_TEST(golden_every_canonical_frame_encodes_to_the_same_bytes)
{
	each_vector(check_encoding);
}
END_TEST

START_TEST(golden_every_truncation_is_refused)
{
	each_vector(check_truncation);
}
END_TEST

START_TEST(golden_encoders_without_room_report_it_and_write_nothing_past_the_end)
{
	struct wire_limits limits = { 60000, 1, 1, 1, 1 };
	struct aef_guuid cid = { { 1 } };
	uint8_t token[WIRE_RESET_BYTES] = { 2 };

	for (size_t room = 0; room < 38; room++) {
		uint8_t *buf = malloc(room + 1);
		struct aef_writer w = aef_writer_make(buf, room);

		wire_accept_encode(&w, &cid, token, &limits);
		ck_assert(w.err);
		free(buf);
	}
}
END_TEST

TEST_SUITE(golden, &golden_every_vector_decodes_to_its_meaning,
           &golden_every_canonical_frame_encodes_to_the_same_bytes,
           &golden_every_truncation_is_refused,
           &golden_encoders_without_room_report_it_and_write_nothing_past_the_end)
