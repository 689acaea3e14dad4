/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * engine.h - two ends of a transport on one core, joined in memory (ENet: by loopback sockets).
 */
#ifndef TESTS_BENCH_ENGINE_H
#define TESTS_BENCH_ENGINE_H

#include "bench.h"
#include "protection.h"

#define ENGINE_MSG_MAX 1200u

/**
 * Connect two ends that exchange reliable, ordered messages of @p bytes in one direction.
 *
 * @param provider of both ends; @p issuer seals the token that it opens
 * @return a context for the run function, or NULL when the ends do not connect
 */
void *engine_quantum_open(uint32_t bytes, const struct crypto_provider *provider,
                          struct protect *issuer);
struct bench_sample engine_quantum_run(void *ctx, uint64_t round_ns);
void engine_quantum_close(void *ctx);

void *engine_usrsctp_open(uint32_t bytes);
struct bench_sample engine_usrsctp_run(void *ctx, uint64_t round_ns);
void engine_usrsctp_close(void *ctx);

void *engine_enet_open(uint32_t bytes);
struct bench_sample engine_enet_run(void *ctx, uint64_t round_ns);
void engine_enet_close(void *ctx);

#endif
