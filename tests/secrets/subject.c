/* SPDX-License-Identifier: BSD-3-Clause */
#include "subject.h"

#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include <keylog/tap.h>
#include <protect/mem.h>
#include <protect/provider.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int to_parent = -1, from_parent = -1;

static void
put(struct secret_record *record, const uint8_t *bytes, size_t len)
{
	record->len = (uint8_t)len;
	for (size_t i = 0; i < len; i++)
		record->masked[i] = bytes[i] ^ SECRET_MASK(i);
	pthread_mutex_lock(&lock);
	if (to_parent >= 0 && write(to_parent, record, sizeof(*record)) != sizeof(*record))
		_exit(3);
	pthread_mutex_unlock(&lock);
}

static void
on_secret(void *arg, const struct keylog_secret *secret)
{
	struct secret_record record = { .kind = (uint8_t)secret->kind,
		                        .epoch = (uint8_t)secret->epoch,
		                        .by_server = secret->by_server };

	(void)arg;
	put(&record, secret->bytes, secret->len);
}

/* Names of the linker's --wrap. */
int __real_protect_random(void *ret, size_t len);
int __wrap_protect_random(void *ret, size_t len);

/* Shorter ones are nonces and client randoms, which are public. */
int
__wrap_protect_random(void *ret, size_t len)
{
	const int rc = __real_protect_random(ret, len);
	struct secret_record record = { .kind = KIND_RANDOM };

	if (rc == 0 && (len == 32 || len == 64))
		put(&record, ret, len);
	return rc;
}

int
subject_leaky(void)
{
	const struct protect_conf conf = { .keys_max = 1 };
	const uint8_t label = 1;
	const struct crypto_bytes parts[] = { { &label, 1 }, { "connection id...", 16 } };
	uint8_t psk[CRYPTO_PSK_BYTES], mac[CRYPTO_MAC_BYTES];
	uint8_t *volatile leak = malloc(4096); /* or the compiler sees that nobody reads it */
	struct protect *protect = NULL;

	if (leak == NULL || protect_create(&conf, &protect) != 0 ||
	    protect_random(psk, sizeof(psk)) != 0)
		return 1;
	/* The tap hears of it, as of any psk. */
	protect_provider(protect)->mac(protect_provider(protect)->ctx, psk, parts, 2, mac);
	for (unsigned i = 0; i < 8; i++)
		((volatile uint8_t *)leak)[1001 + i] = psk[13 + i];
	crypto_wipe(psk, sizeof(psk));
	subject_stage(STAGE_LIVE);
	free(leak);
	return 0;
}

void
subject_begin(int out, int in)
{
	to_parent = out;
	from_parent = in;
	keylog_tap(on_secret, NULL);
}

void
subject_stage(enum stage stage)
{
	struct secret_record record = { .kind = (uint8_t)stage };
	uint8_t go;

	put(&record, NULL, 0);
	if (read(from_parent, &go, 1) != 1)
		_exit(3);
	if (go == 'a')
		abort(); /* the parent wants the kernel's core dump */
}
