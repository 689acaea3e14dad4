/* SPDX-License-Identifier: BSD-3-Clause */
#include <arpa/inet.h>
#include <stdlib.h>

#include <base/err.h>
#include <dpio/net.h>

static const struct {
	const char *name;
	const char *help;
} verdict_texts[] = {
#define VERDICT_TEXT(name_, text_, help_) { text_, help_ },
	NET_VERDICTS(VERDICT_TEXT)
#undef VERDICT_TEXT
};
static_assert(AEF_DIM(verdict_texts) == NET_NB_VERDICTS, "one text for each verdict");

const char *
net_verdict_name(enum net_verdict verdict)
{
	return (uint32_t)verdict < NET_NB_VERDICTS ? verdict_texts[verdict].name : "unknown";
}

const char *
net_verdict_help(enum net_verdict verdict)
{
	return (uint32_t)verdict < NET_NB_VERDICTS ? verdict_texts[verdict].help : "";
}

void
net_local_finish(struct net_local *local)
{
	const uint8_t *mac = local->mac;
	const uint8_t ll[16] = { 0xfe,       0x80,   0,      0,    0,    0,      0,      0,
		                 mac[0] ^ 2, mac[1], mac[2], 0xff, 0xfe, mac[3], mac[4], mac[5] };

	memcpy(local->ipv6_ll.b, ll, sizeof(ll));
}

/* "24" after the slash; the address stands before it in @p addr. */
static int
prefix_split(const char *text, char *addr, size_t cap, uint8_t max_bits, uint8_t *ret_prefix)
{
	const size_t len = strcspn(text, "/");
	const char *digits = text + len;
	char *end;
	long bits;

	if (len >= cap)
		return AEF_ERR_MALFORMED;
	memcpy(addr, text, len);
	addr[len] = '\0';
	if (ret_prefix == NULL)
		return *digits == '\0' ? 0 : AEF_ERR_MALFORMED;
	if (digits[0] != '/' || digits[1] < '1' || digits[1] > '9')
		return AEF_ERR_MALFORMED;
	bits = strtol(digits + 1, &end, 10);
	if (*end != '\0' || bits > max_bits)
		return AEF_ERR_MALFORMED;
	*ret_prefix = (uint8_t)bits;
	return 0;
}

int
net_ip_parse(const char *text, struct net_ip *ret_ip, uint8_t *ret_prefix)
{
	const bool v6 = strchr(text, ':') != NULL;
	char addr[NET_IP_TEXT_BYTES];
	uint8_t raw[16], prefix = 0;

	if (prefix_split(text, addr, sizeof(addr), v6 ? 128 : 32,
	                 ret_prefix != NULL ? &prefix : NULL) < 0 ||
	    inet_pton(v6 ? AF_INET6 : AF_INET, addr, raw) != 1)
		return AEF_ERR_MALFORMED;
	if (v6)
		memcpy(ret_ip->b, raw, 16);
	else
		*ret_ip = net_ip_from_v4(raw);
	if (ret_prefix != NULL)
		*ret_prefix = prefix;
	return 0;
}

static int
hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

int
net_mac_parse(const char *text, uint8_t ret_mac[NET_MAC_BYTES])
{
	static const uint8_t none[NET_MAC_BYTES];
	uint8_t mac[NET_MAC_BYTES];

	if (strlen(text) != 17)
		return AEF_ERR_MALFORMED;
	for (unsigned i = 0; i < NET_MAC_BYTES; i++) {
		const int hi = hex_digit(text[3 * i]), lo = hex_digit(text[3 * i + 1]);

		if (hi < 0 || lo < 0 || text[3 * i + 2] != (i < 5 ? ':' : '\0'))
			return AEF_ERR_MALFORMED;
		mac[i] = (uint8_t)(hi << 4 | lo);
	}
	if ((mac[0] & 1) != 0 || memcmp(mac, none, sizeof(mac)) == 0)
		return AEF_ERR_MALFORMED;
	memcpy(ret_mac, mac, sizeof(mac));
	return 0;
}

void
net_ip_format(const struct net_ip *ip, char ret_text[NET_IP_TEXT_BYTES])
{
	const bool v4 = net_ip_is_v4(ip);

	if (inet_ntop(v4 ? AF_INET : AF_INET6, v4 ? ip->b + 12 : ip->b, ret_text,
	              NET_IP_TEXT_BYTES) == NULL)
		ret_text[0] = '\0'; /* cannot happen: the buffer holds the longest text */
}
