/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * tests/interop/peer/line.h - a command line cut into words: names, decimal numbers, hexadecimal
 * bytes.
 *
 * A word that is missing or has another form ends the program with a sentence: the other side of
 * the pipe is a test of ours.
 */
#ifndef TESTS_INTEROP_PEER_LINE_H
#define TESTS_INTEROP_PEER_LINE_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define LINE_MAX_BYTES 65536u

struct line {
	char text[LINE_MAX_BYTES];
	char *at;
};

/** Read the next line; 0 at the end of the input. */
int line_read(struct line *line, FILE *in);

/** The next word, inside the line. */
const char *line_word(struct line *line);

/** The next word as a number. */
uint64_t line_number(struct line *line);

/** The next word as bytes, at most @p max of them, "-" for none; returns how many. */
size_t line_bytes(struct line *line, uint8_t *ret, size_t max);

/** The next word as exactly @p len bytes. */
void line_exact(struct line *line, uint8_t *ret, size_t len);

/** Write @p len bytes in hexadecimal, "-" for none. */
void line_put(FILE *out, const uint8_t *data, size_t len);

/** Print a sentence on stderr and exit with status 1. */
void line_fail(const char *sentence) __attribute__((noreturn));

#endif
