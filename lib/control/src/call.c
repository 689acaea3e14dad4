/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <base/err.h>
#include <base/time.h>
#include <control/call.h>
#include <control/server.h>
#include <json/json.h>

#include "control_priv.h"

#define ANSWER_MAX (2u * CONTROL_TEXT_MAX + 4096u)

struct call {
	const char *path;
	uint64_t deadline_ns;
	int fd;
	struct aef_text *error;
};

static uint64_t
monotonic_ns(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts); /* cannot fail with this clock */
	return (uint64_t)ts.tv_sec * AEF_NS_PER_S + (uint64_t)ts.tv_nsec;
}

static int
call_failed(const struct call *call)
{
	aef_text_printf(call->error, "The connection to %s failed: %s.", call->path,
	                strerror(errno));
	return AEF_ERR_IO;
}

static int
call_wait(const struct call *call, short events)
{
	struct pollfd p = { .fd = call->fd, .events = events };
	const uint64_t now_ns = monotonic_ns();
	int rc;

	if (now_ns >= call->deadline_ns)
		rc = 0;
	else
		rc = poll(&p, 1, (int)((call->deadline_ns - now_ns) / AEF_NS_PER_MS) + 1);
	if (rc == 0) {
		aef_text_printf(call->error, "The program behind %s does not answer.", call->path);
		return AEF_ERR_TIMEOUT;
	}
	return rc > 0 || errno == EINTR ? 0 : call_failed(call);
}

static int
call_connect(struct call *call, const struct sockaddr_un *address)
{
	call->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (call->fd < 0)
		return call_failed(call);
	if (connect(call->fd, (const struct sockaddr *)address, sizeof(*address)) == 0)
		return 0;
	if (errno == ENOENT || errno == ECONNREFUSED || errno == ENOTDIR) {
		aef_text_printf(call->error,
		                "No program listens on %s; start it, or give the "
		                "control.socket of its configuration with --socket.",
		                call->path);
		return AEF_ERR_NOTFOUND;
	}
	if (errno == EACCES || errno == EPERM) {
		aef_text_printf(call->error,
		                "You have no right to the control socket %s; be root "
		                "or the user of the program.",
		                call->path);
		return AEF_ERR_DENIED;
	}
	if (errno == EAGAIN) {
		aef_text_printf(call->error, "The program behind %s does not answer.", call->path);
		return AEF_ERR_TIMEOUT;
	}
	return call_failed(call);
}

static int
call_send(const struct call *call, const char *data, size_t len)
{
	size_t sent = 0;

	while (sent < len) {
		const ssize_t n = send(call->fd, data + sent, len - sent, MSG_NOSIGNAL);
		int rc;

		if (n > 0) {
			sent += (size_t)n;
			continue;
		}
		if (n < 0 && (errno == EPIPE || errno == ECONNRESET))
			return 0; /* it may have said why before it closed */
		if (n < 0 && errno != EAGAIN && errno != EINTR)
			return call_failed(call);
		rc = call_wait(call, POLLOUT);
		if (rc < 0)
			return rc;
	}
	return 0;
}

/* One line, without its newline. */
static int
call_receive(const struct call *call, char *buf, size_t cap, size_t *ret_len)
{
	size_t len = 0;

	while (len < cap) {
		const ssize_t n = recv(call->fd, buf + len, cap - len, 0);
		const char *end;
		int rc;

		if (n == 0 || (n < 0 && errno == ECONNRESET)) {
			aef_text_printf(call->error,
			                "The program behind %s closed the connection "
			                "without an answer.",
			                call->path);
			return AEF_ERR_IO;
		}
		if (n < 0 && errno != EAGAIN && errno != EINTR)
			return call_failed(call);
		if (n < 0) {
			rc = call_wait(call, POLLIN);
			if (rc < 0)
				return rc;
			continue;
		}
		end = memchr(buf + len, '\n', (size_t)n);
		len += (size_t)n;
		if (end != NULL) {
			*ret_len = (size_t)(end - buf);
			return 0;
		}
	}
	return AEF_ERR_MALFORMED;
}

static int
answer_member(struct json_reader *reader, struct control_answer *answer)
{
	const bool is_ok = json_string_is(reader, "ok"), is_cut = json_string_is(reader, "cut");
	const bool is_error = json_string_is(reader, "error");
	const bool is_text = json_string_is(reader, "text");
	const int token = json_next(reader);

	if (token < 0)
		return token;
	if (is_ok)
		answer->ok = token == JSON_TOK_TRUE;
	else if (is_cut)
		answer->cut = token == JSON_TOK_TRUE;
	if (token != JSON_TOK_STRING)
		return json_skip(reader, token);
	if (is_error && reader->str_bytes < sizeof(answer->error)) {
		json_string_copy(reader, (uint8_t *)answer->error);
		answer->error[reader->str_bytes] = '\0';
	}
	if (is_text && answer->text == NULL) {
		answer->text = malloc(reader->str_bytes + 1u);
		if (answer->text == NULL)
			return AEF_ERR_NOMEM;
		json_string_copy(reader, (uint8_t *)answer->text);
		answer->text[reader->str_bytes] = '\0';
		answer->text_len = reader->str_bytes;
	}
	return 0;
}

static int
answer_parse(const char *line, size_t len, struct control_answer *answer)
{
	struct json_reader reader;
	int token;

	json_reader_init(&reader, (const uint8_t *)line, len);
	if (json_next(&reader) != JSON_TOK_OBJECT_BEGIN)
		return AEF_ERR_MALFORMED;
	while ((token = json_next(&reader)) == JSON_TOK_KEY) {
		const int rc = answer_member(&reader, answer);

		if (rc < 0)
			return rc;
	}
	if (token != JSON_TOK_OBJECT_END || json_next(&reader) != JSON_TOK_END ||
	    answer->text == NULL)
		return AEF_ERR_MALFORMED;
	return 0;
}

static int
call_run(struct call *call, const char *cmd, char *buf, struct control_answer *ret_answer)
{
	struct control_answer answer = { 0 };
	struct json_writer w;
	size_t len = 0;
	int rc;

	json_writer_init(&w, (uint8_t *)buf, ANSWER_MAX);
	json_write_object_begin(&w);
	json_write_key(&w, "cmd");
	json_write_string(&w, (const uint8_t *)cmd, strlen(cmd));
	json_write_object_end(&w);
	buf[json_writer_bytes(&w)] = '\n'; /* a cmd is short: it fits */
	rc = call_send(call, buf, json_writer_bytes(&w) + 1);
	if (rc == 0)
		rc = call_receive(call, buf, ANSWER_MAX, &len);
	if (rc == 0)
		rc = answer_parse(buf, len, &answer);
	if (rc == AEF_ERR_MALFORMED)
		aef_text_printf(call->error, "What listens on %s is no AetherFlow program.",
		                call->path);
	if (rc < 0)
		control_answer_free(&answer);
	else
		*ret_answer = answer;
	return rc;
}

int
control_call(const char *path, const char *cmd, uint32_t timeout_ms,
             struct control_answer *ret_answer, struct aef_text *ret_error)
{
	struct call call = { .path = path, .fd = -1, .error = ret_error };
	char copy[AEF_COMMAND_LINE_MAX];
	struct sockaddr_un address;
	char *buf;
	int rc;

	if (control_address(path, &address) < 0 || strlen(cmd) >= sizeof(copy)) {
		aef_text_printf(ret_error, "The socket's path may have %zu bytes, a command %zu.",
		                sizeof(address.sun_path) - 1, sizeof(copy) - 1);
		return AEF_ERR_LIMIT;
	}
	memcpy(copy, cmd, strlen(cmd) + 1);
	control_text_clean(copy, strlen(copy));
	if (strcmp(copy, cmd) != 0) {
		aef_text_printf(ret_error, "A command is plain text in UTF-8.");
		return AEF_ERR_INVALID;
	}
	buf = malloc(ANSWER_MAX);
	if (buf == NULL)
		return AEF_ERR_NOMEM;
	call.deadline_ns = monotonic_ns() + timeout_ms * AEF_NS_PER_MS;
	rc = call_connect(&call, &address);
	if (rc == 0)
		rc = call_run(&call, cmd, buf, ret_answer);
	if (call.fd >= 0)
		(void)close(call.fd);
	explicit_bzero(buf, ANSWER_MAX); /* an answer may hold a token */
	free(buf);
	return rc;
}

void
control_answer_free(struct control_answer *answer)
{
	if (answer->text != NULL)
		explicit_bzero(answer->text, answer->text_len);
	free(answer->text);
	answer->text = NULL;
}
