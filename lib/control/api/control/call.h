/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * control/call.h - the other end of the control socket: send one command, wait for its answer.
 *
 * Context: any thread; blocks, at most for the time given.
 */
#ifndef CONTROL_CALL_H
#define CONTROL_CALL_H

#include <base/defs.h>
#include <runtime/text.h>

struct control_answer {
	bool ok;
	bool cut;       /* the text was longer */
	char error[32]; /* "notfound"; "" when ok */
	char *text;     /* NUL-terminated, owned: control_answer_free() */
	size_t text_len;
};

/**
 * Run @p cmd at the program that listens on @p path.
 *
 * @param timeout_ms of the whole call
 * @param ret_answer filled on 0; the command may still have failed: `ok`
 * @param ret_error  one sentence on failure
 * @return 0; AEF_ERR_LIMIT (path or cmd too long); AEF_ERR_NOTFOUND (nobody listens);
 *         AEF_ERR_DENIED (no right to the socket); AEF_ERR_TIMEOUT; AEF_ERR_IO; AEF_ERR_NOMEM;
 *         AEF_ERR_INVALID (cmd is not UTF-8); AEF_ERR_MALFORMED (what came back is no answer)
 */
AEF_MUST_CHECK int control_call(const char *path, const char *cmd, uint32_t timeout_ms,
                                struct control_answer *ret_answer, struct aef_text *ret_error);

/** Wipe and free. */
void control_answer_free(struct control_answer *answer);

#endif
