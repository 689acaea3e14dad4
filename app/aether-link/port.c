/* SPDX-License-Identifier: BSD-3-Clause */
#include "port.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/virtio_net.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <base/err.h>

#define RCVBUF_BYTES (8 << 20) /* 50 ms of 1 Gbit/s: a late wake-up loses nothing */

static int
fail(struct port *port, char *err, size_t err_size, const char *what)
{
	snprintf(err, err_size, "Interface %s: %s: %s.", port->name, what, strerror(errno));
	port_close(port);
	return AEF_ERR_IO;
}

static bool
is_up(const struct port *port)
{
	struct ifreq req = { 0 };

	memcpy(req.ifr_name, port->name, sizeof(req.ifr_name));
	return ioctl(port->fd, SIOCGIFFLAGS, &req) == 0 && (req.ifr_flags & IFF_UP) != 0;
}

static int
set_options(struct port *port)
{
	const struct packet_mreq promisc = { .mr_ifindex = port->ifindex,
		                             .mr_type = PACKET_MR_PROMISC };
	const int on = 1, rcvbuf = RCVBUF_BYTES;

	/* Not worth stopping for: the default buffer does for slow links. */
	(void)setsockopt(port->fd, SOL_SOCKET, SO_RCVBUFFORCE, &rcvbuf, sizeof(rcvbuf));
	if (setsockopt(port->fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &on, sizeof(on)) != 0 ||
	    setsockopt(port->fd, SOL_PACKET, PACKET_AUXDATA, &on, sizeof(on)) != 0 ||
	    setsockopt(port->fd, SOL_PACKET, PACKET_VNET_HDR, &on, sizeof(on)) != 0)
		return -1;
	return setsockopt(port->fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &promisc, sizeof(promisc));
}

int
port_open(struct port *port, const char *name, char *err, size_t err_size)
{
	*port = (struct port){ .fd = -1 };
	if (strlen(name) >= sizeof(port->name) || if_nametoindex(name) == 0) {
		snprintf(err, err_size,
		         "There is no interface \"%.40s\" in this network namespace; ip link "
		         "lists them.",
		         name);
		return AEF_ERR_NOTFOUND;
	}
	memcpy(port->name, name, strlen(name) + 1);
	port->ifindex = (int)if_nametoindex(name);
	/* Protocol 0: nothing is queued before the socket is bound to the one interface. */
	port->fd = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (port->fd < 0 && (errno == EPERM || errno == EACCES)) {
		snprintf(err, err_size,
		         "Raw packet sockets need root or CAP_NET_RAW: run aether-link as root.");
		return AEF_ERR_DENIED;
	}
	if (port->fd < 0)
		return fail(port, err, err_size, "cannot open a packet socket");
	if (!is_up(port)) {
		snprintf(err, err_size, "Interface %s is down: ip link set %s up.", port->name,
		         port->name);
		port_close(port);
		return AEF_ERR_STATE;
	}
	if (set_options(port) != 0)
		return fail(port, err, err_size, "cannot set up the packet socket");

	const struct sockaddr_ll addr = { .sll_family = AF_PACKET,
		                          .sll_protocol = htons(ETH_P_ALL),
		                          .sll_ifindex = port->ifindex };

	if (bind(port->fd, (const struct sockaddr *)&addr, sizeof(addr)) != 0)
		return fail(port, err, err_size, "cannot bind the packet socket");
	return 0;
}

void
port_close(struct port *port)
{
	if (port->fd >= 0)
		close(port->fd);
	port->fd = -1;
}

/* A receive error: nothing waiting, the interface went down (it may come back), or it is gone. */
static int
recv_error(struct port *port)
{
	char name[IFNAMSIZ];

	if (errno == EAGAIN || errno == EINTR)
		return AEF_ERR_AGAIN;
	port->rx_errors++;
	if (if_indextoname((unsigned)port->ifindex, name) == NULL)
		return AEF_ERR_IO;
	return AEF_ERR_AGAIN;
}

static const struct tpacket_auxdata *
find_auxdata(struct msghdr *msg)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c != NULL; c = CMSG_NXTHDR(msg, c)) {
		if (c->cmsg_level == SOL_PACKET && c->cmsg_type == PACKET_AUXDATA &&
		    c->cmsg_len >= CMSG_LEN(sizeof(struct tpacket_auxdata)))
			return (const struct tpacket_auxdata *)(const void *)CMSG_DATA(c);
	}
	return NULL;
}

int
port_recv(struct port *port, struct frame *frame)
{
	alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(struct tpacket_auxdata))];
	struct virtio_net_hdr hdr = { 0 };
	struct iovec iov[2] = { { &hdr, sizeof(hdr) }, { frame->buf + FRAME_HEADROOM, FRAME_MAX } };
	struct msghdr msg = { .msg_iov = iov,
		              .msg_iovlen = 2,
		              .msg_control = control,
		              .msg_controllen = sizeof(control) };
	const ssize_t got = recvmsg(port->fd, &msg, MSG_DONTWAIT | MSG_TRUNC);

	if (got < 0)
		return recv_error(port);
	port->rx++;
	frame->off = FRAME_HEADROOM;
	if ((size_t)got <= sizeof(hdr) || (msg.msg_flags & MSG_TRUNC) != 0 ||
	    hdr.gso_type != VIRTIO_NET_HDR_GSO_NONE) {
		port->rx_too_long++;
		return 0;
	}

	uint32_t len = (uint32_t)((size_t)got - sizeof(hdr));

	if ((hdr.flags & VIRTIO_NET_HDR_F_NEEDS_CSUM) != 0 &&
	    !frame_finish_checksum(frame->buf + frame->off, len, hdr.csum_start, hdr.csum_offset))
		port->rx_errors++;

	const struct tpacket_auxdata *aux = find_auxdata(&msg);

	if (aux != NULL && (aux->tp_status & TP_STATUS_VLAN_VALID) != 0) {
		const bool tpid = (aux->tp_status & TP_STATUS_VLAN_TPID_VALID) != 0;

		len = frame_put_tag(frame, len, tpid ? aux->tp_vlan_tpid : ETH_P_8021Q,
		                    aux->tp_vlan_tci);
	}
	return (int)len;
}

void
port_send(struct port *port, const uint8_t *data, uint32_t len)
{
	struct virtio_net_hdr hdr = { 0 }; /* nothing left to do for the kernel */
	struct iovec iov[2] = { { &hdr, sizeof(hdr) }, { (void *)(uintptr_t)data, len } };
	const struct msghdr msg = { .msg_iov = iov, .msg_iovlen = 2 };

	if (sendmsg(port->fd, &msg, MSG_DONTWAIT) < 0)
		port->tx_errors++;
	else
		port->tx++;
}
