// SPDX-License-Identifier: GPL-2.0-or-later
/* fstab, crypttab, mountinfo, swaps and mount units. */
#include "mount_table.h"
#include "unit.h"

static void check(const struct mount_entry *entry, const char *source, const char *target,
		  const char *type)
{
	assert_string_equal(entry->source, source);
	assert_string_equal(entry->target, target);
	assert_string_equal(entry->type, type);
}

static void test_fstab(void **state)
{
	const char *text = "# UUID=commented / ext4\n"
			   "\n"
			   "UUID=\"ab-cd\" / ext4 defaults 0 1\n"
			   "  LABEL=my\\040disk\t/my\\040disk\txfs\tnofail,noauto\n"
			   "/dev/sda2 none swap sw 0 0\n"
			   "incomplete\n"
			   "LABEL=x /x\n"
			   "host:/x /nfs nfs rw\n"
			   "/dev/sdb /iscsi ext4 rw,_netdev,nofailure\n"
			   "/dev/sdc /last ext4";
	struct mount_entry entry;

	(void)state;
	assert_true(fstab_next(&text, &entry));
	check(&entry, "UUID=ab-cd", "/", "ext4");
	assert_false(entry.optional || entry.not_at_boot || entry.network);
	assert_true(fstab_next(&text, &entry));
	check(&entry, "LABEL=my disk", "/my disk", "xfs");
	assert_true(entry.optional && entry.not_at_boot);
	assert_true(fstab_next(&text, &entry));
	check(&entry, "/dev/sda2", "swap", "swap");
	assert_true(fstab_next(&text, &entry));
	check(&entry, "LABEL=x", "/x", "");
	assert_false(entry.optional || entry.not_at_boot);
	assert_true(fstab_next(&text, &entry));
	check(&entry, "host:/x", "/nfs", "nfs");
	assert_true(entry.network);
	assert_true(fstab_next(&text, &entry));
	assert_true(entry.network && !entry.optional);
	assert_true(fstab_next(&text, &entry));
	check(&entry, "/dev/sdc", "/last", "ext4");
	assert_false(fstab_next(&text, &entry));
	assert_int_equal(*text, '\0');
}

/* systemd.mount(5): what noauto keeps out of the boot, and what comes to be mounted anyway. */
static void test_noauto(void **state)
{
	static const struct {
		const char *options;
		bool not_at_boot;
		bool optional;
	} lines[] = {
		{ "noauto", true, false },
		{ "rw,noauto,nofail", true, true },
		{ "noauto,x-systemd.automount", false, false },
		{ "x-systemd.automount,nofail,noauto", false, true },
		{ "noauto,comment=systemd.automount", false, false },
		{ "noauto,comment=mine", true, false },
		{ "noauto,x-systemd.wanted-by=multi-user.target", false, false },
		{ "noauto,x-systemd.required-by=a.service", false, false },
		{ "noauto,x-systemd.automount-not,x-systemd.idle-timeout=1", true, false },
		{ "noauto,auto", false, false },
		{ "auto,noauto", true, false },
		{ "noauto,auto,noauto", true, false },
		{ "nofail,fail", false, false },
		{ "fail,nofail", false, true },
	};

	(void)state;
	for (size_t i = 0; i < LENGTH(lines); i++) {
		char line[128];
		const char *text = line;
		struct mount_entry entry;

		(void)snprintf(line, sizeof(line), "/dev/sda1 /a ext4 %s 0 0",
			       lines[i].options);
		assert_true(fstab_next(&text, &entry));
		assert_int_equal(entry.not_at_boot, lines[i].not_at_boot);
		assert_int_equal(entry.optional, lines[i].optional);
	}
}

/* What is too long to be read must not be taken for something shorter. */
static void test_long_field(void **state)
{
	char line[MOUNT_FIELD_SIZE * 2];
	const char *text = line;
	struct mount_entry entry;

	(void)state;
	memset(line, 'a', sizeof(line));
	memcpy(line, "/dev/", 5);
	memcpy(line + MOUNT_FIELD_SIZE + 8, " / ext4", 8);
	assert_true(fstab_next(&text, &entry));
	check(&entry, "?", "/", "ext4");
}

static void test_crypttab(void **state)
{
	const char *text = "root UUID=1-2 none luks,discard\n"
			   "swap /dev/sda3 /dev/urandom swap,nofail\n"
			   "later PARTUUID=5 /key noauto\n"
			   "short\n"
			   "two /dev/sdb1\n";
	struct mount_entry entry;

	(void)state;
	assert_true(crypttab_next(&text, &entry));
	check(&entry, "UUID=1-2", "root", "crypt");
	assert_true(crypttab_next(&text, &entry));
	assert_true(entry.optional);
	assert_true(crypttab_next(&text, &entry));
	assert_true(entry.not_at_boot);
	assert_true(crypttab_next(&text, &entry));
	check(&entry, "/dev/sdb1", "two", "crypt");
	assert_false(crypttab_next(&text, &entry));
}

static void test_veritytab(void **state)
{
	const char *text = "# name data hashes roothash options\n"
			   "usr PARTUUID=1-2 /dev/sdb1 00ff nofail\n"
			   "short /dev/sdc1\n"
			   "late /dev/sdc1 /dev/sdd1 00ff root-hash-signature=/a,noauto\n"
			   "file /dev/sdc1 /hashes 00ff -\n";
	struct mount_entry entry;

	(void)state;
	assert_true(veritytab_next(&text, &entry));
	check(&entry, "PARTUUID=1-2", "usr", "crypt");
	assert_string_equal(entry.others[1], "/dev/sdb1");
	assert_true(entry.optional && !entry.not_at_boot);
	assert_true(veritytab_next(&text, &entry));
	check(&entry, "/dev/sdc1", "late", "crypt");
	assert_true(entry.not_at_boot);
	assert_true(veritytab_next(&text, &entry));
	assert_string_equal(entry.others[1], "/hashes");
	assert_false(veritytab_next(&text, &entry));
}

static void test_mountinfo(void **state)
{
	const char *text = "22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw\n"
			   "23 22 0:21 / /proc rw - proc proc rw\n"
			   "24 22 259:5 /sub /a\\040b rw shared:2 master:1 propagate_from:3 - "
			   "xfs /dev/n rw\n"
			   "25 22 0:30 / /bt rw - btrfs /dev/sdb rw,subvolid=5\n"
			   "26 22 nonsense / /x rw - ext4 /dev/x rw\n"
			   "27 22 8:1 / /cut rw\n"
			   "28 22 0:31 / /n rw - nfs4 h:/x rw";
	struct mount_entry entry;

	(void)state;
	assert_true(mountinfo_next(&text, &entry));
	check(&entry, "/dev/sda1", "/", "ext4");
	assert_int_equal(entry.major, 8);
	assert_int_equal(entry.minor, 1);
	assert_true(mountinfo_next(&text, &entry));
	check(&entry, "proc", "/proc", "proc");
	assert_int_equal(entry.major, 0);
	assert_true(mountinfo_next(&text, &entry));
	check(&entry, "/dev/n", "/a b", "xfs");
	assert_int_equal(entry.major, 259);
	assert_int_equal(entry.minor, 5);
	assert_true(mountinfo_next(&text, &entry));
	check(&entry, "/dev/sdb", "/bt", "btrfs");
	assert_true(mountinfo_next(&text, &entry));
	check(&entry, "h:/x", "/n", "nfs4");
	assert_true(entry.network);
	assert_false(mountinfo_next(&text, &entry));
}

static void test_swaps(void **state)
{
	const char *text = "Filename\t\tType\t\tSize\tUsed\tPriority\n"
			   "/dev/dm-1   partition\t1000\t0\t-2\n"
			   "/swapfile   file\t1000\t0\t-3\n"
			   "/dev/zram0  partition\t1000\t0\t100\n";
	struct mount_entry entry;

	(void)state;
	assert_true(swaps_next(&text, &entry));
	check(&entry, "/dev/dm-1", "swap", "swap");
	assert_true(swaps_next(&text, &entry));
	check(&entry, "/dev/zram0", "swap", "swap");
	assert_false(swaps_next(&text, &entry));
}

static void test_mount_units(void **state)
{
	struct mount_entry entry;

	(void)state;
	assert_true(mount_unit_parse("[Unit]\nDescription=x\n\n[Mount]\n"
				     "What=/dev/disk/by-label/data \nWhere=/data\nType=ext4\n"
				     "Options=nofail,rw\n",
				     &entry));
	check(&entry, "/dev/disk/by-label/data", "/data", "ext4");
	assert_true(entry.optional);
	assert_true(mount_unit_parse("[Mount]\n  What\t = /dev/sdb1 \t\r\nWhere =/opt\n"
				     "Type= xfs\nOptions = noauto\nWhatever=/dev/sdc\n"
				     "Where",
				     &entry));
	check(&entry, "/dev/sdb1", "/opt", "xfs");
	assert_false(entry.not_at_boot);
	assert_false(mount_unit_parse("[Mount]\nWhat =   \nWhat", &entry));
	assert_true(mount_unit_parse("[Swap]\nWhat=UUID=1", &entry));
	check(&entry, "UUID=1", "swap", "");
	assert_false(mount_unit_parse("[Unit]\n#What=/dev/x\n", &entry));
	assert_false(mount_unit_parse("", &entry));
}

static void check_others(const struct mount_entry *entry, const char *first, const char *second)
{
	assert_string_equal(entry->others[0], first);
	assert_string_equal(entry->others[1], second);
}

static void test_other_devices(void **state)
{
	static const struct {
		const char *line;
		const char *header;
		const char *key;
	} crypt[] = {
		{ "a /dev/sda1", "", "" },
		{ "a /dev/sda1 none luks,header=", "", "" },
		{ "a /dev/sda1 - luks,header=/dev/sdb1,discard", "/dev/sdb1", "" },
		{ "a /dev/sda1 /etc/key header=/boot/header.img", "/boot/header.img",
		  "/etc/key" },
		{ "a /dev/sda1 /key:LABEL=keys header=/h:UUID=1-2", "UUID=1-2", "LABEL=keys" },
		{ "a /dev/sda1 /k:ey:/dev/sdc1 luks", "", "/dev/sdc1" },
		{ "a /dev/sda1 /k:ey luks", "", "/k:ey" },
		{ "a /dev/sda1 /dev/urandom swap", "", "" },
		{ "a /dev/sda1 /dev/disk/by-path/pci-0000:00:14.0-usb luks", "",
		  "/dev/disk/by-path/pci-0000:00:14.0-usb" },
		{ "a /dev/sda1 /dev/disk/by-label/k:/key:5 keyscript=passdev", "",
		  "/dev/disk/by-label/k" },
	};
	const char *text =
		"/dev/sda1 /a xfs rtdev=/dev/sdc1,logdevice=/x,logdev=/dev/sdb1 0 0\n";
	struct mount_entry entry;

	(void)state;
	assert_true(fstab_next(&text, &entry));
	check_others(&entry, "/dev/sdb1", "/dev/sdc1");
	text = "/dev/sda1 /a ext4 journal_path=/dev/sdb1,x-systemd.requires=a.service,"
	       "x-systemd.requires=/dev/sdc1,x-systemd.requires-mounts-for=/b 0 0\n";
	assert_true(fstab_next(&text, &entry));
	check_others(&entry, "/dev/sdb1", "");
	assert_string_equal(entry.others[2], "/dev/sdc1");
	assert_string_equal(entry.others[3], "/b");
	/* None is left out without a word. */
	text = "/dev/sda1 /a ext4 x-systemd.requires=/b,x-systemd.requires=/c,"
	       "x-systemd.requires=/dev/sdb1 0 0\n";
	assert_true(fstab_next(&text, &entry));
	assert_string_equal(entry.others[3], "?");
	text = "22 1 8:1 / / rw - xfs /dev/sda1 rw,logdev=/dev/sdb1\n";
	assert_true(mountinfo_next(&text, &entry));
	check_others(&entry, "/dev/sdb1", "");
	assert_true(mount_unit_parse("What=/dev/sda1\nOptions=logdev=/dev/sdb1", &entry));
	check_others(&entry, "/dev/sdb1", "");
	for (size_t i = 0; i < LENGTH(crypt); i++) {
		text = crypt[i].line;
		assert_true(crypttab_next(&text, &entry));
		check_others(&entry, crypt[i].header, crypt[i].key);
	}
}

static void test_extra(void **state)
{
	struct mount_entry entry;

	(void)state;
	assert_true(
		mount_extra_parse("/dev/sda1:/srv:xfs:nofail,logdev=/dev/sdb1", false, &entry));
	check(&entry, "/dev/sda1", "/srv", "xfs");
	check_others(&entry, "/dev/sdb1", "");
	assert_true(entry.optional && !entry.not_at_boot);
	assert_true(mount_extra_parse("UUID=1-2:/srv::noauto", false, &entry));
	check(&entry, "UUID=1-2", "/srv", "");
	assert_true(entry.not_at_boot);
	assert_true(mount_extra_parse("host:", false, &entry));
	check(&entry, "host", "", "");
	assert_true(mount_extra_parse("/dev/sda2:nofail", true, &entry));
	check(&entry, "/dev/sda2", "swap", "swap");
	assert_true(entry.optional);
	assert_false(mount_extra_parse("", true, &entry));
	assert_false(mount_extra_parse(":/srv", false, &entry));
}

static void test_unit_names(void **state)
{
	(void)state;
	assert_true(unit_is_mount("srv.mount"));
	assert_true(unit_is_mount("dev-sda2.swap"));
	assert_false(unit_is_mount("srv.mount.d"));
	assert_false(unit_is_mount("srv.automount"));
	assert_false(unit_is_mount("mount"));
	assert_true(unit_is_automount("srv.automount"));
	assert_false(unit_is_automount("srv.mount"));
	assert_false(unit_is_automount("automount"));
	assert_true(unit_directory_is_of_target("local-fs.target.requires"));
	assert_true(unit_directory_is_of_target("swap.target.wants"));
	assert_false(unit_directory_is_of_target("a.service.wants"));
	assert_false(unit_directory_is_of_target("local-fs.target.d"));
	assert_false(unit_directory_is_of_target("local-fs.target"));
}

static void test_virtual_types(void **state)
{
	(void)state;
	assert_true(type_is_virtual("tmpfs"));
	assert_true(type_is_virtual("overlay"));
	assert_false(type_is_virtual("ext4"));
	assert_false(type_is_virtual(""));
	assert_false(type_is_virtual("zfs"));
}

static void test_no_device(void **state)
{
	static const struct {
		struct mount_entry entry;
		bool none;
	} entries[] = {
		{ { .source = "/dev/sda1", .type = "ext4" }, false },
		{ { .source = "UUID=1-2" }, false },
		{ { .source = "ID=nvme-x", .type = "auto" }, false },
		{ { .source = "?", .type = "ext4" }, false },
		{ { .source = "/node-of-mine", .type = "ext4", .major = 8 }, false },
		{ { .source = "/dev/sda1", .type = "overlay" }, true },
		{ { .source = "/dev/null", .type = "ext4" }, true },
		{ { .source = "/srv/a", .type = "none" }, true },
		{ { .source = "/srv/a=b", .type = "none" }, true },
		{ { .source = "none" }, true },
		{ { .source = "nfsd", .type = "nfsd" }, true },
		{ { .source = "vmware-vmblock", .type = "fuse.vmware-vmblock" }, true },
		{ { .source = "sshfs#me@host:/a", .type = "fuse" }, true },
		{ { .source = "10.0.0.1@tcp:/a", .type = "lustre" }, true },
	};

	(void)state;
	for (size_t i = 0; i < LENGTH(entries); i++)
		assert_int_equal(mount_has_no_device(&entries[i].entry), entries[i].none);
}

/* Of each line whether it comes to be mounted. */
static void test_pull(void **state)
{
	static const char *const fstab = "/dev/root / ext4 noauto\n"
					 "/dev/sda1 /data/ ext4 noauto\n"
					 "/dev/sda2 /datastore ext4 noauto\n"
					 "/data/x /srv none bind\n"
					 "/dev/sda3 /srv/a ext4 noauto\n"
					 "/dev/mapper/one /one ext4 nofail\n"
					 "/dev/mapper/two /two ext4 noauto\n"
					 "/dev/sda4 /keys ext4 noauto\n"
					 "/dev/sda5 /on/its/own ext4 noauto\n"
					 "/swaps/file none swap\n"
					 "/dev/sda6 /swaps ext4 noauto\n"
					 "o /o overlay x-systemd.requires-mounts-for=/lower/a\n"
					 "/dev/sda7 /lower ext4 noauto\n";
	static const char *const crypttab = "one /dev/sdb1 /keys/a noauto\n"
					    "two /dev/sdb2 none noauto\n";
	static const bool wanted[] = { false, true, false, true, false, true, false, true,
				       false, true, true,  true, true,  true, false };
	struct mount_entry entries[LENGTH(wanted)];
	const char *text = fstab;
	size_t count = 0;

	(void)state;
	while (fstab_next(&text, &entries[count]))
		count++;
	text = crypttab;
	while (crypttab_next(&text, &entries[count]))
		count++;
	assert_int_equal(count, LENGTH(wanted));
	mount_entries_pull(entries, count);
	for (size_t i = 0; i < count; i++)
		if (entries[i].not_at_boot == wanted[i])
			fail_msg("%s", entries[i].source);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fstab),         cmocka_unit_test(test_long_field),
		cmocka_unit_test(test_crypttab),      cmocka_unit_test(test_mountinfo),
		cmocka_unit_test(test_swaps),         cmocka_unit_test(test_mount_units),
		cmocka_unit_test(test_other_devices), cmocka_unit_test(test_extra),
		cmocka_unit_test(test_unit_names),    cmocka_unit_test(test_virtual_types),
		cmocka_unit_test(test_noauto),        cmocka_unit_test(test_no_device),
		cmocka_unit_test(test_pull),          cmocka_unit_test(test_veritytab),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
