/* SPDX-License-Identifier: BSD-3-Clause */
#include "protection.h"

#define GROUP 1u

int
protection_open(struct protection *p, uint32_t keys_max)
{
	struct protect_conf conf = { .keys_max = keys_max };
	int rc;

	*p = (struct protection){ 0 };
	rc = protect_ring_create(GROUP, &p->ring);
	conf.ring = p->ring;
	if (rc == 0)
		rc = protect_create(&conf, &p->server);
	if (rc == 0)
		rc = protect_create(&conf, &p->client);
	conf.keys_max = 1;
	if (rc == 0)
		rc = protect_create(&conf, &p->handshake);
	return rc;
}

void
protection_close(struct protection *p)
{
	protect_destroy(p->server);
	protect_destroy(p->client);
	protect_destroy(p->handshake);
	protect_ring_close(p->ring);
	*p = (struct protection){ 0 };
}
