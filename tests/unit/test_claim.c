// SPDX-License-Identifier: GPL-2.0-or-later
/* Selectors as text, and lists of claims. */
#include "claim.h"
#include "unit.h"

static void test_selectors(void **state)
{
	/* As written, and in the one form that is written out. */
	static const char *const pairs[][2] = {
		{ "10de:1c30", "10de:1c30" },
		{ "  10de:1c30\t", "10de:1c30" },
		{ "10de:1c30:10de:11b3", "10de:1c30:10de:11b3" },
		{ "83:00.0", "0000:83:00.0" },
		{ "0000:83:00.* ", "0000:83:00.*" },
		{ "10000:e1:00.0", "10000:e1:00.0" },
		{ "ffffffff:ff:1f.7", "ffffffff:ff:1f.7" },
		{ "ffffffff:ff:1f.*", "ffffffff:ff:1f.*" },
		{ "class=03", "class=03" },
		{ "class=0300", "class=0300" },
		{ "class=030200", "class=030200" },
		{ "class=00", "class=00" },
		{ "class=030000/ff0000", "class=03" },
		{ "class=030000/00ff00", "class=030000/00ff00" },
		{ "path=00:03.0/00.0", "path=0000:00:03.0/00.0" },
		{ "10de:1c30 nth=2", "10de:1c30 nth=2" },
		{ "nth=65535 class=03", "class=03 nth=65535" },
		{ "0000:83:00.* nth=1", "0000:83:00.* nth=1" },
		{ "*:* 83:00.0", "0000:83:00.0 *:*" },
		{ "*:* class=03", "*:* class=03" },
		{ "nth=2 path=00:03.0/00.0 class=03 10de:1c30 83:00.*",
		  "0000:83:00.* 10de:1c30 class=03 path=0000:00:03.0/00.0 nth=2" },
	};
	char reason[SELECTOR_TEXT_SIZE] = "";
	char out[SELECTOR_TEXT_SIZE];

	(void)state;
	for (size_t i = 0; i < LENGTH(pairs); i++)
		for (size_t j = 0; j < 2; j++) {
			struct selector selector = { 0 };

			if (selector_parse(pairs[i][j], false, &selector, reason) < 0)
				fail_msg("'%s': %s", pairs[i][j], reason);
			assert_string_equal(selector_format(&selector, out), pairs[i][1]);
		}
}

static void test_longest_selector(void **state)
{
	static const char longest[] =
		"ffffffff:ff:1f.* ffff:ffff:ffff:ffff class=ffff0f/ffff0f "
		"path=ffffffff:ff:1f.7/1f.7/1f.7/1f.7/1f.7/1f.7/1f.7/1f.7/1f.7/1f.7/1f.7/1f.7/"
		"1f.7/1f.7/1f.7/1f.7/1f.7 nth=65535";
	char reason[SELECTOR_TEXT_SIZE] = "";
	char out[SELECTOR_TEXT_SIZE];
	struct selector selector;

	(void)state;
	assert_int_equal(selector_parse(longest, false, &selector, reason), 0);
	assert_string_equal(selector_format(&selector, out), longest);
}

static void test_class_prefixes(void **state)
{
	static const struct {
		const char *string;
		uint32_t code;
		uint32_t mask;
	} rows[] = {
		{ "class=03", 0x030000, 0xff0000 },
		{ "class=0302", 0x030200, 0xffff00 },
		{ "class=0C0330", 0x0c0330, 0xffffff },
		{ "class=030000/ffff00", 0x030000, 0xffff00 },
	};
	char reason[SELECTOR_TEXT_SIZE];

	(void)state;
	for (size_t i = 0; i < LENGTH(rows); i++) {
		struct selector selector;

		assert_int_equal(selector_parse(rows[i].string, false, &selector, reason), 0);
		assert_int_equal(selector.words, SELECT_CLASS);
		assert_int_equal(selector.class_code, rows[i].code);
		assert_int_equal(selector.class_mask, rows[i].mask);
	}
}

static void test_wrong_selectors(void **state)
{
	static const char address[] = "an address is";
	static const char ids[] = "IDs are";
	static const char class_word[] = "a class is";
	static const char path[] = "a path is";
	static const char nth[] = "nth counts from 1";
	static const struct {
		const char *string;
		const char *reason;
	} rows[] = {
		{ "", "at least one word" },
		{ " \t ", "at least one word" },
		{ "0000:83:20.0", address },
		{ "0000:83:00.8", address },
		{ "0000:83:00.**", address },
		{ "0000:83:*.0", address },
		{ "0000:83:00.0.0", address },
		{ "10de:1c3", ids },
		{ "10de", ids },
		{ "10de:1c30:1043", ids },
		{ "10de:1c30,10de:10f1", ids },
		{ "nvidia", ids },
		{ "class=", class_word },
		{ "class=3", class_word },
		{ "class=030", class_word },
		{ "class=0300000", class_word },
		{ "class=03xx", class_word },
		{ "class=0300/ff", class_word },
		{ "class=030000/000000", class_word },
		{ "class=030000/ff000", class_word },
		{ "class=030000/ff0000/", class_word },
		{ "path=", path },
		{ "path=00:03.0/", path },
		{ "path=00:03.0/20.0", path },
		{ "nth=", nth },
		{ "nth=0", nth },
		{ "nth=-1", nth },
		{ "nth=65536", nth },
		{ "nth=two", nth },
		{ "nth=1", "nth= needs IDs or a class" },
		{ "*:*", "this would take every device" },
		{ "*:*:*:*", "this would take every device" },
		{ "*:* nth=1", "this would take every device" },
		{ "0000:83:00.0 nth=1", "nothing to count" },
		{ "10de:1c30 10de:10f1", "a second word of its kind" },
		{ "83:00.0 84:00.0", "a second word of its kind" },
		{ "class=03 class=04", "a second word of its kind" },
		{ "10de:1c30 nth=1 nth=2", "a second word of its kind" },
	};

	(void)state;
	for (size_t i = 0; i < LENGTH(rows); i++) {
		struct selector selector = { .words = 77 };
		char reason[SELECTOR_TEXT_SIZE] = "";

		if (selector_parse(rows[i].string, false, &selector, reason) != -EINVAL)
			fail_msg("'%s' was accepted", rows[i].string);
		assert_int_equal(selector.words, 77);
		assert_contains(reason, rows[i].reason);
	}
}

/* The message shows the word that is wrong, not the whole line. */
static void test_reason_names_the_word(void **state)
{
	struct selector selector;
	char reason[SELECTOR_TEXT_SIZE];
	char word[1000];

	(void)state;
	assert_int_equal(selector_parse("10de:1c30 class=zz", false, &selector, reason), -EINVAL);
	assert_contains(reason, "'class=zz'");
	assert_null(strstr(reason, "10de"));

	memset(word, 'a', sizeof(word) - 1);
	word[sizeof(word) - 1] = '\0';
	assert_int_equal(selector_parse(word, false, &selector, reason), -EINVAL);
	assert_true(strlen(reason) < SELECTOR_TEXT_SIZE);
	/* A valid beginning must not save a word that is cut. */
	memcpy(word, "path=00:03.0/00.0/", 18);
	assert_int_equal(selector_parse(word, false, &selector, reason), -EINVAL);
}

static void test_commas(void **state)
{
	struct selector selector;
	char reason[SELECTOR_TEXT_SIZE];
	char out[SELECTOR_TEXT_SIZE];

	(void)state;
	assert_int_equal(selector_parse("83:00.0,10de:1c30", true, &selector, reason), 0);
	assert_string_equal(selector_format(&selector, out), "0000:83:00.0 10de:1c30");
	assert_int_equal(selector_parse(",,class=03, nth=2,", true, &selector, reason), 0);
	assert_string_equal(selector_format(&selector, out), "class=03 nth=2");
	assert_int_equal(selector_parse(",", true, &selector, reason), -EINVAL);
}

static void test_claim_lists(void **state)
{
	struct claims claims = { 0 };
	struct claims more = { 0 };
	struct selector selector = { .words = SELECT_CLASS };

	(void)state;
	for (int i = 0; i < 20; i++) {
		char name[16];

		(void)snprintf(name, sizeof(name), "claim%d", i);
		struct claim *claim = claims_add(i < 10 ? &claims : &more, name);
		assert_non_null(claim);
		assert_string_equal(claim->driver, "auto");
		assert_int_equal(claim->functions, FUNCTIONS_ALL);
		assert_int_equal(claim->when, WHEN_AUTO);
		assert_int_equal(claim_add_match(claim, &selector), 0);
		assert_int_equal(claim_add_except(claim, &selector), 0);
	}
	assert_null(claims_find(&claims, "claim10"));
	assert_int_equal(claims_append(&claims, &more), 0);
	assert_int_equal(claims.count, 20);
	for (size_t i = 0; i < 20; i++) {
		char name[16];

		(void)snprintf(name, sizeof(name), "claim%zu", i);
		assert_ptr_equal(claims_find(&claims, name), &claims.items[i]);
		assert_int_equal(claims.items[i].match_count, 1);
	}
	claims_free(&more);
	claims_free(&claims);
	assert_null(claims.items);
	claims_free(&claims);
}

static void test_reset_keeps_the_name(void **state)
{
	struct claims claims = { 0 };
	struct selector selector = { .words = SELECT_CLASS };
	struct claim *claim = claims_add(&claims, "gpu");

	(void)state;
	assert_non_null(claim);
	assert_int_equal(claim_add_match(claim, &selector), 0);
	(void)copy_field(claim->driver, sizeof(claim->driver), "vfio-pci");
	claim->functions = FUNCTIONS_MATCHED;
	claim->expect = 3;
	claim_reset(claim);
	assert_string_equal(claim->name, "gpu");
	assert_string_equal(claim->driver, "auto");
	assert_int_equal(claim->functions, FUNCTIONS_ALL);
	assert_int_equal(claim->expect, 0);
	assert_int_equal(claim->match_count, 0);
	claims_free(&claims);
}

static void test_names(void **state)
{
	static const char longest[] =
		"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";

	(void)state;
	assert_true(claim_name_valid("p2000"));
	assert_true(claim_name_valid("GPU.left_1-a"));
	assert_int_equal(strlen(longest), 64);
	assert_true(claim_name_valid(longest));
	assert_false(claim_name_valid(""));
	assert_false(claim_name_valid("a b"));
	assert_false(claim_name_valid("a/b"));
	assert_false(claim_name_valid("a$b"));
	assert_false(driver_name_valid(longest));
	assert_true(driver_name_valid(longest + 1));
	assert_true(driver_name_valid("nvgrace_gpu_vfio_pci"));
	assert_true(driver_name_valid("mlx5-vfio-pci"));
	assert_false(driver_name_valid("a.b"));
	assert_false(driver_name_valid("../vfio"));
	assert_false(driver_name_valid(""));
	/* Those of drivers/vfio/pci in 7.2, and what stands for them. */
	static const char *const vfio[] = { "auto",
					    "pci-stub",
					    "vfio-pci",
					    "hisi-acc-vfio-pci",
					    "ism-vfio-pci",
					    "mlx5_vfio_pci",
					    "nvgrace-gpu-vfio-pci",
					    "pds-vfio-pci",
					    "qat_vfio_pci",
					    "virtio-vfio-pci",
					    "xe-vfio-pci" };
	for (size_t i = 0; i < LENGTH(vfio); i++)
		assert_true(driver_serves_vfio(vfio[i]));
	assert_false(driver_serves_vfio("nvidia"));
	assert_false(driver_serves_vfio("pcieport"));
	assert_false(driver_serves_vfio("uio_pci_generic"));
	assert_false(driver_serves_vfio("autofs"));
	assert_true(claim_name_reserved("vfio-pci.ids"));
	assert_true(claim_name_reserved("rd.vfio-claim-1"));
	assert_false(claim_name_reserved("p2000"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_selectors),
		cmocka_unit_test(test_longest_selector),
		cmocka_unit_test(test_class_prefixes),
		cmocka_unit_test(test_wrong_selectors),
		cmocka_unit_test(test_reason_names_the_word),
		cmocka_unit_test(test_commas),
		cmocka_unit_test(test_claim_lists),
		cmocka_unit_test(test_reset_keeps_the_name),
		cmocka_unit_test(test_names),
	};

	return cmocka_run_group_tests_name("claim", tests, NULL, NULL);
}
