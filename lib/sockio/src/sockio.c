/* SPDX-License-Identifier: BSD-3-Clause */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <base/err.h>
#include <sockio/sockio.h>

#include "sockio_priv.h"

#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif
#ifndef UDP_GRO
#define UDP_GRO 104
#endif

#define RX_BATCH      16u    /* kernel messages per call; each may be several datagrams */
#define RX_BUF_BYTES  65536u /* largest aggregate that GRO hands over */
#define GSO_SEGS_MAX  40u
#define GSO_BYTES_MAX 63000u
#define NO_GSO_MAX    64u /* destinations without GSO; full: GSO is off for all */
#define CTL_BYTES     128u

struct sockio {
	int fd;
	bool v4_only;
	bool gso;
	bool gro;
	bool refuse_gso; /* test: no path on a loopback refuses segments by itself */
	uint16_t port;
	uint32_t nb_no_gso;
	struct sockio_addr no_gso[NO_GSO_MAX];
	/* Datagrams of the last kernel batch that were not handed out yet. */
	unsigned nb_msgs, next_msg;
	uint32_t next_off;
	struct sockio_stats stats;
	struct mmsghdr msgs[RX_BATCH];
	struct iovec iov[RX_BATCH];
	struct sockaddr_in6 from[RX_BATCH];
	uint8_t ctl[RX_BATCH][CTL_BYTES] __attribute__((aligned(8)));
	uint8_t *buf; /* RX_BATCH x RX_BUF_BYTES */
};

static const uint8_t v4_prefix[12] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff };

static bool
is_v4(const struct sockio_addr *addr)
{
	return memcmp(addr->ip, v4_prefix, sizeof(v4_prefix)) == 0;
}

/* ---- addresses ---------------------------------------------------------------------------------
 */

static void
from_sockaddr(const struct sockaddr *sa, struct sockio_addr *ret)
{
	memset(ret, 0, sizeof(*ret));
	if (sa->sa_family == AF_INET) {
		const struct sockaddr_in *in = (const struct sockaddr_in *)(const void *)sa;

		memcpy(ret->ip, v4_prefix, sizeof(v4_prefix));
		memcpy(ret->ip + 12, &in->sin_addr, 4);
		ret->port = ntohs(in->sin_port);
	} else {
		const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)(const void *)sa;

		memcpy(ret->ip, &in6->sin6_addr, 16);
		ret->port = ntohs(in6->sin6_port);
	}
}

static socklen_t
to_sockaddr(const struct sockio *sock, const struct sockio_addr *addr,
            struct sockaddr_in6 *ret_storage)
{
	memset(ret_storage, 0, sizeof(*ret_storage));
	if (sock->v4_only) {
		struct sockaddr_in *in = (struct sockaddr_in *)(void *)ret_storage;

		in->sin_family = AF_INET;
		in->sin_port = htons(addr->port);
		memcpy(&in->sin_addr, addr->ip + 12, 4);
		return sizeof(*in);
	}
	ret_storage->sin6_family = AF_INET6;
	ret_storage->sin6_port = htons(addr->port);
	memcpy(&ret_storage->sin6_addr, addr->ip, 16);
	return sizeof(*ret_storage);
}

int
sockio_addr_parse(const char *text, struct sockio_addr *ret_addr)
{
	char host[256];
	const char *colon = strrchr(text, ':');
	const char *begin = text;
	struct addrinfo hints = { .ai_socktype = SOCK_DGRAM, .ai_family = AF_UNSPEC };
	struct addrinfo *found = NULL;
	size_t len;
	char *end;
	long port;

	if (colon == NULL || colon == text)
		return AEF_ERR_INVALID;
	port = strtol(colon + 1, &end, 10);
	if (colon[1] < '0' || colon[1] > '9' || *end != '\0' || port < 0 || port > 65535)
		return AEF_ERR_INVALID;
	len = (size_t)(colon - text);
	if (text[0] == '[') {
		if (text[len - 1] != ']')
			return AEF_ERR_INVALID;
		begin++;
		len -= 2;
	}
	if (len == 0 || len >= sizeof(host))
		return AEF_ERR_INVALID;
	memcpy(host, begin, len);
	host[len] = '\0';
	if (getaddrinfo(host, NULL, &hints, &found) != 0 || found == NULL)
		return AEF_ERR_NOTFOUND;
	from_sockaddr(found->ai_addr, ret_addr);
	ret_addr->port = (uint16_t)port;
	freeaddrinfo(found);
	return 0;
}

void
sockio_addr_format(const struct sockio_addr *addr, char ret_text[56])
{
	char ip[INET6_ADDRSTRLEN] = "?";
	const bool v4 = is_v4(addr);
	struct sockaddr_in6 sa6 = { .sin6_family = AF_INET6 };
	struct sockaddr_in sa4 = { .sin_family = AF_INET };

	memcpy(&sa6.sin6_addr, addr->ip, 16);
	memcpy(&sa4.sin_addr, addr->ip + 12, 4);
	(void)getnameinfo(v4 ? (const struct sockaddr *)&sa4 : (const struct sockaddr *)&sa6,
	                  v4 ? sizeof(sa4) : sizeof(sa6), ip, sizeof(ip), NULL, 0, NI_NUMERICHOST);
	snprintf(ret_text, 56, v4 ? "%s:%u" : "[%s]:%u", ip, addr->port);
}

/* ---- opening -----------------------------------------------------------------------------------
 */

static int
set_option(int fd, int level, int name, int value)
{
	return setsockopt(fd, level, name, &value, sizeof(value));
}

static void
set_options(struct sockio *sock, const struct sockio_conf *conf)
{
	if (conf->buffer_bytes > 0) {
		/* Forced where we may, else as much as the system allows. */
		if (set_option(sock->fd, SOL_SOCKET, SO_RCVBUFFORCE, (int)conf->buffer_bytes) != 0)
			(void)set_option(sock->fd, SOL_SOCKET, SO_RCVBUF, (int)conf->buffer_bytes);
		if (set_option(sock->fd, SOL_SOCKET, SO_SNDBUFFORCE, (int)conf->buffer_bytes) != 0)
			(void)set_option(sock->fd, SOL_SOCKET, SO_SNDBUF, (int)conf->buffer_bytes);
	}
	(void)set_option(sock->fd, IPPROTO_IP, IP_RECVTOS, 1);
	/* Path MTU is discovered by the transport: no fragments. */
	(void)set_option(sock->fd, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_PROBE);
	if (!sock->v4_only) {
		(void)set_option(sock->fd, IPPROTO_IPV6, IPV6_RECVTCLASS, 1);
		(void)set_option(sock->fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, IPV6_PMTUDISC_PROBE);
	}
	sock->gro = !conf->no_gro && set_option(sock->fd, SOL_UDP, UDP_GRO, 1) == 0;
	/* 0 = off: tells only whether the kernel knows the option. */
	sock->gso = !conf->no_gso && set_option(sock->fd, SOL_UDP, UDP_SEGMENT, 0) == 0;
}

static bool
connect_peer(const struct sockio *sock, const struct sockio_addr *peer)
{
	struct sockaddr_in6 sa;
	socklen_t len;

	if (peer->port == 0)
		return true;
	if (sock->v4_only && !is_v4(peer)) {
		errno = EAFNOSUPPORT;
		return false;
	}
	len = to_sockaddr(sock, peer, &sa);
	return connect(sock->fd, (struct sockaddr *)&sa, len) == 0;
}

static int
open_socket(struct sockio *sock, const struct sockio_conf *conf)
{
	static const struct sockio_addr any;
	struct sockaddr_in6 sa;
	socklen_t len = sizeof(sa);
	int saved;

	sock->fd = socket(AF_INET6, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (sock->fd >= 0) {
		(void)set_option(sock->fd, IPPROTO_IPV6, IPV6_V6ONLY, 0);
	} else {
		sock->v4_only = true;
		sock->fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	}
	if (sock->fd < 0)
		return AEF_ERR_IO;
	set_options(sock, conf);
	len = to_sockaddr(sock, memcmp(conf->local.ip, any.ip, 16) == 0 ? &any : &conf->local, &sa);
	sa.sin6_port = htons(conf->local.port);
	if (bind(sock->fd, (struct sockaddr *)&sa, len) != 0 ||
	    getsockname(sock->fd, (struct sockaddr *)&sa, &len) != 0 ||
	    !connect_peer(sock, &conf->peer)) {
		saved = errno;
		close(sock->fd);
		errno = saved;
		return AEF_ERR_IO;
	}
	sock->port = ntohs(sa.sin6_port); /* the port is at the same place in both families */
	return 0;
}

int
sockio_open(const struct sockio_conf *conf, struct sockio **ret_sock)
{
	struct sockio *sock = calloc(1, sizeof(*sock));
	int err;

	if (sock == NULL)
		return AEF_ERR_NOMEM;
	sock->buf = malloc((size_t)RX_BATCH * RX_BUF_BYTES);
	err = sock->buf == NULL ? AEF_ERR_NOMEM : open_socket(sock, conf);
	if (err != 0) {
		free(sock->buf);
		free(sock);
		return err;
	}
	for (unsigned i = 0; i < RX_BATCH; i++)
		sock->iov[i].iov_base = sock->buf + (size_t)i * RX_BUF_BYTES;
	*ret_sock = sock;
	return 0;
}

void
sockio_close(struct sockio *sock)
{
	if (sock == NULL)
		return;
	close(sock->fd);
	free(sock->buf);
	free(sock);
}

int
sockio_fd(const struct sockio *sock)
{
	return sock->fd;
}

uint16_t
sockio_port(const struct sockio *sock)
{
	return sock->port;
}

const struct sockio_stats *
sockio_stats(const struct sockio *sock)
{
	return &sock->stats;
}

/* ---- receiving ---------------------------------------------------------------------------------
 */

static int
fetch(struct sockio *sock)
{
	int nb;

	for (unsigned i = 0; i < RX_BATCH; i++) {
		sock->iov[i].iov_len = RX_BUF_BYTES;
		sock->msgs[i].msg_hdr = (struct msghdr){ .msg_name = &sock->from[i],
			                                 .msg_namelen = sizeof(sock->from[i]),
			                                 .msg_iov = &sock->iov[i],
			                                 .msg_iovlen = 1,
			                                 .msg_control = sock->ctl[i],
			                                 .msg_controllen = CTL_BYTES };
	}
	sock->nb_msgs = sock->next_msg = 0;
	sock->next_off = 0;
	nb = recvmmsg(sock->fd, sock->msgs, RX_BATCH, MSG_DONTWAIT, NULL);
	sock->stats.rx_calls++;
	if (nb >= 0) {
		sock->nb_msgs = (unsigned)nb;
		return nb;
	}
	if (errno == ECONNREFUSED || errno == EHOSTUNREACH || errno == ENETUNREACH) {
		/* An ICMP error for an earlier datagram: forgeable, so it is only counted. */
		sock->stats.rx_unreachable++;
		return 0;
	}
	return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR ? 0 : AEF_ERR_IO;
}

static void
read_control(struct msghdr *hdr, uint8_t *ret_ecn, uint32_t *ret_seg)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(hdr); c != NULL; c = CMSG_NXTHDR(hdr, c)) {
		int value = 0;

		memcpy(&value, CMSG_DATA(c),
		       c->cmsg_len - CMSG_LEN(0) < sizeof(value) ? c->cmsg_len - CMSG_LEN(0)
		                                                 : sizeof(value));
		if ((c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_TOS) ||
		    (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_TCLASS))
			*ret_ecn = (uint8_t)(value & 3);
		if (c->cmsg_level == SOL_UDP && c->cmsg_type == UDP_GRO)
			*ret_seg = (uint32_t)value;
	}
}

/* Hand out the next datagram of message `next_msg`; false when that message is used up. */
static bool
next_of_message(struct sockio *sock, struct sockio_dgram *ret)
{
	struct mmsghdr *m = &sock->msgs[sock->next_msg];
	uint32_t seg = 0;
	uint8_t ecn = 0;

	if (sock->next_off >= m->msg_len)
		return false;
	read_control(&m->msg_hdr, &ecn, &seg);
	ret->data = (uint8_t *)m->msg_hdr.msg_iov->iov_base + sock->next_off;
	ret->len = m->msg_len - sock->next_off;
	if (seg > 0 && ret->len > seg)
		ret->len = seg;
	ret->ecn = ecn;
	from_sockaddr((const struct sockaddr *)&sock->from[sock->next_msg], &ret->peer);
	sock->next_off += ret->len;
	return true;
}

int
sockio_recv(struct sockio *sock, struct sockio_dgram *ret_dgrams, unsigned max)
{
	unsigned nb = 0;

	if (sock->next_msg >= sock->nb_msgs) {
		const int err = fetch(sock);

		if (err <= 0)
			return err;
	}
	while (nb < max && sock->next_msg < sock->nb_msgs) {
		if (!next_of_message(sock, &ret_dgrams[nb])) {
			sock->next_msg++;
			sock->next_off = 0;
			continue;
		}
		if (ret_dgrams[nb].len > SOCKIO_DGRAM_MAX) {
			sock->stats.rx_cut++;
			continue;
		}
		sock->stats.rx_pkts++;
		sock->stats.rx_bytes += ret_dgrams[nb].len;
		nb++;
	}
	return (int)nb;
}

bool
sockio_wait(struct sockio *sock, uint64_t timeout_ns)
{
	struct pollfd pfd = { .fd = sock->fd, .events = POLLIN };
	const struct timespec ts = { .tv_sec = (time_t)(timeout_ns / 1000000000u),
		                     .tv_nsec = (long)(timeout_ns % 1000000000u) };

	if (sock->next_msg < sock->nb_msgs)
		return true;
	return ppoll(&pfd, 1, &ts, NULL) > 0;
}

/* ---- sending -----------------------------------------------------------------------------------
 */

/* One kernel message: a datagram, or a run of equal ones to one destination. */
struct tx_run {
	unsigned first, nb;
	uint32_t seg;
};

static bool
gso_allowed(const struct sockio *sock, const struct sockio_addr *peer)
{
	if (!sock->gso)
		return false;
	for (uint32_t i = 0; i < sock->nb_no_gso; i++)
		if (memcmp(&sock->no_gso[i], peer, sizeof(*peer)) == 0)
			return false;
	return true;
}

static void
gso_forbid(struct sockio *sock, const struct sockio_addr *peer)
{
	sock->stats.gso_fallbacks++;
	if (sock->nb_no_gso == NO_GSO_MAX) {
		sock->gso = false;
		return;
	}
	sock->no_gso[sock->nb_no_gso++] = *peer;
}

static unsigned
run_length(const struct sockio *sock, const struct sockio_dgram *d, unsigned left)
{
	uint32_t bytes = d[0].len;
	unsigned nb = 1;

	if (!gso_allowed(sock, &d[0].peer))
		return 1;
	while (nb < left && nb < GSO_SEGS_MAX && d[nb].ecn == d[0].ecn && d[nb].len <= d[0].len &&
	       bytes + d[nb].len <= GSO_BYTES_MAX &&
	       memcmp(&d[nb].peer, &d[0].peer, sizeof(d[0].peer)) == 0) {
		bytes += d[nb].len;
		nb++;
		if (d[nb - 1].len < d[0].len)
			break; /* only the last segment may be shorter */
	}
	return nb;
}

static void
put_cmsg(struct msghdr *hdr, struct cmsghdr **at, int level, int type, const void *data, size_t len)
{
	struct cmsghdr *c = *at == NULL ? CMSG_FIRSTHDR(hdr) : CMSG_NXTHDR(hdr, *at);

	c->cmsg_level = level;
	c->cmsg_type = type;
	c->cmsg_len = CMSG_LEN(len);
	memcpy(CMSG_DATA(c), data, len);
	*at = c;
}

/* Control data: ECN of this destination's family, and the segment size of a run. */
static void
write_control(struct msghdr *hdr, uint8_t *ctl, const struct sockio *sock,
              const struct sockio_dgram *d, uint32_t seg)
{
	const bool v4 = sock->v4_only || is_v4(&d->peer);
	const int tos = d->ecn;
	const uint16_t seg16 = (uint16_t)seg;
	struct cmsghdr *at = NULL;
	size_t len = 0;

	memset(ctl, 0, CTL_BYTES);
	hdr->msg_control = ctl;
	hdr->msg_controllen = CTL_BYTES;
	if (d->ecn != 0) {
		put_cmsg(hdr, &at, v4 ? IPPROTO_IP : IPPROTO_IPV6, v4 ? IP_TOS : IPV6_TCLASS, &tos,
		         sizeof(tos));
		len += CMSG_SPACE(sizeof(tos));
	}
	if (seg > 0) {
		put_cmsg(hdr, &at, SOL_UDP, UDP_SEGMENT, &seg16, sizeof(seg16));
		len += CMSG_SPACE(sizeof(seg16));
	}
	hdr->msg_controllen = len;
	if (len == 0)
		hdr->msg_control = NULL;
}

static bool
send_run(struct sockio *sock, const struct sockio_dgram *d, unsigned nb)
{
	uint8_t ctl[CTL_BYTES] __attribute__((aligned(8)));
	struct iovec iov[GSO_SEGS_MAX];
	struct sockaddr_in6 sa;
	struct msghdr hdr = { .msg_name = &sa, .msg_iov = iov, .msg_iovlen = nb };

	sock->stats.tx_calls++;
	if (aef_unlikely(sock->refuse_gso)) {
		errno = EIO;
		return false;
	}
	hdr.msg_namelen = to_sockaddr(sock, &d[0].peer, &sa);
	for (unsigned i = 0; i < nb; i++)
		iov[i] = (struct iovec){ d[i].data, d[i].len };
	write_control(&hdr, ctl, sock, d, nb > 1 ? d[0].len : 0);
	return sendmsg(sock->fd, &hdr, MSG_DONTWAIT) >= 0;
}

void
sockio_test_refuse_gso(struct sockio *sock, bool refuse)
{
	sock->refuse_gso = refuse;
}

/* Datagrams that cannot be joined leave by one sendmmsg call. */
static unsigned
send_singles(struct sockio *sock, struct sockio_dgram *d, unsigned nb)
{
	struct mmsghdr msgs[SOCKIO_BURST];
	struct iovec iov[SOCKIO_BURST];
	struct sockaddr_in6 sa[SOCKIO_BURST];
	uint8_t ctl[SOCKIO_BURST][CTL_BYTES] __attribute__((aligned(8)));
	unsigned done = 0, taken = 0;

	for (unsigned i = 0; i < nb; i++) {
		iov[i] = (struct iovec){ d[i].data, d[i].len };
		msgs[i].msg_hdr =
			(struct msghdr){ .msg_name = &sa[i],
			                 .msg_namelen = to_sockaddr(sock, &d[i].peer, &sa[i]),
			                 .msg_iov = &iov[i],
			                 .msg_iovlen = 1 };
		write_control(&msgs[i].msg_hdr, ctl[i], sock, &d[i], 0);
	}
	while (done < nb) {
		const int sent = sendmmsg(sock->fd, msgs + done, nb - done, MSG_DONTWAIT);

		sock->stats.tx_calls++;
		if (sent > 0) {
			taken += (unsigned)sent;
			for (const unsigned end = done + (unsigned)sent; done < end; done++)
				d[done].sent = true;
			continue;
		}
		/* This one cannot leave (too long, no route); the next may. No room: stop. */
		if (errno == EAGAIN || errno == EWOULDBLOCK || errno == ENOBUFS) {
			sock->stats.tx_refused += nb - done;
			break;
		}
		sock->stats.tx_refused++;
		done++;
	}
	return taken;
}

/* Length of the run of single datagrams that starts at d[0]. */
static unsigned
singles_length(const struct sockio *sock, const struct sockio_dgram *d, unsigned left)
{
	unsigned nb = 1;

	while (nb < left && run_length(sock, d + nb, left - nb) == 1)
		nb++;
	return nb;
}

unsigned
sockio_send(struct sockio *sock, struct sockio_dgram *dgrams, unsigned nb)
{
	unsigned done = 0, taken = 0;

	aef_assert(nb <= SOCKIO_BURST);
	for (unsigned i = 0; i < nb; i++)
		dgrams[i].sent = false;
	while (done < nb) {
		struct sockio_dgram *d = dgrams + done;
		unsigned run = run_length(sock, d, nb - done);

		if (run > 1 && send_run(sock, d, run)) {
			taken += run;
			for (unsigned i = 0; i < run; i++)
				d[i].sent = true;
		} else if (run > 1 && (errno == EIO || errno == EINVAL || errno == EMSGSIZE)) {
			/* The path cannot segment: the same data once more, without it. */
			gso_forbid(sock, &d[0].peer);
			taken += send_singles(sock, d, run);
		} else if (run > 1) {
			sock->stats.tx_refused += run;
		} else {
			run = singles_length(sock, d, nb - done);
			taken += send_singles(sock, d, run);
		}
		done += run;
	}
	for (unsigned i = 0; i < nb; i++)
		sock->stats.tx_bytes += dgrams[i].sent ? dgrams[i].len : 0;
	sock->stats.tx_pkts += taken;
	return taken;
}
