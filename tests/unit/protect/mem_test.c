/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * mem_test.c - pages for secrets: where they are, who sees them, what is left of them.
 */
#include <errno.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <base/err.h>
#include <protect/mem.h>

#include "harness.h"
#include "scrub_priv.h"

/* AddressSanitizer and ThreadSanitizer make mlock() a call that does nothing, and the first of them
 * builds frames with gaps that nobody writes. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define PLAIN_BUILD 0
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define PLAIN_BUILD 0
#endif
#endif
#ifndef PLAIN_BUILD
#define PLAIN_BUILD 1
#endif

int __real_munmap(void *addr, size_t len);
int __wrap_munmap(void *addr, size_t len);

/* What protect_mem_free() hands back: looked at while it is still there. */
static const uint8_t *watched;
static size_t watched_len, nb_watched, nb_not_zero;

int
__wrap_munmap(void *addr, size_t len)
{
	const uint8_t *from = addr;

	if (watched != NULL && watched > from && watched < from + len) {
		nb_watched++;
		for (size_t i = 0; i < watched_len; i++)
			nb_not_zero += watched[i] != 0;
	}
	return __real_munmap(addr, len);
}

/* True when the byte at @p addr can be read: the kernel is asked, so nothing faults. */
static bool
readable(const void *addr)
{
	int fd[2];

	ck_assert_int_eq(pipe(fd), 0);
	const bool ok = write(fd[1], addr, 1) == 1;

	close(fd[0]);
	close(fd[1]);
	return ok;
}

START_TEST(mem_is_zeroed_aligned_and_between_pages_that_fault)
{
	const size_t page = (size_t)sysconf(_SC_PAGESIZE);
	const size_t sizes[] = { 1, page - 1, page, page + 1, 10 * page };

	for (unsigned i = 0; i < AEF_DIM(sizes); i++) {
		const size_t len = (sizes[i] + page - 1) / page * page;
		uint8_t *mem;

		ck_assert_int_eq(protect_mem_alloc(sizes[i], (void **)&mem), 0);
		ck_assert_uint_eq((uintptr_t)mem % page, 0);
		for (size_t k = 0; k < len; k++)
			ck_assert_uint_eq(mem[k], 0);
		ck_assert(readable(mem) && readable(mem + len - 1));
		ck_assert(!readable(mem - 1) && !readable(mem + len));
		protect_mem_free(mem, sizes[i]);
		ck_assert(!readable(mem));
	}
}
END_TEST

/* */
START_TEST(mem_is_locked_left_out_of_dumps_and_of_children)
{
	FILE *smaps = fopen("/proc/self/smaps", "r");
	char line[512], flags[512] = "";
	bool inside = false;
	void *mem;

	ck_assert_int_eq(protect_mem_alloc(5000, &mem), 0);
	ck_assert_ptr_nonnull(smaps);
	while (fgets(line, sizeof(line), smaps) != NULL) {
		unsigned long from, end;

		if (sscanf(line, "%lx-%lx ", &from, &end) == 2)
			inside = from == (uintptr_t)mem;
		else if (inside && strncmp(line, "VmFlags:", 8) == 0)
			memcpy(flags, line, sizeof(flags));
	}
	fclose(smaps);
	ck_assert(!PLAIN_BUILD || strstr(flags, " lo") != NULL);
	ck_assert_ptr_nonnull(strstr(flags, " dd"));
	ck_assert_ptr_nonnull(strstr(flags, " dc"));
	protect_mem_free(mem, 5000);
}
END_TEST

START_TEST(mem_does_not_exist_in_a_child)
{
	void *mem;
	int status;

	ck_assert_int_eq(protect_mem_alloc(100, &mem), 0);
	memset(mem, 0x77, 100);
	const pid_t child = fork();

	ck_assert_int_ge(child, 0);
	if (child == 0)
		_exit(readable(mem) ? 1 : 42);
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert(WIFEXITED(status));
	ck_assert_int_eq(WEXITSTATUS(status), 42);
	protect_mem_free(mem, 100);
}
END_TEST

START_TEST(mem_is_wiped_before_it_is_given_back)
{
	void *mem;

	ck_assert_int_eq(protect_mem_alloc(3 * 4096 + 5, &mem), 0);
	memset(mem, 0xa5, 4 * 4096); /* what the caller rounds up to counts, too */
	watched = mem;
	watched_len = 4 * 4096;
	nb_watched = nb_not_zero = 0;
	protect_mem_free(mem, 3 * 4096 + 5);
	watched = NULL;

	ck_assert_uint_eq(nb_watched, 1);
	ck_assert_uint_eq(nb_not_zero, 0);
	protect_mem_free(NULL, 7);
}
END_TEST

START_TEST(mem_of_no_or_absurd_size_is_refused)
{
	void *mem = &mem;

	ck_assert_int_eq(protect_mem_alloc(0, &mem), AEF_ERR_NOMEM);
	ck_assert_ptr_null(mem);
	ck_assert_int_eq(protect_mem_alloc(SIZE_MAX, &mem), AEF_ERR_NOMEM);
	ck_assert_int_eq(protect_mem_alloc(SIZE_MAX / 2, &mem), AEF_ERR_NOMEM);
}
END_TEST

/* In a child without privilege: a limit does not bind root. */
START_TEST(mem_that_cannot_be_locked_is_refused)
{
	const struct rlimit one_page = { 4096, 4096 };
	int status;

	if (!PLAIN_BUILD)
		return;
	const pid_t child = fork();

	ck_assert_int_ge(child, 0);
	if (child == 0) {
		void *mem = NULL;
		const bool ready = setrlimit(RLIMIT_MEMLOCK, &one_page) == 0 &&
		                   (geteuid() != 0 || setuid(65534) == 0);

		_exit(!ready                                           ? 1
		      : protect_mem_alloc(8192, &mem) != AEF_ERR_LIMIT ? 2
		      : mem != NULL                                    ? 3
		                                                       : 42);
	}
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert(WIFEXITED(status));
	ck_assert_int_eq(WEXITSTATUS(status), 42);
}
END_TEST

START_TEST(mem_random_bytes_fill_all_of_it_and_never_repeat)
{
	static uint8_t big[1 << 20];
	uint8_t a[32] = { 0 }, b[32] = { 0 };
	size_t zeros = 0;

	ck_assert_int_eq(protect_random(a, sizeof(a)), 0);
	ck_assert_int_eq(protect_random(b, sizeof(b)), 0);
	ck_assert_mem_ne(a, b, sizeof(a));
	ck_assert_int_eq(protect_random(a, 0), 0);
	ck_assert_int_eq(protect_random(big, sizeof(big)), 0);
	for (size_t i = 0; i < sizeof(big); i++)
		zeros += big[i] == 0;
	ck_assert_uint_gt(zeros, 3500); /* 4096 expected, 64 the standard deviation */
	ck_assert_uint_lt(zeros, 4700);
}
END_TEST

/* How often the four bytes of @p mark stand in the 6 KiB below @p frame. */
static __attribute__((noinline, no_sanitize("address", "undefined"))) unsigned
count_below(const volatile uint8_t *frame, uint32_t mark)
{
	unsigned nb = 0;

	for (const volatile uint8_t *p = frame - 6144; p < frame - 4; p++) {
		const uint32_t word =
			p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;

		nb += word == ~mark; /* the complement, so that our own variable does not count */
	}
	return nb;
}

static __attribute__((noinline, no_sanitize("address", "undefined"))) void
leave_marks(uint32_t mark)
{
	volatile uint32_t words[1024];

	for (unsigned i = 0; i < AEF_DIM(words); i++)
		words[i] = ~mark;
}

START_TEST(mem_scrub_removes_what_a_call_left_on_the_stack)
{
	volatile uint8_t here = 0;

	leave_marks(0x12345678);
	ck_assert_uint_gt(count_below(&here, 0x12345678), 100);
	protect_stack_scrub();
	ck_assert(!PLAIN_BUILD || count_below(&here, 0x12345678) == 0);
}
END_TEST

TEST_SUITE(mem, &mem_is_zeroed_aligned_and_between_pages_that_fault,
           &mem_is_locked_left_out_of_dumps_and_of_children, &mem_does_not_exist_in_a_child,
           &mem_is_wiped_before_it_is_given_back, &mem_of_no_or_absurd_size_is_refused,
           &mem_that_cannot_be_locked_is_refused, &mem_random_bytes_fill_all_of_it_and_never_repeat,
           &mem_scrub_removes_what_a_call_left_on_the_stack)
