/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * keylog/tap.h - hear of every secret that a provider makes or is given.
 *
 * In a program that names this module in DEPS the linker puts keylog_wrap() around what
 * protect_provider() returns, anywhere in it.
 *
 * Context: any thread; the listener is called under a lock, on the thread of the provider.
 */
#ifndef KEYLOG_TAP_H
#define KEYLOG_TAP_H

#include <base/guuid.h>
#include <crypto/provider.h>

enum keylog_kind {
	KEYLOG_PSK,    /* 32 bytes, secret of a token */
	KEYLOG_PRIV,   /* 32 bytes, X25519 private key */
	KEYLOG_SHARED, /* 32 bytes, X25519 shared value */
	KEYLOG_PRK,    /* 32 bytes */
	KEYLOG_SECRET, /* 32 bytes, traffic secret of a direction and epoch */
	KEYLOG_KEY,    /* 44 bytes, traffic key and IV of a direction and epoch */
};

/* One secret; borrowed for the call. */
struct keylog_secret {
	enum keylog_kind kind;
	const uint8_t *bytes;
	size_t len;
	struct aef_guuid conn_id; /* C, from KEYLOG_PRK on; zero where it is not known */
	bool by_server;           /* KEYLOG_SECRET, KEYLOG_KEY: of packets from server to client */
	uint32_t epoch;           /* likewise */
};

/** Must not keep or print the bytes without thought: they are what must not be found later. */
typedef void (*keylog_tap_fn)(void *arg, const struct keylog_secret *secret);

/** Install the one listener of the process, or remove it (NULL). */
void keylog_tap(keylog_tap_fn fn, void *arg);

/**
 * A provider that does what @p real does, and tells the listener.
 *
 * @return static as long as the process lives; the same for the same @p real
 */
const struct crypto_provider *keylog_wrap(const struct crypto_provider *real);

/** Name of a kind for reports, static storage. */
const char *keylog_kind_name(enum keylog_kind kind);

#endif
