/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * tests/unit/harness_main.h - main() of a unit-test program; included once by the generated file,
 * after `test_suites`. Tests run in this process (no fork), so that skips can be counted and
 * sanitizers see every leak.
 */
#include <unistd.h>

static int nb_skipped;

void
test_skip(const char *why)
{
	nb_skipped++;
	printf("skip: %s\n", why);
}

const char *
test_data_path(const char *relative)
{
	static char path[512];
	const char *root = getenv("AEF_DATA");

	snprintf(path, sizeof(path), "%s/%s", root != NULL ? root : "../shared/data", relative);
	if (access(path, R_OK) == 0)
		return path;
	printf("skip: no data file %s (set AEF_DATA to the data folder)\n", path);
	nb_skipped++;
	return NULL;
}

int
main(void)
{
	SRunner *runner = srunner_create(NULL);
	int nb_run, nb_failed;

	setvbuf(stdout, NULL, _IOLBF, 0);
	for (size_t i = 0; test_suites[i] != NULL; i++)
		srunner_add_suite(runner, test_suites[i]());
	srunner_set_fork_status(runner, CK_NOFORK);
	srunner_run_all(runner, CK_NORMAL);
	nb_run = srunner_ntests_run(runner);
	nb_failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	printf("%d passed, %d failed, %d skipped\n", nb_run - nb_failed - nb_skipped, nb_failed,
	       nb_skipped);
	return nb_failed == 0 ? 0 : 1;
}
