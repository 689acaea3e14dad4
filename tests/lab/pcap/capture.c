/* SPDX-License-Identifier: BSD-3-Clause */
#include "capture.h"

#include <stdio.h>
#include <string.h>

#include <base/bytes.h>

#define LINKTYPE_RAW 101u /* packets begin with the IP header */

static FILE *out;
static uint32_t nb_packets;

static void
put(const void *data, size_t len)
{
	(void)fwrite(data, 1, len, out); /* capture_close() tells of errors */
}

static void
put_le32(uint32_t v)
{
	const uint8_t b[4] = { (uint8_t)v, (uint8_t)(v >> 8), (uint8_t)(v >> 16),
		               (uint8_t)(v >> 24) };

	put(b, sizeof(b));
}

bool
capture_open(const char *path)
{
	out = fopen(path, "wb");
	if (out == NULL)
		return false;
	put_le32(0xa1b2c3d4);
	put_le32(2 | (4 << 16));
	put_le32(0);
	put_le32(0);
	put_le32(65535);
	put_le32(LINKTYPE_RAW);
	return true;
}

void
capture_put(const uint8_t addrs[8], uint16_t from, uint16_t to, const uint8_t *data, size_t len)
{
	uint8_t ip[28] = { 0x45 };
	uint32_t sum = 0;

	aef_store_be16(ip + 2, (uint16_t)(28 + len));
	ip[8] = 64;
	ip[9] = 17;
	memcpy(ip + 12, addrs, 8);
	for (unsigned i = 0; i < 20; i += 2)
		sum += aef_load_be16(ip + i);
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	aef_store_be16(ip + 10, (uint16_t)~sum);
	aef_store_be16(ip + 20, from);
	aef_store_be16(ip + 22, to);
	aef_store_be16(ip + 24, (uint16_t)(8 + len)); /* UDP checksum 0: none */
	put_le32(++nb_packets);
	put_le32(0);
	put_le32((uint32_t)(28 + len));
	put_le32((uint32_t)(28 + len));
	put(ip, sizeof(ip));
	put(data, len);
}

bool
capture_close(void)
{
	const bool failed = ferror(out) != 0;

	return fclose(out) == 0 && !failed;
}
