/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * secrets - no key is found where none should be.
 *
 * A child process does real work (subject.h) and tells of every secret as it comes into being:
 * psk, X25519 private keys and shared values, prk, traffic secrets, keys and IVs, token and
 * handshake keys. The parent looks for every 8-byte run of them, and of the AES round keys:
 *
 *   live     in all readable memory of the child: only where memory is locked and not dumped
 *   dump     in a core dump of the live child, the kernel's or gdb's: nowhere
 *   closed   when the connections have ended: nothing of theirs, not even in secret memory
 *   gone     when listener and ring are closed, too: nothing anywhere
 *
 *   secrets [--subject NAME]             default: each
 *   secrets --find FILE KEY-FILE...      of a key-ring folder: only look into a file, for other
 * tests
 *
 * The last line is "N passed, N failed, N skipped"; exit code 1 when something failed.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <base/defs.h>
#include <keylog/tap.h>

#include "needles.h"
#include "scan.h"
#include "subject.h"

#define CHILD_SECONDS 400u
#define IN_CHILD      "--in-child"

static const struct {
	const char *name;
	int (*run)(void);
} subjects[] = { { "client", subject_client }, { "lab", subject_lab }, { "leaky", subject_leaky } };

struct child {
	const char *name;
	pid_t pid;
	int in, out; /* what it tells, what it waits for */
	/* Secrets of connections, which end with them; and those that live as long as ring and
	 * listener. */
	struct needles *all, *of_conns;
	unsigned nb_steps, nb_dirty;
	char dir[64]; /* where a core dump goes */
};

static unsigned nb_passed, nb_failed, nb_skipped;

static void
verdict(const struct child *c, bool ok, const char *what, const struct scan_result *r)
{
	*(ok ? &nb_passed : &nb_failed) += 1;
	printf("%s %s: %s", ok ? "ok  " : "FAIL", c->name, what);
	if (r != NULL)
		printf(" (%u secrets, %llu MiB, %u mappings, %u places in secret memory, %u "
		       "elsewhere)",
		       needles_nb(c->all), (unsigned long long)(r->bytes >> 20), r->mappings,
		       r->guarded, r->leaked);
	printf("\n");
}

/* ---- the child ---------------------------------------------------------------------------------
 */

static void
child_start(struct child *c, const char *self, const char *name)
{
	const struct rlimit unlimited = { RLIM_INFINITY, RLIM_INFINITY };
	int down[2], up[2];

	*c = (struct child){ .name = name, .all = needles_create(), .of_conns = needles_create() };
	snprintf(c->dir, sizeof(c->dir), "/dev/shm/aef-secrets-XXXXXX");
	if (mkdtemp(c->dir) == NULL || pipe(down) != 0 || pipe(up) != 0) {
		perror("secrets");
		exit(2);
	}
	fflush(stdout);
	c->pid = fork();
	if (c->pid < 0) {
		perror("secrets: fork");
		exit(2);
	}
	if (c->pid == 0) {
		char in[12], out[12], path[512];

		/* The kernel writes a core into the working folder, where its pattern is a name. */
		if (realpath(self, path) == NULL || chdir(c->dir) != 0)
			_exit(2);
		(void)setrlimit(RLIMIT_CORE, &unlimited);
		close(down[1]);
		close(up[0]);
		snprintf(in, sizeof(in), "%d", down[0]);
		snprintf(out, sizeof(out), "%d", up[1]);
		execl(path, path, IN_CHILD, name, out, in, (char *)NULL);
		_exit(2);
	}
	close(down[0]);
	close(up[1]);
	c->in = up[0];
	c->out = down[1];
}

static int
in_child(char **argv)
{
	(void)alarm(CHILD_SECONDS);
	(void)prctl(PR_SET_DUMPABLE, 1);
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	subject_begin(atoi(argv[3]), atoi(argv[4]));
	for (unsigned i = 0; i < AEF_DIM(subjects); i++)
		if (strcmp(argv[2], subjects[i].name) == 0)
			return subjects[i].run();
	return 2;
}

static void
child_go(const struct child *c, char how)
{
	if (write(c->out, &how, 1) != 1)
		perror("secrets: the child is gone");
}

/* What lives as long as the process: keys out of protect_random(), and X25519 keys made of them. */
static bool
is_long_lived(const struct secret_record *record)
{
	return record->kind == KIND_RANDOM || record->kind == KEYLOG_PRIV;
}

/* Hear secrets until the next stage. */
static uint8_t
child_stage(struct child *c)
{
	struct secret_record record;

	for (;;) {
		size_t have = 0;
		ssize_t got;

		while (have < sizeof(record) &&
		       ((got = read(c->in, (char *)&record + have, sizeof(record) - have)) > 0 ||
		        (got < 0 && errno == EINTR)))
			have += got > 0 ? (size_t)got : 0;
		if (have < sizeof(record))
			return STAGE_FAILED;
		if (record.kind >= STAGE_STEP)
			return record.kind;
		needles_add(c->all, &record);
		if (!is_long_lived(&record))
			needles_add(c->of_conns, &record);
	}
}

static void
child_end(struct child *c)
{
	char path[128];

	close(c->in);
	close(c->out);
	(void)kill(c->pid, SIGKILL);
	(void)waitpid(c->pid, NULL, 0);
	snprintf(path, sizeof(path), "%s/core", c->dir);
	(void)unlink(path);
	snprintf(path, sizeof(path), "%s/core.%d", c->dir, (int)c->pid);
	(void)unlink(path);
	(void)rmdir(c->dir);
	needles_destroy(c->all);
	needles_destroy(c->of_conns);
}

/* ---- what the parent looks at
 * --------------------------------------------------------------------
 */

/* Secrets stand in secret memory, which also shows that the search finds them; nowhere else. */
static void
look_live(struct child *c)
{
	struct scan_result r;

	if (!scan_memory(c->all, c->pid, SCAN_ALL, &r)) {
		verdict(c, false, "the memory of a live process can be read", NULL);
		return;
	}
	verdict(c, r.guarded > 0, "live keys are found in secret memory (control)", &r);
	verdict(c, r.leaked == 0, "live: no key outside of secret memory", &r);
}

static void
look_step(struct child *c)
{
	struct scan_result r;

	c->nb_steps++;
	if (!scan_memory(c->all, c->pid, SCAN_OPEN, &r) || r.leaked > 0)
		c->nb_dirty++;
}

static bool
dump_by_gdb(struct child *c, char *path, size_t len)
{
	char command[256];

	snprintf(command, sizeof(command),
	         "cd %s && gcore -o core %d >gcore.log 2>&1; rc=$?; rm -f gcore.log; exit $rc",
	         c->dir, (int)c->pid);
	snprintf(path, len, "%s/core.%d", c->dir, (int)c->pid);
	return system(command) == 0 && access(path, R_OK) == 0;
}

/* Where the kernel's pattern is a plain name, its dump lies in the child's folder. */
static bool
dump_by_kernel(struct child *c, char *path, size_t len)
{
	char pattern[128] = "|";
	FILE *file = fopen("/proc/sys/kernel/core_pattern", "re");
	int status = 0;

	if (file != NULL && fgets(pattern, sizeof(pattern), file) == NULL)
		pattern[0] = '|';
	if (file != NULL)
		fclose(file);
	pattern[strcspn(pattern, "\n")] = '\0';
	if (strpbrk(pattern, "|/%") != NULL || pattern[0] == '\0')
		return false;
	child_go(c, 'a');
	(void)waitpid(c->pid, &status, 0);
	snprintf(path, len, "%s/%s", c->dir, pattern);
	if (access(path, R_OK) != 0)
		snprintf(path, len, "%s/%s.%d", c->dir, pattern, (int)c->pid);
	return WIFSIGNALED(status) && WCOREDUMP(status) && access(path, R_OK) == 0;
}

static void
look_dump(struct child *c, const char *who, bool made, const char *path)
{
	struct scan_result r;
	char what[96];

	if (!made) {
		printf("skip: %s: no core dump by %s here\n", c->name, who);
		nb_skipped++;
		return;
	}
	snprintf(what, sizeof(what), "the core dump by %s holds no key", who);
	if (!scan_file(c->all, path, &r))
		verdict(c, false, what, NULL);
	else
		verdict(c, r.leaked == 0 && r.bytes > 100000, what, &r);
	(void)unlink(path);
}

static void
look_closed(struct child *c)
{
	struct scan_result r;

	if (!scan_memory(c->of_conns, c->pid, SCAN_ALL, &r))
		verdict(c, false, "closed: memory can be read", NULL);
	else
		verdict(c, r.leaked == 0 && r.guarded == 0,
		        "closed: no key of a connection anywhere", &r);
	if (!scan_memory(c->all, c->pid, SCAN_ALL, &r))
		verdict(c, false, "closed: memory can be read", NULL);
	else
		verdict(c, r.leaked == 0,
		        "closed: no token or handshake key outside of secret memory", &r);
}

static void
look_gone(struct child *c)
{
	struct scan_result r;

	if (!scan_memory(c->all, c->pid, SCAN_ALL, &r))
		verdict(c, false, "gone: memory can be read", NULL);
	else
		verdict(c, r.leaked == 0 && r.guarded == 0, "gone: no key anywhere", &r);
}

static void
watch(const char *self, const char *name)
{
	struct child c;
	char path[128];
	uint8_t stage;

	child_start(&c, self, name);
	while ((stage = child_stage(&c)) != STAGE_FAILED) {
		if (stage == STAGE_STEP) {
			look_step(&c);
		} else if (stage == STAGE_LIVE) {
			if (c.nb_steps > 0)
				verdict(&c, c.nb_dirty == 0,
				        "no step of the work leaves a key outside of secret memory",
				        NULL);
			look_live(&c);
			look_dump(&c, "gdb", dump_by_gdb(&c, path, sizeof(path)), path);
		} else if (stage == STAGE_CLOSED) {
			look_closed(&c);
		} else {
			look_gone(&c);
			break;
		}
		child_go(&c, 'g');
	}
	if (stage == STAGE_FAILED)
		verdict(&c, false, "the work ended before it was looked at", NULL);
	child_end(&c);
	/* Once more, to be killed by the kernel. */
	child_start(&c, self, name);
	while ((stage = child_stage(&c)) == STAGE_STEP)
		child_go(&c, 'g');
	if (stage == STAGE_LIVE)
		look_dump(&c, "the kernel", dump_by_kernel(&c, path, sizeof(path)), path);
	else
		verdict(&c, false, "the work ended before it was aborted", NULL);
	child_end(&c);
}

/* The search itself: a leak of 8 bytes must be found in memory and in a dump. */
static void
control(const char *self)
{
	struct scan_result r = { 0 };
	struct child c;
	char path[128];

	scan_tell(false);
	child_start(&c, self, "leaky");
	if (child_stage(&c) != STAGE_LIVE || !scan_memory(c.all, c.pid, SCAN_ALL, &r)) {
		verdict(&c, false, "the memory of the control can be read", NULL);
	} else {
		verdict(&c, r.leaked == 1, "a leak of 8 bytes is found (control)", &r);
		if (dump_by_gdb(&c, path, sizeof(path)) && scan_file(c.all, path, &r))
			verdict(&c, r.leaked == 1, "and in its core dump (control)", &r);
		(void)unlink(path);
	}
	child_end(&c);
	scan_tell(true);
}

/* Bytes and text of a key that stands in a file of 64 hexadecimal digits. */
static bool
add_key_file(struct needles *needles, const char *path)
{
	struct secret_record key = { .kind = KIND_RANDOM, .len = 32 };
	struct secret_record text = { .kind = KEYLOG_PSK, .len = 64 };
	char digits[65] = "";
	FILE *file = fopen(path, "re");
	const bool got = file != NULL && fread(digits, 1, 64, file) == 64 &&
	                 strspn(digits, "0123456789abcdef") == 64;

	if (file != NULL)
		fclose(file);
	for (unsigned i = 0; got && i < 64; i++)
		text.masked[i] = (uint8_t)digits[i] ^ SECRET_MASK(i);
	for (unsigned i = 0; got && i < 32; i++) {
		char byte[3] = { digits[2 * i], digits[2 * i + 1], '\0' };

		key.masked[i] = (uint8_t)strtoul(byte, NULL, 16) ^ SECRET_MASK(i);
	}
	if (!got) {
		fprintf(stderr, "secrets: %s is no key file\n", path);
		return false;
	}
	needles_add(needles, &key);
	needles_add(needles, &text);
	return true;
}

static int
find(const char *path, int nb, char **keys)
{
	struct needles *needles = needles_create();
	struct scan_result r = { 0 };
	bool ok = true;

	for (int i = 0; i < nb; i++)
		ok = add_key_file(needles, keys[i]) && ok;
	if (ok && !scan_file(needles, path, &r)) {
		fprintf(stderr, "secrets: %s cannot be read\n", path);
		ok = false;
	}
	printf("%u places in %llu bytes\n", r.leaked, (unsigned long long)r.bytes);
	needles_destroy(needles);
	return !ok ? 2 : r.leaked > 0 || r.bytes == 0 ? 1 : 0;
}

int
main(int argc, char **argv)
{
	const char *only = NULL;

	if (argc == 5 && strcmp(argv[1], IN_CHILD) == 0)
		return in_child(argv);
	if (argc >= 4 && strcmp(argv[1], "--find") == 0)
		return find(argv[2], argc - 3, argv + 3);
	if (argc == 3 && strcmp(argv[1], "--subject") == 0) {
		only = argv[2];
	} else if (argc != 1) {
		fprintf(stderr, "usage: secrets [--subject client|lab]\n");
		return 2;
	}
	control("/proc/self/exe");
	for (unsigned i = 0; i < AEF_DIM(subjects) - 1; i++)
		if (only == NULL || strcmp(only, subjects[i].name) == 0)
			watch("/proc/self/exe", subjects[i].name);
	printf("%u passed, %u failed, %u skipped\n", nb_passed, nb_failed, nb_skipped);
	return nb_failed == 0 && nb_passed > 0 ? 0 : 1;
}
