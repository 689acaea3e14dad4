/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * control/server.h - the control socket: lines of JSON on a Unix socket run the registered
 * commands.
 *
 *   {"id":1,"cmd":"keys show"}
 *   {"id":1,"ok":true,"text":"group 1, current epoch 7\n"}
 *   {"id":1,"ok":false,"error":"notfound","text":"Unknown command 'key'; type help.\n"}
 *
 * `id` (number, string, null or absent) comes back as it stands. A line is at most 64 KiB, its cmd
 * 511 bytes. Requests of one client are answered in order, the next one is read only after the
 * reply before it is written, so a client holds one reply at most; it has 5 s to take it. `text`
 * beyond 1 MiB is cut, and "cut":true says so. A line that is no request is answered with an error;
 * an overlong one also ends the connection.
 *
 * Only root and the given user are served, as the kernel names them (SO_PEERCRED), whatever the
 * mode of the file lets through.
 *
 * Source:  unix(7).
 * Context: the thread of the loop; commands run in it and must not block.
 */
#ifndef CONTROL_SERVER_H
#define CONTROL_SERVER_H

#include <sys/types.h>

#include <control/loop.h>
#include <runtime/command.h>

#define CONTROL_LINE_MAX    65536u     /* bytes of a request, newline included */
#define CONTROL_TEXT_MAX    (1u << 20) /* bytes of a command's text */
#define CONTROL_CLIENTS_MAX 16u
#define CONTROL_TAKE_S      5u   /* for a client to take a reply */
#define CONTROL_IDLE_S      300u /* for a client to say something */

/* Counters; one writer, the loop's thread. */
struct control_server_stats {
	uint64_t clients;        /* connected now */
	uint64_t accepted;       /* clients let in */
	uint64_t refused_peers;  /* another user */
	uint64_t refused_full;   /* CONTROL_CLIENTS_MAX were there */
	uint64_t requests;       /* commands run */
	uint64_t bad_requests;   /* lines answered with an error before any command ran */
	uint64_t dropped_slow;   /* did not take a reply in time */
	uint64_t dropped_silent; /* said nothing for CONTROL_IDLE_S */
};

struct control_server_conf {
	struct control_loop *loop; /* borrowed, as all below */
	const struct aef_commands *commands;
	struct control_server_stats *stats; /* zeroed by the caller */
	const char *path;                   /* of the socket; copied */
	uint32_t mode;                      /* of the socket; 0: 0600 */
	uid_t uid;                          /* who may speak to it, beside root */
};

/* Who sent the command that runs. */
struct control_caller {
	uid_t uid;
	pid_t pid;
};

struct control_server;

/**
 * Make the socket and serve it from @p conf's loop. The socket of a dead process is replaced; one
 * that somebody listens on, or a file of another kind, is refused.
 *
 * @param ret_error one sentence on failure
 * @return 0; AEF_ERR_LIMIT (path too long); AEF_ERR_EXISTS (somebody listens, or no socket);
 *         AEF_ERR_IO; AEF_ERR_NOMEM; AEF_ERR_FULL (the loop)
 */
AEF_MUST_CHECK int control_server_create(const struct control_server_conf *conf,
                                         struct control_server **ret_server,
                                         struct aef_text *ret_error);

/** Close every client, remove the socket if it is still ours, free. NULL is accepted. */
void control_server_destroy(struct control_server *server);

/** Within a command: who asked for it. @return 0, or AEF_ERR_STATE outside of one */
AEF_MUST_CHECK int control_server_caller(const struct control_server *server,
                                         struct control_caller *ret_caller);

#endif
