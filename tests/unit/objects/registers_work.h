/* SPDX-License-Identifier: BSD-3-Clause */
/* registers_work.h - one set of registers, patches as text, and what comes of them. */
#ifndef TESTS_UNIT_OBJECTS_REGISTERS_WORK_H
#define TESTS_UNIT_OBJECTS_REGISTERS_WORK_H

#include <objects/registers.h>

#include "harness.h"
#include "registers_priv.h"

#define BUDGET   (64u << 20)
#define TEXT_MAX (1u << 16)

AEF_UNUSED static struct aef_alloc alloc;
AEF_UNUSED static struct registers regs, before;

AEF_UNUSED static void *
heap_get(void *ctx, size_t bytes)
{
	(void)ctx;
	return malloc(bytes);
}

AEF_UNUSED static void
heap_put(void *ctx, void *p, size_t bytes)
{
	(void)ctx;
	(void)bytes;
	free(p);
}

AEF_UNUSED static void
start(uint64_t budget)
{
	alloc = (struct aef_alloc){ .alloc = heap_get, .free = heap_put, .budget_bytes = budget };
	registers_init(&regs);
	registers_init(&before);
}

AEF_UNUSED static void
finish(void)
{
	registers_fini(&regs, &alloc);
	registers_fini(&before, &alloc);
	ck_assert_uint_eq(alloc.used_bytes, 0);
}

AEF_UNUSED static struct registers_stamp
stamp(uint64_t version, uint8_t user)
{
	return (struct registers_stamp){ version, { { user } } };
}

AEF_UNUSED static int
patch_as(const char *patch, uint64_t version, uint8_t user, uint64_t undo_from)
{
	const struct registers_stamp s = stamp(version, user);
	struct json_reader reader;

	json_reader_init(&reader, (const uint8_t *)patch, strlen(patch));
	return registers_patch(&regs, &alloc, &reader, &s, undo_from);
}

AEF_UNUSED static void
apply_as(const char *patch, uint64_t version, uint8_t user)
{
	ck_assert_int_eq(patch_as(patch, version, user, 0), 0);
}

/* What is there now is what overwritten work and inverse are told against. */
AEF_UNUSED static void
remember(void)
{
	registers_fini(&before, &alloc);
	ck_assert_int_eq(registers_copy(&regs, &alloc, &before), 0);
}

AEF_UNUSED static void
load(const char *value)
{
	const struct registers_stamp s = stamp(1, 1);
	struct json_reader reader;

	json_reader_init(&reader, (const uint8_t *)value, strlen(value));
	ck_assert_int_eq(registers_load(&regs, &alloc, &reader, &s), 0);
}

AEF_UNUSED static const char *
text(void)
{
	static uint8_t buf[TEXT_MAX];
	struct json_writer w;

	json_writer_init(&w, buf, sizeof(buf) - 1);
	registers_write(&regs, &w);
	ck_assert(!json_writer_failed(&w));
	buf[json_writer_bytes(&w)] = '\0';
	return (const char *)buf;
}

/* What leads back to what was remembered. */
AEF_UNUSED static const char *
inverse(void)
{
	static uint8_t buf[TEXT_MAX];
	struct json_writer w;

	json_writer_init(&w, buf, sizeof(buf) - 1);
	if (!registers_inverse(&before, &regs, &w))
		return "";
	ck_assert(!json_writer_failed(&w));
	buf[json_writer_bytes(&w)] = '\0';
	return (const char *)buf;
}

#endif
