// SPDX-License-Identifier: GPL-2.0-or-later
/* What the last apply did, as a file. */
#include "state.h"
#include "unit.h"

static const char whole[] = "vfio-claim-state 1\n"
			    "reverted yes\n"
			    "chosen grubby\n"
			    "file etc/modprobe.d/vfio-claim.conf\n"
			    "file etc/a_b\n"
			    "file etc/a-b\n"
			    "directory var/lib/vfio-claim\n"
			    "loader grub.d\n"
			    "argument hugepagesz=1G\n"
			    "argument hugepages=4\n"
			    "argument hugepagesz=2M\n"
			    "argument hugepages=4\n"
			    "loader grubby\n"
			    "argument modprobe.blacklist=floppy,nouveau\n"
			    "replaced modprobe.blacklist=floppy\n"
			    "loader bootc\n";

/* What is read is what is written, word for word. */
static void test_round_trip(void **state)
{
	/* Names with dots that lead nowhere else. */
	static const char dots[] = "vfio-claim-state 1\nfile etc/..a/b../...\n";
	static const char none[] = "vfio-claim-state 1\nchosen none\n";
	static const char *const texts[] = { "vfio-claim-state 1\n", whole, dots, none };

	(void)state;
	for (size_t i = 0; i < LENGTH(texts); i++) {
		struct state parsed;
		unsigned line;
		char *text = NULL;

		assert_int_equal(state_parse(texts[i], &parsed, &line), 0);
		assert_int_equal(state_render(&parsed, &text), 0);
		assert_string_equal(text, texts[i]);
		free(text);
		state_free(&parsed);
	}
}

static void test_fields(void **state)
{
	struct state parsed;
	unsigned line;

	(void)state;
	assert_int_equal(state_parse(whole, &parsed, &line), 0);
	assert_true(parsed.reverted);
	assert_true(parsed.chosen);
	assert_int_equal(parsed.choice, LOADER_GRUBBY);
	assert_int_equal(parsed.files.count, 3);
	assert_true(parsed.used[LOADER_GRUB_D]);
	assert_true(parsed.used[LOADER_GRUBBY]);
	assert_true(parsed.used[LOADER_BOOTC]);
	assert_false(parsed.used[LOADER_UKI_ADDON]);
	assert_int_equal(parsed.loader[LOADER_GRUB_D].ours.count, 4);
	assert_string_equal(parsed.loader[LOADER_GRUBBY].replaced.items[0],
			    "modprobe.blacklist=floppy");
	state_free(&parsed);
}

/* A newer version's or a damaged file is told by its line, never half understood. */
static void test_not_understood(void **state)
{
	static const struct {
		const char *text;
		unsigned line;
	} rows[] = {
		{ "", 1 },
		{ "\n", 1 },
		{ "vfio-claim-state 2\n", 1 },
		{ "vfio-claim-state 1\nfuture thing\n", 2 },
		{ "vfio-claim-state 1\nfile\n", 2 },
		{ "vfio-claim-state 1\n\nfile a\n", 2 },
		{ "vfio-claim-state 1\nreverted no\n", 2 },
		{ "vfio-claim-state 1\nchosen no\n", 2 },
		{ "vfio-claim-state 1\nloader lilo\n", 2 },
		{ "vfio-claim-state 1\nfile a\nargument a\n", 3 },
		{ "vfio-claim-state 1\nreplaced a\n", 2 },
		{ "vfio-claim-state 1\nfile \n", 2 },
		{ "vfio-claim-state 1\nfile /etc/a\n", 2 },
		{ "vfio-claim-state 1\nfile ..\n", 2 },
		{ "vfio-claim-state 1\nfile ../a\n", 2 },
		{ "vfio-claim-state 1\nfile a\nfile etc/../../a\n", 3 },
		{ "vfio-claim-state 1\nfile etc//..//a\n", 2 },
		{ "vfio-claim-state 1\ndirectory etc/..\n", 2 },
		{ "vfio-claim-state 1\ndirectory /a\n", 2 },
	};

	(void)state;
	for (size_t i = 0; i < LENGTH(rows); i++) {
		struct state parsed;
		unsigned line = 0;

		assert_int_equal(state_parse(rows[i].text, &parsed, &line), -EBADMSG);
		if (line != rows[i].line)
			fail_msg("'%s': line %u", rows[i].text, line);
	}
}

/* A word with a newline would become a line of its own, which names a file to remove. */
static void test_newline(void **state)
{
	struct state written = { .used = { [LOADER_GRUBBY] = true } };
	char *text = NULL;

	(void)state;
	assert_int_equal(kargs_append(&written.loader[LOADER_GRUBBY].replaced,
				      "modprobe.blacklist=\"a\nfile etc/passwd\""),
			 0);
	assert_int_equal(state_render(&written, &text), -EINVAL);
	assert_null(text);
	state_free(&written);
}

/* What is there of a run that did not end is what it began with, or what it was to come to. */
static void test_merge(void **state)
{
	static const char first[] = "vfio-claim-state 1\n"
				    "reverted yes\n"
				    "file etc/a\n"
				    "file etc/c_d\n"
				    "directory var/lib/vfio-claim\n"
				    "loader grubby\n"
				    "argument quiet\n"
				    "argument iommu=pt\n"
				    "replaced vfio-pci.ids=1:2\n";
	static const char second[] = "vfio-claim-state 1\n"
				     "chosen grub.d\n"
				     "file etc/a\n"
				     "file etc/c-d\n"
				     "directory var/lib/vfio-claim\n"
				     "directory etc/b\n"
				     "loader grub.d\n"
				     "argument hugepagesz=1G\n"
				     "argument hugepages=4\n"
				     "argument hugepagesz=2M\n"
				     "argument hugepages=4\n"
				     "loader grubby\n"
				     "argument iommu=pt\n"
				     "argument ro\n";
	static const char both[] = "vfio-claim-state 1\n"
				   "file etc/a\n"
				   "file etc/c_d\n"
				   "file etc/c-d\n"
				   "directory var/lib/vfio-claim\n"
				   "directory etc/b\n"
				   "loader grub.d\n"
				   "argument hugepagesz=1G\n"
				   "argument hugepages=4\n"
				   "argument hugepagesz=2M\n"
				   "argument hugepages=4\n"
				   "loader grubby\n"
				   "argument iommu=pt\n"
				   "argument ro\n"
				   "argument quiet\n"
				   "replaced vfio-pci.ids=1:2\n";
	struct state a;
	struct state b;
	struct state merged = { 0 };
	unsigned line;
	char *text = NULL;

	(void)state;
	assert_int_equal(state_parse(first, &a, &line), 0);
	assert_int_equal(state_parse(second, &b, &line), 0);
	assert_int_equal(state_merge(&a, &b, &merged), 0);
	assert_int_equal(state_render(&merged, &text), 0);
	assert_string_equal(text, both);
	free(text);
	state_free(&a);
	state_free(&b);
	state_free(&merged);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),     cmocka_unit_test(test_fields),
		cmocka_unit_test(test_not_understood), cmocka_unit_test(test_newline),
		cmocka_unit_test(test_merge),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
