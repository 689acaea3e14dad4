/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <base/err.h>
#include <base/time.h>
#include <runtime/log.h>

static const char *const level_names[] = {
	[AEF_LOG_FATAL] = "fatal", [AEF_LOG_ERROR] = "error", [AEF_LOG_WARN] = "warn",
	[AEF_LOG_INFO] = "info",   [AEF_LOG_DEBUG] = "debug",
};

static struct aef_log_sink *installed;

const char *
aef_log_level_name(enum aef_log_level level)
{
	return (size_t)level < AEF_DIM(level_names) ? level_names[level] : "unknown";
}

int
aef_log_level_parse(const char *text, enum aef_log_level *ret_level)
{
	for (size_t i = 0; i < AEF_DIM(level_names); i++) {
		if (strcmp(text, level_names[i]) == 0) {
			*ret_level = (enum aef_log_level)i;
			return 0;
		}
	}
	return AEF_ERR_NOTFOUND;
}

static uint64_t
wall_clock_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (uint64_t)ts.tv_sec * AEF_NS_PER_S + (uint64_t)ts.tv_nsec;
}

static uint64_t
sink_now_ns(const struct aef_log_sink *sink)
{
	return sink != NULL && sink->unix_ns != NULL ? sink->unix_ns() : wall_clock_ns();
}

static void
sink_write(void *ctx, enum aef_log_level level, const char *module, const char *text)
{
	struct aef_log_sink *sink = ctx;
	char line[AEF_LOG_LINE_MAX];
	const uint64_t now_ns = sink_now_ns(sink);
	const time_t sec = (time_t)(now_ns / AEF_NS_PER_S);
	struct tm tm;
	int n;

	if (level > sink->level)
		return;
	gmtime_r(&sec, &tm);
	n = snprintf(line, sizeof(line) - 1, "%04d-%02d-%02dT%02d:%02d:%02d.%03uZ %s %s: %s",
	             tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec,
	             (unsigned)(now_ns % AEF_NS_PER_S / AEF_NS_PER_MS), aef_log_level_name(level),
	             module, text);
	if (n < 0)
		return;
	if ((size_t)n >= sizeof(line) - 1)
		n = (int)sizeof(line) - 2;
	for (int i = 0; i < n; i++)
		if ((unsigned char)line[i] < ' ') /* a peer's bytes must not start a new line */
			line[i] = '?';
	line[n] = '\n';
	atomic_fetch_add_explicit(&sink->nb_lines, 1, memory_order_relaxed);
	if (write(sink->fd, line, (size_t)n + 1) < 0)
		return; /* there is nowhere left to complain */
}

void
aef_log_sink_install(struct aef_log_sink *sink)
{
	installed = sink;
	aef_log_set_sink(sink != NULL ? sink_write : NULL, sink);
}

/* Threads may race on a new second: then a line more or less passes, which is harmless. */
static bool
site_allows(struct aef_log_site *site, uint32_t per_s, uint32_t *ret_suppressed)
{
	const uint64_t second = sink_now_ns(installed) / AEF_NS_PER_S;

	*ret_suppressed = 0;
	if (atomic_exchange_explicit(&site->second, second, memory_order_relaxed) != second) {
		atomic_store_explicit(&site->lines, 0, memory_order_relaxed);
		*ret_suppressed = (uint32_t)atomic_exchange_explicit(&site->suppressed, 0,
		                                                     memory_order_relaxed);
	}
	if (atomic_fetch_add_explicit(&site->lines, 1, memory_order_relaxed) < per_s)
		return true;
	atomic_fetch_add_explicit(&site->suppressed, 1, memory_order_relaxed);
	return false;
}

void
aef_log_at(struct aef_log_site *site, uint32_t per_s, enum aef_log_level level, const char *module,
           const char *fmt, ...)
{
	char text[AEF_LOG_LINE_MAX];
	uint32_t suppressed;
	va_list ap;
	int n;

	if (installed != NULL && level > installed->level)
		return;
	if (!site_allows(site, per_s, &suppressed))
		return;
	va_start(ap, fmt);
	n = vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (n >= 0 && suppressed > 0 && (size_t)n < sizeof(text))
		snprintf(text + n, sizeof(text) - (size_t)n, " (%u more not shown)", suppressed);
	aef_log_emit(level, module, text);
}
