/* SPDX-License-Identifier: BSD-3-Clause */
#include <string.h>

#include <base/err.h>

#include "conn_priv.h"

/* One row a pool: where it is, its size field, and what one object is. */
#define ENV_POOLS(X)                                                                               \
	X(conns, conns, struct quantum_conn)                                                       \
	X(sent_pkts, sent_pkts, struct quantum_sent)                                               \
	X(frames, frames, struct quantum_frame)                                                    \
	X(msgs_out, msgs_out, struct quantum_msg_out)                                              \
	X(segs, segs, struct quantum_seg_node)                                                     \
	X(msgs_in, msgs_in, struct quantum_msg_in)                                                 \
	X(ranges, ranges, struct aef_range)                                                        \
	X(chans, chans, struct quantum_chan)                                                       \
	X(nodes, nodes, struct quantum_window_node)                                                \
	X(keys, keys, struct quantum_key_table)                                                    \
	X(fec_tx, fec_tx, struct fec_tx)                                                           \
	X(fec_rx, fec_rx, struct fec_rx)                                                           \
	X(replays, replays, uint8_t[CRYPTO_REPLAY_BLOCK_BYTES])

static const struct env_pool {
	size_t pool_at;
	size_t conf_at;
	size_t obj_bytes;
	const char *name;
	bool is_secret; /* in the memory for secrets */
} env_pools[] = {
#define ENV_POOL_ROW(pool, size, type)                                                             \
	{ offsetof(struct quantum_env, pool), offsetof(struct quantum_env_conf, size),             \
	  sizeof(type), #pool, false },
	ENV_POOLS(ENV_POOL_ROW)
#undef ENV_POOL_ROW
		{ offsetof(struct quantum_env, secrets), offsetof(struct quantum_env_conf, conns),
	          sizeof(struct conn_keys), "secrets", true },
};

#define VERDICT_NAME(name, text) #name,
#define VERDICT_TEXT(name, text) text,
static const char *const verdict_names[] = { QUANTUM_VERDICTS(VERDICT_NAME) };
static const char *const verdict_texts[] = { QUANTUM_VERDICTS(VERDICT_TEXT) };

#define TRACE_NAME(name, a, b) #name,
static const char *const trace_names[] = { QUANTUM_TRACES(TRACE_NAME) };

const char *
quantum_verdict_name(enum quantum_verdict verdict)
{
	return (unsigned)verdict < QUANTUM_NB_VERDICTS ? verdict_names[verdict] : "?";
}

const char *
quantum_verdict_text(enum quantum_verdict verdict)
{
	return (unsigned)verdict < QUANTUM_NB_VERDICTS ? verdict_texts[verdict] : "?";
}

const char *
quantum_trace_name(enum quantum_trace what)
{
	return (unsigned)what < QUANTUM_NB_TRACES ? trace_names[what] : "?";
}

void
quantum_env_conf_scale(struct quantum_env_conf *ret_conf, uint32_t nb_conns, uint32_t busy)
{
	*ret_conf = (struct quantum_env_conf){
		.conns = nb_conns,
		.sent_pkts = nb_conns * 4 + busy * 2048,
		.frames = nb_conns * 4 + busy * 4096,
		.msgs_out = nb_conns * 4 + busy * 4096,
		.segs = nb_conns * 4 + busy * 8192,
		.msgs_in = nb_conns * 4 + busy * 4096,
		.ranges = nb_conns * 4 + busy * 1024,
		.chans = nb_conns * 4 + busy * 16,
		.nodes = nb_conns * 2 + busy * 256,
		.keys = nb_conns + busy * 4,
		.fec_tx = busy + 1,
		.fec_rx = busy + 1,
		.replays = nb_conns * 2 + busy * 4,
	};
}

static uint32_t
conf_size(const struct quantum_env_conf *conf, unsigned i)
{
	uint32_t nb;

	memcpy(&nb, (const uint8_t *)conf + env_pools[i].conf_at, sizeof(nb));
	return nb;
}

static size_t
line_up(size_t bytes)
{
	return (bytes + AEF_CACHE_LINE - 1) & ~(size_t)(AEF_CACHE_LINE - 1);
}

static size_t
pools_bytes(const struct quantum_env_conf *conf, bool secret)
{
	size_t bytes = 0;

	for (unsigned i = 0; i < AEF_DIM(env_pools); i++)
		if (env_pools[i].is_secret == secret)
			bytes += line_up(
				aef_pool_mem_bytes(env_pools[i].obj_bytes, conf_size(conf, i)));
	return bytes;
}

size_t
quantum_env_bytes(const struct quantum_env_conf *conf)
{
	return line_up(sizeof(struct quantum_env)) + pools_bytes(conf, false);
}

size_t
quantum_env_secret_bytes(const struct quantum_env_conf *conf)
{
	return pools_bytes(conf, true);
}

static struct aef_pool *
pool_at(struct quantum_env *env, unsigned i)
{
	return (struct aef_pool *)(void *)((uint8_t *)env + env_pools[i].pool_at);
}

struct quantum_env *
quantum_env_init(void *mem, void *secret_mem, const struct quantum_env_conf *conf,
                 const struct crypto_provider *provider, const struct quantum_buf_ops *buf,
                 uint64_t seed)
{
	struct quantum_env *env = mem;
	uint8_t *at[2] = { (uint8_t *)mem + line_up(sizeof(*env)), secret_mem };

	aef_assert((((uintptr_t)mem | (uintptr_t)secret_mem) & (AEF_CACHE_LINE - 1)) == 0);
	memset(env, 0, sizeof(*env));
	env->conf = *conf;
	env->crypto = provider;
	env->buf = *buf;
	aef_rng_init(&env->rng, seed);
	for (unsigned i = 0; i < AEF_DIM(env_pools); i++) {
		const struct env_pool *p = &env_pools[i];
		const uint32_t nb = conf_size(conf, i);

		aef_pool_init(pool_at(env, i), p->name, at[p->is_secret], p->obj_bytes, nb);
		at[p->is_secret] += line_up(aef_pool_mem_bytes(p->obj_bytes, nb));
	}
	env->chan_pools = (struct quantum_chan_pools){
		.chans = &env->chans,
		.msgs_out = &env->msgs_out,
		.msgs_in = &env->msgs_in,
		.segs = &env->segs,
		.frames = &env->frames,
		.ranges = &env->ranges,
		.nodes = &env->nodes,
		.keys = &env->keys,
		.buf = &env->buf,
	};
	fec_codec_init(&env->fec);
	return env;
}

void
quantum_env_set_trace(struct quantum_env *env, quantum_trace_fn fn, void *ctx)
{
	env->trace = fn;
	env->trace_ctx = ctx;
}

uint32_t
quantum_env_nb_pools(const struct quantum_env *env)
{
	(void)env;
	return AEF_DIM(env_pools);
}

const struct aef_pool *
quantum_env_pool(const struct quantum_env *env, uint32_t idx)
{
	return (const struct aef_pool *)(const void *)((const uint8_t *)env +
	                                               env_pools[idx].pool_at);
}
