/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * quantum-cat/options.h - the command line of quantum-cat.
 *
 * Context: start-up.
 */
#ifndef QUANTUM_CAT_OPTIONS_H
#define QUANTUM_CAT_OPTIONS_H

#include <base/defs.h>

struct options {
	const char *address;  /* HOST:PORT */
	const char *in, *out; /* NULL: standard input and output */
	char *ticket;         /* on our command line: to be wiped */
	const char *ticket_file;
	const char *ring; /* folder of token keys */
	uint16_t group;
	uint64_t bytes; /* generate this many instead of reading; 0 = read */
	uint64_t seed;
	uint64_t timeout_s; /* 0 = none */
	uint64_t linger_s;  /* after the input ended, wait this long for more to receive */
	uint32_t message_bytes;
	uint32_t drop_ppm;
	uint16_t channel;
	bool listen;
	bool once; /* listen: end with the first connection */
	bool echo;
	bool discard; /* write nothing of what is received */
	bool verify;  /* the peer echoes: wait for all of it, compare SHA-256 */
	bool stats;
	bool quiet;
};

/**
 * Parse; complains itself.
 *
 * @return true to go on, false to exit with @p ret_exit
 */
bool options_parse(int argc, char **argv, struct options *ret_options, int *ret_exit);

#endif
