/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * runtime/log.h - the program's log sink (a file descriptor) and a rate-limited, formatted log
 * call.
 *
 * A line is `2026-01-02T03:04:05.678Z warn dpio: text`. One write(2) per line, so lines of several
 * threads never mix. Not for the data path (STYLE C8).
 *
 * Context: any thread after aef_log_sink_install.
 */
#ifndef RUNTIME_LOG_H
#define RUNTIME_LOG_H

#include <stdatomic.h>

#include <base/defs.h>
#include <base/log.h>

#define AEF_LOG_LINE_MAX 512 /* longer lines are cut */

struct aef_log_sink {
	int fd;
	enum aef_log_level level;  /* lines above are dropped */
	uint64_t (*unix_ns)(void); /* NULL: the wall clock; tests bring their own */
	atomic_uint_fast64_t nb_lines;
};

/* One per call site, made by the macro; zero is a good start. */
struct aef_log_site {
	atomic_uint_fast64_t second; /* the second that `lines` counts */
	atomic_uint_fast32_t lines;
	atomic_uint_fast32_t suppressed;
};

/** Make @p sink the receiver of every log line. It must outlive every logging thread. */
void aef_log_sink_install(struct aef_log_sink *sink);

/** Text of a level, "info"; and back. @return 0 or AEF_ERR_NOTFOUND */
const char *aef_log_level_name(enum aef_log_level level);
AEF_MUST_CHECK int aef_log_level_parse(const char *text, enum aef_log_level *ret_level);

/**
 * Log at most @p per_s lines in each second from this call site; the next line let through says how
 * many were not. Use through the macros.
 */
void aef_log_at(struct aef_log_site *site, uint32_t per_s, enum aef_log_level level,
                const char *module, const char *fmt, ...) AEF_PRINTF(5, 6);

/* Five lines a second per call site. */
#define AEF_LOG(level, module, ...) AEF_LOG_RATE(5, level, module, __VA_ARGS__)
#define AEF_LOG_RATE(per_s, level, module, ...)                                                    \
	do {                                                                                       \
		static struct aef_log_site aef_log_site_;                                          \
		aef_log_at(&aef_log_site_, per_s, level, module, __VA_ARGS__);                     \
	} while (0)

#endif
