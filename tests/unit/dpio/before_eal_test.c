/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * before_eal_test.c - starting DPDK, rightly and wrongly. It can be started once per process, so
 * each test runs in a child, and the file's name puts it before those that use the shared fixture.
 */
#include <sys/wait.h>
#include <unistd.h>

#include <rte_launch.h>

#include <base/err.h>
#include <dpio/dpio.h>

#include "harness.h"

/* Run @p fn in a child; 0 is success, else the line that failed. */
static int
in_child(int (*fn)(void))
{
	int status = 0;
	const pid_t pid = fork();

	if (pid == 0)
		_exit(fn()); /* no leak check: half of DPDK is still there */
	ck_assert_int_gt(pid, 0);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

#define CHECK(x)                                                                                   \
	do {                                                                                       \
		if (!(x)) {                                                                        \
			fprintf(stderr, "%d: %s: %s\n", __LINE__, #x, error_buf);                  \
			return 1;                                                                  \
		}                                                                                  \
	} while (0)

static char error_buf[400];

static int
start(const struct dpio_conf *conf)
{
	struct aef_text error = aef_text_make(error_buf, sizeof(error_buf));

	return dpio_eal_start(conf, &error);
}

static int
too_much_memory(void)
{
	struct dpio_conf conf;

	dpio_conf_defaults(&conf);
	conf.hugepages = DPIO_HUGEPAGES_NEVER;
	conf.memory_mb = 1u << 30; /* a petabyte */
	CHECK(start(&conf) == AEF_ERR_NOMEM);
	CHECK(strstr(error_buf, "dpio.memory_mb") != NULL);
	CHECK(!dpio_eal_running());
	return 0;
}

static int
foreign_cpu(void)
{
	struct dpio_conf conf;
	uint16_t cpu = 1000;

	dpio_conf_defaults(&conf);
	conf.cpus = &cpu;
	conf.nb_cpus = 1;
	CHECK(start(&conf) == AEF_ERR_CONFIG);
	CHECK(strstr(error_buf, "CPU 1000 of dpio.cpus") != NULL);
	return 0;
}

static int
no_hugepages(void)
{
	struct dpio_conf conf;

	dpio_conf_defaults(&conf);
	conf.hugepages = DPIO_HUGEPAGES_ALWAYS;
	conf.memory_mb = (uint32_t)dpio_hugepages_free_mb() + 1;
	CHECK(start(&conf) == AEF_ERR_NOMEM);
	CHECK(strstr(error_buf, "setup-hugepages") != NULL);
	return 0;
}

/* Runs on each lcore. */
static int
say_lcore(void *ctx)
{
	__atomic_fetch_add((unsigned *)ctx, 1, __ATOMIC_RELAXED);
	return 0;
}

static int
once_only(void)
{
	struct dpio_conf conf;
	unsigned nb_ran = 0;

	dpio_conf_defaults(&conf);
	conf.hugepages = DPIO_HUGEPAGES_NEVER;
	conf.memory_mb = 64;
	conf.lcores = 4; /* more than there may be CPUs */
	CHECK(start(&conf) == 0);
	CHECK(rte_lcore_count() == 4);
	CHECK(rte_lcore_id() == 0);
	CHECK(!dpio_eal_has_hugepages());
	CHECK(rte_eal_mp_remote_launch(say_lcore, &nb_ran, CALL_MAIN) == 0);
	rte_eal_mp_wait_lcore();
	CHECK(nb_ran == 4);
	CHECK(start(&conf) == AEF_ERR_STATE);
	dpio_eal_stop();
	CHECK(start(&conf) == AEF_ERR_STATE);
	return 0;
}

static const struct aef_module *const modules[] = { &dpio_module, NULL };
static struct aef_config config;
static struct aef_runtime rt;

static int
run_module(const char *text)
{
	const int rc = aef_config_parse(&config, "t.yaml", text, strlen(text), modules);

	return rc < 0 ? rc : aef_runtime_start(&rt, modules, &config, NULL);
}

static int
whole_module(void)
{
	static char buf[8192];
	struct aef_text out = aef_text_make(buf, sizeof(buf));
	uint64_t value;

	CHECK(run_module("dpio:\n  hugepages: never\n  memory_mb: 80\n  mbufs: 1024\n  ports:\n"
	                 "    - {name: a, device: net_null0, ipv4: 192.0.2.1/24}\n"
	                 "    - {name: b, device: net_null1, ipv6: 2001:db8::1/64, queues: 2}\n") ==
	      0);
	CHECK(dpio_port_at(1)->nb_queues == 2);
	CHECK(dpio_port_at(2) == NULL);
	CHECK(dpio_port_find("b") == dpio_port_at(1));
	CHECK(aef_commands_run(&rt.commands, "show port info all", &out) == 0);
	CHECK(strstr(buf, "port a: device net_null0, driver net_null, link up") != NULL);
	CHECK(strstr(buf, "ipv6 2001:db8::1/64") != NULL);
	CHECK(aef_commands_run(&rt.commands, "show port stats c", &out) == AEF_ERR_NOTFOUND);
	CHECK(aef_commands_run(&rt.commands, "clear port stats all", &out) == 0);
	CHECK(aef_commands_run(&rt.commands, "show pool", &out) == 0);
	CHECK(aef_metrics_get(&rt.metrics, "dpio_pool_mbufs", NULL, &value) == 0 && value == 1024);
	aef_runtime_stop(&rt);
	CHECK(dpio_port_at(0) == NULL);
	aef_config_free(&config);
	return 0;
}

static int
unknown_driver(void)
{
	CHECK(run_module("dpio:\n  hugepages: never\n  memory_mb: 80\n  mbufs: 1024\n  ports:\n"
	                 "    - {name: a, device: net_warp0, ipv4: 192.0.2.1/24}\n") ==
	      AEF_ERR_NOTFOUND);
	memcpy(error_buf, rt.error, sizeof(rt.error));
	CHECK(strncmp(rt.error, "dpio: Port a (net_warp0): no driver takes it", 44) == 0);
	CHECK(!dpio_eal_running());
	return 0;
}

START_TEST(before_eal_impossible_memory_is_refused_with_a_sentence)
{
	ck_assert_int_eq(in_child(too_much_memory), 0);
}
END_TEST

START_TEST(before_eal_cpu_that_is_not_ours_is_refused)
{
	ck_assert_int_eq(in_child(foreign_cpu), 0);
}
END_TEST

START_TEST(before_eal_missing_hugepages_name_the_script)
{
	ck_assert_int_eq(in_child(no_hugepages), 0);
}
END_TEST

START_TEST(before_eal_lcores_share_cpus_and_a_second_start_is_refused)
{
	ck_assert_int_eq(in_child(once_only), 0);
}
END_TEST

START_TEST(before_eal_module_starts_ports_commands_and_metrics)
{
	ck_assert_int_eq(in_child(whole_module), 0);
}
END_TEST

START_TEST(before_eal_unknown_driver_is_refused_and_all_is_taken_back)
{
	ck_assert_int_eq(in_child(unknown_driver), 0);
}
END_TEST

TEST_SUITE(before_eal, &before_eal_impossible_memory_is_refused_with_a_sentence,
           &before_eal_cpu_that_is_not_ours_is_refused,
           &before_eal_missing_hugepages_name_the_script,
           &before_eal_lcores_share_cpus_and_a_second_start_is_refused,
           &before_eal_module_starts_ports_commands_and_metrics,
           &before_eal_unknown_driver_is_refused_and_all_is_taken_back)
