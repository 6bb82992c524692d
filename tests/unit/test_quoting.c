// SPDX-License-Identifier: GPL-2.0-or-later
/* Strings in the languages of other systems' files. */
#include "quoting.h"
#include "unit.h"

typedef int quote_function(struct text *text, const char *string);

struct row {
	const char *string;
	const char *quoted; /* NULL: it cannot be said */
};

static void check(quote_function *quote, const struct row *rows, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct text text = { 0 };
		char *string;
		int r = quote(&text, rows[i].string);

		assert_int_equal(text_take(&text, &string), 0);
		if (rows[i].quoted == NULL) {
			assert_int_equal(r, -EINVAL);
			assert_string_equal(string, "");
		} else {
			assert_int_equal(r, 0);
			assert_string_equal(string, rows[i].quoted);
		}
		free(string);
	}
}

static void test_utf8(void **state)
{
	(void)state;
	assert_true(is_utf8(""));
	assert_true(is_utf8("a\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80"));
	assert_false(is_utf8("\x80"));
	assert_false(is_utf8("\xc3"));
	assert_false(is_utf8("\xc0\xaf"));
	assert_false(is_utf8("\xe0\x80\xaf"));
	assert_false(is_utf8("\xed\xa0\x80"));
	assert_false(is_utf8("\xf4\x90\x80\x80"));
	assert_false(is_utf8("\xff"));
	assert_int_equal(utf8_length(""), 0);
	assert_int_equal(utf8_length("a\xc3\xa9"), 3);
	assert_int_equal(utf8_length("a\xc3\xa9\xc3"), 3);
	assert_int_equal(utf8_length("\xff"
				     "a"),
			 0);
}

static void test_visible(void **state)
{
	static const char *const rows[][2] = {
		{ "", "" },
		{ "plain\ttext\n", "plain\ttext\n" },
		{ "\xc3\xa9 \xe2\x82\xac", "\xc3\xa9 \xe2\x82\xac" },
		{ "\x1b[2J\r\x7f", "\\x1b[2J\\x0d\\x7f" },
		{ "a\xff\xc3z", "a\\xff\\xc3z" },
		{ "\xc2\x9b"
		  "1m",
		  "\\xc2\\x9b1m" }, /* CSI as one character */
		{ "\xe2\x80\xa8", "\\xe2\\x80\\xa8" },
	};

	(void)state;
	for (size_t i = 0; i < LENGTH(rows); i++) {
		struct text text = { 0 };
		char *string;

		text_put_visible(&text, rows[i][0]);
		assert_int_equal(text_take(&text, &string), 0);
		assert_string_equal(string, rows[i][1]);
		free(string);
	}
}

static void test_ini(void **state)
{
	static const struct row rows[] = {
		{ "", "" },
		{ "plain", "plain" },
		{ "{\"a\": \"b c\"}", "{\"a\": \"b c\"}" },
		{ "a$b$$", "a$$b$$$$" },
		{ "a\\b", "a\\b" },
		{ "a # b ; c", "a # b ; c" },
		{ "\xc3\xa9", "\xc3\xa9" },
		{ "a\"", "a\"" },
		{ "a\\$b", NULL },
		{ "a\nb", NULL },
		{ "a\rb", NULL },
		{ "a\tb", NULL },
		{ "a\xc2\x85g", NULL },
		{ "a\xe2\x80\xa8g", NULL },
		{ " a", NULL },
		{ "a ", NULL },
		{ "a\xc2\xa0", NULL },
		{ "\xe3\x80\x80g", NULL },
		{ "\"a\"", NULL },
		{ "'a'", NULL },
		{ "\"", NULL },
		{ "\xff", NULL },
	};

	(void)state;
	check(quote_ini, rows, LENGTH(rows));
}

static void test_json(void **state)
{
	static const struct row rows[] = {
		{ "", "\"\"" },
		{ "a\"b\\c/", "\"a\\\"b\\\\c/\"" },
		{ "a\nb\tc\r", "\"a\\nb\\tc\\u000d\"" },
		{ "\x01\x7f", "\"\\u0001\\u007f\"" },
		{ "\xc2\x85\xe2\x80\xa8", "\"\\u0085\\u2028\"" },
		{ "\xc3\xa9\xf0\x9f\x98\x80", "\"\xc3\xa9\xf0\x9f\x98\x80\"" },
		{ "\xf0\x9f\xbf\xbf", "\"\\ud83f\\udfff\"" },
		{ "\xc3", NULL },
	};

	(void)state;
	check(quote_json, rows, LENGTH(rows));
}

static void test_yaml_and_toml(void **state)
{
	static const struct row rows[] = {
		{ "", "\"\"" },
		{ "a: b # c", "\"a: b # c\"" },
		{ "a\"b\\c", "\"a\\\"b\\\\c\"" },
		{ "a\nb\tc\r", "\"a\\nb\\tc\\u000d\"" },
		{ "\xef\xbb\xbf\xc2\x85", "\"\\ufeff\\u0085\"" },
		{ "\xf0\x9f\xbf\xbf", "\"\\U0001ffff\"" },
		{ "\xed\xa0\x80", NULL },
	};

	(void)state;
	check(quote_yaml, rows, LENGTH(rows));
	check(quote_toml, rows, LENGTH(rows));
}

static void test_xml(void **state)
{
	static const struct row both[] = {
		{ "", "" },
		{ "a<b>&\"c'", "a&#60;b&#62;&#38;&#34;c&#39;" },
		{ "]]>", "]]&#62;" },
		{ "\xc3\xa9\xc2\x85", "\xc3\xa9&#133;" },
		{ "a\r", "a&#13;" },
		{ "\x01", NULL },
		{ "\xef\xbf\xbf", NULL },
		{ "\xff", NULL },
	};
	static const struct row element[] = { { "a\n\tb", "a\n\tb" } };
	static const struct row attribute[] = { { "a\n\tb", "a&#10;&#9;b" } };

	(void)state;
	check(quote_xml_text, both, LENGTH(both));
	check(quote_xml_attribute, both, LENGTH(both));
	check(quote_xml_text, element, LENGTH(element));
	check(quote_xml_attribute, attribute, LENGTH(attribute));
}

static int shell(struct text *text, const char *string)
{
	quote_shell(text, string);
	return 0;
}

static void test_shell(void **state)
{
	static const struct row rows[] = {
		{ "", "''" },
		{ "a b$c`d\"e\\f!", "'a b$c`d\"e\\f!'" },
		{ "it's", "'it'\\''s'" },
		{ "'", "''\\'''" },
		{ "a\nb\xff", "'a\nb\xff'" },
	};

	(void)state;
	check(shell, rows, LENGTH(rows));
}

static void check_comment(const char *prefix, const char *string, const char *wanted)
{
	struct text text = { 0 };
	char *result;

	text_add_comment(&text, prefix, string);
	assert_int_equal(text_take(&text, &result), 0);
	assert_string_equal(result, wanted);
	free(result);
}

static void test_comments(void **state)
{
	(void)state;
	check_comment("# ", "", "#\n");
	check_comment("  # ", "one  two ", "  # one two\n");
	check_comment("# ", "a\nb\rc\x1b\xff\xc2\x85\xc3\xa9", "# a?b?c???\xc3\xa9\n");
	check_comment("# ",
		      "123456789 123456789 123456789 123456789 123456789 123456789 123456789 "
		      "123456789 123456789 12345 7",
		      "# 123456789 123456789 123456789 123456789 123456789 123456789 123456789 "
		      "123456789 123456789\n# 12345 7\n");
	check_comment("# ",
		      "123456789-123456789-123456789-123456789-123456789-123456789-123456789-"
		      "123456789-123456789-123456789 1",
		      "# 123456789-123456789-123456789-123456789-123456789-123456789-123456789-"
		      "123456789-123456789-123456789\n# 1\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_utf8),          cmocka_unit_test(test_visible),
		cmocka_unit_test(test_ini),           cmocka_unit_test(test_json),
		cmocka_unit_test(test_yaml_and_toml), cmocka_unit_test(test_xml),
		cmocka_unit_test(test_shell),         cmocka_unit_test(test_comments),
	};

	return cmocka_run_group_tests_name("quoting", tests, NULL, NULL);
}
