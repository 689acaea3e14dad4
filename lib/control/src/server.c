/* SPDX-License-Identifier: BSD-3-Clause */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <base/err.h>
#include <base/time.h>
#include <control/server.h>

#include "control_priv.h"

#define BACKLOG        16
#define LINES_PER_TURN 16 /* of one client, before the others' turn */
#define LOCK_TRIES     100

struct client {
	struct control_server *server;
	int fd;                  /* -1: free */
	bool eof;                /* it will not send more */
	bool closing;            /* once the reply is taken */
	uint32_t in_off, in_len; /* what of `in` is not answered yet */
	size_t out_len, out_sent;
	uint64_t since_ns; /* it sent something, or was given a reply */
	struct ucred cred;
	char *out; /* the reply on its way; owned */
	char in[CONTROL_LINE_MAX];
};

struct control_server {
	struct control_server_conf conf;
	int fd; /* -1: not listening */
	uint32_t timer;
	bool has_timer;
	bool paused; /* no descriptor for a new client: tried again at the next tick */
	dev_t dev;   /* of the socket file, to know it again */
	ino_t ino;
	const struct client *running; /* whose command runs */
	struct sockaddr_un address;
	struct client clients[CONTROL_CLIENTS_MAX];
	char text[CONTROL_TEXT_MAX];
};

/* ---- clients ------------------------------------------------------------------------------------
 */

/* Replies may hold a token. */
static void
client_out_free(struct client *c)
{
	if (c->out != NULL)
		explicit_bzero(c->out, c->out_len);
	free(c->out);
	c->out = NULL;
}

static void
client_close(struct client *c)
{
	struct control_server *server = c->server;

	control_loop_fd_del(server->conf.loop, c->fd);
	(void)close(c->fd);
	client_out_free(c);
	c->fd = -1;
	server->conf.stats->clients--;
}

static bool
client_has_line(const struct client *c)
{
	return memchr(c->in + c->in_off, '\n', c->in_len) != NULL || (c->eof && c->in_len > 0);
}

/* Hand the reply to the kernel. @return false: the client is gone */
static bool
client_flush(struct client *c)
{
	while (c->out != NULL) {
		const ssize_t n = send(c->fd, c->out + c->out_sent, c->out_len - c->out_sent,
		                       MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return true;
		if (n < 0)
			return false;
		c->out_sent += (size_t)n;
		if (c->out_sent == c->out_len)
			client_out_free(c);
	}
	return true;
}

/* @return false: no memory, the client is gone */
static bool
client_reply(struct client *c, const struct control_reply *reply)
{
	const size_t cap = control_reply_bytes(reply->text_len);

	c->out = malloc(cap);
	if (c->out == NULL)
		return false;
	c->out_sent = 0;
	c->since_ns = control_loop_now_ns(c->server->conf.loop);
	c->out_len = control_reply_write(c->out, cap, reply);
	return client_flush(c);
}

/* An answer before any command ran. */
static bool
client_scold(struct client *c, const char *id, int rc, const char *why)
{
	const struct control_reply reply = {
		.id = id, .rc = rc, .text = why, .text_len = strlen(why)
	};

	c->server->conf.stats->bad_requests++;
	return client_reply(c, &reply);
}

static bool
client_run(struct client *c, const char *line, size_t len)
{
	struct control_server *server = c->server;
	struct aef_text text = aef_text_make(server->text, sizeof(server->text));
	struct control_request req;
	struct control_reply reply = { .id = req.id, .text = server->text };
	const char *why;
	bool alive;
	const int rc = control_request_parse(line, len, &req, &why);

	if (rc < 0)
		return client_scold(c, req.id, rc, why);
	server->conf.stats->requests++;
	server->running = c;
	reply.rc = aef_commands_run(server->conf.commands, req.cmd, &text);
	server->running = NULL;
	control_text_clean(server->text, text.len);
	reply.text_len = text.len;
	reply.cut = text.cut;
	alive = client_reply(c, &reply);
	explicit_bzero(server->text, text.len);
	return alive;
}

/* Take the first line out of the buffer and answer it. @return false: the client is gone */
static bool
client_line(struct client *c)
{
	const char *line = c->in + c->in_off;
	const char *end = memchr(line, '\n', c->in_len);
	const uint32_t len = end != NULL ? (uint32_t)(end - line) : c->in_len;
	const uint32_t taken = end != NULL ? len + 1 : len;

	c->in_off += taken;
	c->in_len -= taken;
	return len == 0 || client_run(c, line, len);
}

/* @return false: the client is gone */
static bool
client_read(struct client *c)
{
	ssize_t n;

	memmove(c->in, c->in + c->in_off, c->in_len);
	c->in_off = 0;
	n = recv(c->fd, c->in + c->in_len, sizeof(c->in) - c->in_len, MSG_DONTWAIT);
	if (n < 0)
		return errno == EAGAIN || errno == EINTR;
	if (n == 0) {
		c->eof = true;
		return true;
	}
	c->since_ns = control_loop_now_ns(c->server->conf.loop);
	c->in_len += (uint32_t)n;
	if (c->in_len < sizeof(c->in) || client_has_line(c))
		return true;
	c->in_len = 0;
	c->closing = true;
	return client_scold(c, "null", AEF_ERR_LIMIT, "The line is too long: at most 65536 bytes.");
}

/* Everything that can be done for a client now; then wait for what it needs. */
static void
client_advance(struct client *c)
{
	uint32_t wants = 0;

	for (int i = 0; i < LINES_PER_TURN && c->out == NULL && !c->closing; i++) {
		if (!client_has_line(c))
			break;
		if (!client_line(c)) {
			client_close(c);
			return;
		}
	}
	if (c->out == NULL && (c->closing || (c->eof && c->in_len == 0))) {
		client_close(c);
		return;
	}
	if (c->out != NULL || client_has_line(c))
		wants |= EPOLLOUT;
	else
		wants |= EPOLLIN;
	if (control_loop_fd_mod(c->server->conf.loop, c->fd, wants) < 0)
		client_close(c);
}

static void
on_client(void *ctx, uint32_t events)
{
	struct client *c = ctx;
	bool alive = true;

	if (c->out != NULL)
		alive = client_flush(c);
	else if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0 && !client_has_line(c))
		alive = client_read(c);
	if (alive)
		client_advance(c);
	else
		client_close(c);
}

static void
on_tick(void *ctx, uint64_t now_ns)
{
	struct control_server *server = ctx;

	if (server->paused && control_loop_fd_mod(server->conf.loop, server->fd, EPOLLIN) == 0)
		server->paused = false;
	for (uint32_t i = 0; i < CONTROL_CLIENTS_MAX; i++) {
		struct client *c = &server->clients[i];
		const uint64_t limit_s = c->out != NULL ? CONTROL_TAKE_S : CONTROL_IDLE_S;

		if (c->fd < 0 || now_ns - c->since_ns < limit_s * AEF_NS_PER_S)
			continue;
		if (c->out != NULL)
			server->conf.stats->dropped_slow++;
		else
			server->conf.stats->dropped_silent++;
		client_close(c);
	}
}

/* ---- accepting ----------------------------------------------------------------------------------
 */

/* Say why and close; the socket buffer of a new connection has room for it. */
static void
refuse(int fd, int err, const char *why)
{
	const struct control_reply reply = {
		.id = "null", .rc = err, .text = why, .text_len = strlen(why)
	};
	char buf[512];
	const size_t len = control_reply_write(buf, sizeof(buf), &reply);

	(void)send(fd, buf, len, MSG_NOSIGNAL | MSG_DONTWAIT); /* as well as it goes */
	(void)close(fd);
}

static struct client *
client_free_slot(struct control_server *server)
{
	for (uint32_t i = 0; i < CONTROL_CLIENTS_MAX; i++)
		if (server->clients[i].fd < 0)
			return &server->clients[i];
	return NULL;
}

static void
on_accept(void *ctx, uint32_t events)
{
	struct control_server *server = ctx;
	const int fd = accept4(server->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	struct client *c = client_free_slot(server);
	struct ucred cred;
	socklen_t len = sizeof(cred);

	(void)events;
	if (fd < 0) {
		/* It went away; or there is no descriptor for it, which would be told for ever. */
		if (errno != EAGAIN && errno != EINTR && errno != ECONNABORTED)
			server->paused = control_loop_fd_mod(server->conf.loop, server->fd, 0) == 0;
		return;
	}
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) != 0 ||
	    (cred.uid != 0 && cred.uid != server->conf.uid)) {
		server->conf.stats->refused_peers++;
		refuse(fd, AEF_ERR_DENIED,
		       "Only root and the user of the program may use this socket.");
		return;
	}
	if (c == NULL || control_loop_fd_add(server->conf.loop, fd, EPOLLIN, on_client, c) < 0) {
		server->conf.stats->refused_full++;
		refuse(fd, AEF_ERR_FULL, "Too many clients are connected; try again later.");
		return;
	}
	c->fd = fd;
	c->eof = c->closing = false;
	c->in_off = c->in_len = 0;
	c->cred = cred;
	c->since_ns = control_loop_now_ns(server->conf.loop);
	server->conf.stats->clients++;
	server->conf.stats->accepted++;
}

/* ---- the socket ---------------------------------------------------------------------------------
 */

/* Two programs must not both find the same stale socket: the folder is locked meanwhile. */
static int
folder_lock(const char *path, struct aef_text *error)
{
	const struct timespec step = { .tv_nsec = 10000000 };
	char copy[sizeof(((struct sockaddr_un *)NULL)->sun_path)];
	const char *dir;
	int fd;

	memcpy(copy, path, strlen(path) + 1);
	dir = dirname(copy);
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0) {
		aef_text_printf(error, "The folder %s of the control socket cannot be opened: %s.",
		                dir, strerror(errno));
		return AEF_ERR_IO;
	}
	for (int i = 0; flock(fd, LOCK_EX | LOCK_NB) != 0; i++) {
		if (errno != EWOULDBLOCK || i == LOCK_TRIES) {
			aef_text_printf(error, "The folder %s of the control socket is locked.",
			                dir);
			(void)close(fd);
			return AEF_ERR_IO;
		}
		(void)nanosleep(&step, NULL);
	}
	return fd;
}

/* Remove the socket of a dead process. @return 0, or AEF_ERR_EXISTS or AEF_ERR_IO, said */
static int
stale_remove(const struct sockaddr_un *address, struct aef_text *error)
{
	struct stat st;
	int fd, rc;

	if (lstat(address->sun_path, &st) != 0)
		return 0;
	if (!S_ISSOCK(st.st_mode)) {
		aef_text_printf(error,
		                "%s is there and is not a socket; choose another "
		                "control.socket or move it away.",
		                address->sun_path);
		return AEF_ERR_EXISTS;
	}
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return AEF_ERR_IO;
	rc = connect(fd, (const struct sockaddr *)address, sizeof(*address));
	if (rc != 0 && errno == ECONNREFUSED) {
		rc = unlink(address->sun_path) == 0 ? 0 : AEF_ERR_IO;
	} else {
		aef_text_printf(error,
		                "Another program listens on %s; end it, or choose another "
		                "control.socket.",
		                address->sun_path);
		rc = AEF_ERR_EXISTS;
	}
	(void)close(fd);
	return rc;
}

static int
socket_bind(struct control_server *server, struct aef_text *error)
{
	const char *path = server->address.sun_path;
	const uint32_t mode = server->conf.mode != 0 ? server->conf.mode : 0600u;
	struct stat st;
	mode_t mask;
	int rc = stale_remove(&server->address, error);

	if (rc < 0)
		return rc;
	server->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (server->fd < 0)
		return AEF_ERR_IO;
	mask = umask(0177); /* nobody else may come in before chmod() */
	rc = bind(server->fd, (const struct sockaddr *)&server->address, sizeof(server->address));
	(void)umask(mask);
	if (rc != 0)
		return AEF_ERR_IO;
	if (lstat(path, &st) != 0)
		return AEF_ERR_IO;
	server->dev = st.st_dev;
	server->ino = st.st_ino;
	if (chmod(path, mode) != 0 || listen(server->fd, BACKLOG) != 0)
		return AEF_ERR_IO;
	return 0;
}

static int
server_open(struct control_server *server, struct aef_text *error)
{
	struct control_loop *loop = server->conf.loop;
	int lock, rc;

	lock = folder_lock(server->address.sun_path, error);
	if (lock < 0)
		return lock;
	rc = socket_bind(server, error);
	if (rc == AEF_ERR_IO && error->len == 0)
		aef_text_printf(error, "The control socket %s cannot be made: %s.",
		                server->address.sun_path, strerror(errno));
	(void)close(lock);
	if (rc < 0)
		return rc;
	rc = control_loop_fd_add(loop, server->fd, EPOLLIN, on_accept, server);
	if (rc == 0)
		rc = control_loop_timer_add(loop, AEF_NS_PER_S, AEF_NS_PER_S, on_tick, server,
		                            &server->timer);
	server->has_timer = rc == 0;
	return rc;
}

static void
client_make(struct control_server *server, struct client *ret_client)
{
	ret_client->server = server;
	ret_client->fd = -1;
}

int
control_server_create(const struct control_server_conf *conf, struct control_server **ret_server,
                      struct aef_text *ret_error)
{
	struct control_server *server;
	struct sockaddr_un address;
	int rc;

	if (control_address(conf->path, &address) < 0) {
		aef_text_printf(ret_error,
		                "The path of the control socket must have 1 to %zu bytes.",
		                sizeof(address.sun_path) - 1);
		return AEF_ERR_LIMIT;
	}
	server = calloc(1, sizeof(*server));
	if (server == NULL)
		return AEF_ERR_NOMEM;
	server->conf = *conf;
	server->address = address;
	server->conf.path = server->address.sun_path;
	server->fd = -1;
	for (uint32_t i = 0; i < CONTROL_CLIENTS_MAX; i++)
		client_make(server, &server->clients[i]);
	rc = server_open(server, ret_error);
	if (rc < 0) {
		control_server_destroy(server);
		return rc;
	}
	*ret_server = server;
	return 0;
}

void
control_server_destroy(struct control_server *server)
{
	struct stat st;

	if (server == NULL)
		return;
	for (uint32_t i = 0; i < CONTROL_CLIENTS_MAX; i++)
		if (server->clients[i].fd >= 0)
			client_close(&server->clients[i]);
	if (server->has_timer)
		control_loop_timer_del(server->conf.loop, server->timer);
	if (server->fd >= 0) {
		control_loop_fd_del(server->conf.loop, server->fd);
		if (server->ino != 0 && lstat(server->address.sun_path, &st) == 0 &&
		    st.st_dev == server->dev && st.st_ino == server->ino)
			(void)unlink(server->address.sun_path); /* not there: nothing to remove */
		(void)close(server->fd);
	}
	explicit_bzero(server->text, sizeof(server->text));
	free(server);
}

int
control_server_caller(const struct control_server *server, struct control_caller *ret_caller)
{
	if (server == NULL || server->running == NULL)
		return AEF_ERR_STATE;
	*ret_caller = (struct control_caller){ .uid = server->running->cred.uid,
		                               .pid = server->running->cred.pid };
	return 0;
}
