/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdlib.h>

#include <base/defs.h>
#include <base/err.h>
#include <base/log.h>

static const struct {
	const char *name;
	const char *text;
} errs[] = {
	[-AEF_OK] = { "ok", "nothing went wrong" },
	[-AEF_ERR_INVALID] = { "invalid", "an argument is out of its range" },
	[-AEF_ERR_MALFORMED] = { "malformed", "the bytes do not follow their format" },
	[-AEF_ERR_FULL] = { "full", "a bounded table, queue or pool is full" },
	[-AEF_ERR_NOMEM] = { "nomem", "there is not enough memory" },
	[-AEF_ERR_STATE] = { "state", "the object is not in a state that allows it" },
	[-AEF_ERR_RANGE] = { "range", "a position or number is out of range" },
	[-AEF_ERR_AGAIN] = { "again", "there is nothing to do yet" },
	[-AEF_ERR_NOTFOUND] = { "notfound", "there is no such object" },
	[-AEF_ERR_EXISTS] = { "exists", "the object exists already" },
	[-AEF_ERR_AUTH] = { "auth", "a tag, token or cookie does not verify" },
	[-AEF_ERR_VERSION] = { "version", "the version is not spoken here" },
	[-AEF_ERR_LIMIT] = { "limit", "a configured or protocol limit is reached" },
	[-AEF_ERR_CLOSED] = { "closed", "it is closed" },
	[-AEF_ERR_IO] = { "io", "a device, file or socket failed" },
	[-AEF_ERR_CONFIG] = { "config", "the configuration is wrong" },
	[-AEF_ERR_UNSUPPORTED] = { "unsupported", "this build or device cannot do it" },
	[-AEF_ERR_GAP] = { "gap", "an earlier element is missing" },
	[-AEF_ERR_TIMEOUT] = { "timeout", "the time allowed has passed" },
	[-AEF_ERR_DUPLICATE] = { "duplicate", "it was seen before" },
	[-AEF_ERR_PROTOCOL] = { "protocol", "the peer broke a rule of the protocol" },
	[-AEF_ERR_DENIED] = { "denied", "it is not allowed" },
};

static aef_log_fn log_fn;
static void *log_ctx;

const char *
aef_err_name(int err)
{
	return err <= 0 && (size_t)-err < AEF_DIM(errs) ? errs[-err].name : "unknown";
}

const char *
aef_err_text(int err)
{
	return err <= 0 && (size_t)-err < AEF_DIM(errs) ? errs[-err].text : "the error is unknown";
}

void
aef_log_set_sink(aef_log_fn fn, void *ctx)
{
	log_fn = fn;
	log_ctx = ctx;
}

void
aef_log_emit(enum aef_log_level level, const char *module, const char *text)
{
	if (log_fn != NULL)
		log_fn(log_ctx, level, module, text);
}

AEF_COLD void
aef_assert_fail(const char *expr, const char *file, int line)
{
	(void)line;
	aef_log_emit(AEF_LOG_FATAL, file, expr);
	abort();
}
