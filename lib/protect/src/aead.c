/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * aead.c - AES-256-GCM by ipsec-mb.
 */
#include <pthread.h>

#include <base/err.h>

#include "aead_priv.h"

/* Written once under `once`, then read by every thread. Never freed: it holds no secret, and a
 * thread may still seal while the process ends. */
static pthread_once_t once = PTHREAD_ONCE_INIT;
static IMB_MGR *mgr;
static int once_rc;

bool
protect_aead_features_ok(uint64_t features)
{
	const uint64_t need = IMB_FEATURE_AESNI | IMB_FEATURE_PCLMULQDQ;

	return (features & need) == need;
}

static void
init_once(void)
{
	mgr = alloc_mb_mgr(0);
	if (mgr == NULL) {
		once_rc = AEF_ERR_NOMEM;
		return;
	}
	/* Without AES the library would emulate it, slowly and not in constant time. */
	if (!protect_aead_features_ok(mgr->features)) {
		once_rc = AEF_ERR_UNSUPPORTED;
		return;
	}
	init_mb_mgr_auto(mgr, NULL);
	once_rc = imb_get_errno(mgr) == 0 ? 0 : AEF_ERR_UNSUPPORTED;
}

int
protect_aead_init(void)
{
	(void)pthread_once(&once, init_once); /* fails only for a `once` that is none */
	return once_rc;
}

const char *
protect_aead_arch(void)
{
	switch (mgr->used_arch) {
	case IMB_ARCH_SSE:
		return "SSE";
	case IMB_ARCH_AVX:
		return "AVX";
	case IMB_ARCH_AVX2:
		return "AVX2";
	case IMB_ARCH_AVX512:
		return "AVX512";
	default:
		return "unknown";
	}
}

void
protect_aead_expand(const uint8_t key[CRYPTO_KEY_BYTES], struct protect_aead_key *ret_key)
{
	IMB_AES256_GCM_PRE(mgr, key, &ret_key->data);
}

AEF_HOT void
protect_aead_seal(const struct protect_aead_key *key, struct protect_aead_work *work,
                  const struct protect_aead_text *text, uint8_t ret_tag[CRYPTO_TAG_BYTES])
{
	IMB_AES256_GCM_ENC(mgr, &key->data, &work->gcm, text->text, text->text, text->text_len,
	                   work->nonce, text->aad, text->aad_len, ret_tag, CRYPTO_TAG_BYTES);
}

AEF_HOT bool
protect_aead_open(const struct protect_aead_key *key, struct protect_aead_work *work,
                  const struct protect_aead_text *text, const uint8_t tag[CRYPTO_TAG_BYTES])
{
	uint64_t want[2], is[2];

	IMB_AES256_GCM_DEC(mgr, &key->data, &work->gcm, text->text, text->text, text->text_len,
	                   work->nonce, text->aad, text->aad_len, work->tag, CRYPTO_TAG_BYTES);
	/* Two words without a branch between them: it takes the same time wherever they differ. */
	__builtin_memcpy(want, work->tag, sizeof(want));
	__builtin_memcpy(is, tag, sizeof(is));
	return ((want[0] ^ is[0]) | (want[1] ^ is[1])) == 0;
}
