/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * control_priv.h - one line of the control socket: request in, reply out; and text made fit for it.
 *
 * Context: any thread.
 */
#ifndef CONTROL_CONTROL_PRIV_H
#define CONTROL_CONTROL_PRIV_H

#include <sys/un.h>

#include <base/defs.h>
#include <runtime/command.h>

#define CONTROL_ID_MAX 64u /* bytes of a request's id as it stands, quotes included */

struct control_request {
	char id[CONTROL_ID_MAX + 1]; /* JSON: number, string or null; echoed */
	char cmd[AEF_COMMAND_LINE_MAX];
};

/**
 * Read a line.
 *
 * @param ret_request `id` is what was seen of it, "null" otherwise; `cmd` only on success
 * @param ret_why     a sentence on failure, static storage
 * @return 0, AEF_ERR_MALFORMED (not JSON), AEF_ERR_INVALID (not a request), AEF_ERR_LIMIT
 */
AEF_MUST_CHECK int control_request_parse(const char *line, size_t len,
                                         struct control_request *ret_request, const char **ret_why);

struct control_reply {
	const char *id;   /* as control_request_parse() left it */
	int rc;           /* what the command returned */
	const char *text; /* clean: see control_text_clean() */
	size_t text_len;
	bool cut;
};

/** Bytes that are enough for control_reply_write() with @p text_len bytes of clean text. */
size_t control_reply_bytes(size_t text_len);

/** Write a reply with its newline. @return bytes written */
size_t control_reply_write(char *buf, size_t cap, const struct control_reply *reply);

/** Replace what is not UTF-8 and control characters but newline and tab by '?', in place. */
void control_text_clean(char *text, size_t len);

/** @return 0, or AEF_ERR_LIMIT when @p path is empty or too long for a socket address */
AEF_MUST_CHECK int control_address(const char *path, struct sockaddr_un *ret_address);

#endif
