/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * aether-link/options.h - the command line.
 *
 * Context: start of the program. Text goes to standard output, refusals to standard error.
 */
#ifndef AETHER_LINK_OPTIONS_H
#define AETHER_LINK_OPTIONS_H

#include <link/conf.h>

struct options {
	const char *left;
	const char *right;
	struct link_conf to_right;
	struct link_conf to_left;
	uint64_t seed;
	uint64_t duration_s; /* 0: until a signal */
	uint64_t stats_s;    /* a line each so many seconds; 0: at the end only */
	uint32_t slots;      /* frames in flight per direction */
};

/**
 * Read the command line.
 *
 * @param ret_options complete when true is returned
 * @param ret_exit    exit code otherwise: 0 after --help and --version, 2 after a bad option, about
 *                    which one sentence was printed
 */
AEF_MUST_CHECK bool options_parse(int argc, char **argv, struct options *ret_options,
                                  int *ret_exit);

#endif
