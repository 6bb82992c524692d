// SPDX-License-Identifier: GPL-2.0-or-later
/* Texts of boot loaders. */
#include <errno.h>

#include "loader_text.h"
#include "unit.h"

#define LINE "[ ! -r /" GRUB_SNIPPET " ] || . /" GRUB_SNIPPET " # added by vfio-claim"

/* A copy of the exact size: a byte read behind it is then found. */
static char *copy_of(const char *text)
{
	char *copy = strdup(text);

	assert_non_null(copy);
	return copy;
}

static struct kargs words_of(const char *line)
{
	struct kargs words;

	assert_int_equal(kargs_parse(line, &words), 0);
	return words;
}

static void assert_words(struct kargs *words, const char *wanted)
{
	char *line;

	assert_int_equal(kargs_join(words, &line), 0);
	assert_string_equal(line, wanted);
	free(line);
	kargs_free(words);
}

static struct loader_state state_of(const char *ours, const char *replaced)
{
	struct loader_state state = { .ours = words_of(ours), .replaced = words_of(replaced) };

	return state;
}

/* --- The marked line --------------------------------------------------------------------- */

static char *line_add(const char *text)
{
	char *copy = text != NULL ? copy_of(text) : NULL;
	char *added;

	assert_int_equal(grub_line_add(copy, &added), 0);
	free(copy);
	return added;
}

static char *line_remove(const char *text)
{
	char *copy = copy_of(text);
	char *removed;

	assert_int_equal(grub_line_remove(copy, &removed), 0);
	free(copy);
	return removed;
}

/* Whatever the file is, adding twice is adding once, and removing gives it back. */
static void test_line_round_trip(void **state)
{
	static const char *const texts[] = {
		"",
		"\n",
		"\n\n",
		"A=1\n",
		"A=1",
		"A=1\n\n",
		"A=1\r\nB=2\r\n",
		"A=1\r\nB=2\r",
		"A=1\r\nB=2",
		"# added by vfio-claim, or so\n",
		"A=\"1\n",
		"\xff\xfe\n\x01",
	};

	(void)state;
	for (size_t i = 0; i < LENGTH(texts); i++) {
		char *added = line_add(texts[i]);
		char *twice = line_add(added);
		char *removed = line_remove(added);

		assert_contains(added, LINE);
		assert_true(grub_line_there(added));
		assert_false(grub_line_there(texts[i]));
		assert_string_equal(twice, added);
		assert_string_equal(removed, texts[i]);
		free(added);
		free(twice);
		free(removed);
	}
}

static void test_line_marks(void **state)
{
	char *text;

	(void)state;
	text = line_add("A=1\n");
	assert_string_equal(text, "A=1\n" LINE "\n");
	free(text);
	text = line_add("A=1");
	assert_string_equal(text, "A=1\n" LINE ", with the newline before it\n");
	free(text);
	text = line_add(NULL);
	assert_string_equal(text, LINE ", with this file\n");
	assert_null(line_remove(text));
	free(text);
}

/* What others wrote meanwhile stays as they wrote it. */
static void test_line_edited_file(void **state)
{
	static const struct {
		const char *edited;
		const char *removed;
	} cases[] = {
		{ "A=1\n" LINE "\nB=2\n", "A=1\nB=2\n" },
		{ "B=2\nA=1\n" LINE "\nB=2", "B=2\nA=1\nB=2" },
		{ "A=1\n" LINE ", with the newline before it\nB=2\n", "A=1\nB=2\n" },
		{ "A=1\n" LINE ", with the newline before it", "A=1" },
		{ "A=1\n" LINE, "A=1\n" },
		{ "A=1\r\n" LINE "\r\nB=2\r\n", "A=1\r\nB=2\r\n" },
		{ LINE ", with this file\nA=1\n", "A=1\n" },
		{ LINE "\n", "" },
		{ LINE "\n" LINE "\nA=1\n" LINE "\n", "A=1\n" },
		/* An older or a mended line of ours. */
		{ "A=1\n. /other/path # added by vfio-claim\n", "A=1\n" },
	};

	(void)state;
	for (size_t i = 0; i < LENGTH(cases); i++) {
		char *removed = line_remove(cases[i].edited);

		assert_string_equal(removed, cases[i].removed);
		free(removed);
	}
}

/* The line moves only where what is behind it undoes it. */
static void test_line_moves(void **state)
{
	static const struct {
		const char *text;
		const char *added;
	} cases[] = {
		{ "A=1\n" LINE "\nB=2\n", "A=1\n" LINE "\nB=2\n" },
		{ "A=1\n" LINE "\n# GRUB_CMDLINE_LINUX=1\n",
		  "A=1\n" LINE "\n# GRUB_CMDLINE_LINUX=1\n" },
		{ "A=1\n" LINE "\nGRUB_CMDLINE_LINUX_DEFAULT=1\n",
		  "A=1\nGRUB_CMDLINE_LINUX_DEFAULT=1\n" LINE "\n" },
		{ LINE "\n export GRUB_CMDLINE_LINUX=1",
		  " export GRUB_CMDLINE_LINUX=1\n" LINE ", with the newline before it\n" },
		{ LINE "\nA=1\n" LINE "\n", "A=1\n" LINE "\n" },
		{ ". /other/path # added by vfio-claim\nA=1\n", "A=1\n" LINE "\n" },
	};

	(void)state;
	for (size_t i = 0; i < LENGTH(cases); i++) {
		char *added = line_add(cases[i].text);

		assert_string_equal(added, cases[i].added);
		free(added);
	}
}

/* --- /etc/default/grub ------------------------------------------------------------------- */

static void assert_default(const char *first, const char *second, const char *linux_args,
			   const char *default_args, bool unclear)
{
	struct grub_default variables = { 0 };
	char *texts[] = { copy_of(first), copy_of(second) };

	for (size_t i = 0; i < LENGTH(texts); i++)
		assert_int_equal(grub_default_read(texts[i], &variables), 0);
	if (variables.unclear != unclear)
		fail_msg("'%s', '%s': unclear is %d", first, second, variables.unclear);
	if (!unclear) {
		assert_string_equal(variables.linux_args ? variables.linux_args : "-",
				    linux_args);
		assert_string_equal(variables.default_args ? variables.default_args : "-",
				    default_args);
	}
	grub_default_free(&variables);
	free(texts[0]);
	free(texts[1]);
}

static void test_default_values(void **state)
{
	static const struct {
		const char *first;
		const char *second;
		const char *linux_args;
		const char *default_args;
	} cases[] = {
		{ "", "", "-", "-" },
		{ "GRUB_CMDLINE_LINUX=\"\"\nGRUB_CMDLINE_LINUX_DEFAULT=\"quiet splash\"\n", "",
		  "", "quiet splash" },
		{ "GRUB_CMDLINE_LINUX='a b'", "", "a b", "-" },
		{ "GRUB_CMDLINE_LINUX=\"~ {a,b}\"'~{c,d}'\n", "", "~ {a,b}~{c,d}", "-" },
		{ "GRUB_CMDLINE_LINUX=a # b\n", "", "a", "-" },
		{ " export GRUB_CMDLINE_LINUX=a;\n", "", "a", "-" },
		{ "GRUB_CMDLINE_LINUX=a\r\n", "", "a", "-" },
		{ "GRUB_CMDLINE_LINUX=\"a\"'b'c\n", "", "abc", "-" },
		{ "GRUB_CMDLINE_LINUX=\"a \\\"b\\\" \\$c \\\\ \\d\"\n", "", "a \"b\" $c \\ \\d",
		  "-" },
		{ "GRUB_CMDLINE_LINUX=\"a\\\n b\"\nGRUB_TIMEOUT=1\n", "", "a b", "-" },
		{ "GRUB_CMDLINE_LINUX=\"a\nb\"\n", "", "a\nb", "-" },
		{ "GRUB_CMDLINE_LINUX=a\nGRUB_CMDLINE_LINUX+=' b'\n", "", "a b", "-" },
		{ "#GRUB_CMDLINE_LINUX=a\n", "", "-", "-" },
		{ "GRUB_CMDLINE_LINUX_RECOVERY=single\nGRUB_CMDLINE_LINUX_XEN_REPLACE=x\n", "",
		  "-", "-" },
		/* A drop-in that replaces, and ones that add. */
		{ "GRUB_CMDLINE_LINUX_DEFAULT=quiet\n", "GRUB_CMDLINE_LINUX_DEFAULT=tty\n", "-",
		  "tty" },
		{ "GRUB_CMDLINE_LINUX_DEFAULT=quiet\n",
		  "GRUB_CMDLINE_LINUX_DEFAULT=\"$GRUB_CMDLINE_LINUX_DEFAULT tty\"\n", "-",
		  "quiet tty" },
		{ "GRUB_CMDLINE_LINUX=a\n",
		  "GRUB_CMDLINE_LINUX_DEFAULT=\"b ${GRUB_CMDLINE_LINUX}c\"\n", "a", "b ac" },
		{ "", "GRUB_CMDLINE_LINUX=\"$GRUB_CMDLINE_LINUX tty\"\n", " tty", "-" },
		{ "", "GRUB_CMDLINE_LINUX='$GRUB_CMDLINE_LINUX'\n", "$GRUB_CMDLINE_LINUX",
		  "-" },
		/* Not what is within another variable's value. */
		{ "", "A=\"b\nGRUB_CMDLINE_LINUX=c\"\nGRUB_CMDLINE_LINUX=d\nB='\n\n'\n", "d",
		  "-" },
		{ "", "A='\nGRUB_CMDLINE_LINUX=c\n'\n", "-", "-" },
		{ "", "A=`lsb_release`\nexport B+=$(x)\nGRUB_CMDLINE_LINUX=d\n", "d", "-" },
		/* Lines that end where they end, as Debian has them. */
		{ "",
		  "# If you change this, don't \"forget\nA=`( . /etc/os-release; echo "
		  "${NAME:-Debian} ) 2>/dev/null || echo Debian`\nB=~ # (\n. x\\ y'\\'\n"
		  "GRUB_CMDLINE_LINUX=d\n",
		  "d", "-" },
	};

	(void)state;
	for (size_t i = 0; i < LENGTH(cases); i++)
		assert_default(cases[i].first, cases[i].second, cases[i].linux_args,
			       cases[i].default_args, false);
}

static void test_default_unclear(void **state)
{
	static const char *const texts[] = {
		"GRUB_CMDLINE_LINUX=\"$(cat /etc/x)\"\n",
		"GRUB_CMDLINE_LINUX=\"`cat /etc/x`\"\n",
		"GRUB_CMDLINE_LINUX=`x`\n",
		"GRUB_CMDLINE_LINUX=$(x)\n",
		"GRUB_CMDLINE_LINUX=\"$OTHER\"\n",
		"GRUB_CMDLINE_LINUX=\"${GRUB_CMDLINE_LINUX:-x}\"\n",
		"GRUB_CMDLINE_LINUX=\"${GRUB_CMDLINE_LINUX\"\n",
		"GRUB_CMDLINE_LINUX=\"a\n",
		"GRUB_CMDLINE_LINUX='a\n",
		"GRUB_CMDLINE_LINUX=a b\n",
		"GRUB_CMDLINE_LINUX=a & b\n",
		"GRUB_CMDLINE_LINUX\n",
		"GRUB_CMDLINE_LINUX =a\n",
		"if true; then GRUB_CMDLINE_LINUX=a; fi\n",
		"OTHER=1 GRUB_CMDLINE_LINUX=a\n",
		"unset GRUB_CMDLINE_LINUX\n",
		"GRUB_CMDLINE_LINUX=\"$GRUB_CMDLINE_LINUX\\\n_\"\n",
		"GRUB_CMDLINE_LINUX=\"$",
		"GRUB_CMDLINE_LINUX=\"\\",
		"GRUB_CMDLINE_LINUX=\\",
		"GRUB_CMDLINE_LINUX=~\n",
		"GRUB_CMDLINE_LINUX=~/a\n",
		"GRUB_CMDLINE_LINUX=a:~\n",
		"export GRUB_CMDLINE_LINUX={a,b}\n",
		"export GRUB_CMDLINE_LINUX=a{b,c}\n",
		/* What a shell takes for a part of the line before. */
		"A='x'\"\\\" b\nGRUB_CMDLINE_LINUX=\"~\"'; '\n",
		"A=~'\nGRUB_CMDLINE_LINUX=a\n'\n",
		"A=1 b'\nGRUB_CMDLINE_LINUX=a\n'\n",
		"A=~\\\nGRUB_CMDLINE_LINUX=a\n",
		"A=$(echo\nGRUB_CMDLINE_LINUX=a\n)\n",
		"A=`echo\nGRUB_CMDLINE_LINUX=a\n`\n",
		"cat <<END\nGRUB_CMDLINE_LINUX=a\nEND\n",
		"[ -e x ] || echo 'a\nGRUB_CMDLINE_LINUX=a\n'\n",
	};

	(void)state;
	for (size_t i = 0; i < LENGTH(texts); i++)
		assert_default(texts[i], "", "", "", true);
}

/* --- grub.cfg ---------------------------------------------------------------------------- */

static void test_grub_cfg(void **state)
{
	static const char text[] = "set x=1\nlinux /vmlinuz-0 no section\n"
				   "### BEGIN /etc/grub.d/10_linux ###\n"
				   "menuentry 'Debian, \"6.1\"' --class os "
				   "$menuentry_id_option 'gnulinux-simple' {\n"
				   "\tinsmod gzio\n"
				   "\tlinux\t/boot/vmlinuz-6.1 root=UUID=x ro quiet\n"
				   "\tinitrd\t/boot/initrd.img-6.1\n}\n"
				   "submenu 'Advanced' {\n"
				   "\tmenuentry \"6.1 (recovery mode)\" {\n"
				   "\t\tlinuxefi /boot/vmlinuz-6.1   ro single\n\t}\n"
				   "\tmenuentry '6.1 (Wiederherstellung)' $menuentry_id_option "
				   "'gnulinux-6.1-recovery-x' {\n"
				   "\t\tlinux16 /boot/vmlinuz-6.1\n\t}\n}\n"
				   "### END /etc/grub.d/10_linux ###\n"
				   "linux /vmlinuz-1 between\n"
				   "### BEGIN /etc/grub.d/20_linux_xen ###\n"
				   "\tlinux /vmlinuz-2 xen\n"
				   "### END /etc/grub.d/20_linux_xen ###\n"
				   "### BEGIN /etc/grub.d/06_my_linux ###\n"
				   "\tlinux /vmlinuz-3 moved\n"
				   "### BEGIN /etc/grub.d/30_os-prober ###\n"
				   "menuentry 'Other' {\n\tlinux /vmlinuz-4 other\n}\n"
				   "### END /etc/grub.d/30_os-prober ###\n";
	static const struct {
		const char *title;
		const char *line;
		bool recovery;
	} wanted[] = {
		{ "Debian, \"6.1\"", "root=UUID=x ro quiet", false },
		{ "6.1 (recovery mode)", "ro single", true },
		{ "6.1 (Wiederherstellung)", "", true },
		{ "6.1 (Wiederherstellung)", "moved", true },
	};
	struct grub_cfg cfg = { .next = text };

	(void)state;
	for (size_t i = 0; i < LENGTH(wanted); i++) {
		assert_true(grub_cfg_next(&cfg));
		assert_int_equal(cfg.entry.title_length, strlen(wanted[i].title));
		assert_memory_equal(cfg.entry.title, wanted[i].title, cfg.entry.title_length);
		assert_int_equal(cfg.entry.line_length, strlen(wanted[i].line));
		assert_memory_equal(cfg.entry.line, wanted[i].line, cfg.entry.line_length);
		assert_int_equal(cfg.entry.recovery, wanted[i].recovery);
	}
	assert_false(grub_cfg_next(&cfg));
}

/* Cut anywhere, nothing is read behind the end. */
static void test_grub_cfg_cut(void **state)
{
	static const char text[] = "### BEGIN /etc/grub.d/10_linux ###\n"
				   "menuentry 'a' {\n\tlinux\t/vmlinuz\tro quiet\n}\n";

	(void)state;
	for (size_t length = 0; length < sizeof(text); length++) {
		char *cut = strndup(text, length);
		struct grub_cfg cfg = { .next = cut };

		assert_non_null(cut);
		while (grub_cfg_next(&cfg))
			assert_in_range(cfg.entry.line + cfg.entry.line_length - cut, 0,
					length);
		free(cut);
	}
}

/* --- Boot Loader Specification ----------------------------------------------------------- */

static void assert_options(const char *entry, const char *grubenv, const char *grub_cfg,
			   const char *wanted)
{
	struct kargs words;
	char *copy = copy_of(entry);

	assert_int_equal(bls_words(copy, grubenv, grub_cfg, &words), 0);
	free(copy);
	assert_words(&words, wanted);
}

static void test_bls_options(void **state)
{
	static const char env[] =
		"# GRUB Environment Block\nkernelopts=root=x ro\ntuned_params=\n"
		"kernelopts2=no\n####";
	static const char cfg[] = "if [ -z \"${kernelopts}\" ]; then\n"
				  "  set kernelopts=\"root=y rw\"\nfi\n";

	(void)state;
	assert_options("", NULL, NULL, "");
	assert_options("options a b=\"c d\"", NULL, NULL, "a b=\"c d\"");
	assert_options("title x\noptions\ta\nlinux /y\n options b \r\n", NULL, NULL, "a b");
	assert_options("optionsx a\n#options b\n", NULL, NULL, "");
	assert_options("options $kernelopts $tuned_params quiet", env, cfg, "root=x ro quiet");
	assert_options("options ${kernelopts} quiet", env, NULL, "root=x ro quiet");
	assert_options("options $kernelopts quiet", NULL, cfg, "root=y rw quiet");
	assert_options("options $kernelopts quiet", NULL, NULL, "quiet");
	assert_options("options $other a$kernelopts $", env, cfg, "a$kernelopts");
}

static void test_bls_value(void **state)
{
	char *value;

	(void)state;
	assert_int_equal(bls_value("title A\nversion  6.1 \nversionx 2\n", "version", &value),
			 0);
	assert_string_equal(value, "6.1");
	free(value);
	assert_int_equal(bls_value("title A", "version", &value), 0);
	assert_string_equal(value, "");
	free(value);
}

/* --- Words ------------------------------------------------------------------------------- */

static void test_words_check(void **state)
{
	static const char *const good[] = { "a", "a=b", "a=\"b c\"", "a=$(x)", "a='b" };
	static const char *const bad[] = { "a\nb", "a\tb", "a=\"b\nc\"", "a=\"b",
					   "a b",  "",     "a\x7f" };

	(void)state;
	for (size_t i = 0; i < LENGTH(good); i++) {
		char *item = copy_of(good[i]);
		struct kargs words = { .items = &item, .count = 1 };

		assert_int_equal(words_check(&words), 0);
		free(item);
	}
	for (size_t i = 0; i < LENGTH(bad); i++) {
		char *item = copy_of(bad[i]);
		struct kargs words = { .items = &item, .count = 1 };

		assert_int_equal(words_check(&words), -EINVAL);
		free(item);
	}
}

/* grubby hands words to sed -E as patterns and to a shell's globbing. */
static void test_words_check_grubby(void **state)
{
	static const char *const good[] = { "vfio-pci.ids=10de:1c30,10de:10f1", "a.b_c=d/e@f" };
	static const char *const bad[] = { "a*",   "a=[b]",   "a=b+",  "a=$b", "a=(b)", "a|b",
					   "a\\b", "a=\"b\"", "a='b'", "a&b",  "-n",    "=a" };

	(void)state;
	for (size_t i = 0; i < LENGTH(good) + LENGTH(bad); i++) {
		bool is_good = i < LENGTH(good);
		char *item = copy_of(is_good ? good[i] : bad[i - LENGTH(good)]);
		struct kargs words = { .items = &item, .count = 1 };

		if (words_check_grubby(&words) != (is_good ? 0 : -EINVAL))
			fail_msg("'%s' is %s", item, is_good ? "refused" : "taken");
		free(item);
	}
}

static void test_words_satisfy(void **state)
{
	static const struct {
		const char *line;
		const char *word;
		bool wanted;
	} cases[] = {
		{ "a b=1", "b=1", true },
		{ "a b=1", "b=2", false },
		{ "intel-iommu=on", "intel_iommu=on", true },
		{ "modprobe.blacklist=a,b", "modprobe.blacklist=b", true },
		{ "modprobe.blacklist=a modprobe.blacklist=b", "modprobe.blacklist=b,a", true },
		{ "modprobe.blacklist=ab", "modprobe.blacklist=a", false },
		{ "modprobe.blacklist=a", "modprobe.blacklist=a,b", false },
		{ "rd.driver.pre=x,vfio-pci", "rd.driver.pre=vfio-pci", true },
		/* Of these the kernel reads the last only. */
		{ "vfio-pci.ids=1:2 vfio-pci.ids=3:4", "vfio-pci.ids=1:2", false },
		{ "vfio-pci.ids=1:2 vfio_pci.ids=3:4,1:2", "vfio-pci.ids=1:2", true },
		{ "module_blacklist=a module_blacklist=b", "module_blacklist=a", false },
		{ "", "vfio-pci.ids=1:2", false },
		/* An element that is empty asks for nothing. */
		{ "modprobe.blacklist=a,b", "modprobe.blacklist=a,,b,", true },
		{ "modprobe.blacklist=a", "modprobe.blacklist=a,,b", false },
		{ "modprobe.blacklist=a", "modprobe.blacklist=", true },
		{ "", "modprobe.blacklist=", false },
	};

	(void)state;
	for (size_t i = 0; i < LENGTH(cases); i++) {
		struct kargs line = words_of(cases[i].line);

		if (words_satisfy(&line, cases[i].word) != cases[i].wanted)
			fail_msg("'%s', '%s'", cases[i].line, cases[i].word);
		kargs_free(&line);
	}
}

/* Every word is present or missing, lists by what is in them. */
static void test_words_present(void **state)
{
	static const struct {
		const char *line;
		const char *wanted;
		const char *present;
		const char *missing;
	} cases[] = {
		{ "a b c", "c a d a", "c a a", "d" },
		{ "modprobe.blacklist=a,b", "modprobe.blacklist=b modprobe.blacklist=c",
		  "modprobe.blacklist=b", "modprobe.blacklist=c" },
		{ "vfio-pci.ids=1:2 vfio-pci.ids=3:4", "vfio-pci.ids=1:2 vfio-pci.ids=3:4",
		  "vfio-pci.ids=3:4", "vfio-pci.ids=1:2" },
		{ "", "a", "", "a" },
		{ "a", "", "", "" },
		/* hugepagesz= and hugepages= are one. */
		{ "hugepages=64", "hugepagesz=1G hugepages=64", "",
		  "hugepagesz=1G hugepages=64" },
		{ "hugepages=64 hugepagesz=2M hugepagesz=1G", "hugepagesz=1G hugepages=64", "",
		  "hugepagesz=1G hugepages=64" },
		{ "hugepagesz=2M hugepages=4 hugepagesz=1G hugepages=8",
		  "hugepagesz=1G hugepages=4 hugepagesz=2M hugepages=4",
		  "hugepagesz=2M hugepages=4", "hugepagesz=1G hugepages=4" },
		{ "", "hugepagesz=1G hugepages=4 hugepagesz=2M hugepages=4", "",
		  "hugepagesz=1G hugepages=4 hugepagesz=2M hugepages=4" },
		{ "hugepagesz=1G a hugepages=4", "b hugepagesz=1G c hugepages=4",
		  "hugepagesz=1G hugepages=4", "b c" },
		{ "hugepagesz=1G hugepages=4", "hugepages=4", "hugepages=4", "" },
		{ "hugepagesz=1G hugepages=4", "hugepages=4 hugepagesz=1G",
		  "hugepages=4 hugepagesz=1G", "" },
	};

	(void)state;
	for (size_t i = 0; i < LENGTH(cases); i++) {
		struct kargs line = words_of(cases[i].line);
		struct kargs wanted = words_of(cases[i].wanted);
		struct kargs found;

		assert_int_equal(words_present(&line, &wanted, &found), 0);
		assert_words(&found, cases[i].present);
		assert_int_equal(words_missing(&line, &wanted, &found), 0);
		assert_words(&found, cases[i].missing);
		kargs_free(&line);
		kargs_free(&wanted);
	}
}

static void test_words_pages_clash(void **state)
{
	static const struct {
		const char *others;
		const char *ours;
		bool clash;
	} cases[] = {
		{ "quiet", "hugepagesz=1G hugepages=64", false },
		{ "hugepages=64", "iommu=pt", false },
		{ "hugepages=64", "hugepagesz=1G hugepages=64", true },
		{ "hugepages=32", "hugepagesz=1G hugepages=64", false },
		{ "hugepagesz=2M hugepages=64", "hugepagesz=1G hugepages=64", true },
		{ "hugepagesz=1G hugepages=32", "hugepagesz=1G hugepages=64", true },
		{ "hugepagesz=2M hugepages=32", "a hugepagesz=1G hugepages=64", false },
		{ "hugepagesz=2M hugepages=4 hugepagesz=1G hugepages=4",
		  "hugepagesz=16G hugepages=1", true },
		{ "hugepages=32", "hugepages=64", true },
		{ "hugepagesz=2M", "hugepages=64", true },
		{ "a hugepagesz=1G b hugepages=64", "hugepagesz=1G hugepages=64", false },
		{ "hugepages=64 hugepagesz=1G", "hugepagesz=1G hugepages=64", true },
		{ "", "hugepages=64", false },
		{ "hugepages=64", "hugepages=64", false },
	};

	(void)state;
	for (size_t i = 0; i < LENGTH(cases); i++) {
		struct kargs others = words_of(cases[i].others);
		struct kargs ours = words_of(cases[i].ours);

		if (words_pages_clash(&others, &ours) != cases[i].clash)
			fail_msg("'%s', '%s'", cases[i].others, cases[i].ours);
		kargs_free(&others);
		kargs_free(&ours);
	}
}

static void test_words_without(void **state)
{
	static const struct {
		const char *line;
		const char *ours;
		const char *replaced;
		const char *wanted;
	} cases[] = {
		{ "root=x a b quiet", "a b", "", "root=x quiet" },
		{ "root=x", "a", "", "root=x" },
		/* A list that was merged with others' words. */
		{ "modprobe.blacklist=o,a quiet", "modprobe.blacklist=o,a",
		  "modprobe.blacklist=o", "modprobe.blacklist=o quiet" },
		/* The same after somebody added to it, or split it. */
		{ "modprobe.blacklist=o,a,m", "modprobe.blacklist=o,a", "modprobe.blacklist=o",
		  "modprobe.blacklist=o,m" },
		{ "modprobe.blacklist=o modprobe.blacklist=a", "modprobe.blacklist=o,a",
		  "modprobe.blacklist=o", "modprobe.blacklist=o" },
		/* Ours, merged with theirs by somebody else. */
		{ "modprobe.blacklist=o,a", "modprobe.blacklist=a", "",
		  "modprobe.blacklist=o" },
		/* Ours is there: a word of theirs is theirs, whatever is in it. */
		{ "modprobe.blacklist=a modprobe.blacklist=a,b", "modprobe.blacklist=a,b", "",
		  "modprobe.blacklist=a" },
		{ "modprobe.blacklist=a modprobe.blacklist=a,b", "modprobe.blacklist=a", "",
		  "modprobe.blacklist=a,b" },
		/* Ours is gone; theirs has but a part of it. */
		{ "modprobe.blacklist=a", "modprobe.blacklist=a,b", "",
		  "modprobe.blacklist=a" },
		{ "console=a console=b", "console=b", "", "console=a" },
		/* A word of theirs stays as often as it is there. */
		{ "vfio-pci.ids=1:2 vfio-pci.ids=3:4 a vfio-pci.ids=1:2", "a", "",
		  "vfio-pci.ids=1:2 vfio-pci.ids=3:4 vfio-pci.ids=1:2" },
		{ "modprobe.blacklist=o,a modprobe.blacklist=o", "modprobe.blacklist=o,a",
		  "modprobe.blacklist=o", "modprobe.blacklist=o" },
		{ "vfio-pci.ids=1:2 vfio-pci.ids=3:4 vfio-pci.ids=1:2 vfio-pci.ids=1:2,3:4,5:6",
		  "vfio-pci.ids=1:2,3:4,5:6", "vfio-pci.ids=1:2 vfio-pci.ids=3:4",
		  "vfio-pci.ids=1:2 vfio-pci.ids=3:4 vfio-pci.ids=1:2" },
		/* Ours reads as the word that it stands in for. */
		{ "modprobe.blacklist=o", "modprobe.blacklist=o", "modprobe.blacklist=o",
		  "modprobe.blacklist=o" },
		/* What others had before all lines got it stays where it is, and comes in place
		 * of no other word of its key. */
		{ "a nosmt iommu=pt b", "nosmt iommu=pt b", "nosmt iommu=pt",
		  "a nosmt iommu=pt" },
		{ "console=tty0 quiet", "console=tty0 console=ttyS0", "console=ttyS0",
		  "quiet" },
		/* A pair of another size with the same count; a pair that is not whole. */
		{ "hugepagesz=1G hugepages=64 hugepagesz=2M hugepages=64",
		  "hugepagesz=1G hugepages=64", "", "hugepagesz=2M hugepages=64" },
		{ "hugepagesz=1G hugepages=8", "hugepagesz=1G hugepages=64", "",
		  "hugepagesz=1G hugepages=8" },
		{ "hugepages=64 hugepagesz=2M hugepages=64 hugepagesz=1G",
		  "hugepagesz=1G hugepages=64", "", "hugepagesz=2M hugepages=64" },
	};

	(void)state;
	for (size_t i = 0; i < LENGTH(cases); i++) {
		struct kargs line = words_of(cases[i].line);
		struct loader_state without = state_of(cases[i].ours, cases[i].replaced);
		struct kargs words;

		assert_int_equal(words_without(&line, &without, &words), 0);
		assert_words(&words, cases[i].wanted);
		loader_state_free(&without);
		kargs_free(&line);
	}
}

static void test_words_removable(void **state)
{
	static const struct {
		const char *line;
		const char *ours;
		const char *wanted; /* NULL: refused */
	} cases[] = {
		{ "x b a b", "a b c", "b a" },
		{ "x hugepagesz=1G hugepages=64", "hugepagesz=1G hugepages=64",
		  "hugepagesz=1G hugepages=64" },
		{ "hugepages=64 x", "hugepagesz=1G hugepages=64", "hugepages=64" },
		{ "hugepagesz=2M hugepages=64", "a hugepagesz=1G hugepages=64", "" },
		{ "hugepagesz=2M hugepages=64 hugepagesz=1G hugepages=64",
		  "hugepagesz=1G hugepages=64", NULL },
		{ "hugepages=64 hugepagesz=2M hugepages=64", "hugepages=64", NULL },
	};

	(void)state;
	for (size_t i = 0; i < LENGTH(cases); i++) {
		struct kargs line = words_of(cases[i].line);
		struct kargs ours = words_of(cases[i].ours);
		struct kargs words = { 0 };

		assert_int_equal(words_removable(&line, &ours, &words),
				 cases[i].wanted != NULL ? 0 : -ENOTSUP);
		assert_words(&words, cases[i].wanted != NULL ? cases[i].wanted : "");
		kargs_free(&line);
		kargs_free(&ours);
	}
}

static void test_words_merge(void **state)
{
	static const struct {
		enum merge merge;
		const char *others;
		const char *arguments;
		const char *ours;
		const char *replaced;
	} cases[] = {
		{ MERGE_ALL, "quiet", "a modprobe.blacklist=b", "a modprobe.blacklist=b", "" },
		{ MERGE_ALL, "modprobe.blacklist=x modprobe.blacklist=y,x",
		  "modprobe.blacklist=b,x", "modprobe.blacklist=x,y,b",
		  "modprobe.blacklist=x modprobe.blacklist=y,x" },
		{ MERGE_ALL, "rd.driver.pre=,x", "rd.driver.pre=b", "rd.driver.pre=x,b",
		  "rd.driver.pre=,x" },
		{ MERGE_ALL, "console=x", "console=b", "console=b", "" },
		{ MERGE_LAST_ONLY, "modprobe.blacklist=x", "modprobe.blacklist=b",
		  "modprobe.blacklist=b", "" },
		{ MERGE_LAST_ONLY, "vfio-pci.ids=1:2", "vfio-pci.ids=3:4",
		  "vfio-pci.ids=1:2,3:4", "" },
		{ MERGE_SHARED, "vfio-pci.ids=1:2", "vfio-pci.ids=3:4", "vfio-pci.ids=1:2,3:4",
		  "vfio-pci.ids=1:2" },
		{ MERGE_SHARED, "modprobe.blacklist=x,y", "modprobe.blacklist=b,y",
		  "modprobe.blacklist=b,y", "modprobe.blacklist=x,y" },
	};

	(void)state;
	for (size_t i = 0; i < LENGTH(cases); i++) {
		struct kargs others = words_of(cases[i].others);
		struct kargs arguments = words_of(cases[i].arguments);
		struct loader_state merged;

		assert_int_equal(words_merge(&others, &arguments, cases[i].merge, &merged), 0);
		assert_words(&merged.ours, cases[i].ours);
		assert_words(&merged.replaced, cases[i].replaced);
		kargs_free(&others);
		kargs_free(&arguments);
	}
}

/* What is chosen, and that it is the same once it is in the line, also where another tool has
 * dropped the words that ours stand in for. */
static void test_words_choose(void **state)
{
	static const struct {
		const char *others;
		const char *arguments;
		const char *ours;
		const char *shrunk; /* the line, of each key the last word only */
	} cases[] = {
		{ "root=x", "a vfio-pci.ids=1:2", "a vfio-pci.ids=1:2",
		  "root=x a vfio-pci.ids=1:2" },
		{ "root=x vfio-pci.ids=1:2,3:4", "vfio-pci.ids=1:2", "", "" },
		{ "vfio-pci.ids=1:2 root=x", "vfio-pci.ids=3:4", "vfio-pci.ids=1:2,3:4",
		  "root=x vfio-pci.ids=1:2,3:4" },
		{ "modprobe.blacklist=x,y root=x", "modprobe.blacklist=b,y",
		  "modprobe.blacklist=b,y", "root=x modprobe.blacklist=x,y,b" },
		{ "vfio-pci.ids=1:2 vfio-pci.ids=5:6", "vfio-pci.ids=3:4",
		  "vfio-pci.ids=1:2,5:6,3:4", "vfio-pci.ids=1:2,5:6,3:4" },
	};

	(void)state;
	for (size_t i = 0; i < LENGTH(cases); i++) {
		struct kargs line = words_of(cases[i].others);
		struct kargs arguments = words_of(cases[i].arguments);
		struct kargs shrunk = words_of(cases[i].shrunk);
		struct loader_state none = { 0 };
		struct loader_state first;
		struct loader_state second;

		assert_int_equal(words_choose(&line, &arguments, &none, MERGE_SHARED, &first),
				 0);
		for (size_t j = 0; j < first.ours.count; j++)
			assert_int_equal(kargs_add(&line, first.ours.items[j]), 0);
		assert_int_equal(words_choose(&line, &arguments, &first, MERGE_SHARED, &second),
				 0);
		assert_words(&second.ours, cases[i].ours);
		loader_state_free(&second);
		if (shrunk.count > 0) {
			assert_int_equal(words_choose(&shrunk, &arguments, &first, MERGE_SHARED,
						      &second),
					 0);
			assert_words(&second.ours, cases[i].ours);
			loader_state_free(&second);
		}
		assert_words(&first.ours, cases[i].ours);
		kargs_free(&first.replaced);
		kargs_free(&line);
		kargs_free(&arguments);
		kargs_free(&shrunk);
	}
}

static void test_names_and_keys(void **state)
{
	(void)state;
	assert_true(words_same_key("vfio_pci.ids=1", "vfio-pci.ids=2"));
	assert_false(words_same_key("quiet", "quiet"));
	assert_false(words_same_key("a=1", "ab=1"));
	assert_false(words_same_key("", ""));
	assert_true(words_same_name("nosmt", "nosmt=force"));
	assert_false(words_same_name("nosmt", "nosmtx"));
	assert_int_equal(word_key_length("a=b=c"), 2);
	assert_int_equal(word_key_length("ab"), 2);
}

/* --- /etc/kernel/cmdline ----------------------------------------------------------------- */

static char *edited(const char *text, const char *ours, const char *added)
{
	struct loader_state stale = state_of(ours, "");
	struct kargs words = words_of(added);
	char *copy = copy_of(text);
	char *result;

	assert_int_equal(cmdline_edit(copy, &stale, &words, &result), 0);
	free(copy);
	kargs_free(&words);
	loader_state_free(&stale);
	return result;
}

/* Words added and taken out again leave every byte as it was. */
static void test_cmdline_round_trip(void **state)
{
	static const char *const texts[] = {
		"",
		"\n",
		"\n\n",
		"root=x",
		"root=x\n",
		"root=x ro \n",
		"root=x  ro\n\n",
		" root=x",
		"root=x\nro\n",
		"root=x\tro\t\n",
		"root=x\r\n",
		"a=\"b c\"\n",
		"\t\n",
		"# one=1 two",
		"# root=x\n",
		"root=x\n# end",
		"root=x\n# end\n\n",
		"root=x\n \t# end \n",
		"# isn\"t\nroot=x ro\n# one=1\n",
		"# a\n\nroot=x # no comment\n",
		"root=x\n# end\n \n",
		"# end\r\n",
	};

	(void)state;
	for (size_t i = 0; i < LENGTH(texts); i++) {
		char *with = edited(texts[i], "", "one=1 two");
		char *without = edited(with, "one=1 two", "");
		struct kargs words;

		assert_int_equal(cmdline_words(with, &words), 0);
		assert_true(kargs_has(&words, "one=1"));
		assert_true(kargs_has(&words, "two"));
		if (strcmp(without, texts[i]) != 0)
			fail_msg("'%s' becomes '%s' becomes '%s'", texts[i], with, without);
		kargs_free(&words);
		free(with);
		free(without);
	}
}

/* A comment stays, also one that reads like a word of ours. */
static void test_cmdline_comment_like_word(void **state)
{
	char *without = edited("#one=1\nroot=x one=1 #one=1\n", "one=1 #one=1", "");

	(void)state;
	assert_string_equal(without, "#one=1\nroot=x\n");
	free(without);
}

static void test_cmdline_words(void **state)
{
	static const struct {
		const char *text;
		const char *words;
	} cases[] = {
		{ "", "" },
		{ "#", "" },
		{ "# a\n", "" },
		{ "# a\nroot=x  ro\n\t # b \"c\nquiet", "root=x ro quiet" },
		{ "root=x # my root\n", "root=x # my root" },
		{ "a=\"b c\"\nd\n", "a=\"b c\" d" },
		/* A newline would end the word's line in the state file. */
		{ "a=\"b\nfile etc\" d\n", "a=\"b file etc\" d" },
	};

	(void)state;
	for (size_t i = 0; i < LENGTH(cases); i++) {
		char *copy = copy_of(cases[i].text);
		struct kargs words;
		char *line;

		assert_int_equal(cmdline_words(copy, &words), 0);
		assert_int_equal(kargs_join(&words, &line), 0);
		assert_string_equal(line, cases[i].words);
		free(line);
		kargs_free(&words);
		free(copy);
	}
}

static void test_cmdline_edit(void **state)
{
	static const struct {
		const char *text;
		const char *ours;
		const char *added;
		const char *wanted;
	} cases[] = {
		{ "root=x ro\n", "", "a b=1", "root=x ro a b=1\n" },
		{ "root=x a ro b=1 c\n", "a b=1", "", "root=x ro c\n" },
		{ "root=x a ro\n", "a", "b", "root=x ro b\n" },
		{ "a root=x\n", "a", "", "root=x\n" },
		{ "root=x\na\nro\n", "a", "", "root=x\n\nro\n" },
		{ "x=\"a b\" a\n", "a", "", "x=\"a b\"\n" },
		{ "root=x modprobe.blacklist=o,a ro", "modprobe.blacklist=a", "",
		  "root=x modprobe.blacklist=o ro" },
		{ "root=x", "", "", "root=x" },
		{ "hugepagesz=1G a hugepages=64 a=\"b c\"\nhugepagesz=2M  hugepages=64\n",
		  "a hugepagesz=1G hugepages=64", "",
		  "a=\"b c\"\nhugepagesz=2M  hugepages=64\n" },
		{ "x hugepages=64 hugepagesz=2M # hugepages=64 hugepagesz=1G\n",
		  "hugepagesz=1G hugepages=64", "", "x hugepagesz=2M # hugepages=64\n" },
		/* A newline within quotes is none in the word; what is behind it counts all the same. */
		{ "a=\"b\nc\" hugepagesz=1G hugepages=64 hugepagesz=2M hugepages=64\n",
		  "hugepagesz=1G hugepages=64", "", "a=\"b\nc\" hugepagesz=2M hugepages=64\n" },
		{ "# a\nroot=x\n", "", "a", "# a\nroot=x a\n" },
		{ "# a b=1\nroot=x a\n", "a", "", "# a b=1\nroot=x\n" },
		{ "root=x a\n# a\n", "a", "b c=1", "root=x\n# a\nb c=1\n" },
		{ "# x\na\nb=1 c\n# y\n", "a", "", "# x\nb=1 c\n# y\n" },
		{ "# x\na mine\n", "a", "", "# x\n mine\n" },
		{ "  # modprobe.blacklist=a\nmodprobe.blacklist=o,a\n", "modprobe.blacklist=a",
		  "", "  # modprobe.blacklist=a\nmodprobe.blacklist=o\n" },
	};

	(void)state;
	for (size_t i = 0; i < LENGTH(cases); i++) {
		char *result = edited(cases[i].text, cases[i].ours, cases[i].added);

		assert_string_equal(result, cases[i].wanted);
		free(result);
	}
}

/* --- bootc ------------------------------------------------------------------------------- */

static void test_bootc_round_trip(void **state)
{
	struct kargs words = words_of("iommu=pt a=\"b c\" d=\\e f='g'");
	struct kargs read = { 0 };
	char *text;

	(void)state;
	assert_int_equal(bootc_render(&words, &text), 0);
	assert_contains(text, "    \"a=\\\"b c\\\"\",\n    \"d=\\\\e\",\n");
	assert_int_equal(bootc_read(text, &read), 0);
	assert_words(&read, "iommu=pt a=\"b c\" d=\\e f='g'");
	kargs_free(&words);
	free(text);
}

static void test_bootc_read(void **state)
{
	static const struct {
		const char *text;
		int result;
		const char *words;
	} cases[] = {
		{ "", 0, "" },
		{ "kargs = []", 0, "" },
		{ "# x\nkargs=[\"a\",'b\\' , # c\n \"d\" ]\nmatch-architectures = "
		  "[\"x86_64\"]\n",
		  0, "a b\\ d" },
		{ "match-architectures = [\"x86_64\"]\n", 0, "" },
		{ "kargs = \"a\"", -EBADMSG, "" },
		{ "kargs = [\"a\"", -EBADMSG, "a" },
		{ "kargs = [\"a\" \"b\"]", -EBADMSG, "a" },
		{ "kargs = [\"a", -EBADMSG, "" },
		{ "kargs = [\"a\\u0041\"]", -EBADMSG, "" },
		{ "kargs = [\"\\", -EBADMSG, "" },
		{ "kargs = [1]", -EBADMSG, "" },
		{ "kargs =", -EBADMSG, "" },
		{ "kargs-append = [\"a\"]", 0, "" },
	};

	(void)state;
	for (size_t i = 0; i < LENGTH(cases); i++) {
		struct kargs words = { 0 };
		char *copy = copy_of(cases[i].text);

		assert_int_equal(bootc_read(copy, &words), cases[i].result);
		assert_words(&words, cases[i].words);
		free(copy);
	}
}

/* --- PE files ---------------------------------------------------------------------------- */

/* A PE32+ file with one section, as ukify lays them out. */
static size_t make_pe(char pe[1024], unsigned char signature_size)
{
	memset(pe, 0, 1024);
	memcpy(pe, "MZ", 2);
	pe[0x3c] = (char)0x80;
	memcpy(pe + 0x80, "PE\0\0", 4);
	pe[0x80 + 6] = 1;                 /* sections */
	pe[0x80 + 20] = (char)0xf0;       /* bytes of the optional header */
	memcpy(pe + 0x98, "\x0b\x02", 2); /* PE32+ */
	pe[0x98 + 112 + 36] = (char)signature_size;
	memcpy(pe + 0x188, ".cmdline", 8);
	pe[0x188 + 8] = 5;
	pe[0x188 + 17] = 2; /* 512 bytes on the disk */
	pe[0x188 + 21] = 2; /* from 512 */
	memcpy(pe + 512, "a b=1", 5);
	return 1024;
}

static void test_pe(void **state)
{
	char pe[1024];
	struct pe_section section;
	size_t length = make_pe(pe, 0);

	(void)state;
	assert_true(pe_find_section(pe, length, ".cmdline", &section));
	assert_int_equal(section.offset, 512);
	assert_int_equal(section.size, 5);
	assert_false(pe_find_section(pe, length, ".linux", &section));
	assert_false(pe_is_signed(pe, length));
	length = make_pe(pe, 8);
	assert_true(pe_is_signed(pe, length));
	pe[0x188 + 8] = 0; /* some tools leave it out: the raw size counts */
	assert_true(pe_find_section(pe, length, ".cmdline", &section));
	assert_int_equal(section.size, 512);
}

/* Cut anywhere, and with any byte changed, nothing outside is read. */
static void test_pe_damaged(void **state)
{
	char pe[1024];
	struct pe_section section;
	size_t length = make_pe(pe, 8);

	(void)state;
	for (size_t cut = 0; cut < 0x188 + 40; cut++) {
		char *copy = malloc(cut + 1);

		assert_non_null(copy);
		memcpy(copy, pe, cut);
		/* Exactly `cut` bytes for ASan and valgrind. */
		char *exact = realloc(copy, cut ? cut : 1);
		assert_non_null(exact);
		assert_false(pe_find_section(exact, cut, ".cmdline", &section));
		(void)pe_is_signed(exact, cut);
		free(exact);
	}
	for (size_t i = 0; i < 0x188 + 40; i++) {
		char *copy = malloc(length);

		assert_non_null(copy);
		memcpy(copy, pe, length);
		copy[i] = (char)0xff;
		(void)pe_find_section(copy, length, ".cmdline", &section);
		(void)pe_is_signed(copy, length);
		free(copy);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_line_round_trip),
		cmocka_unit_test(test_line_marks),
		cmocka_unit_test(test_line_edited_file),
		cmocka_unit_test(test_line_moves),
		cmocka_unit_test(test_default_values),
		cmocka_unit_test(test_default_unclear),
		cmocka_unit_test(test_grub_cfg),
		cmocka_unit_test(test_grub_cfg_cut),
		cmocka_unit_test(test_bls_options),
		cmocka_unit_test(test_bls_value),
		cmocka_unit_test(test_words_check),
		cmocka_unit_test(test_words_check_grubby),
		cmocka_unit_test(test_words_satisfy),
		cmocka_unit_test(test_words_present),
		cmocka_unit_test(test_words_pages_clash),
		cmocka_unit_test(test_words_without),
		cmocka_unit_test(test_words_removable),
		cmocka_unit_test(test_words_merge),
		cmocka_unit_test(test_words_choose),
		cmocka_unit_test(test_names_and_keys),
		cmocka_unit_test(test_cmdline_round_trip),
		cmocka_unit_test(test_cmdline_comment_like_word),
		cmocka_unit_test(test_cmdline_words),
		cmocka_unit_test(test_cmdline_edit),
		cmocka_unit_test(test_bootc_round_trip),
		cmocka_unit_test(test_bootc_read),
		cmocka_unit_test(test_pe),
		cmocka_unit_test(test_pe_damaged),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
