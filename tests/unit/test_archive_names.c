// SPDX-License-Identifier: GPL-2.0-or-later
/* Which names and links of an archive may be unpacked. */
#include "archive_names.h"
#include "unit.h"

static void test_names(void **state)
{
	static const struct {
		const char *name;
		const char *path; /* NULL: refused */
	} rows[] = {
		{ "sys", "sys" },
		{ "sys/bus/pci/devices/0000:00:00.0", "sys/bus/pci/devices/0000:00:00.0" },
		{ "./sys/bus", "sys/bus" },
		{ "././sys", "sys" },
		{ "sys/bus/", "sys/bus" },
		{ ".", "" },
		{ "./", "" },
		{ "..a/b..", "..a/b.." },
		{ "...", "..." },
		{ "dev/disk/by-label/M\xc3\xbcll\\x20a",
		  "dev/disk/by-label/M\xc3\xbcll\\x20a" },
		{ "", NULL },
		{ "/", NULL },
		{ "/etc/passwd", NULL },
		{ "//etc", NULL },
		{ "..", NULL },
		{ "../etc", NULL },
		{ "./../etc", NULL },
		{ "sys/..", NULL },
		{ "sys/../..", NULL },
		{ "sys/../../", NULL },
		{ "sys/./bus", NULL },
		{ "sys/.", NULL },
		{ ".//sys", NULL },
		{ "sys//bus", NULL },
		{ "sys/bus//", NULL },
		{ "sys/a\nb", NULL },
		{ "sys/\x1b[31m", NULL },
		{ "sys/\x7f", NULL },
	};
	char path[ARCHIVE_NAME_SIZE];

	(void)state;
	for (size_t i = 0; i < LENGTH(rows); i++) {
		const char *why = archive_name_read(rows[i].name, path);

		if ((why == NULL) != (rows[i].path != NULL))
			fail_msg("%s: %s", rows[i].name, why != NULL ? why : "is taken");
		assert_string_equal(path, rows[i].path != NULL ? rows[i].path : "");
	}
}

/* `count` times "a", with slashes between. */
static void make_deep(char *out, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		*out++ = 'a';
		*out++ = '/';
	}
	out[-1] = '\0';
}

static void test_sizes(void **state)
{
	char path[ARCHIVE_NAME_SIZE];
	char name[ARCHIVE_NAME_SIZE * 2];

	(void)state;
	make_deep(name, ARCHIVE_DEPTH_MOST);
	assert_null(archive_name_read(name, path));
	make_deep(name, ARCHIVE_DEPTH_MOST + 1);
	assert_non_null(archive_name_read(name, path));

	memset(name, 'a', sizeof(name));
	name[255] = '\0';
	assert_null(archive_name_read(name, path));
	name[255] = 'a';
	name[256] = '\0';
	assert_non_null(archive_name_read(name, path));

	memset(name, 'a', sizeof(name));
	for (size_t i = 100; i < sizeof(name); i += 100)
		name[i] = '/';
	name[ARCHIVE_NAME_SIZE - 1] = '\0';
	assert_null(archive_name_read(name, path));
	name[ARCHIVE_NAME_SIZE - 1] = 'a';
	name[ARCHIVE_NAME_SIZE] = '\0';
	assert_non_null(archive_name_read(name, path));
}

static void test_links(void **state)
{
	static const struct {
		const char *path;
		const char *target;
		const char *resolved; /* NULL: refused */
	} rows[] = {
		{ "sys/class/block/sda", "../../devices/x/sda", "sys/devices/x/sda" },
		{ "sys/a/b", "c", "sys/a/c" },
		{ "sys/a/b", "../c", "sys/c" },
		{ "sys/a/b", "..", "sys" },
		{ "sys/a/b", "../../sys/c", "sys/c" },
		{ "dev/mapper/root", "../dm-0", "dev/dm-0" },
		{ "sys/a/b", "..c/d", "sys/a/..c/d" },
		/* Out of the tree, or as far as its top. */
		{ "sys/a/b", "../..", NULL },
		{ "sys/a/b", "../../..", NULL },
		{ "sys/a/b", "../../../etc/passwd", NULL },
		{ "sys/a/b", "/etc/passwd", NULL },
		{ "sys/a/b", "/", NULL },
		/* Into another part of the tree. */
		{ "sys/a/b", "../../etc/fstab", NULL },
		{ "sys/a/b", "../../system/c", NULL },
		{ "lib", "usr/lib", NULL },
		{ "a", "a", NULL },
		/* What a name before ".." leads to is not known. */
		{ "sys/a/b", "c/../d", NULL },
		{ "sys/a/b", "../c/..", NULL },
		{ "sys/a/b", "c/.", NULL },
		{ "sys/a/b", "./c", NULL },
		{ "sys/a/b", ".", NULL },
		{ "sys/a/b", "c//d", NULL },
		{ "sys/a/b", "c/", NULL },
		{ "sys/a/b", "../", NULL },
		{ "sys/a/b", "", NULL },
		{ "sys/a/b", "c\n", NULL },
	};
	char resolved[ARCHIVE_NAME_SIZE];

	(void)state;
	for (size_t i = 0; i < LENGTH(rows); i++) {
		const char *why = archive_link_check(rows[i].path, rows[i].target);

		if ((why == NULL) != (rows[i].resolved != NULL))
			fail_msg("%s -> %s: %s", rows[i].path, rows[i].target,
				 why != NULL ? why : "is taken");
		if (why != NULL)
			continue;
		assert_int_equal(archive_link_resolve(rows[i].path, rows[i].target, resolved),
				 0);
		assert_string_equal(resolved, rows[i].resolved);
	}
}

static void test_long_links(void **state)
{
	char target[ARCHIVE_NAME_SIZE * 2];
	char resolved[ARCHIVE_NAME_SIZE];

	(void)state;
	memset(target, 'a', sizeof(target));
	for (size_t i = 100; i < sizeof(target); i += 100)
		target[i] = '/';
	target[ARCHIVE_NAME_SIZE - 6] = '\0'; /* with "sys/a/" before it one byte too long */
	assert_non_null(archive_link_check("sys/a/b", target));
	assert_int_equal(archive_link_resolve("sys/a/b", target, resolved), -ENAMETOOLONG);
	target[ARCHIVE_NAME_SIZE - 7] = '\0';
	assert_int_equal(archive_link_resolve("sys/a/b", target, resolved), 0);
	assert_int_equal(archive_link_resolve("sys/a/b", "../../..", resolved), -EXDEV);
	assert_int_equal(archive_link_resolve("sys/a/b", "/sys", resolved), -EXDEV);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_links),
		cmocka_unit_test(test_long_links),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
