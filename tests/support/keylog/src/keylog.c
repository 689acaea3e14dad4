/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdio.h>

#include <base/err.h>
#include <keylog/keylog.h>
#include <keylog/tap.h>

/* A program that links this object is refused as a release. */
const char aef_test_only_keylog[] = "writes traffic keys to a file";

static FILE *out;

static void
put_hex(const uint8_t *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++)
		(void)fprintf(out, "%02x", bytes[i]);
}

static void
on_secret(void *arg, const struct keylog_secret *secret)
{
	(void)arg;
	if (secret->kind != KEYLOG_KEY)
		return;
	(void)fprintf(out, "%s ", secret->by_server ? "s2c" : "c2s");
	put_hex(secret->conn_id.b, sizeof(secret->conn_id.b));
	(void)fprintf(out, " %u ", secret->epoch);
	put_hex(secret->bytes, CRYPTO_KEY_BYTES);
	(void)fprintf(out, " ");
	put_hex(secret->bytes + CRYPTO_KEY_BYTES, CRYPTO_IV_BYTES);
	(void)fprintf(out, "\n");
	(void)fflush(out); /* Wireshark reads it while it grows */
}

int
keylog_open(const char *path)
{
	out = fopen(path, "we");
	if (out == NULL)
		return AEF_ERR_IO;
	keylog_tap(on_secret, NULL);
	return 0;
}

int
keylog_close(void)
{
	bool failed;

	keylog_tap(NULL, NULL);
	failed = ferror(out) != 0;
	failed = fclose(out) != 0 || failed;
	out = NULL;
	return failed ? AEF_ERR_IO : 0;
}
