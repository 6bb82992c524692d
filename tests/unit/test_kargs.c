// SPDX-License-Identifier: GPL-2.0-or-later
/* Kernel arguments as a list of words. */
#include "kargs.h"

#include "unit.h"

static struct kargs parsed(const char *line)
{
	struct kargs kargs;

	assert_int_equal(kargs_parse(line, &kargs), 0);
	return kargs;
}

/* A line is split into `words`, which are separated by | here. */
static void splits_lines(void **state)
{
	static const struct {
		const char *line;
		const char *words;
	} cases[] = {
		{ "", "" },
		{ " \t\n ", "" },
		{ "quiet", "quiet" },
		{ "  quiet\tro\n root=/dev/sda1 ", "quiet|ro|root=/dev/sda1" },
		{ "a a b", "a|a|b" },
		{ "dyndbg=\"file x.c +p\" ro", "dyndbg=\"file x.c +p\"|ro" },
		{ "\"dyndbg=file x.c +p\" ro", "\"dyndbg=file x.c +p\"|ro" },
		{ "a\"b c\"d e", "a\"b c\"d|e" },
		{ "open=\"a b c", "open=\"a b c" },
		{ "a -- single", "a|--|single" },
		{ "a\\ b", "a\\|b" },
		{ "root=LABEL=\320\240 ro", "root=LABEL=\320\240|ro" },
	};

	(void)state;
	for (size_t i = 0; i < LENGTH(cases); i++) {
		struct kargs kargs = parsed(cases[i].line);
		char words[256] = "";

		for (size_t j = 0; j < kargs.count; j++) {
			strcat(words, j == 0 ? "" : "|");
			strcat(words, kargs.items[j]);
		}
		assert_string_equal(words, cases[i].words);
		kargs_free(&kargs);
	}
}

static void finds_words(void **state)
{
	static const struct {
		const char *line;
		const char *word;
		bool has;
	} cases[] = {
		{ "quiet ro", "ro", true },
		{ "quiet ro", "r", false },
		{ "quiet ro", "root", false },
		{ "", "", false },
		{ "vfio_pci.ids=10de:1c30", "vfio-pci.ids=10de:1c30", true },
		{ "vfio-pci.ids=10de:1c30", "vfio_pci.ids=10de:1c30", true },
		{ "intel-iommu=on", "intel_iommu=on", true },
		{ "rd.driver.pre=vfio_pci", "rd.driver.pre=vfio-pci", false },
		{ "iommu=pt", "iommu=PT", false },
		{ "iommu=pt", "iommu", false },
		{ "iommu", "iommu=", false },
		{ "a-b_c", "a_b-c", true },
	};

	(void)state;
	for (size_t i = 0; i < LENGTH(cases); i++) {
		struct kargs kargs = parsed(cases[i].line);

		if (kargs_has(&kargs, cases[i].word) != cases[i].has)
			fail_msg("'%s' in '%s'", cases[i].word, cases[i].line);
		kargs_free(&kargs);
	}
}

static void gives_the_last_value(void **state)
{
	static const struct {
		const char *line;
		const char *key;
		const char *value;
	} cases[] = {
		{ "vfio-pci.ids=1:2", "vfio-pci.ids", "1:2" },
		{ "vfio_pci.ids=1:2 ro vfio-pci.ids=3:4", "vfio-pci.ids", "3:4" },
		{ "vfio-pci.ids=3:4 vfio-pci.idsx=1", "vfio_pci.ids", "3:4" },
		{ "vfio-pci.ids=", "vfio-pci.ids", "" },
		{ "vfio-pci.ids", "vfio-pci.ids", NULL },
		{ "xvfio-pci.ids=1:2", "vfio-pci.ids", NULL },
		{ "a=b=c", "a", "b=c" },
		{ "", "a", NULL },
	};

	(void)state;
	for (size_t i = 0; i < LENGTH(cases); i++) {
		struct kargs kargs = parsed(cases[i].line);
		const char *value = kargs_value(&kargs, cases[i].key);

		if (cases[i].value == NULL)
			assert_null(value);
		else
			assert_string_equal(value ? value : "(none)", cases[i].value);
		kargs_free(&kargs);
	}
}

static void adds_a_word_once(void **state)
{
	struct kargs kargs = { 0 };
	char *line;

	(void)state;
	assert_int_equal(kargs_add(&kargs, "iommu=pt"), 0);
	assert_int_equal(kargs_add(&kargs, "vfio-pci.ids=1:2"), 0);
	assert_int_equal(kargs_add(&kargs, "vfio_pci.ids=1:2"), 0);
	assert_int_equal(kargs_add(&kargs, "iommu=pt"), 0);
	assert_int_equal(kargs_add(&kargs, "iommu=on"), 0);
	assert_int_equal(kargs_join(&kargs, &line), 0);
	assert_string_equal(line, "iommu=pt vfio-pci.ids=1:2 iommu=on");
	free(line);
	kargs_free(&kargs);
	assert_int_equal(kargs.count, 0);
}

static void removes_words_and_keeps_the_order(void **state)
{
	static const struct {
		const char *line;
		const char *others;
		const char *left;
	} cases[] = {
		{ "a b c d", "b d", "a c" },
		{ "a b a", "a", "b" },
		{ "a b", "", "a b" },
		{ "", "a", "" },
		{ "vfio_pci.ids=1:2 x", "vfio-pci.ids=1:2", "x" },
		{ "vfio-pci.ids=1:2", "vfio-pci.ids=1:3", "vfio-pci.ids=1:2" },
	};

	(void)state;
	for (size_t i = 0; i < LENGTH(cases); i++) {
		struct kargs kargs = parsed(cases[i].line);
		struct kargs others = parsed(cases[i].others);
		char *line;

		kargs_remove(&kargs, &others);
		assert_int_equal(kargs_join(&kargs, &line), 0);
		assert_string_equal(line, cases[i].left);
		free(line);
		kargs_free(&kargs);
		kargs_free(&others);
	}
}

/* Words can be added behind a removal: the array's room must still be known. */
static void adds_after_a_removal(void **state)
{
	struct kargs kargs = parsed("a b c d e");
	struct kargs others = parsed("b c");
	char *line;

	(void)state;
	kargs_remove(&kargs, &others);
	for (char word[] = "p"; word[0] <= 'z'; word[0]++)
		assert_int_equal(kargs_add(&kargs, word), 0);
	assert_int_equal(kargs_join(&kargs, &line), 0);
	assert_string_equal(line, "a d e p q r s t u v w x y z");
	free(line);
	kargs_free(&kargs);
	kargs_free(&others);
}

static void joins_what_it_split(void **state)
{
	static const char line[] = "a \"b c\" d=\"e  f\" --";
	struct kargs kargs = parsed(line);
	char *joined;

	(void)state;
	assert_int_equal(kargs_join(&kargs, &joined), 0);
	assert_string_equal(joined, line);
	free(joined);
	kargs_free(&kargs);
	assert_int_equal(kargs_join(&kargs, &joined), 0);
	assert_string_equal(joined, "");
	free(joined);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(splits_lines),
		cmocka_unit_test(finds_words),
		cmocka_unit_test(gives_the_last_value),
		cmocka_unit_test(adds_a_word_once),
		cmocka_unit_test(removes_words_and_keeps_the_order),
		cmocka_unit_test(adds_after_a_removal),
		cmocka_unit_test(joins_what_it_split),
	};

	return cmocka_run_group_tests_name("kargs", tests, NULL, NULL);
}
