/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * keylog/keylog.h - a file with the traffic keys of every connection, for scripts/quantum.lua.
 *
 * A line for each direction and key epoch, "c2s" or "s2c", then in hexadecimal C, in decimal the
 * epoch, in hexadecimal key and IV:
 *
 *   c2s 018f010203047005800607080a0b0c0d 0 <64 digits> <24 digits>
 *
 * Context: one thread opens and closes.
 */
#ifndef KEYLOG_KEYLOG_H
#define KEYLOG_KEYLOG_H

#include <base/defs.h>

/**
 * Begin to write; takes the tap (keylog/tap.h).
 *
 * @return 0, or AEF_ERR_IO (errno set)
 */
AEF_MUST_CHECK int keylog_open(const char *path);

/** End it. @return 0, or AEF_ERR_IO when a line could not be written */
AEF_MUST_CHECK int keylog_close(void);

#endif
