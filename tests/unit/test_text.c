// SPDX-License-Identifier: GPL-2.0-or-later
/* Text buffers, arrays, numbers, names. */
#include "text.h"
#include "unit.h"

static void test_text_grows(void **state)
{
	struct text text = { 0 };
	char *string;

	(void)state;
	for (int i = 0; i < 1000; i++)
		text_add(&text, "%d,", i);
	assert_int_equal(text_take(&text, &string), 0);
	assert_int_equal(strlen(string), 3890);
	assert_memory_equal(string, "0,1,2,", 6);
	assert_string_equal(string + 3890 - 8, "998,999,");
	assert_null(text.data);
	free(string);
}

static void test_numbers(void **state)
{
	struct text text = { 0 };
	char *string = NULL;

	(void)state;
	text_put_number(&text, 0);
	text_put(&text, " ");
	text_put_number(&text, 1090);
	text_put(&text, " ");
	text_put_number(&text, UINT32_MAX);
	assert_int_equal(text_take(&text, &string), 0);
	assert_string_equal(string, "0 1090 4294967295");
	free(string);
}

static void test_empty_text_is_a_string(void **state)
{
	struct text text = { 0 };
	char *string = NULL;

	(void)state;
	assert_int_equal(text_take(&text, &string), 0);
	assert_string_equal(string, "");
	free(string);
	text_free(&text);
}

static void test_text_error_is_sticky(void **state)
{
	struct text text = { .error = -ENOMEM };
	char *string = NULL;

	(void)state;
	text_add(&text, "x");
	assert_null(text.data);
	assert_int_equal(text_take(&text, &string), -ENOMEM);
	assert_null(string);
}

static void test_json_strings(void **state)
{
	static const char *const pairs[][2] = {
		{ "", "\"\"" },
		{ "plain", "\"plain\"" },
		{ "a\"b\\c", "\"a\\\"b\\\\c\"" },
		{ "\n\t\x01\x1f", "\"\\u000a\\u0009\\u0001\\u001f\"" },
		{ "\x7f", "\"\\u007f\"" },
		{ "\xc3\xa9\xff", "\"\\u00c3\\u00a9\\u00ff\"" },
		{ "/%s%n", "\"/%s%n\"" },
	};

	(void)state;
	for (size_t i = 0; i < LENGTH(pairs); i++) {
		struct text text = { 0 };
		char *string;

		text_add_json(&text, pairs[i][0]);
		assert_int_equal(text_take(&text, &string), 0);
		assert_string_equal(string, pairs[i][1]);
		free(string);
	}
}

static void test_array_grow(void **state)
{
	size_t *items = NULL;

	(void)state;
	for (size_t i = 0; i < 100; i++) {
		size_t *slot = array_grow(&items, i, sizeof(*slot));

		assert_non_null(slot);
		assert_int_equal(*slot, 0);
		*slot = i;
	}
	for (size_t i = 0; i < 100; i++)
		assert_int_equal(items[i], i);
	free(items);
}

static void test_parse_hex(void **state)
{
	static const struct {
		const char *string;
		size_t length;
		int result;
		uint32_t value;
	} rows[] = {
		{ "0", 1, 0, 0 },
		{ "10de", 4, 0, 0x10de },
		{ "10DE", 4, 0, 0x10de },
		{ "ffffffff", 8, 0, UINT32_MAX },
		{ "12345", 3, 0, 0x123 },
		{ "", 0, -EINVAL, 0 },
		{ "123456789", 9, -EINVAL, 0 },
		{ "0x10", 4, -EINVAL, 0 },
		{ "-1", 2, -EINVAL, 0 },
		{ " 1", 2, -EINVAL, 0 },
		{ "1g", 2, -EINVAL, 0 },
		{ "\xb2", 1, -EINVAL, 0 },
	};

	(void)state;
	for (size_t i = 0; i < LENGTH(rows); i++) {
		uint32_t value = 77;

		assert_int_equal(parse_hex(rows[i].string, rows[i].length, &value),
				 rows[i].result);
		assert_int_equal(value, rows[i].result == 0 ? rows[i].value : 77);
	}
}

static void test_parse_decimal(void **state)
{
	static const struct {
		const char *string;
		int result;
		unsigned value;
	} rows[] = {
		{ "1", 0, 1 },
		{ "65535", 0, 65535 },
		{ "007", 0, 7 },
		{ "0", -ERANGE, 0 },
		{ "65536", -ERANGE, 0 },
		{ "4294967297", -ERANGE, 0 },
		{ "18446744073709551617", -ERANGE, 0 },
		{ "99999999999999999999999999", -ERANGE, 0 },
		{ "", -EINVAL, 0 },
		{ "-1", -EINVAL, 0 },
		{ "+1", -EINVAL, 0 },
		{ " 1", -EINVAL, 0 },
		{ "1 ", -EINVAL, 0 },
		{ "0x1", -EINVAL, 0 },
	};

	(void)state;
	for (size_t i = 0; i < LENGTH(rows); i++) {
		unsigned value = 77;

		assert_int_equal(parse_decimal(rows[i].string, 1, 65535, &value),
				 rows[i].result);
		assert_int_equal(value, rows[i].result == 0 ? rows[i].value : 77);
	}
}

static void test_copy_field(void **state)
{
	char field[4] = "xyz";

	(void)state;
	assert_int_equal(copy_field(field, sizeof(field), "abc"), 0);
	assert_string_equal(field, "abc");
	assert_int_equal(copy_field(field, sizeof(field), "abcd"), -ENAMETOOLONG);
	assert_string_equal(field, "");
}

static void test_nearest_name(void **state)
{
	static const char *const names[] = { "match", "except", "functions", "iommu", NULL };
	static const struct {
		const char *word;
		const char *nearest;
	} rows[] = {
		{ "macth", "match" },
		{ "Match", "match" },
		{ "matc", "match" },
		{ "exept", "except" },
		{ "function", "functions" },
		{ "iomu", "iommu" },
		{ "completely", NULL },
		{ "", NULL },
		{ "zzzzz", NULL },
		{ "a-word-that-is-longer-than-what-is-compared", NULL },
	};

	(void)state;
	for (size_t i = 0; i < LENGTH(rows); i++) {
		const char *nearest = nearest_name(rows[i].word, names);

		if (rows[i].nearest == NULL)
			assert_null(nearest);
		else
			assert_string_equal(nearest, rows[i].nearest);
	}
}

static void test_plain_words(void **state)
{
	(void)state;
	assert_true(is_plain_word("abcXYZ019", 9, ""));
	assert_true(is_plain_word("a-b_c", 5, "-_"));
	assert_false(is_plain_word("", 5, "-_"));
	assert_false(is_plain_word("abcdef", 5, ""));
	assert_false(is_plain_word("a b", 5, "-_"));
	assert_false(is_plain_word("a\"b", 5, "-_"));
	assert_false(is_plain_word("a\nb", 5, "-_"));
	assert_false(is_plain_word("\xc3\xa9", 5, "-_"));
}

/* Published values of FNV-1a. */
static void test_fnv1a64(void **state)
{
	(void)state;
	assert_true(fnv1a64("", 0) == UINT64_C(0xcbf29ce484222325));
	assert_true(fnv1a64("a", 1) == UINT64_C(0xaf63dc4c8601ec8c));
	assert_true(fnv1a64("foobar", 6) == UINT64_C(0x85944171f73967e8));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_text_grows),
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_empty_text_is_a_string),
		cmocka_unit_test(test_text_error_is_sticky),
		cmocka_unit_test(test_json_strings),
		cmocka_unit_test(test_array_grow),
		cmocka_unit_test(test_parse_hex),
		cmocka_unit_test(test_parse_decimal),
		cmocka_unit_test(test_copy_field),
		cmocka_unit_test(test_nearest_name),
		cmocka_unit_test(test_plain_words),
		cmocka_unit_test(test_fnv1a64),
	};

	return cmocka_run_group_tests_name("text", tests, NULL, NULL);
}
