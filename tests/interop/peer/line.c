/* SPDX-License-Identifier: BSD-3-Clause */
#include "line.h"

#include <stdlib.h>
#include <string.h>

void
line_fail(const char *sentence)
{
	fprintf(stderr, "interop-peer: %s\n", sentence);
	exit(1);
}

int
line_read(struct line *line, FILE *in)
{
	if (fgets(line->text, sizeof(line->text), in) == NULL)
		return 0;
	line->at = line->text;
	return 1;
}

const char *
line_word(struct line *line)
{
	char *word = strtok_r(line->at == line->text ? line->text : NULL, " \n", &line->at);

	if (word == NULL)
		line_fail("a word is missing");
	return word;
}

uint64_t
line_number(struct line *line)
{
	const char *word = line_word(line);
	char *end;
	const uint64_t n = strtoull(word, &end, 10);

	if (*end != '\0' || end == word)
		line_fail("a number is not one");
	return n;
}

static unsigned
digit(char c)
{
	static const char digits[] = "0123456789abcdef";
	const char *at = c == '\0' ? NULL : strchr(digits, c);

	if (at == NULL)
		line_fail("bytes are not hexadecimal");
	return (unsigned)(at - digits);
}

size_t
line_bytes(struct line *line, uint8_t *ret, size_t max)
{
	const char *word = line_word(line);
	const size_t len = strcmp(word, "-") == 0 ? 0 : strlen(word) / 2;

	if (len > max)
		line_fail("too many bytes");
	for (size_t i = 0; i < len; i++)
		ret[i] = (uint8_t)(digit(word[2 * i]) << 4 | digit(word[2 * i + 1]));
	return len;
}

void
line_exact(struct line *line, uint8_t *ret, size_t len)
{
	if (line_bytes(line, ret, len) != len)
		line_fail("too few bytes");
}

void
line_put(FILE *out, const uint8_t *data, size_t len)
{
	static const char digits[] = "0123456789abcdef";

	if (len == 0)
		fputc('-', out);
	for (size_t i = 0; i < len; i++) {
		fputc(digits[data[i] >> 4], out);
		fputc(digits[data[i] & 15], out);
	}
}
