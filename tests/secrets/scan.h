/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * scan.h - where needles are: in all readable memory of a stopped child, or in a core dump.
 *
 * Context: one thread; the parent of the child.
 */
#ifndef SECRETS_SCAN_H
#define SECRETS_SCAN_H

#include <sys/types.h>

#include "needles.h"

struct scan_result {
	uint64_t bytes;    /* looked at */
	unsigned mappings; /* looked at */
	unsigned guarded;  /* places in memory that is locked, not dumped and not inherited */
	unsigned leaked;   /* places elsewhere */
};

enum scan_what {
	SCAN_ALL,  /* every readable mapping */
	SCAN_OPEN, /* those that are writable and no secret memory: quick */
};

/** Memory of @p pid; leaks are printed, the first ones of the process. @return false: cannot read
 */
bool scan_memory(const struct needles *needles, pid_t pid, enum scan_what what,
                 struct scan_result *ret);

/** Print leaks, or not: a leak on purpose is none to show. */
void scan_tell(bool on);

/** A file as it is: headers, registers and memory. @return false: cannot read */
bool scan_file(const struct needles *needles, const char *path, struct scan_result *ret);

#endif
