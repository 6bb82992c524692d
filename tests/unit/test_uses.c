// SPDX-License-Identifier: GPL-2.0-or-later
/* Who uses the devices: the list and its text form. */
#include "unit.h"
#include "uses.h"

static struct pci_address address(const char *string)
{
	struct pci_address parsed;

	assert_int_equal(pci_address_parse(string, &parsed, NULL), 0);
	return parsed;
}

static void add(struct uses *uses, const char *where, enum use_kind kind, const char *text)
{
	struct pci_address at = address(where);

	assert_int_equal(uses_add(uses, &at, kind, "%s", text), 0);
}

static void test_list(void **state)
{
	struct uses uses = { 0 };
	struct pci_address gpu = address("01:00.0");
	size_t position = 0;

	(void)state;
	add(&uses, "02:00.0", USE_LINK, "b");
	add(&uses, "01:00.0", USE_LINK, "has a link");
	add(&uses, "01:00.0", USE_ROUTE, "carries it");
	add(&uses, "01:00.0", USE_LINK, "also");
	add(&uses, "01:00.0", USE_LINK, "also"); /* the same again */
	assert_int_equal(uses.count, 4);
	uses_sort(&uses);
	assert_string_equal(uses_next(&uses, &gpu, &position)->text, "carries it");
	assert_string_equal(uses_next(&uses, &gpu, &position)->text, "also");
	assert_string_equal(uses_next(&uses, &gpu, &position)->text, "has a link");
	assert_null(uses_next(&uses, &gpu, &position));
	uses_free(&uses);
	uses_free(&uses);
}

static void test_text(void **state)
{
	static const char expected[] = "0000:01:00.0 route carries the default route (eth0)\n"
				       "0000:01:00.0 vfio is open\n"
				       "10000:e1:00.0 sound of a?b\n"
				       "unread 7\n";
	struct uses uses = { .unread = 7 };
	struct uses again = { 0 };
	char *text = NULL;
	char *second = NULL;

	(void)state;
	add(&uses, "01:00.0", USE_ROUTE, "carries the default route (eth0)");
	add(&uses, "01:00.0", USE_VFIO, "is open");
	add(&uses, "10000:e1:00.0", USE_SOUND, "of a\nb");
	assert_int_equal(uses_render(&uses, &text), 0);
	assert_string_equal(text, expected);
	assert_int_equal(uses_parse(text, &again), 0);
	assert_int_equal(again.count, 3);
	assert_int_equal(again.unread, 7);
	assert_int_equal(uses_render(&again, &second), 0);
	assert_string_equal(second, expected);
	free(text);
	free(second);
	uses_free(&uses);
	uses_free(&again);
}

static void test_every_kind_has_a_word(void **state)
{
	struct uses uses = { 0 };
	char *text = NULL;

	(void)state;
	for (int kind = USE_ROUTE; kind <= USE_PROGRAM; kind++)
		add(&uses, "01:00.0", (enum use_kind)kind, "x");
	assert_int_equal(uses_render(&uses, &text), 0);
	uses_free(&uses);
	assert_int_equal(uses_parse(text, &uses), 0);
	assert_int_equal(uses.count, USE_PROGRAM + 1);
	for (int kind = USE_ROUTE; kind <= USE_PROGRAM; kind++)
		assert_int_equal(uses.items[kind].kind, kind);
	assert_null(use_kind_names[USE_PROGRAM + 1]);
	free(text);
	uses_free(&uses);
}

static void test_bad_text(void **state)
{
	static const struct {
		const char *text;
		int result;
		size_t count;
	} rows[] = {
		{ "", 0, 0 },
		{ "\n\n", 0, 0 },
		{ "0000:01:00.0 link has a link", 0, 1 },
		{ "0000:01:00.0 juggling with it\n0000:01:00.0 link y\n", 0, 1 },
		{ "0000:01:00.0 link\n", -EBADMSG, 0 },
		{ "0000:01:00.0 link \n", -EBADMSG, 0 },
		{ "0000:01:00.0\n", -EBADMSG, 0 },
		{ "0000:01:00.0 link x\nrubbish link y\n", -EBADMSG, 1 },
		{ "unread x\n", -EBADMSG, 0 },
		{ "unread -1\n", -EBADMSG, 0 },
	};

	(void)state;
	for (size_t i = 0; i < LENGTH(rows); i++) {
		struct uses uses = { 0 };

		if (uses_parse(rows[i].text, &uses) != rows[i].result ||
		    uses.count != rows[i].count)
			fail_msg("row %zu", i);
		uses_free(&uses);
	}
}

static void test_long_text_is_cut(void **state)
{
	struct uses uses = { 0 };
	char text[300];

	(void)state;
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	add(&uses, "01:00.0", USE_PROGRAM, text);
	assert_int_equal(strlen(uses.items[0].text), USE_TEXT_SIZE - 1);
	uses_free(&uses);
}

static void test_sysfs_paths(void **state)
{
	static const struct {
		const char *path;
		const char *address; /* NULL: none */
	} rows[] = {
		{ "../../devices/pci0000:00/0000:00:03.0/net/eth0", "0000:00:03.0" },
		{ "../../devices/pci0000:00/0000:00:03.0/virtio0/net/eth0", "0000:00:03.0" },
		{ "../../devices/pci0000:00/0000:00:1c.0/0000:03:00.1/net/eno2",
		  "0000:03:00.1" },
		{ "../../devices/pci0000:00/0000:00:14.0/usb1/1-2/1-2:1.0/net/usb0",
		  "0000:00:14.0" },
		{ "../../devices/pci0000:e0/0000:e0:05.5/pci10000:e0/10000:e1:00.0/drm/card1",
		  "10000:e1:00.0" },
		{ "../../../0000:01:00.0", "0000:01:00.0" },
		{ "0000:01:00.0/", "0000:01:00.0" },
		{ "../../devices/virtual/net/br0", NULL },
		{ "../../devices/pnp0/00:04/tty/ttyS0", NULL },
		{ "../../devices/platform/efi-framebuffer.0/graphics/fb0", NULL },
		{ "../../devices/pci0000:00/0000:00:03.8/x", NULL },
		{ "", NULL },
	};

	(void)state;
	for (size_t i = 0; i < LENGTH(rows); i++) {
		struct pci_address found;
		char text[PCI_ADDRESS_SIZE] = "";
		int r = sysfs_pci_address(rows[i].path, &found);

		if (r == 0)
			(void)pci_address_format(&found, text);
		if (r != (rows[i].address ? 0 : -ENOENT) ||
		    strcmp(text, rows[i].address ? rows[i].address : "") != 0)
			fail_msg("%s gives %s", rows[i].path, text);
	}
}

static void test_default_routes(void **state)
{
	static const struct {
		const char *line;
		bool ipv6;
		const char *interface; /* NULL: not a default route */
	} rows[] = {
		{ "Iface\tDestination\tGateway "
		  "\tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow"
		  "\tIRTT",
		  false, NULL },
		{ "eth0\t00000000\t0202000A\t0003\t0\t0\t100\t00000000\t0\t0\t0   \n", false,
		  "eth0" },
		{ "wg0\t00000000\t00000000\t0001\t0\t0\t0\t00000000\t0\t0\t0", false, "wg0" },
		{ "eth0\t0002000A\t00000000\t0001\t0\t0\t100\t00FFFFFF\t0\t0\t0", false, NULL },
		/* 0.0.0.0/1: half of the addresses, as OpenVPN's def1 sets it. */
		{ "tun0\t00000000\t0100080A\t0003\t0\t0\t0\t00000080\t0\t0\t0", false, NULL },
		/* Not up; "unreachable default". */
		{ "eth0\t00000000\t0202000A\t0002\t0\t0\t100\t00000000\t0\t0\t0", false, NULL },
		{ "*\t00000000\t00000000\t0201\t0\t0\t100\t00000000\t0\t0\t0", false, NULL },
		{ "eth0\t00000000\t0202000A", false, NULL },
		{ "", false, NULL },
		{ "00000000000000000000000000000000 00 00000000000000000000000000000000 00 "
		  "fe800000000000000000000000000002 00000400 00000001 00000000 00000003     "
		  "ens3",
		  true, "ens3" },
		{ "00000000000000000000000000000000 00 00000000000000000000000000000000 00 "
		  "00000000000000000000000000000000 ffffffff 00000001 00000000 00200200       "
		  "lo",
		  true, NULL },
		{ "fe800000000000000000000000000000 40 00000000000000000000000000000000 00 "
		  "00000000000000000000000000000000 00000100 00000001 00000000 00000001     "
		  "ens3",
		  true, NULL },
		{ "00000000000000000000000000000000 00 0000 00 0000 0 0 0 0001", true, NULL },
	};

	(void)state;
	for (size_t i = 0; i < LENGTH(rows); i++) {
		char interface[INTERFACE_NAME_SIZE] = "";
		bool found = route_default_interface(rows[i].line, rows[i].ipv6, interface);

		if (found != (rows[i].interface != NULL) ||
		    strcmp(interface, found ? rows[i].interface : "") != 0)
			fail_msg("%s gives '%s'", rows[i].line, interface);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_list),
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_every_kind_has_a_word),
		cmocka_unit_test(test_bad_text),
		cmocka_unit_test(test_long_text_is_cut),
		cmocka_unit_test(test_sysfs_paths),
		cmocka_unit_test(test_default_routes),
	};

	return cmocka_run_group_tests_name("uses", tests, NULL, NULL);
}
