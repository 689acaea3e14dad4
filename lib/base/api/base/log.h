/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * base/log.h - log facade: text in, to whatever sink the program installed.
 *
 * Source:  STYLE C5 (the caller that decides logs, once); C8 (never per packet).
 * Context: cold paths of any thread; the sink must be usable from any thread.
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

enum aef_log_level { AEF_LOG_FATAL, AEF_LOG_ERROR, AEF_LOG_WARN, AEF_LOG_INFO, AEF_LOG_DEBUG };

/** Receives one line without a line end. @p module and @p text are borrowed for the call. */
typedef void (*aef_log_fn)(void *ctx, enum aef_log_level level, const char *module,
                           const char *text);

/** Install the sink; NULL drops every line. Call before any other thread is started. */
void aef_log_set_sink(aef_log_fn fn, void *ctx);

/** Hand one line to the sink. */
void aef_log_emit(enum aef_log_level level, const char *module, const char *text);

#endif
