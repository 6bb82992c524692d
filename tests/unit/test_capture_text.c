// SPDX-License-Identifier: GPL-2.0-or-later
/* What a snapshot keeps of files that say more than anybody needs, and its own description. */
#include "capture_text.h"
#include "unit.h"

static void check_filter(capture_filter *filter, const char *text, const char *expected)
{
	char *result = NULL;

	assert_int_equal(filter(text, &result), 0);
	assert_string_equal(result, expected);
	free(result);
}

static void test_cpuinfo(void **state)
{
	(void)state;
	check_filter(
		capture_cpuinfo,
		"processor\t: 0\nvendor_id\t: GenuineIntel\ncpu family\t: 6\nmodel\t\t: 85\n"
		"model name\t: Xeon\nmicrocode\t: 0x1\nflags\t\t: vmx\n\n"
		"processor\t: 1\nvendor_id\t: GenuineIntel\n",
		"processor\t: 0\nvendor_id\t: GenuineIntel\ncpu family\t: 6\nmodel\t\t: 85\n"
		"model name\t: Xeon\n");
	check_filter(capture_cpuinfo, "", "");
}

static void test_modules(void **state)
{
	(void)state;
	check_filter(capture_modules,
		     "vfio_pci 16384 0 - Live 0xffffffffc0a00000\n"
		     "nvidia 1 2 drm,vfio, Live 0xffffffffc0b00000 (POE)\n",
		     "vfio_pci 16384 0 - Live 0x0000000000000000\n"
		     "nvidia 1 2 drm,vfio, Live 0x0000000000000000 (POE)\n");
	/* No newline at the end, and a line that is too short. */
	check_filter(capture_modules, "vfio 1", "vfio 1\n");
}

static void test_routes(void **state)
{
	(void)state;
	check_filter(capture_routes,
		     "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\n"
		     "eth0\t00000000\t0101A8C0\t0003\t0\t0\t0\t00000000\t0\n",
		     "Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\tMTU\n"
		     "eth0\t00000000\t00000000\t0003\t0\t0\t0\t00000000\t0\n");
	check_filter(
		capture_routes6,
		/* A default route, a local address, an anycast address, a damaged line. */
		"00000000000000000000000000000000 00 00000000000000000000000000000000 00 "
		"fe800000000000000000000000000001 00000400 00000001 00000000 00000003     "
		"eth0\n"
		"20010db8000000000000000000000007 80 00000000000000000000000000000000 00 "
		"00000000000000000000000000000000 00000000 00000003 00000000 80200001     "
		"eth0\n"
		"20010db8000000000000000000000000 80 00000000000000000000000000000000 00 "
		"00000000000000000000000000000000 00000000 00000003 00000000 00100001     "
		"eth0\n"
		"fe80 what\n",
		"00000000000000000000000000000000 00 00000000000000000000000000000000 00 "
		"00000000000000000000000000000000 00000400 00000001 00000000 00000003 eth0\n");
}

static void test_fstab(void **state)
{
	(void)state;
	check_filter(capture_fstab,
		     "# a comment with a password\n"
		     "\n"
		     "UUID=1234 / ext4 errors=remount-ro,x-initrd.mount 0 1\n"
		     "\t/dev/sda2 none swap sw\n"
		     "//nas/a /a cifs user=me,password=secret,_netdev,credentials=/root/c 0 0\n"
		     "//nas/b /b cifs username=me,password2=secret 0 0 # more\n"
		     "LABEL=x /x auto user,nofail\n",
		     "UUID=1234 / ext4 errors=remount-ro,x-initrd.mount 0 1\n"
		     "/dev/sda2 none swap sw\n"
		     "//nas/a /a cifs _netdev 0 0\n"
		     "//nas/b /b cifs defaults 0 0\n"
		     /* The option "user" itself is no name. */
		     "LABEL=x /x auto user,nofail\n");
}

static void test_crypttab(void **state)
{
	(void)state;
	check_filter(capture_crypttab,
		     "# name device key options\n"
		     "root UUID=1 none luks,discard\n"
		     "swap /dev/sda2 /dev/urandom swap,cipher=aes\n"
		     "a /dev/sdb - luks extra\n"
		     "b /dev/sdc my-passphrase luks,keyscript=/bin/echo\n"
		     "c /dev/sdd\n",
		     "root UUID=1 none luks,discard\n"
		     "swap /dev/sda2 /dev/urandom swap,cipher=aes\n"
		     "a /dev/sdb - luks\n"
		     "b /dev/sdc masked luks,keyscript=/bin/echo\n"
		     "c /dev/sdd\n");
}

static void test_interrupts(void **state)
{
	(void)state;
	check_filter(
		capture_interrupts,
		"            CPU0       CPU1       \n"
		"   0:         36          0  IR-IO-APIC    2-edge      timer\n"
		" 128:          0         12  IR-PCI-MSIX-0000:01:00.0    0-edge      nvme0q0\n"
		" NMI:          0          0   Non-maskable interrupts\n"
		" ERR:          0\n",
		"0: IR-IO-APIC 2-edge timer\n"
		"128: IR-PCI-MSIX-0000:01:00.0 0-edge nvme0q0\n"
		"NMI: Non-maskable interrupts\n"
		"ERR:\n");
}

static void test_unit(void **state)
{
	(void)state;
	check_filter(capture_unit,
		     "# by somebody\n[Mount]\n What=//nas/a\nWhere=/a\n"
		     "Options=user=me,password=secret,_netdev\n; more\n",
		     "[Mount]\nWhat=//nas/a\nWhere=/a\nOptions=_netdev\n");
	check_filter(capture_unit,
		     "[Unit]\nDescription=mine\n[Mount]\nWhat = //nas/a\nType\t=cifs\n"
		     "Options = user=me,_netdev,\\\n  password=secret\n"
		     "Optionspassword=secret\n",
		     "[Unit]\n[Mount]\nWhat=//nas/a\nType=cifs\nOptions=_netdev,\\\n");
}

static void test_udev(void **state)
{
	(void)state;
	check_filter(
		capture_udev,
		"S:disk/by-id/serial-123\nI:123\nE:ID_SERIAL=123\nE:ID_FS_LABEL=mine\n"
		"E:ID_FS_UUID=12-34\nE:ID_FS_TYPE=LVM2_member\nE:ID_FS_USAGE=raid\nG:systemd\n",
		"E:ID_FS_UUID=12-34\nE:ID_FS_TYPE=LVM2_member\nE:ID_FS_USAGE=raid\n");
}

static void test_info(void **state)
{
	const struct capture_info info = { 1, "0.1.0", "6.12.107+deb13-amd64", "x86_64" };
	const struct capture_info bare = { 1, "0.1.0", "", "" };
	struct capture_info read;
	char *text = NULL;

	(void)state;
	assert_int_equal(capture_info_render(&info, &text), 0);
	assert_string_equal(text, "FORMAT=1\nVERSION=0.1.0\nKERNEL=6.12.107+deb13-amd64\n"
				  "MACHINE=x86_64\n");
	assert_int_equal(capture_info_parse(text, &read), 0);
	free(text);
	assert_int_equal(read.format, 1);
	assert_string_equal(read.version, info.version);
	assert_string_equal(read.kernel, info.kernel);
	assert_string_equal(read.machine, info.machine);

	assert_int_equal(capture_info_render(&bare, &text), 0);
	assert_string_equal(text, "FORMAT=1\nVERSION=0.1.0\n");
	assert_int_equal(capture_info_parse(text, &read), 0);
	free(text);
	assert_string_equal(read.kernel, "");
}

static void test_bad_info(void **state)
{
	static const char *const texts[] = {
		"",
		"VERSION=1\n",
		"FORMAT=\n",
		"FORMAT=x\n",
		"FORMAT=0\n",
		"FORMAT=1\nKERNEL=../../etc\n",
		"FORMAT=1\nKERNEL=..\n",
		"FORMAT=1\nKERNEL=\n",
		"FORMAT=1\nKERNEL=a b\n",
		"FORMAT=1\nKERNEL=\x1b[31m\n",
		"FORMAT=1\nMACHINE="
		"0123456789012345678901234567890123456789012345678901234567890123456789"
		"0123\n",
	};
	struct capture_info read;

	(void)state;
	for (size_t i = 0; i < LENGTH(texts); i++)
		if (capture_info_parse(texts[i], &read) != -EBADMSG)
			fail_msg("'%s' is taken", texts[i]);
	/* A key of a later version. */
	assert_int_equal(capture_info_parse("FORMAT=1\nNEW=a b\n", &read), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cpuinfo),  cmocka_unit_test(test_modules),
		cmocka_unit_test(test_routes),   cmocka_unit_test(test_fstab),
		cmocka_unit_test(test_crypttab), cmocka_unit_test(test_interrupts),
		cmocka_unit_test(test_unit),     cmocka_unit_test(test_udev),
		cmocka_unit_test(test_info),     cmocka_unit_test(test_bad_info),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
