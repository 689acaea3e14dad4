/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Two programs on one kernel interface would both answer every packet, and AF_PACKET lets them. So
 * each holds a socket of an abstract name: it belongs to the network namespace, as the interface
 * does, it is in no file system, and it ends with the process.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <base/err.h>

#include "dpio_priv.h"

int
dpio_iface_lock(const char *device, int *ret_fd)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX }; /* sun_path[0] stays 0: abstract */
	const char *iface = strstr(device, ",iface=");
	int fd, len;

	*ret_fd = -1;
	if (iface == NULL)
		return 0;
	iface += sizeof(",iface=") - 1;
	len = snprintf(addr.sun_path + 1, sizeof(addr.sun_path) - 1, "aetherflow/iface/%.*s",
	               (int)strcspn(iface, ","), iface);
	if (len < 0 || (size_t)len >= sizeof(addr.sun_path) - 1)
		return 0; /* no interface has such a name; the driver says so */
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return AEF_ERR_IO;
	if (bind(fd, (const struct sockaddr *)&addr,
	         (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)len)) != 0) {
		const int rc = errno == EADDRINUSE ? AEF_ERR_STATE : AEF_ERR_IO;

		(void)close(fd);
		return rc;
	}
	*ret_fd = fd;
	return 0;
}
