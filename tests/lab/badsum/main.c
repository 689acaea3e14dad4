/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * badsum ADDRESS PORT COUNT - send COUNT UDP packets over IPv4 whose checksum is wrong by one, for
 * the lab's test that checksums are verified in software. Needs root (raw socket).
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <base/bytes.h>

#define PAYLOAD_BYTES 64u
#define SOURCE_PORT   40000u

/* Ones' complement sum of 16-bit words, @p len even. */
static uint32_t
sum16(uint32_t sum, const uint8_t *data, size_t len)
{
	for (size_t i = 0; i < len; i += 2)
		sum += aef_load_be16(data + i);
	return sum;
}

/* The address the kernel would send from: connect a socket and look. */
static bool
find_source(const struct sockaddr_in *to, struct in_addr *ret_from)
{
	struct sockaddr_in from;
	socklen_t len = sizeof(from);
	const int fd = socket(AF_INET, SOCK_DGRAM, 0);
	const bool ok = fd >= 0 && connect(fd, (const struct sockaddr *)to, sizeof(*to)) == 0 &&
	                getsockname(fd, (struct sockaddr *)&from, &len) == 0;

	if (fd >= 0)
		close(fd);
	if (ok)
		*ret_from = from.sin_addr;
	return ok;
}

static void
build(uint8_t udp[8 + PAYLOAD_BYTES], const struct in_addr *from, const struct sockaddr_in *to)
{
	uint8_t pseudo[12] = { 0 };
	uint32_t sum;

	memset(udp, 0x5a, 8 + PAYLOAD_BYTES);
	aef_store_be16(udp, SOURCE_PORT);
	memcpy(udp + 2, &to->sin_port, 2);
	aef_store_be16(udp + 4, 8 + PAYLOAD_BYTES);
	aef_store_be16(udp + 6, 0);
	memcpy(pseudo, from, 4);
	memcpy(pseudo + 4, &to->sin_addr, 4);
	pseudo[9] = IPPROTO_UDP;
	aef_store_be16(pseudo + 10, 8 + PAYLOAD_BYTES);
	sum = sum16(sum16(0, pseudo, sizeof(pseudo)), udp, 8 + PAYLOAD_BYTES);
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	/* One off, and never 0, which would mean that there is none. */
	sum = (uint16_t)(~sum + 1);
	aef_store_be16(udp + 6, sum != 0 ? (uint16_t)sum : 0x1234);
}

int
main(int argc, char **argv)
{
	struct sockaddr_in to = { .sin_family = AF_INET };
	uint8_t udp[8 + PAYLOAD_BYTES];
	struct in_addr from;
	int fd;

	if (argc != 4 || inet_pton(AF_INET, argv[1], &to.sin_addr) != 1) {
		fprintf(stderr, "usage: badsum ADDRESS PORT COUNT\n");
		return 2;
	}
	to.sin_port = htons((uint16_t)strtoul(argv[2], NULL, 10));
	fd = socket(AF_INET, SOCK_RAW, IPPROTO_UDP);
	if (fd < 0 || !find_source(&to, &from)) {
		perror("badsum");
		return 1;
	}
	build(udp, &from, &to);
	to.sin_port = 0;
	for (unsigned long i = 0; i < strtoul(argv[3], NULL, 10); i++)
		if (sendto(fd, udp, sizeof(udp), 0, (struct sockaddr *)&to, sizeof(to)) < 0) {
			perror("badsum");
			return 1;
		}
	close(fd);
	return 0;
}
