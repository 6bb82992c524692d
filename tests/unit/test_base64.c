// SPDX-License-Identifier: GPL-2.0-or-later
/* Base64 as RFC 4648 has it. */
#include "base64.h"
#include "unit.h"

static void assert_base64(const char *data, size_t length, const char *wanted)
{
	struct text text = { 0 };
	AUTO_FREE char *string = NULL;

	text_add_base64(&text, data, length);
	assert_int_equal(text_take(&text, &string), 0);
	assert_string_equal(string, wanted);
}

static void the_examples_of_the_rfc(void **state)
{
	(void)state;
	assert_base64("", 0, "");
	assert_base64("f", 1, "Zg==");
	assert_base64("fo", 2, "Zm8=");
	assert_base64("foo", 3, "Zm9v");
	assert_base64("foob", 4, "Zm9vYg==");
	assert_base64("fooba", 5, "Zm9vYmE=");
	assert_base64("foobar", 6, "Zm9vYmFy");
}

static void every_bit(void **state)
{
	(void)state;
	assert_base64("\xff\xff\xff", 3, "////");
	assert_base64("\xfb\xef\xbe\x00", 4, "++++AA==");
	assert_base64("\x00\x10\x83\x10\x51\x87\x20\x92\x8b", 9, "ABCDEFGHIJKL");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_examples_of_the_rfc),
		cmocka_unit_test(every_bit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
