// SPDX-License-Identifier: GPL-2.0-or-later
/* Which native drivers had the devices before they were claimed at run time. */
#include "natives.h"
#include "unit.h"

static struct pci_address address(const char *string)
{
	struct pci_address parsed;

	assert_int_equal(pci_address_parse(string, &parsed, NULL), 0);
	return parsed;
}

static void set(struct natives *natives, const char *where, const char *driver)
{
	struct pci_address at = address(where);

	assert_int_equal(natives_set(natives, &at, driver), 0);
}

static const char *driver_of(const struct natives *natives, const char *where)
{
	struct pci_address at = address(where);
	const struct native *native = natives_find(natives, &at);

	return native ? native->driver : NULL;
}

static void test_round(void **state)
{
	struct natives natives = { 0 };
	struct natives again = { 0 };
	char *text = NULL;

	(void)state;
	set(&natives, "01:00.0", "nouveau");
	set(&natives, "01:00.1", "");
	set(&natives, "01:00.0", "nvidia");
	assert_int_equal(natives_render(&natives, &text), 0);
	assert_string_equal(text, "0000:01:00.0 nvidia\n0000:01:00.1 -\n");
	assert_int_equal(natives_parse(text, &again), 0);
	assert_string_equal(driver_of(&again, "01:00.0"), "nvidia");
	assert_string_equal(driver_of(&again, "01:00.1"), "");
	assert_null(driver_of(&again, "01:00.2"));
	free(text);
	natives_free(&natives);
	natives_free(&again);
}

static void test_remove(void **state)
{
	struct natives natives = { 0 };
	struct pci_address first = address("01:00.0");

	(void)state;
	natives_remove(&natives, &first);
	set(&natives, "01:00.0", "a");
	set(&natives, "01:00.1", "b");
	set(&natives, "01:00.2", "c");
	natives_remove(&natives, &first);
	natives_remove(&natives, &first);
	assert_int_equal(natives.count, 2);
	assert_string_equal(driver_of(&natives, "01:00.1"), "b");
	assert_string_equal(driver_of(&natives, "01:00.2"), "c");
	set(&natives, "01:00.0", "d");
	assert_int_equal(natives.count, 3);
	natives_free(&natives);
}

static void test_rubbish(void **state)
{
	struct natives natives = { 0 };

	(void)state;
	assert_int_equal(natives_parse("\nrubbish\n01:00.0\n0000:01:00.9 a\n"
				       "0000:01:00.0 ../x\n0000:01:00.1 a b\n0000:01:00.2 \n"
				       "0000:01:00.3 igb",
				       &natives),
			 0);
	assert_int_equal(natives.count, 1);
	assert_string_equal(driver_of(&natives, "01:00.3"), "igb");
	natives_free(&natives);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round),
		cmocka_unit_test(test_remove),
		cmocka_unit_test(test_rubbish),
	};

	return cmocka_run_group_tests_name("natives", tests, NULL, NULL);
}
